import { fileURLToPath } from 'node:url'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { fail, runDesktopHost } from './run.ts'

/** Seen from dist/desktop/hosts/desktop, where Electron runs this from. */
const places = {
  coreEntry: new URL('../core-worker.ts', import.meta.url),
  preloadFile: fileURLToPath(new URL('./preload.cts', import.meta.url)),
  rendererFolder: fileURLToPath(new URL('../../../renderer', import.meta.url)),
}

const given = process.argv.find((argument) => argument.startsWith('--signalbox='))?.slice('--signalbox='.length)
if (given === undefined) fail(new Fault('invalidInput', 'The desktop app was started without its options.', 'Start it with `npm start`.'))
else runDesktopHost(JSON.parse(Buffer.from(given, 'base64url').toString('utf8')) as ComposeOptions, places).catch(fail)
