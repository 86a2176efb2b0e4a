/** So many open streams; says when each had the version that is asked for. */
import { Client, credentials } from '@grpc/grpc-js'
import { nowMs } from '../../../bench/measure.ts'

const [port = '', count = '0', perConnection = '1'] = process.argv.slice(2)
const total = Number(count)
const at = new Map<number, number[]>()
let wanted: number | null = null
let first = 0

const answer = (): void => {
  const arrived = wanted === null ? undefined : at.get(wanted)
  if (wanted === null || arrived?.length !== total) return
  process.send?.({ version: wanted, at: arrived })
  wanted = null
}
process.on('message', ({ expect }: { expect: number }) => {
  for (const version of at.keys()) if (version < expect) at.delete(version)
  wanted = expect
  answer()
})
/** The version is looked for at the end of the text, not parsed: this is no bench of the client. */
const versionOf = (bytes: Buffer): number => Number(/"version":"(\d+)"/.exec(bytes.toString('latin1', Math.max(0, bytes.length - 200)))?.[1] ?? -1)

let client: Client | null = null
for (let index = 0; index < total; index += 1) {
  if (index % Number(perConnection) === 0 || client === null) client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
  const stream = client.makeServerStreamRequest('/flagd.sync.v1.FlagSyncService/SyncFlags', (bytes: Buffer) => bytes, (bytes: Buffer) => bytes, Buffer.alloc(0))
  stream.on('error', () => process.exit(0))
  stream.once('data', () => {
    first += 1
    if (first === total) process.send?.({ port: Number(port) })
  })
  stream.on('data', (bytes: Buffer) => {
    const version = versionOf(bytes)
    const arrived = at.get(version) ?? []
    at.set(version, arrived)
    arrived.push(nowMs())
    if (version === wanted) answer()
  })
}
process.on('disconnect', () => process.exit(0))
