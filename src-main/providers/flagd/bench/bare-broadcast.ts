/** The floor: gRPC's own server, and one loop over its streams. */
import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js'
import { SYNC_SERVICE } from '../flag-server/sync-service.ts'
import { encodeConfiguration } from '../flag-server/wire.ts'

const streams = new Set<ServerWritableStream<unknown, Buffer>>()
const server = new Server()
server.addService(SYNC_SERVICE, {
  SyncFlags(call: ServerWritableStream<unknown, Buffer>) {
    streams.add(call)
    call.write(encodeConfiguration('{"flags":{},"metadata":{"version":"0"}}'))
  },
  FetchAllFlags() {},
  GetMetadata() {},
})
process.on('message', ({ text }: { text: string }) => {
  const bytes = encodeConfiguration(text)
  for (const call of streams) call.write(bytes)
})
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error
  process.send?.({ port })
})
