const { contextBridge, ipcRenderer } = require('electron') as typeof import('electron')

contextBridge.exposeInMainWorld('electron', { ipcRenderer, on: (channel: string, listener: () => void) => ipcRenderer.on(channel, listener) })
