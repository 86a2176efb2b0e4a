import { setTimeout as wait } from 'node:timers/promises'
import { nowMs } from '../../../../bench/measure.ts'
import type { Course } from './access.ts'
import { type ClientFailure, openClient, type SlowStatement } from './client.ts'
import { createIdPool } from './pool-of-ids.ts'
import { createProgram, type WrongRead } from './program.ts'

export interface WritersOptions {
  readonly url: string
  readonly seed: number
  readonly course: Course
  /** Ids that exist. */
  readonly ids: readonly number[]
  readonly clients?: number
  /** Between two transactions of one client, ms; with 0 they leave the server no rest. */
  readonly pauseMs?: number
  readonly truncateChance?: number
}

export interface WritersReport {
  readonly statements: number
  readonly transactions: number
  readonly committed: number
  readonly failures: readonly ClientFailure[]
  readonly slow: readonly SlowStatement[]
  readonly wrongReads: readonly WrongRead[]
  readonly kinds: Readonly<Record<string, number>>
}

/** Client programs that write the whole time, each on a connection of its own. */
export interface Writers {
  /** Everybody goes another way from the next transaction on; resolves when the last transaction of the old way has ended. */
  move(course: Course): Promise<void>
  /** Resolves when nobody is in a transaction; `resume` lets them go on. */
  rest(): Promise<void>
  resume(): void
  report(): WritersReport
  stop(): Promise<WritersReport>
}

export function startWriters(options: WritersOptions): Writers {
  const clients = options.clients ?? 8
  const pauseMs = options.pauseMs ?? 2
  const pool = createIdPool(options.ids)
  const highestId = options.ids.reduce((highest, id) => Math.max(highest, id), 0)
  const wrongReads: WrongRead[] = []
  let course = options.course
  let stopped = false
  let resting: Promise<void> | null = null
  let wake = () => {}
  let transactions = 0
  let committed = 0

  const connections = Array.from({ length: clients }, (_, number) => openClient({ number, url: options.url, stopped: () => stopped }))
  const programs = connections.map((connection, number) =>
    createProgram({ number, clients, seed: options.seed, connection, pool, course: () => course, highestId, truncateChance: options.truncateChance ?? 0, onWrongRead: (read) => void wrongReads.push(read) }),
  )
  /** What each client is in the middle of. */
  const turns: Promise<unknown>[] = programs.map(() => Promise.resolve())

  const loops = programs.map(async (program, i) => {
    for (;;) {
      await resting
      if (stopped) return
      const turn = program.turn()
      turns[i] = turn.catch(() => {})
      const outcome = await turn
      transactions += 1
      if (outcome === 'committed') committed += 1
      await wait(pauseMs)
    }
  })
  // A defect of a program ends its loop; it is told when the writers are stopped.
  for (const loop of loops) loop.catch(() => {})

  function report(): WritersReport {
    const kinds: Record<string, number> = {}
    for (const program of programs) for (const [kind, count] of program.kinds) kinds[kind] = (kinds[kind] ?? 0) + count
    return {
      statements: connections.reduce((sum, { statements }) => sum + statements, 0),
      transactions,
      committed,
      failures: connections.flatMap(({ failures }) => failures).toSorted((a, b) => a.atMs - b.atMs),
      slow: connections.flatMap(({ slow }) => slow).toSorted((a, b) => a.atMs - b.atMs),
      wrongReads,
      kinds,
    }
  }

  const writers: Writers = {
    async move(next) {
      const handsOver = next.handsOver === true && next.newShare !== course.newShare
      if (handsOver) await writers.rest()
      course = next
      if (handsOver) writers.resume()
      await Promise.all(turns)
    },
    async rest() {
      resting ??= new Promise((resolve) => {
        wake = resolve
      })
      await Promise.all(turns)
    },
    resume() {
      resting = null
      wake()
    },
    report,
    async stop() {
      stopped = true
      writers.resume()
      await Promise.all(loops)
      await Promise.all(connections.map((connection) => connection.close()))
      return report()
    },
  }
  return writers
}

/** Failures by code, for people. */
export function failuresByCode(failures: readonly ClientFailure[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { code } of failures) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

/** Longest a statement took that was under way in a span of time, ms. */
export function longestStall(slow: readonly SlowStatement[], fromMs: number, toMs = nowMs()): number {
  return slow.filter(({ atMs, tookMs }) => atMs < toMs && atMs + tookMs > fromMs).reduce((longest, { tookMs }) => Math.max(longest, tookMs), 0)
}
