import { describe, expect, test } from 'vitest'
import { BOTH_SIDES, ROLLED_BACK_FROM } from './goals.ts'
import { serverOrWhy, sharedServer } from '../../testing/servers.ts'
import { catalogSnapshot } from '../testing/catalog-snapshot.ts'
import { withClient, wrongRows } from './database.ts'
import { metInView } from './kills.ts'
import { REKEY, RETYPE, SCENARIOS, SPLIT, TWO_TABLES } from './scenarios.ts'
import { failuresByCode } from './writers.ts'
import { type WrittenWalk, writtenWalk } from './written-walk.ts'

const why = serverOrWhy('15')
if (why) console.warn(`SKIPPED: ${why}`)

/** On a machine that does other things too, a lock is not always to be had at once. */
const WALK = { timeout: 90_000 }

function expectNothingLost(walk: WrittenWalk): void {
  const failures = walk.report.failures.filter((failure) => !metInView(failure))
  expect(failuresByCode(failures), JSON.stringify(failures.slice(0, 3))).toEqual({})
  expect(walk.report.wrongReads.slice(0, 3)).toEqual([])
  expect(walk.compared.filter((one) => wrongRows([one]) > 0)).toEqual([])
  expect(walk.inTheEnd.filter((one) => wrongRows([one]) > 0)).toEqual([])
  expect(walk.inTheEnd.length).toBeGreaterThan(0)
  expect(walk.openMismatches).toBe(0)
  expect(walk.report.committed).toBeGreaterThan(50)
}

describe.skipIf(why !== null)('under eight writers', () => {
  for (const [i, scenario] of SCENARIOS.entries()) {
    test(`${scenario.name}: to completed, with authority switched and stepped back on the way`, WALK, async () => {
      const walk = await writtenWalk({ server: await sharedServer('15'), database: `walk_${i}`, scenario, seed: 100 + i, customers: 1000, goals: BOTH_SIDES, stayMs: 100, pauseMs: 10 })
      expectNothingLost(walk)
      expect(walk.works).toEqual(['shadowScan', 'backfill', 'validate', 'fullPass'])
    })
  }

  for (const [i, [scenario, phase]] of ([[SPLIT, 'backfilling'], [RETYPE, 'switchedWrites'], [TWO_TABLES, 'switchingReads'], [REKEY, 'tombstoned'], [SPLIT, 'tombstoned'], [REKEY, 'dualWrites']] as const).entries()) {
    test(`${scenario.name}: rolled back from ${phase}, the catalog is as it was`, WALK, async () => {
      let before = ''
      const walk = await writtenWalk({
        server: await sharedServer('15'),
        database: `back_${i}`,
        scenario,
        seed: 200 + i,
        customers: 800,
        goals: ROLLED_BACK_FROM(phase),
        stayMs: 150,
        pauseMs: 10,
        prepare: async (url) => {
          before = await withClient(url, (client) => catalogSnapshot(client, ['public', 'stress']))
        },
      })
      expectNothingLost(walk)
      expect(await withClient(walk.url, (client) => catalogSnapshot(client, ['public', 'stress']))).toBe(before)
    })
  }
})
