import { seededRandom } from '../../bench/measure.ts'
import { Fault } from '../../contract/fault.ts'
import { RELEASE_COMMANDS, type ReleaseCommand } from '../../contract/vocabulary.ts'
import { RELEASE_MACHINE } from '../../core/release/machine.ts'
import { sameWeights, stableWeights } from '../../core/release/state.ts'
import { createSimulation, type Simulation } from './simulation.ts'

export interface ChaosResult {
  readonly seed: number
  readonly simulatedMs: number
  readonly crashes: number
  readonly releases: number
  readonly rollBacks: number
  readonly entries: number
  /** What must never happen, with what did. Empty is good. */
  readonly violations: readonly string[]
  /** The whole history, for replay: equal for equal seeds. */
  readonly trace: string
}

export interface ChaosOptions {
  readonly seed: number
  /** Acts of chaos. Default 40. */
  readonly acts?: number
  /** A broken world, which the checks must notice: the control arm. */
  readonly sabotage?: 'forgetsOperations' | 'ignoresFences'
}

const CRASH_POINTS = ['commit.before', 'commit.after', 'effect.before', 'effect.accepted', 'effect.after']

/**
 * One seeded run of the real engine against faults: kills at named points and at random times, lost answers, failing
 * calls, crashing versions, a full disk, a silent data plane, jumps of the clock. Afterwards the faults end, and
 * everything must come to rest where the last decision put it.
 */
export async function runChaos({ seed, acts = 40, sabotage }: ChaosOptions): Promise<ChaosResult> {
  const random = seededRandom(seed)
  const chance = (probability: number) => random() < probability
  let faulty = true
  const sim = createSimulation({
    seed: seed + 1_000_000,
    plan: { lease: { ttlMs: 8000, onExpiry: chance(0.5) ? 'hold' : 'revert' }, bakeMs: 5000, rollbackWindowMs: 20_000 },
    latencyMs: () => Math.floor(random() * 40),
    providerFault: (method) => {
      if (!faulty || method === 'register' || method === 'subscribe' || !chance(0.05)) return null
      return { fault: new Fault('providerUnavailable', 'scripted', 'wait'), when: chance(0.5) ? 'before' : 'after' }
    },
  })
  sim.world.script('3.0.0', { errorRatio: 0.3 })
  sim.world.sabotage(sabotage ?? null)
  const violations: string[] = []
  let crashes = 0
  let rollBacks = 0
  const acknowledged = new Set<string>()

  sim.boot()
  await sim.time.advance(5000)
  for (let act = 0; act < acts; act += 1) {
    await oneAct()
    await sim.time.advance(Math.floor(random() * 4000))
    check()
  }
  // The faults end. A roll back of whatever is open must win, in bounded time (R6).
  faulty = false
  sim.failDisk(false)
  sim.disarm()
  await sim.restart(100)
  await sim.time.advance(3000)
  const open = sim.current()
  if (open && !open.ended) {
    const answer = await sim.command(open.release.id, 'rollBack')
    if (answer instanceof Fault) violations.push(`roll back of ${open.release.id} (${open.release.phase}) was refused: ${answer.message}`)
    await sim.time.advance(40_000)
    const now = sim.engine().release(open.release.id)
    if (now?.release.phase !== 'rolledBack') violations.push(`roll back of ${open.release.id} ended as ${now?.release.phase}`)
    if (!sameWeights(sim.weights(), stableWeights(open.release)) && sim.current()?.release.id === open.release.id) violations.push(`traffic is at ${JSON.stringify(sim.weights())} after a roll back`)
  }
  await sim.time.advance(5000)
  if (sim.disk.outbox.size > 0 && sim.engine().busy() === false) violations.push(`effects were forgotten: ${[...sim.disk.outbox.keys()].join(', ')}`)
  check()
  const trace = JSON.stringify([sim.disk.entries.map(({ seq, at, action, summary, outcome }) => [seq, at, action, summary, outcome]), sim.world.shifts])
  return { seed, simulatedMs: sim.time.clock.monotonicMs(), crashes, releases: sim.disk.releases.size, rollBacks, entries: sim.disk.entries.length, violations, trace }

  async function oneAct(): Promise<void> {
    const dice = random()
    if (dice < 0.15) sim.crashAt(CRASH_POINTS[Math.floor(random() * CRASH_POINTS.length)] ?? 'commit.after', 1 + Math.floor(random() * 3))
    if (dice >= 0.15 && dice < 0.22) return kill()
    if (dice >= 0.22 && dice < 0.27) return sim.failDisk(chance(0.5))
    if (dice >= 0.27 && dice < 0.3) return sim.time.jumpWall(Math.floor((random() - 0.5) * 7_200_000))
    if (dice >= 0.3 && dice < 0.34) return sim.world.crash('checkout', chance(0.5) ? 'blue' : 'green')
    if (dice >= 0.34 && dice < 0.38) return sim.world.metricsOff(chance(0.5))
    const current = sim.current()
    if (!current || current.ended || dice < 0.45) await answered(sim.create(chance(0.6) ? '2.0.0' : '3.0.0', { endRollbackWindow: chance(0.5), queue: chance(0.2) }))
    else {
      const command: ReleaseCommand = RELEASE_COMMANDS[Math.floor(random() * RELEASE_COMMANDS.length)] ?? 'pause'
      if (command === 'rollBack') rollBacks += 1
      await answered(sim.command(current.release.id, command))
    }
    // An armed crash happened when the console no longer answers.
    if (!sim.alive()) await kill()
  }

  async function answered(call: Promise<unknown>): Promise<void> {
    const answer = await call
    if (answer && !(answer instanceof Fault)) acknowledged.add((answer as { release: { id: string } }).release.id)
  }

  async function kill(): Promise<void> {
    crashes += 1
    await sim.restart(Math.floor(random() * 12_000))
    const beforeMs = sim.time.clock.monotonicMs()
    await sim.time.advance(1000)
    if (sim.engine().services().length === 0 || sim.time.clock.monotonicMs() - beforeMs > 1000) violations.push('not decided within a second of the restart')
  }

  function check(): void {
    for (const [id, times] of sim.world.applied) if (times > 1) violations.push(`${id} was applied ${times} times`)
    for (const id of sim.world.staleEffects) violations.push(`${id} was applied after a newer act`)
    for (const id of acknowledged) if (!sim.disk.releases.has(id) && !sim.disk.emergency.some((batch) => batch.releases.some((release) => release.id === id))) violations.push(`${id} was acknowledged and is lost`)
    for (const shift of sim.world.shifts) if (!['lease'].includes(shift.cause) && !hasIntent(sim, shift.cause)) violations.push(`${shift.cause} acted without a durable intent`)
    for (const [id, release] of sim.disk.releases) if (!RELEASE_MACHINE[release.phase]) violations.push(`${id} is in no phase`)
  }
}

/** The journal, or the emergency file, holds the intent that queued this effect. */
function hasIntent(sim: Simulation, effectId: string): boolean {
  const names = (entry: { kind: string; after: unknown }) => entry.kind === 'intent' && JSON.stringify(entry.after).includes(`"${effectId}"`)
  return sim.disk.entries.some(names) || sim.disk.emergency.some((batch) => batch.entries.some(names))
}
