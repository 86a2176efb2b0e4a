import { describe, expect, test } from 'vitest'
import { Fault } from '../../contract/fault.ts'
import type { MigrationPhase } from '../../contract/migration.ts'
import { SAMPLE_DEFINITION } from '../../core/migration/exploration.ts'
import type { NeedingFlag } from '../../core/interlocks/migration-rules.ts'
import { createMigrationSimulation } from '../sim/migration-simulation.ts'
import type { ReadsFlags } from './deps.ts'

const FOLLOWS = { source: 'shop', flag: 'read-new-names', variant: 'new' }
type Given = ReturnType<ReadsFlags['given']>['given']

/** A migration whose reads follow a flag, and that flag: what it gives, and what was asked of it in which phase. */
async function followed(options: { readonly follows?: boolean; readonly stuck?: () => boolean } = {}) {
  let given: Given = 'nobody'
  let needing: readonly NeedingFlag[] = []
  const asked: { readonly phase: string; readonly reason: string }[] = []
  const readsFlags: ReadsFlags = {
    given: () => ({ given, words: `${given} get new` }),
    needing: () => needing,
    async takeBack(_flag, _operator, reason) {
      asked.push({ phase: sim.state()?.phase ?? 'planned', reason })
      if (options.stuck?.()) throw new Fault('providerUnavailable', 'The flag server does not answer.', 'Try again.')
      given = 'nobody'
    },
  }
  const sim = createMigrationSimulation({ readsFlags, definition: { policy: { ...SAMPLE_DEFINITION.policy, soakMs: 1000, readHoldMs: 1000, switchSoakMs: 1000, tombstoneMs: 1000, readSteps: [100] }, ...(options.follows === false ? {} : { readsFlag: FOLLOWS }) } })
  sim.boot()
  await sim.time.advance(1500)
  async function reach(phase: MigrationPhase): Promise<void> {
    for (let tries = 0; tries < 100 && sim.state()?.phase !== phase; tries += 1) {
      const command = sim.view().phase === 'planned' ? 'start' : 'advance'
      const action = sim.view().actions.find((each) => each.command === command)
      if (action && action.blocks.length === 0) await sim.command(command)
      else await sim.time.advance(1000)
    }
    expect(sim.state()?.phase).toBe(phase)
  }
  const blocks = () => sim.view().actions.find(({ command }) => command === 'advance')?.blocks.map(({ rule }) => rule)
  return { sim, reach, blocks, asked, give: (to: Given) => (given = to), need: (flags: readonly NeedingFlag[]) => (needing = flags), given: () => given }
}

describe('reads that follow a flag', () => {
  test.each(['nobody', 'some', 'unknown'] as const)('writes are not switched while it gives new to %s; they are once everyone has it', async (to) => {
    const { sim, reach, blocks, give } = await followed()
    await reach('switchingReads')
    await sim.time.advance(5000)
    give(to)
    expect(blocks()).toEqual(['flagReadsOld'])
    expect(await sim.command('advance')).toMatchObject({ code: 'interlocked' })
    give('everyone')
    expect(blocks()).toEqual([])
    await reach('switchedWrites')
  })

  test('control: without one nothing asks for it', async () => {
    const { reach, asked, sim } = await followed({ follows: false })
    await reach('switchedWrites')
    await sim.command('rollBack')
    await sim.time.advance(5000)
    expect(sim.state()?.phase).toBe('rolledBack')
    expect(asked).toEqual([])
  })

  test('the flag goes back first, under the reason that was given, and then the database', async () => {
    const { sim, reach, give, given, asked } = await followed()
    await reach('switchingReads')
    give('everyone')
    await reach('switchedWrites')
    await sim.command('rollBack')
    expect(asked[0]).toEqual({ phase: 'switchedWrites', reason: 'because' })
    expect(given()).toBe('nobody')
    await sim.time.advance(5000)
    expect(sim.state()?.phase).toBe('rolledBack')
  })

  test('back to old writes leaves readers where they are: both sides are equal', async () => {
    const { sim, reach, give, asked } = await followed()
    await reach('switchingReads')
    give('everyone')
    await reach('switchedWrites')
    await sim.command('stepBack')
    expect(sim.state()).toMatchObject({ phase: 'switchingReads', writes: 'old', readsPercent: 100 })
    expect(asked).toEqual([])
    await sim.command('stepBack')
    expect(asked).toMatchObject([{ phase: 'switchingReads' }])
  })

  test('a source that does not answer does not hold the way back up; the structure stays until the flag is seen back', async () => {
    let stuck = true
    const { sim, reach, give, asked } = await followed({ stuck: () => stuck })
    await reach('switchingReads')
    give('some')
    await sim.command('rollBack')
    expect(sim.state()).toMatchObject({ phase: 'rollingBack', readsPercent: 0, writes: 'old' })
    await sim.time.advance(20_000)
    expect(sim.state()?.phase).toBe('rollingBack')
    expect(sim.view().next).toContain('read-new-names')
    expect(sim.database.rows.new).not.toBeNull()
    const before = asked.length
    expect(before).toBeGreaterThan(2)
    stuck = false
    await sim.time.advance(10_000)
    expect(sim.state()?.phase).toBe('rolledBack')
    expect(sim.database.rows.new).toBeNull()
    expect(sim.disk.entries.some(({ action, outcome }) => action === 'migration.flagBack' && outcome === 'failed')).toBe(true)
  })

  test('structure that an exposed flag needs stays until nobody has it; readers and writers are back on old at once', async () => {
    const { sim, reach, need } = await followed({ follows: false })
    await reach('switchedWrites')
    need([{ flag: 'new-checkout', percent: 25 }])
    await sim.command('rollBack')
    await sim.time.advance(20_000)
    expect(sim.state()).toMatchObject({ phase: 'rollingBack', readsPercent: 0, writes: 'old' })
    expect(sim.view().next).toContain('new-checkout is exposed to 25 % of users')
    expect(sim.database.rows.new).not.toBeNull()
    need([])
    await sim.time.advance(5000)
    expect(sim.state()?.phase).toBe('rolledBack')
  })
})
