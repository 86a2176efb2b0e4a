import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ConsoleClient, openClient } from '../../contract/client.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import type { ConsolePaths } from '../console-options.ts'
import { joinConsole } from '../local-socket/client.ts'

/** A way to the core, for one command. */
export interface Link {
  readonly client: ConsoleClient
  /** True when no console runs and this process carries the core itself: what is timed goes on only while it lives. */
  readonly carriesCore: boolean
  close(): Promise<void>
}

export type OpenLink = (scope: ComposeOptions['scope']) => Promise<Link>

/**
 * Joins the running console; when none holds the data folder, composes the core in this very process.
 * Faults: `dataFolderBusy`, `disconnected`, and whatever composing throws.
 */
export function linkTo(paths: ConsolePaths): OpenLink {
  return async (scope) => {
    // A journal named by its file is read by ourselves: no console knows it.
    const running = paths.auditFile === null ? await joinConsole(paths.dataFolder) : null
    if (running) return { client: running.client, carriesCore: false, close: () => Promise.resolve(running.close()) }
    return carryCore({ ...paths, host: 'terminal', trustWorkspace: false, scope })
  }
}

async function carryCore(options: ComposeOptions): Promise<Link> {
  // Loaded here and not above: a terminal that joins a console needs none of it.
  const [{ composeCore }, { createDispatcher }, { memoryPipes }] = await Promise.all([import('../../compose.ts'), import('../../rpc/serve.ts'), import('../../rpc/memory-pipe.ts')])
  const core = await composeCore(options)
  const [here, there] = memoryPipes()
  createDispatcher(core.dispatch, { log: (line) => process.stderr.write(`${line}\n`), validateOutputs: false }).serve(there)
  return { client: await openClient(here), carriesCore: true, close: () => core.close() }
}

/** True when a journal was ever kept there. */
export function hasJournal(dataFolder: string): boolean {
  return existsSync(join(dataFolder, 'journal.db'))
}
