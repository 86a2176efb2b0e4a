import { fileURLToPath } from 'node:url'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { fail, runDesktopHost } from './run.ts'

/** Seen from the built bundle in dist/desktop. */
const places = {
  coreEntry: new URL('core-worker.js', import.meta.url),
  preloadFile: fileURLToPath(new URL('preload.cjs', import.meta.url)),
  rendererFolder: fileURLToPath(new URL('../renderer', import.meta.url)),
}

const given = process.argv.find((argument) => argument.startsWith('--signalbox='))?.slice('--signalbox='.length)
if (given === undefined) fail(new Fault('invalidInput', 'The desktop app was started without its options.', 'Start it with `npm start`.'))
else runDesktopHost(JSON.parse(Buffer.from(given, 'base64url').toString('utf8')) as ComposeOptions, places).catch(fail)
