import { describe, expect, test } from 'vitest'
import { serverOrWhy, startServer } from '../../testing/servers.ts'
import { wrongRows } from './database.ts'
import type { Goal } from './driver-protocol.ts'
import { BOTH_SIDES, ROLLED_BACK_FROM } from './goals.ts'
import { killedWalk } from './killed-walk.ts'
import { KILLS, metInView, unexplained } from './kills.ts'
import { REKEY, type Scenario, SPLIT } from './scenarios.ts'

const why = serverOrWhy('15')
if (why) console.warn(`SKIPPED: ${why}`)

const WALKS: readonly (readonly [scenario: Scenario, title: string, goals: readonly Goal[]])[] = [
  [SPLIT, 'to completed', BOTH_SIDES],
  [REKEY, 'back from the tombstone', ROLLED_BACK_FROM('tombstoned')],
]

describe.skipIf(why !== null)('while driver, backends, network and server are killed', () => {
  for (const [i, [scenario, title, goals]] of WALKS.entries()) {
    test(`${scenario.name} ${title}: nothing is lost, and no statement fails that would not have failed anyway`, { timeout: 90_000 }, async () => {
      const server = await startServer('15')
      try {
        const walk = await killedWalk({ server, database: `killed_${i}`, scenario, seed: 300 + i, customers: 2000, goals, kills: KILLS, killEveryMs: 300, mostKills: 7, pauseMs: 15, withinMs: 50_000 })
        expect(walk.compared.filter((one) => wrongRows([one]) > 0)).toEqual([])
        expect(walk.report.wrongReads.slice(0, 3)).toEqual([])
        expect(unexplained(walk.report.failures, walk.kills).filter((failure) => !metInView(failure)).slice(0, 3)).toEqual([])
        expect(walk.kills.length).toBeGreaterThan(1)
        expect(walk.batches).toBeGreaterThan(5)
        expect(walk.batchesRedone).toBe(0)
      } finally {
        await server.stop('immediate')
      }
    })
  }
})
