import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHash } from 'node:crypto'
import { type DeclaredCommand, type Workspace, type WorkspaceProblem, type WorkspaceView, workspaceSchema } from '../contract/workspace.ts'
import { PROVIDER_SHAPES } from '../providers/registry.ts'
import { loadWorkspace } from '../workspace/load.ts'
import { trustOf } from '../workspace/trust.ts'

export const DEMO_FILE = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'resources', 'demo', 'signalbox.yaml')

/** The workspace a console is on: what was last valid, and what is wrong with the file now. */
export interface WorkspaceSession {
  /** The last valid reading, or null when there never was one. */
  readonly workspace: Workspace | null
  readonly trusted: boolean
  /**
   * What is acted by: the last valid reading whose commands are trusted, or null. A file whose commands changed waits for
   * trust, and meanwhile does not stand in the way of rolling back what was released before.
   */
  readonly inForce: Workspace | null
  readonly commands: readonly DeclaredCommand[]
  view(): WorkspaceView
  /** Reads the file again. True when something other than its problems changed. */
  reload(): boolean
  trust(commandsDigest: string): void
}

/**
 * Opens a workspace file. `keptFile` holds what was in force between runs, so that a file that has problems today, or
 * commands nobody trusted yet, does not stand in the way of rolling back what it declared yesterday.
 */
export function openWorkspaceSession(file: string | null, trustedDigests: ReadonlySet<string>, keptFile: string, demoFile: string = DEMO_FILE): WorkspaceSession {
  const path = file ?? demoFile
  const digests = new Set(trustedDigests)
  let workspace: Workspace | null = null
  let inForce: Workspace | null = null
  let problems: readonly WorkspaceProblem[] = []
  let text = ''

  /** Trust is asked anew each time: it is given to commands, not to files. */
  function enforce(): void {
    if (workspace !== null && trustOf(workspace, digests).trusted) {
      if (workspace !== inForce) keep(keptFile, workspace)
      inForce = workspace
      return
    }
    const before = inForce ?? kept(keptFile, path)
    inForce = before !== null && trustOf(before, digests).trusted ? before : null
  }

  function reload(): boolean {
    const before = workspace?.digest
    const read = loadWorkspace(path, { providers: PROVIDER_SHAPES, demoFile })
    text = read.text
    if ('workspace' in read) {
      workspace = read.workspace
      problems = []
    } else {
      // The last valid reading stays in force: a slip of an editor does not stop a release.
      problems = read.problems
      workspace ??= kept(keptFile, path)
    }
    enforce()
    return workspace?.digest !== before
  }
  reload()

  const trusted = () => workspace !== null && trustOf(workspace, digests).trusted
  return {
    get workspace() {
      return workspace
    },
    get trusted() {
      return trusted()
    },
    get inForce() {
      return inForce
    },
    get commands() {
      return workspace?.commands ?? []
    },
    reload,
    trust(digest) {
      digests.add(digest)
      enforce()
    },
    view: () => ({
      name: workspace?.name ?? (existsSync(path) ? 'not valid' : 'missing'),
      tier: workspace?.tier ?? 'dev',
      file: path,
      digest: workspace?.digest ?? createHash('sha256').update(text).digest('hex'),
      demo: workspace?.demo ?? false,
      problems: [...problems],
      commands: [...(workspace?.commands ?? [])],
      commandsDigest: workspace?.commandsDigest ?? '',
      trusted: trusted(),
      connections: [
        ...(inForce?.metricsProviders ?? []).map(({ name, kind }) => ({ kind: 'metrics' as const, name, detail: kind, test: `metrics:${name}` })),
        ...(inForce?.webhooks ?? []).map(({ name, format, on }) => ({ kind: 'webhook' as const, name, detail: `${format}, told of ${on.length} kinds of events`, test: `webhook:${name}` })),
      ],
      text,
    }),
  }
}

/** Settings hold references, never values of secrets, so that they may be kept as they are. */
function keep(file: string, workspace: Workspace): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(workspace), { mode: 0o600 })
    renameSync(`${file}.new`, file)
  } catch {
    // A full or read-only disk: the file itself is still there to be read.
  }
}

function kept(file: string, path: string): Workspace | null {
  try {
    const read = workspaceSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    return read.file === resolve(path) ? read : null
  } catch {
    return null
  }
}
