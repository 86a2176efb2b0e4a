import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../../../../contract/fault.ts'
import { serverOrWhy, startServer } from '../../testing/servers.ts'
import type { TestServer } from '../../testing/servers.ts'
import { applyStep } from './apply.ts'
import { createOwners } from '../ownership.ts'
import { openSessions } from '../session.ts'
import { SAMPLES } from '../testing/changes.ts'
import { openStepWalk } from '../testing/step-walk.ts'
import type { StepWalk, WalkPhase } from '../testing/step-walk.ts'

const why = serverOrWhy('15')
let server: TestServer
beforeAll(async () => {
  if (why === null) server = await startServer('15')
})
afterAll(() => server?.stop())

async function walked(sample: string, phase: WalkPhase, work: (walk: StepWalk) => Promise<void>): Promise<void> {
  const { tables, change } = SAMPLES[sample]!
  const walk = await openStepWalk(server, tables, change)
  try {
    await walk.to(phase)
    await work(walk)
  } finally {
    await walk.close()
  }
}

async function fault(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Fault)) throw new Error(`a fault was wanted, not ${String(error)}`)
  return error
}

async function holding<T>(walk: StepWalk, text: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: walk.url, application_name: 'shop' })
  await client.connect()
  try {
    await client.query(`BEGIN; ${text}`)
    return await work(client)
  } finally {
    await client.end()
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(why)(`steps on PostgreSQL 15${why ? ` (${why})` : ''}`, () => {
  test('the same operation again answers as the first time and does nothing', () =>
    walked('split', 'shadowReads', async (walk) => {
      const first = await walk.step('expand', { phase: 'backfilling' }, { operationId: 'twice' })
      const again = await walk.step('expand', { phase: 'backfilling' }, { operationId: 'twice' })
      expect(again.eventId).toBe(first.eventId)
      expect(again.sql).toBe(first.sql)
      expect(first.sql).toContain('ADD COLUMN "first" text')
      expect(await walk.sql(`SELECT count(*)::int AS n FROM signalbox.events WHERE operation_id = 'twice'`)).toEqual([{ n: 1 }])
      expect(await walk.sql(`SELECT revision, state->>'phase' AS phase FROM signalbox.migrations`)).toEqual([{ revision: 2, phase: 'backfilling' }])
    }),
  )

  test('a decision made on another revision changes nothing', () =>
    walked('split', 'shadowReads', async (walk) => {
      const before = await walk.catalog()
      const request = { ownership: walk.ownership(), expectRevision: 5, step: 'expand', next: { ...walk.state(), revision: 6 }, event: { kind: 'state', summary: '', operationId: 'late', by: walk.state().startedBy, evidence: null }, deadlineMs: 1000 } as const
      expect((await fault(applyStep(walk.sessions, request))).code).toBe('staleRevision')
      expect((await fault(applyStep(walk.sessions, { ...request, expectRevision: 0 }))).code, 'it is under way').toBe('staleRevision')
      expect(await walk.catalog()).toBe(before)
      expect(await walk.sql(`SELECT count(*)::int AS n FROM signalbox.events`)).toEqual([{ n: 1 }])
    }),
  )

  test('one console drives; another is told who, takes over when it is gone, and the first can change nothing any more', () =>
    walked('split', 'shadowReads', async (walk) => {
      const others = openSessions({ database: walk.name, url: walk.url })
      const owners = createOwners(others)
      try {
        const refused = await fault(owners.acquire('mig', 'second'))
        expect(refused.code).toBe('interlocked')
        expect(refused.message).toContain('test')
        // The connection that holds the lock is cut: as when its console dies.
        await walk.sql(`SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid <> pg_backend_pid()`)
        await pause(100)
        const second = await owners.acquire('mig', 'second')
        expect(second.epoch).toBe(walk.ownership().epoch + 1)
        expect((await fault(walk.owners.ensure(walk.ownership()))).code).toBe('staleFence')
        expect((await fault(walk.step('expand', { phase: 'backfilling' }))).code).toBe('staleFence')
      } finally {
        await owners.close()
        await others.close()
      }
    }),
  )

  test('a lost lock is taken again when nobody else took it', () =>
    walked('split', 'shadowReads', async (walk) => {
      await walk.sql(`SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.pid <> pg_backend_pid()`)
      await pause(100)
      await walk.owners.ensure(walk.ownership())
      expect(await walk.sql(`SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'`)).toEqual([{ n: 1 }])
      await walk.to('backfilling')
    }),
  )

  test('a lock that is not to be had within the time is a timeout that names who holds it, and nothing was changed', () =>
    walked('split', 'shadowReads', async (walk) => {
      const before = await walk.catalog()
      await holding(walk, 'SELECT * FROM customers LIMIT 1', async () => {
        const refused = await fault(walk.step('expand', { phase: 'backfilling' }, { deadlineMs: 400 }))
        expect(refused.code).toBe('timeout')
        expect(refused.message).toContain('shop')
      })
      expect(await walk.catalog()).toBe(before)
      expect((await walk.step('expand', { phase: 'backfilling' })).attempts, 'control: without it').toBe(1)
    }),
  )

  test.each(['split', 'newTable'])('%s: switching authority takes no lock on a table: it goes through while every lock is held', (sample) =>
    walked(sample, 'switchingReads', async (walk) => {
      await holding(walk, sample === 'split' ? 'LOCK TABLE customers IN ACCESS EXCLUSIVE MODE' : 'LOCK TABLE customers, people IN ACCESS EXCLUSIVE MODE', async () => {
        await walk.step('setReads', { phase: 'switchingReads', readsPercent: 100 }, { deadlineMs: 1000 })
        const { tookMs } = await walk.step('setWrites', { phase: 'switchedWrites', writes: 'new' }, { deadlineMs: 1000 })
        expect(tookMs).toBeLessThan(1000)
        await walk.step('setWrites', { phase: 'dualWrites', writes: 'old', readsPercent: 0 }, { deadlineMs: 1000 })
        expect((await fault(walk.step('collapse', { phase: 'rolledBack' }, { deadlineMs: 100 }))).code, 'control: another step needs them').toBe('timeout')
      })
      expect(await walk.sql('SELECT reads_percent, writes FROM signalbox.switches')).toEqual([{ reads_percent: 0, writes: 'old' }])
    }),
  )

  test.each([
    ['ALTER TABLE customers ALTER COLUMN full_name TYPE varchar(500)', 'public.customers.full_name is character varying(500) now'],
    ['ALTER TABLE customers DISABLE TRIGGER zzz_signalbox_mig_update', 'is switched off'],
    ['DROP TRIGGER zzz_signalbox_mig_insert ON customers', 'is gone'],
    ['ALTER TABLE customers DROP COLUMN email CASCADE', 'public.customers.email is gone'],
  ])('structure changed by someone else refuses a step forward, not the way back: %s', (change, words) =>
    walked('split', 'dualWrites', async (walk) => {
      // Views of both shapes depend on the columns: whoever changes them has to take those away first.
      if (change.startsWith('ALTER TABLE customers ALTER') || change.includes('DROP COLUMN')) await walk.sql('DROP SCHEMA sb_mig_old, sb_mig_reads CASCADE; DROP VIEW sb_mig_new.customers; DROP TRIGGER zzz_signalbox_mig_update ON customers')
      await walk.sql(change)
      const refused = await fault(walk.step('setReads', { phase: 'switchingReads', readsPercent: 1 }))
      expect(refused.code).toBe('interlocked')
      expect(refused.message).toContain(words)
      await walk.collapse()
      expect(await walk.catalog()).not.toContain('signalbox_mig')
    }),
  )

  test('something else that depends on a view of ours is named, and the step refused', () =>
    walked('split', 'dualWrites', async (walk) => {
      await walk.sql('CREATE VIEW report AS SELECT first FROM sb_mig_new.customers')
      const refused = await fault(walk.step('collapse', { phase: 'rolledBack' }))
      expect(refused.code).toBe('interlocked')
      expect(refused.message).toContain('report')
      await walk.sql('DROP VIEW report')
      await walk.collapse()
    }),
  )

  test('events stay: nobody changes or removes one', () =>
    walked('split', 'shadowReads', async (walk) => {
      await expect(walk.sql('DELETE FROM signalbox.events')).rejects.toThrow('never changed or removed')
      await expect(walk.sql(`UPDATE signalbox.events SET summary = ''`)).rejects.toThrow('never changed or removed')
    }),
  )
})
