import { createHash } from 'node:crypto'
import { existsSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { Fault } from '../contract/fault.ts'

/** What every way of starting or reaching a console takes. Paths are absolute. */
export interface ConsolePaths {
  readonly workspaceFile: string | null
  readonly dataFolder: string
  readonly auditFile: string | null
}

export interface PathOptions {
  readonly workspace?: string | undefined
  readonly data?: string | undefined
  readonly audit?: string | undefined
}

/** The file looked for when none is named. */
const WORKSPACE_FILE = 'signalbox.yaml'

/**
 * Which workspace and which data folder are meant. The workspace is the one named, else `signalbox.yaml` in the
 * folder the command was given in, else none: the demo. Each workspace has a data folder of its own.
 * Faults: `notFound` for a file that was named and is not there.
 */
export function consolePaths(options: PathOptions, env: NodeJS.ProcessEnv = process.env): ConsolePaths {
  // npm runs scripts in the package's folder and keeps the caller's here.
  const cwd = env['INIT_CWD'] ?? process.cwd()
  const absolute = (path: string) => (isAbsolute(path) ? path : resolve(cwd, path))
  const found = join(cwd, WORKSPACE_FILE)
  const named = options.workspace === undefined ? undefined : existing(absolute(options.workspace), '--workspace')
  const workspaceFile = named ?? (existsSync(found) ? realpathSync(found) : null)
  const auditFile = options.audit === undefined ? null : existing(absolute(options.audit), '--audit')
  return { workspaceFile, auditFile, dataFolder: options.data === undefined ? defaultDataFolder(workspaceFile, env) : absolute(options.data) }
}

function existing(path: string, option: string): string {
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw new Fault('notFound', `There is no file ${path} (${option}). Nothing was started.`, 'Check the path.')
  }
  return realpathSync(path)
}

/** Where the operating system wants an application's data, then one folder per workspace. */
export function defaultDataFolder(workspaceFile: string | null, env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const own = workspaceFile === null ? 'demo' : `${slug(basename(dirname(workspaceFile)))}-${createHash('sha256').update(workspaceFile).digest('hex').slice(0, 8)}`
  return join(applicationFolder(env, platform), own)
}

function applicationFolder(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string {
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Signalbox')
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Signalbox')
  const data = env['XDG_DATA_HOME']
  return join(data !== undefined && isAbsolute(data) ? data : join(homedir(), '.local', 'share'), 'signalbox')
}

function slug(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, 24) || 'workspace'
}
