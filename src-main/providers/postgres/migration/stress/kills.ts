import { setTimeout as wait } from 'node:timers/promises'
import { nowMs, seededRandom } from '../../../../bench/measure.ts'
import type { TestServer } from '../../testing/servers.ts'
import type { ClientFailure } from './client.ts'
import type { FaultyNetwork } from './proxy.ts'

/**
 * `driver`: kill -9 of the console's process. `ours`, `clients`: pg_terminate_backend of one. `restart`: the server
 * crashes and comes back. `cut`: the console's connections are reset. `silence`: nothing arrives for a while, then they are reset.
 */
export const KILLS = ['driver', 'ours', 'clients', 'restart', 'cut', 'silence'] as const
export type Kill = (typeof KILLS)[number]

export interface KillEvent {
  readonly kill: Kill
  readonly atMs: number
  /** The same by the wall clock, which the database's own records go by. */
  readonly wallMs: number
  /** When it was over: the server takes connections again. */
  readonly overMs: number
}

export interface KillTargets {
  readonly server: TestServer
  readonly database: string
  /** Null in a run without a migration. */
  readonly driver: { kill(): void } | null
  readonly network: FaultyNetwork | null
}

/** Kills something from time to time, chosen by its seed, until it is stopped. */
export interface Killer {
  readonly events: readonly KillEvent[]
  stop(): Promise<void>
}

const SILENT_MS = 300

export function startKiller(options: { readonly targets: KillTargets; readonly seed: number; readonly kinds: readonly Kill[]; readonly everyMs: number; readonly most?: number }): Killer {
  const { targets, kinds } = options
  const random = seededRandom(options.seed)
  const events: KillEvent[] = []
  const stopped = new AbortController()

  async function strike(kill: Kill): Promise<void> {
    const [atMs, wallMs] = [nowMs(), Date.now()]
    if (kill === 'driver') targets.driver?.kill()
    else if (kill === 'ours') await terminate(targets, `application_name LIKE 'signalbox%'`)
    else if (kill === 'clients') await terminate(targets, `application_name ~ '^stress-[0-9]'`)
    else if (kill === 'restart') await targets.server.restart('immediate')
    else if (kill === 'cut') targets.network?.cut()
    else {
      targets.network?.silence()
      await wait(SILENT_MS)
      targets.network?.open()
    }
    events.push({ kill, atMs, wallMs, overMs: nowMs() })
  }

  const loop = (async () => {
    while (events.length < (options.most ?? Infinity)) {
      await wait(options.everyMs * (0.3 + 1.4 * random()), undefined, { signal: stopped.signal })
      const kill = kinds[Math.floor(random() * kinds.length)]
      if (kill) await strike(kill)
    }
  })()
  loop.catch(() => {})

  return {
    events,
    async stop() {
      stopped.abort()
      await loop.catch((error: unknown) => {
        if (!(error instanceof Error && error.name === 'AbortError')) throw error
      })
    },
  }
}

async function terminate({ server, database }: KillTargets, whose: string): Promise<void> {
  await server.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND ${whose} ORDER BY random() LIMIT 1`, database)
}

const CONNECTION_ENDED = new Set(['57P01', '57P02', '57P03', '08006', '08003', '08001', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'connection'])
const AFTERMATH_MS = 2000

/** Failures that no kill of the clients' own connections or of the server explains. A run without a migration has them too, or has none. */
export function unexplained(failures: readonly ClientFailure[], events: readonly KillEvent[]): readonly ClientFailure[] {
  const hits = events.filter(({ kill }) => kill === 'clients' || kill === 'restart')
  return failures.filter(({ code, atMs }) => !(CONNECTION_ENDED.has(code) && hits.some((hit) => atMs >= hit.atMs - 50 && atMs <= hit.overMs + AFTERMATH_MS)))
}

/**
 * Counted apart: a view of sticky reads over tables cannot lock rows before it writes them, so that two writers of one
 * row at the same moment are told to try again, as REPEATABLE READ would. `docs/migrations-app.md` says so.
 */
export function metInView(failure: ClientFailure): boolean {
  return failure.code === '40001' && /sb_\w+_reads/.test(failure.searchPath)
}
