import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { consolePaths, defaultDataFolder } from '../console-options.ts'

/** How `npm start` hands its options over: ComposeOptions as JSON in base64url. */
const HANDED_OVER = '--signalbox='
const lastSchema = z.strictObject({ workspaceFile: z.string() })

/**
 * What to open. From `npm start` it is handed over whole. An installed app takes --workspace, --data, --audit and --trust
 * as `npm start` does; given nothing, it opens the workspace it had open last, else the demo.
 * Faults: `invalidInput`, `notFound`.
 */
export function readStart(argv: readonly string[], packaged: boolean, env: NodeJS.ProcessEnv = process.env): ComposeOptions {
  const given = argv.find((argument) => argument.startsWith(HANDED_OVER))
  if (!packaged && given !== undefined) return JSON.parse(Buffer.from(given.slice(HANDED_OVER.length), 'base64url').toString('utf8')) as ComposeOptions
  if (!packaged) throw new Fault('invalidInput', 'The desktop app was started without its options.', 'Start it with `npm start`.')

  // Chromium and the system add arguments of their own; those are theirs.
  const { values } = parseArgs({ args: argv.slice(1), strict: false, options: { workspace: { type: 'string' }, data: { type: 'string' }, audit: { type: 'string' }, trust: { type: 'boolean' } } })
  const text = (value: string | boolean | undefined) => (typeof value === 'string' ? value : undefined)
  const named = { workspace: text(values.workspace), data: text(values.data), audit: text(values.audit) }
  const found = consolePaths(named, env)
  const last = found.workspaceFile === null && named.data === undefined ? readLast(env) : null
  const paths = last === null ? found : consolePaths({ ...named, workspace: last }, env)
  return { ...paths, host: 'desktop', trustWorkspace: values.trust === true, scope: 'whole' }
}

/** The argument that hands options over to an app that is not installed. */
export function handOver(options: ComposeOptions): string {
  return `${HANDED_OVER}${Buffer.from(JSON.stringify(options)).toString('base64url')}`
}

/** Remembers what is open, for the next start without arguments. Not what was opened on a data folder of its own: that start would not find it. */
export function rememberLast({ workspaceFile, dataFolder }: Pick<ComposeOptions, 'workspaceFile' | 'dataFolder'>, env: NodeJS.ProcessEnv = process.env): void {
  if (workspaceFile === null || dataFolder !== defaultDataFolder(workspaceFile, env)) return
  try {
    mkdirSync(dirname(lastFile(env)), { recursive: true, mode: 0o700 })
    writeFileSync(lastFile(env), JSON.stringify({ workspaceFile }), { mode: 0o600 })
  } catch {
    // Then it opens the demo next time.
  }
}

function readLast(env: NodeJS.ProcessEnv): string | null {
  try {
    const { workspaceFile } = lastSchema.parse(JSON.parse(readFileSync(lastFile(env), 'utf8')))
    return existsSync(workspaceFile) ? workspaceFile : null
  } catch {
    return null
  }
}

function lastFile(env: NodeJS.ProcessEnv): string {
  return join(dirname(defaultDataFolder(null, env)), 'last-workspace.json')
}
