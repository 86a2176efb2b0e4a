import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Change } from '../../../contract/migration-definition.ts'
import { serverOrWhy, startServer, type ServerVersion, type TestServer } from '../testing/servers.ts'
import { startedMigration, type StartedMigration } from './testing/started-migration.ts'
import { createWork } from './work.ts'
import { listMismatches } from './mismatches.ts'
import { readProgress, readVerification } from './status.ts'

const AMOUNT: Change = {
  kind: 'columns',
  table: { schema: 'public', table: 'orders' },
  add: [{ name: 'amount', type: 'numeric(12,2)', up: 'amount::numeric(12,2)', notNull: false, default: null, unique: false }],
  replace: [{ name: 'amount', down: 'amount::text' }],
  checks: [],
}

export function orders(rows: number, keyType = 'int', key = 'i'): string {
  return `CREATE TABLE orders (id ${keyType} PRIMARY KEY, amount text, note text); INSERT INTO orders SELECT ${key}, (i % 1000) || '.50', 'note ' || i FROM generate_series(1, ${rows}) i;`
}

const asked = { paused: () => false, foregroundHarm: () => '' }

async function run(started: StartedMigration, work: 'backfill' | 'fullPass' | 'validate' | 'shadowScan', signal: AbortSignal = new AbortController().signal) {
  return createWork().run({ context: started.context, work, signal, ...asked })
}

for (const version of ['15'] as const satisfies readonly ServerVersion[]) {
  const why = serverOrWhy(version)
  describe.skipIf(why !== null)(`backfill on PostgreSQL ${version}${why ? ` (skipped: ${why})` : ''}`, () => {
    let server: TestServer
    beforeAll(async () => {
      server = await startServer(version)
    })
    afterAll(async () => {
      await server.stop()
    })

    it('fills every row, and a pass over all of them finds nothing', async () => {
      const started = await startedMigration(server, orders(3000), AMOUNT)
      expect(await run(started, 'backfill')).toBe('done')
      expect(await started.sql('SELECT count(*)::int AS n FROM orders WHERE sb_mig_amount IS DISTINCT FROM amount::numeric(12,2)')).toEqual([{ n: 0 }])
      const progress = await started.sessions.use((session) => readProgress(session, 'mig', 'backfilling'))
      expect(progress).toMatchObject({ work: 'backfill', rowsDone: 3000, rowsTotal: 3000, etaMs: 0, waitsFor: '' })
      await started.in('verifying')
      expect(await run(started, 'fullPass')).toBe('done')
      const verification = await started.sessions.use((session) => readVerification(session, 'mig'))
      expect(verification.lastPass).toMatchObject({ rows: 3000, mismatches: 0, direction: 'oldToNew' })
      expect(verification.passProgress).toBeNull()
      await started.close()
    })

    it('finds one planted wrong row, with its key and both values', async () => {
      const started = await startedMigration(server, orders(3000), AMOUNT)
      await run(started, 'backfill')
      await started.in('verifying')
      await started.sql(`BEGIN; SET LOCAL session_replication_role = replica; UPDATE orders SET sb_mig_amount = 1.25 WHERE id = 1777; COMMIT`)
      await run(started, 'fullPass')
      const found = await started.sessions.use((session) => listMismatches(session, 'mig', { limit: 10 }))
      expect(found).toEqual([expect.objectContaining({ class: 'differs', table: 'public.orders', key: { id: '1777' }, columns: ['amount'], old: { amount: '777.50' }, new: { amount: '1.25' }, status: 'open', foundBy: 'fullPass' })])
      await started.close()
    })
  })
}
