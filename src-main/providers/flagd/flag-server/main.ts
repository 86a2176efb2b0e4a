// node main.ts --folder FOLDER [--http-port 8016] [--sync-port 8015] [--host 127.0.0.1] [--set flags] [--keep FOLDER] [--seed FOLDER]
// A process of its own. Says where it listens in one line of JSON, then serves until SIGTERM or SIGINT.
import { existsSync, mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { seedFlagFolder } from '../seed-flag-folder.ts'
import { startFlagServer } from './start-flag-server.ts'

const FOLDER_LOOK_MS = 5000

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    'http-port': { type: 'string', default: '8016' },
    'sync-port': { type: 'string', default: '8015' },
    host: { type: 'string', default: '127.0.0.1' },
    set: { type: 'string', default: 'flags' },
    keep: { type: 'string' },
    seed: { type: 'string' },
  },
})

const port = (text: string): number => {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new Error(`${text} is no port.`)
  return number
}

try {
  if (values.folder === undefined) throw new Error('--folder is missing: the folder with the flag sets.')
  seedFlagFolder(values.folder, values.seed ?? null)
  mkdirSync(values.folder, { recursive: true })
  const server = await startFlagServer({ folder: values.folder, host: values.host, httpPort: port(values['http-port']), syncPort: port(values['sync-port']), defaultSet: values.set, keepFolder: values.keep ?? null })
  console.log(JSON.stringify({ ready: true, pid: process.pid, httpPort: server.httpPort, syncPort: server.syncPort }))
  // Whoever takes its data folder away has no use for it any more, and could not end it.
  const { keep } = values
  if (keep !== undefined) setInterval(() => existsSync(keep) || process.exit(0), FOLDER_LOOK_MS).unref()
  let ending = false
  const end = (): void => {
    if (ending) return
    ending = true
    void server.close().then(() => process.exit(0))
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
} catch (error) {
  console.error(`The flag server could not start: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
