import { Fault } from '../../contract/fault.ts'
import type { MigrationEvent, MigrationReading, MigrationState } from '../../contract/migration.ts'
import type { ApplyStep, MigrationTarget } from '../../core/migration/ports.ts'
import type { Clock } from '../../core/ports.ts'

/** Rows copied by one batch of the simulated backfill, and how long it takes. */
const BATCH_ROWS = 5
const BATCH_MS = 200

/** A simulated database: what survives every console. Clients write it directly, triggers and all. */
export function createFakeDatabase(clock: Clock) {
  const rows = { state: null as MigrationState | null, epoch: 0, owner: null as string | null, events: [] as MigrationEvent[], old: new Map<string, string>(), new: null as Map<string, string> | null, oldGone: false, copiedTo: 0, passAt: null as number | null, passStarted: 0, locked: false, unreachable: false, applied: new Map<string, { eventId: number }>(), planted: 0, refusedEpochs: 0 }

  function record(event: Omit<MigrationEvent, 'id' | 'at' | 'migration'>): number {
    rows.events.push({ ...event, id: rows.events.length + 1, at: clock.wallMs(), migration: 'split_full_name' })
    return rows.events.length
  }

  /** A client's write, on the side that is there; the trigger mirrors it in the same transaction. */
  function write(key: string, value: string | null): void {
    for (const side of [rows.oldGone ? null : rows.old, rows.new]) {
      if (side === null) continue
      if (value === null) side.delete(key)
      else side.set(key, value)
    }
  }

  return { rows, record, write }
}
export type FakeDatabase = ReturnType<typeof createFakeDatabase>

/** A console's way to the simulated database. Everything takes a little time, so that a console can die in the middle. */
export function createFakeTarget(database: FakeDatabase, clock: Clock, options: { readonly console: string; readonly commitLost?: () => boolean }): MigrationTarget {
  const { rows } = database
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve))

  async function reach(): Promise<void> {
    await sleep(1)
    if (rows.unreachable) throw new Fault('providerUnavailable', 'The database does not answer.', 'See whether it runs.')
  }

  function fenced(epoch: number): void {
    if (epoch === rows.epoch) return
    rows.refusedEpochs += 1
    throw new Fault('staleFence', 'Another console took over.', 'Look at it there.')
  }

  function step({ step: which, next }: ApplyStep): void {
    switch (which) {
      case 'expand':
        rows.new = new Map()
        rows.copiedTo = 0
        break
      case 'tombstone':
      case 'untombstone':
      case 'setReads':
      case 'setWrites':
      case 'createShadow':
      case 'none':
        break
      case 'drop':
        rows.oldGone = true
        break
      case 'collapse':
        rows.new = null
        rows.passAt = null
        break
    }
    rows.state = next
  }

  async function reading(): Promise<MigrationReading | null> {
    await reach()
    const { state } = rows
    if (!state) return null
    const both = rows.new !== null
    const wrong = both ? [...rows.old].filter(([key, value], index) => index < rows.copiedTo && rows.new?.get(key) !== value).length : 0
    return {
      state,
      progress: null,
      verification: {
        open: { missing: 0, extra: 0, differs: wrong + rows.planted, rejected: 0, lossy: 0, conflict: 0, textOnly: 0, unverifiable: 0 },
        accepted: 0,
        lastPass: rows.passAt === null ? null : { startedAt: rows.passStarted, endedAt: rows.passAt, rows: rows.old.size, mismatches: wrong + rows.planted, direction: state.writes === 'old' ? 'oldToNew' : 'newToOld' },
        passProgress: null,
        reads: { same: 5000, different: 0, unverifiable: 0, oldP50Ms: 1, newP50Ms: 1 },
        written: { queued: 0, checked: 0, oldestMs: null, sampledShare: 1 },
        reported: { same: 0, different: 0 },
        repairsAfterBackfill: 0,
      },
      sizes: [],
      quarantined: 0,
      drift: [],
      owner: rows.owner === null ? null : { name: rows.owner, epoch: rows.epoch, since: 0, isThis: rows.owner === options.console },
      server: { version: 'simulated', host: 'simulated' },
    }
  }

  return {
    database: 'shop',
    read: reading,
    preflight: async () => ({ at: clock.wallMs(), tookMs: 0, ok: true, checks: [], rows: [], rowsScanned: 0, digest: 'digest' }),
    sql: async () => [],
    async acquire(migration, name) {
      await reach()
      if (rows.owner !== null && rows.owner !== name) throw new Fault('interlocked', `${rows.owner} drives it.`, 'Use that console.')
      rows.owner = name
      rows.epoch += 1
      return { migration, epoch: rows.epoch }
    },
    async release({ epoch }) {
      if (epoch === rows.epoch) rows.owner = null
    },
    async apply(request) {
      await reach()
      const done = rows.applied.get(request.event.operationId)
      if (done) return { ...done, tookMs: 1, attempts: 1, sql: '' }
      fenced(request.ownership.epoch)
      const revision = rows.state?.revision ?? 0
      if (revision !== request.expectRevision) throw new Fault('staleRevision', `Revision ${revision}, not ${request.expectRevision}.`, 'Look again.')
      if (rows.locked && ['expand', 'tombstone', 'untombstone', 'drop', 'collapse'].includes(request.step)) {
        await sleep(request.deadlineMs)
        throw new Fault('timeout', 'The table is locked. Nothing was changed.', 'Try again.')
      }
      step(request)
      const eventId = database.record({ kind: request.event.kind, summary: request.event.summary, operationId: request.event.operationId, by: request.event.by, evidence: null })
      rows.applied.set(request.event.operationId, { eventId })
      // Committed there, and the answer never came.
      if (options.commitLost?.()) throw new Fault('providerUnavailable', 'The connection was lost.', 'Try again.')
      await sleep(1)
      return { eventId, tookMs: 1, attempts: 1, sql: request.step }
    },
    async work({ ownership, work, signal, paused }) {
      for (;;) {
        await sleep(BATCH_MS)
        if (signal.aborted) return 'stopped'
        await reach()
        fenced(ownership.epoch)
        if (paused()) continue
        if (work !== 'backfill') {
          if (work === 'fullPass') [rows.passStarted, rows.passAt] = [clock.wallMs() - BATCH_MS, clock.wallMs()]
          return 'done'
        }
        const batch = [...rows.old].slice(rows.copiedTo, rows.copiedTo + BATCH_ROWS)
        for (const [key, value] of batch) if (rows.new && !rows.new.has(key)) rows.new.set(key, value)
        rows.copiedTo += BATCH_ROWS
        if (batch.length === 0) return 'done'
      }
    },
    async watch({ ownership, signal }) {
      while (!signal.aborted) {
        await sleep(1000)
        if (signal.aborted) return
        await reach()
        fenced(ownership.epoch)
        if (rows.new && rows.copiedTo >= rows.old.size) [rows.passStarted, rows.passAt] = [clock.wallMs() - 1000, clock.wallMs()]
      }
    },
    progress: () => null,
    async events(afterId, limit) {
      await reach()
      return rows.events.filter(({ id }) => id > afterId).slice(0, limit)
    },
    mismatches: async () => [],
    async repair() {
      const repaired = rows.planted
      rows.planted = 0
      return { repaired, left: 0 }
    },
    test: async () => [],
    close: async () => {},
  }
}
