// node --import electron-hook.mjs drive-packaged.mjs MAIN RESOURCES ...ARGUMENTS: runs an app taken out of its archive as
// an installed one, prints what its page is told of its first service, and stays until stdin closes.
import { MessageChannel } from 'node:worker_threads'
import { openClient } from '../../../contract/client.ts'
import { pipeOverPort } from '../../../contract/port-pipe.ts'
import { app, seen, sendFromFrame } from './electron-double.ts'

const [node, , main, resources, ...rest] = process.argv
app.isPackaged = true
Object.assign(process, { resourcesPath: resources })
process.argv = [node, ...rest]
await import(main)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
for (let i = 0; i < 1200 && seen.windows.length === 0 && seen.errors.length === 0; i += 1) await pause(25)
if (seen.errors.length > 0) throw new Error(seen.errors.join('\n'))

const { port1, port2 } = new MessageChannel()
sendFromFrame('signalbox:connect', [port2])
const client = await openClient(pipeOverPort(port1))
const { appVersion, host, workspace } = await client.system.status()
let liveAddress = null
for (let i = 0; i < 400 && liveAddress === null; i += 1) {
  const [service] = await client.service.list()
  const observed = service?.observed.kind === 'known' ? service.observed.value : null
  if (observed?.weights && (observed.weights.blue === 100 || observed.weights.green === 100)) liveAddress = observed.liveAddress
  else await pause(50)
}
const journal = await client.journal.search({ filter: { text: 'console' }, limit: 5 })
const page = await seen.handlers.get('signalbox-app')?.({ method: 'GET', url: 'signalbox-app://console/' })
const { devTools } = seen.windows[0].options.webPreferences
console.log(JSON.stringify({ appVersion, host, workspace: workspace.name, demo: workspace.demo, liveAddress, found: journal.entries.length > 0, page: page.status, devTools, protocols: seen.protocolClients, path: process.env.PATH }))

process.stdin.resume()
await new Promise((resolve) => process.stdin.once('end', resolve))
port1.close()
app.quit()
for (let i = 0; i < 400 && !seen.quitDone; i += 1) await pause(20)
console.log(`quit: ${seen.quitDone}`)
process.exit(0)
