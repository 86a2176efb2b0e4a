import { spawn } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalPaths } from './paths.ts'
import { ownVariables } from './versions.ts'

/** Files the two processes are started from. */
export interface LocalEntries {
  readonly supervisor: string
  readonly router: string
  /** Left out: the one beside, as it lies in the sources. */
  readonly flagServer?: string
}

/** Beside this file, whether it runs from source or built. */
export function defaultEntries(): LocalEntries {
  const extension = extname(import.meta.url)
  const at = (name: string) => fileURLToPath(new URL(`./${name}/main${extension}`, import.meta.url))
  return { supervisor: at('supervisor'), router: at('router') }
}

/** Size from which a new supervisor begins a new supervisor.log. */
const OUTPUT_KEPT_BYTES = 5 << 20

export interface LaunchOptions {
  readonly dataFolder: string
  readonly nodePath: string
  readonly entries: LocalEntries
}

/** Starts a supervisor that does not depend on this process. When one is running already, the new one ends by itself. */
export function launchSupervisor(paths: LocalPaths, { dataFolder, nodePath, entries }: LaunchOptions): void {
  if ((statSync(paths.output, { throwIfNoEntry: false })?.size ?? 0) > OUTPUT_KEPT_BYTES) renameSync(paths.output, `${paths.output}.1`)
  const output = openSync(paths.output, 'a', 0o600)
  const runtime = process.env['XDG_RUNTIME_DIR']
  const child = spawn(nodePath, [entries.supervisor, '--data', dataFolder, '--router', entries.router, ...(entries.flagServer === undefined ? [] : ['--flag-server', entries.flagServer])], {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: paths.folder,
    env: { ...ownVariables(), ...(runtime === undefined ? {} : { XDG_RUNTIME_DIR: runtime }) },
  })
  child.once('error', () => {})
  child.unref()
  closeSync(output)
}
