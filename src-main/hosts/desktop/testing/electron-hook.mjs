// node --import this: `electron` is the double, so that the built desktop host runs on plain Node.
import { registerHooks } from 'node:module'

const double = new URL('./electron-double.ts', import.meta.url).href
registerHooks({ resolve: (specifier, context, next) => (specifier === 'electron' ? { url: double, shortCircuit: true } : next(specifier, context)) })
