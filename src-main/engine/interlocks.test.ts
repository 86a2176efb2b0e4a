import { describe, expect, it } from 'vitest'
import { Fault } from '../contract/fault.ts'
import type { ExposedFlag } from '../core/interlocks/exposed-flags.ts'
import type { SchemaPhase } from '../core/interlocks/migration-rules.ts'
import { SAMPLE_DEFINITION } from '../core/migration/exploration.ts'
import { createFlagSimulation, FLAG, QUICK_PLAN } from './sim/flag-simulation.ts'
import { createSimulation, type Simulation } from './sim/simulation.ts'

/** A release of 2.0.0 while something else of the service is as `facts` say. */
async function started(facts: { schema?: () => readonly SchemaPhase[]; exposed?: () => readonly ExposedFlag[] }): Promise<Simulation> {
  const sim = createSimulation(facts)
  sim.boot()
  await sim.time.advance(3000)
  expect(sim.weights()).toEqual({ blue: 100, green: 0 })
  return sim
}

const refusal = (answer: unknown) => (answer instanceof Fault ? answer.message : 'accepted')
const blocksOf = (sim: Simulation, command: string) => sim.current()?.actions.find((action) => action.command === command)?.blocks.map(({ rule }) => rule)

describe('a release among migrations and flags', () => {
  const needing: SchemaPhase['definition'] = { ...SAMPLE_DEFINITION, services: [{ service: 'checkout', oldVersions: ['1.*'], newVersions: ['2.*'] }] }
  const flag: ExposedFlag = { flag: FLAG, percent: 25, abovePercent: 5, anyOf: ['1.*'], why: 'It draws the new form.' }

  it('is refused before anything moves where its version would find the wrong schema, or lack what an exposed flag needs', async () => {
    let schema: readonly SchemaPhase[] = [{ definition: needing, phase: 'backfilling' }]
    let exposed: readonly ExposedFlag[] = []
    const sim = await started({ schema: () => schema, exposed: () => exposed })
    expect(refusal(await sim.create('2.0.0'))).toContain('needs the new shape')
    schema = [{ definition: needing, phase: 'switchingReads' }]
    exposed = [flag]
    expect(refusal(await sim.create('2.0.0'))).toBe('The flag new-checkout is exposed to 25 % and needs checkout 1.*. It draws the new form.')
    // The control: neither stands in the way of a version that fits both.
    exposed = [{ ...flag, anyOf: ['1.*', '2.*'] }]
    expect(refusal(await sim.create('2.0.0'))).toBe('accepted')
  })

  it('goes no further by itself once a flag is exposed that its version does not know; the way back stays', async () => {
    let exposed: readonly ExposedFlag[] = []
    const sim = await started({ exposed: () => exposed })
    await sim.create('2.0.0')
    for (let waited = 0; waited < 60_000 && sim.weights()?.green !== 10; waited += 500) await sim.time.advance(500)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    exposed = [flag]
    await sim.time.advance(120_000)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    expect(blocksOf(sim, 'promote')).toEqual(['flagNeedsVersion'])
    expect(blocksOf(sim, 'rollBack')).toEqual([])
    exposed = []
    await sim.time.advance(120_000)
    expect(sim.weights()).toEqual({ blue: 0, green: 100 })
  })
})

describe('what flags say of themselves to releases', () => {
  const need = { flag: FLAG, abovePercent: 5, migration: null, versions: { service: 'checkout', anyOf: ['2.*'] }, why: '' }

  it('names those above their share, with what they need, and nothing of other services', async () => {
    const sim = createFlagSimulation({ config: { needs: [need, { ...need, migration: { id: 'split', phase: 'dualWrites' }, versions: null }] }, liveVersions: () => ['2.0.0'], migrationPhase: () => 'switchedWrites' })
    const flags = sim.boot()
    await sim.start(QUICK_PLAN)
    expect(await sim.until(() => sim.rollout().verifiedStage === 0)).toBe(true)
    expect(flags.exposed('checkout')).toEqual([])
    expect(await sim.until(() => sim.rollout().verifiedStage === 1)).toBe(true)
    expect(await sim.until(() => flags.exposed('checkout').length > 0)).toBe(true)
    expect(flags.exposed('checkout')).toEqual([{ flag: FLAG, percent: 50, abovePercent: 5, anyOf: ['2.*'], why: '' }])
    expect(flags.exposed('search')).toEqual([])
    expect(flags.exposedOn('split')).toEqual([{ flag: FLAG, percent: 50 }])
    expect(flags.exposedOn('other')).toEqual([])
    await sim.kill()
    expect(await sim.until(() => flags.exposed('checkout').length === 0)).toBe(true)
    await sim.close()
  })
})
