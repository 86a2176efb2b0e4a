import { describe, expect, it } from 'vitest'
import { runChaos } from './sim/chaos.ts'
import { createSimulation } from './sim/simulation.ts'

const SEEDS = 200

describe('the engine in simulated time', () => {
  it(`keeps every promise in ${SEEDS} seeded runs of kills and faults, and roll back wins at the end of each`, async () => {
    let crashes = 0
    let rollBacks = 0
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const result = await runChaos({ seed })
      expect(result.violations, `seed ${seed}`).toEqual([])
      crashes += result.crashes
      rollBacks += result.rollBacks
    }
    expect(crashes).toBeGreaterThan(SEEDS)
    expect(rollBacks).toBeGreaterThan(SEEDS / 2)
  }, 120_000)

  it('replays a seed to the same history, byte for byte', async () => {
    for (const seed of [3, 14]) expect((await runChaos({ seed })).trace).toBe((await runChaos({ seed })).trace)
    expect((await runChaos({ seed: 3 })).trace).not.toBe((await runChaos({ seed: 4 })).trace)
  })

  it('would notice a world that does things twice (control)', async () => {
    let noticed = 0
    for (let seed = 1; seed <= 40 && noticed === 0; seed += 1) noticed += (await runChaos({ seed, sabotage: 'forgetsOperations' })).violations.length
    expect(noticed).toBeGreaterThan(0)
  })

  it.each(['commit.before', 'commit.after', 'effect.before', 'effect.accepted', 'effect.after'])('recovers from a kill at every passage of %s of a whole release, forward and back', async (point) => {
    for (let nth = 1; ; nth += 1) {
      const sim = createSimulation({ plan: { bakeMs: 2000, rollbackWindowMs: 3_600_000 } })
      sim.boot()
      await sim.time.advance(3000)
      sim.crashAt(point, nth)
      await sim.create('2.0.0')
      await sim.time.advance(40_000)
      const passed = sim.crashArmed
      if (!passed) {
        await sim.restart(500)
        // What was never acknowledged may not have happened; then it is simply asked for again.
        if (sim.current()?.release.candidate.version !== '2.0.0') await sim.create('2.0.0')
        await sim.time.advance(45_000)
      }
      expect(sim.current()?.release.phase, `${point} ${nth}`).toBe('completed')
      expect(sim.weights()).toEqual({ blue: 0, green: 100 })
      sim.disarm()
      sim.crashAt(point, 1 + (nth % 3))
      await sim.command(sim.current()!.release.id, 'rollBack')
      await sim.time.advance(5000)
      if (!sim.crashArmed) await sim.restart(500)
      sim.disarm()
      await sim.time.advance(10_000)
      if (sim.current()?.release.phase === 'completed') await sim.command(sim.current()!.release.id, 'rollBack')
      await sim.time.advance(10_000)
      expect(sim.weights(), `${point} ${nth}`).toEqual({ blue: 100, green: 0 })
      for (const [id, times] of sim.world.applied) expect(times, id).toBe(1)
      if (passed) break
    }
  }, 60_000)
})
