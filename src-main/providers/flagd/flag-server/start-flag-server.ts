import { type ServedSet, watchFlagSets } from '../watch-flag-sets.ts'
import { countEvaluations } from './evaluation-counts.ts'
import { createEventStreams } from './event-stream.ts'
import { countExposures } from './exposures.ts'
import { createFlagService } from './flag-service.ts'
import { startHttpServer } from './http-server.ts'
import { openIngest } from './ingest.ts'
import { keepLastGood } from './kept-sets.ts'
import { createOfrep } from './ofrep.ts'
import { countOutcomes } from './outcome-counts.ts'
import { startSyncService, type SyncService } from './sync-service.ts'

export interface FlagServerOptions {
  /** Holds the sets: `NAME.json` each. */
  readonly folder: string
  readonly host: string
  /** 0: any free one. */
  readonly httpPort: number
  readonly syncPort: number
  /** Served to whoever names none. */
  readonly defaultSet: string
  /** Holds the last good version of each set over a restart while its file is broken; null: nowhere. */
  readonly keepFolder?: string | null
}

/** `GET /signalbox/v1/status`. */
export interface FlagServerStatus {
  readonly pid: number
  readonly folder: string
  readonly startedAt: number
  readonly sets: readonly { readonly name: string; readonly digest: string; readonly flags: number; readonly servedSince: number; readonly broken: ServedSet['broken'] }[]
  /** Sets that never had a version without errors, and why. */
  readonly neverGood: Readonly<Record<string, string>>
  readonly subscribers: number
  readonly skippedVersions: number
  readonly eventStreams: number
}

export interface FlagServer {
  readonly httpPort: number
  readonly syncPort: number
  status(): FlagServerStatus
  close(): Promise<void>
}

/** Serves the sets of a folder by OFREP and flagd's sync stream, whether or not a console runs. */
export async function startFlagServer({ folder, host, httpPort, syncPort, defaultSet, keepFolder = null }: FlagServerOptions): Promise<FlagServer> {
  const startedAt = Date.now()
  const flags = createFlagService(defaultSet)
  const counts = countEvaluations()
  const exposures = countExposures()
  const outcomes = countOutcomes()
  const kept = keepFolder === null ? null : keepLastGood(keepFolder)
  const streams = createEventStreams()
  let sync: SyncService | null = null
  const watched = await watchFlagSets(folder, (set) => {
    // Who keeps a copy first: this process compiles only what it is asked for.
    sync?.publish(set)
    flags.serve(set)
    streams.notify(set.name, set.digest)
    kept?.save(set)
  }, { recall: kept?.recall ?? null })
  const status = (): FlagServerStatus => ({
    pid: process.pid,
    folder,
    startedAt,
    sets: watched.list().map(({ name, digest, document, servedSince, broken }) => ({ name, digest, flags: Object.keys(document['flags'] ?? {}).length, servedSince, broken })),
    neverGood: Object.fromEntries(watched.neverGood()),
    subscribers: sync?.subscribers ?? 0,
    skippedVersions: sync?.skipped ?? 0,
    eventStreams: streams.count,
  })
  const reports = {
    status,
    evaluations: (query: URLSearchParams) => ({ since: startedAt, uncounted: counts.uncounted, variants: counts.list(Number(query.get('minutes') ?? 60) || 60) }),
    experiments: () => ({ flags: exposures.list() }),
    outcomes: (query: URLSearchParams) => {
      const [set, flag] = [query.get('set') ?? defaultSet, query.get('flag') ?? '']
      const found = flags.flag(set, flag)
      return found && { since: startedAt, variants: outcomes.list(set, flag, [...found.variants.keys()], Number(query.get('from') ?? 0) || 0) }
    },
    set: (query: URLSearchParams) => {
      const set = watched.get(query.get('set') ?? defaultSet)
      return set && { name: set.name, digest: set.digest, servedSince: set.servedSince, broken: set.broken, document: set.document }
    },
  }
  try {
    sync = await startSyncService({ get: (name) => watched.get(name), defaultSet }, host, syncPort)
    const service = sync
    const http = await startHttpServer({ flags, ofrep: createOfrep(flags, counts), ingest: openIngest(flags, counts, exposures, outcomes), streams, reports }, host, httpPort)
    return {
      httpPort: http.port,
      syncPort: service.port,
      status,
      async close() {
        watched.close()
        streams.close()
        await Promise.all([service.close(), http.close()])
      },
    }
  } catch (error) {
    watched.close()
    streams.close()
    await sync?.close()
    throw error
  }
}
