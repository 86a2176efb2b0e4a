// The desktop host as many tutorials have it: each item of the security list is missed. The control arm of its tests.
import { fileURLToPath } from 'node:url'
import { app, BrowserWindow, ipcMain, shell } from 'electron'

await app.whenReady()
const window = new BrowserWindow({
  webPreferences: {
    preload: fileURLToPath(new URL('careless-preload.cts', import.meta.url)),
    contextIsolation: false,
    sandbox: false,
    nodeIntegration: true,
    webSecurity: false,
    allowRunningInsecureContent: true,
    experimentalFeatures: true,
    enableBlinkFeatures: 'CSSVariables',
    webviewTag: true,
  },
})
window.webContents.setWindowOpenHandler(({ url }) => {
  void shell.openExternal(url)
  return { action: 'allow' }
})
ipcMain.on('anything', (event) => event.ports[0]?.postMessage('at your service'))
await window.loadURL('file:///opt/careless/index.html')
