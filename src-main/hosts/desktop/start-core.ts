import { join } from 'node:path'
import { app } from 'electron'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { type CoreThread, startCoreThread } from '../../rpc/core-thread.ts'
import { startLocalSocket } from '../local-socket/server.ts'
import { withInstalledRuntime } from './packaged.ts'
import { rememberLast } from './start-options.ts'

export interface CorePlaces {
  /** Module of the core thread. */
  readonly coreEntry: URL
  /** Only used when packaged: digests of what the app carries outside its archive. */
  readonly runtimeManifest: string
}

export interface StartedCore {
  readonly core: CoreThread
  /** Closes it and the terminals' door; services and their supervisor go on. */
  close(): Promise<void>
}

/** Starts the core thread and lets terminals in. Faults: whatever composing the core throws. */
export async function startCore(given: ComposeOptions, places: CorePlaces, log: (line: string) => void): Promise<StartedCore> {
  const compose = app.isPackaged ? await withInstalledRuntime(given, places.runtimeManifest, join(process.resourcesPath, 'runtime')) : given
  const core = await startCoreThread(places.coreEntry, compose, log)
  if (app.isPackaged) rememberLast(compose)
  const terminals = compose.auditFile === null ? await listen() : null
  return { core, close: async () => void (await Promise.all([core.close(), terminals?.close()])) }

  async function listen() {
    try {
      return await startLocalSocket({ dataFolder: compose.dataFolder, openSession: () => core.openSession(), issueUrl: null })
    } catch (error) {
      log(`terminals cannot reach this console: ${error instanceof Error ? error.message : String(error)}`)
      return null
    }
  }
}
