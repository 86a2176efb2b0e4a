import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { serverOrWhy, sharedServer, startServer } from '../../testing/servers.ts'
import { OLD_TABLES } from './access.ts'
import { compareWithControl, makeDatabase, withClient, wrongRows } from './database.ts'
import { startKiller, unexplained } from './kills.ts'
import { failuresByCode, startWriters } from './writers.ts'

const why = serverOrWhy('15')
if (why) console.warn(`SKIPPED: ${why}`)

/** What later tests rest on: with no migration nothing fails and nothing differs, and what differs is seen. */
describe.skipIf(why !== null)('client programs and their control table', () => {
  test('keep it equal to the tables, with every kind of statement and no failure', async () => {
    const server = await sharedServer('15')
    const url = await server.createDatabase('writers_equal')
    const ids = await makeDatabase(url, 1500)
    const writers = startWriters({ url, seed: 11, course: OLD_TABLES, ids, truncateChance: 0.001, pauseMs: 0 })
    for (let i = 0; i < 4; i += 1) {
      await wait(500)
      // In the middle of their transactions: one statement sees either all of one or nothing.
      expect(wrongRows(await compareWithControl(url, OLD_TABLES.old))).toBe(0)
    }
    const report = await writers.stop()
    expect(failuresByCode(report.failures)).toEqual({})
    expect(report.wrongReads).toEqual([])
    expect(Object.keys(report.kinds).toSorted()).toEqual(['cascade', 'changeKey', 'copy', 'delete', 'insert', 'read', 'script', 'truncate', 'update', 'updateMany', 'upsert'])
    expect(report.committed).toBeGreaterThan(500)
    expect(report.transactions - report.committed).toBeGreaterThan(0)
  })

  test('show a row that was lost, one too many, and a changed one', async () => {
    const server = await sharedServer('15')
    const url = await server.createDatabase('writers_wrong')
    const ids = await makeDatabase(url, 300)
    await withClient(url, (client) => client.query(`DELETE FROM customers WHERE id = 7; INSERT INTO customers VALUES (9001, 1, 'A B', 'x', '1.00'); UPDATE customers SET credit = '-1' WHERE id BETWEEN 20 AND 300`))
    expect(await compareWithControl(url, OLD_TABLES.old)).toEqual([{ through: 'public: customers', rows: 301, lost: 1, extra: 1, diverged: 281 }])
    const writers = startWriters({ url, seed: 3, course: OLD_TABLES, ids })
    await wait(400)
    expect((await writers.stop()).wrongReads.length).toBeGreaterThan(0)
  })

  test('explain failures by kills of their own connections, and by nothing else', async () => {
    const server = await startServer('15')
    try {
      const url = await server.createDatabase('writers_killed')
      const ids = await makeDatabase(url, 1500)
      const writers = startWriters({ url, seed: 5, course: OLD_TABLES, ids })
      const killer = startKiller({ targets: { server, database: 'writers_killed', driver: null, network: null }, seed: 5, kinds: ['clients', 'clients', 'restart'], everyMs: 250, most: 8 })
      await wait(2500)
      await killer.stop()
      await writers.rest()
      expect(wrongRows(await compareWithControl(url, OLD_TABLES.old))).toBe(0)
      const { failures } = await writers.stop()
      expect(killer.events.length).toBeGreaterThan(3)
      expect(failures.length).toBeGreaterThan(0)
      expect(unexplained(failures, killer.events)).toEqual([])
      expect(unexplained(failures, [])).toEqual(failures)
    } finally {
      await server.stop('immediate')
    }
  })
})
