// node --import electron-hook.mjs drive-built.mjs MAIN --signalbox=...: runs the built desktop host, acts as its page
// and prints what the page got.
import { MessageChannel } from 'node:worker_threads'
import { openClient } from '../../../contract/client.ts'
import { pipeOverPort } from '../../../contract/port-pipe.ts'
import { app, seen, sendFromFrame } from './electron-double.ts'

const [, , main] = process.argv
await import(main)
for (let i = 0; i < 400 && seen.windows.length === 0 && seen.errors.length === 0; i += 1) await new Promise((resolve) => setTimeout(resolve, 50))
if (seen.errors.length > 0) throw new Error(seen.errors.join('\n'))

const { port1, port2 } = new MessageChannel()
sendFromFrame('signalbox:connect', [port2])
const client = await openClient(pipeOverPort(port1))
const { host, workspace, mode } = await client.system.status()
const page = await seen.handlers.get('signalbox-app')?.({ method: 'GET', url: 'signalbox-app://console/' })
console.log(JSON.stringify({ host, workspace: workspace.name, mode, page: page?.status, preload: seen.windows[0]?.options.webPreferences.preload }))
port1.close()
app.quit()
for (let i = 0; i < 200 && !seen.quitDone; i += 1) await new Promise((resolve) => setTimeout(resolve, 20))
console.log(`quit: ${seen.quitDone}`)
process.exit(0)
