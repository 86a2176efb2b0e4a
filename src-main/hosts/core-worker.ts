import { composeCore } from '../compose.ts'
import { serveThread } from '../rpc/serve-thread.ts'

await serveThread(composeCore)
