import { fileURLToPath } from 'node:url'
import { app } from 'electron'
import { fail, runDesktopHost } from './run.ts'
import { readStart } from './start-options.ts'

/** Seen from dist/desktop/hosts/desktop, where Electron runs this from. */
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const places = {
  coreEntry: new URL('../core-worker.ts', import.meta.url),
  preloadFile: at('./preload.cts'),
  rendererFolder: at('../../../renderer'),
  iconsFolder: at('../../../resources/icons'),
  runtimeManifest: at('../../../runtime.json'),
}

try {
  runDesktopHost(readStart(process.argv, app.isPackaged), places).catch(fail)
} catch (error) {
  fail(error)
}
