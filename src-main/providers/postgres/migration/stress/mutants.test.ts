import { describe, expect, test } from 'vitest'
import { serverOrWhy, sharedServer } from '../../testing/servers.ts'
import { interleave, INVARIANTS } from './mutants.ts'

const why = serverOrWhy('15')
if (why) console.warn(`SKIPPED: ${why}`)

describe.skipIf(why !== null)('algorithms without an invariant', () => {
  for (const invariant of INVARIANTS) {
    test(`${invariant}: loses data in a fixed interleaving, and is caught by the oracle and by a full pass; the safe one does not`, async () => {
      const server = await sharedServer('15')
      const safe = await interleave(server, `safe_${invariant.toLowerCase()}`, invariant, 'safe')
      expect(safe).toEqual({ wrongRows: 0, mismatches: 0, mutated: 0 })
      const mutant = await interleave(server, `mutant_${invariant.toLowerCase()}`, invariant, 'mutant')
      expect(mutant.mutated).toBeGreaterThan(0)
      expect(mutant.wrongRows).toBeGreaterThan(0)
      expect(mutant.mismatches).toBeGreaterThan(0)
    })
  }
})
