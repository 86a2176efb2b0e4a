import { startFlagServer } from '../flag-server/start-flag-server.ts'

const server = await startFlagServer({ folder: process.argv[2] ?? '', host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'flags' })
process.send?.({ port: server.syncPort })
