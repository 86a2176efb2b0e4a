import { describe, expect, it } from 'vitest'
import { Fault } from '../contract/fault.ts'
import { ANNA, createSimulation, type Simulation } from './sim/simulation.ts'

async function started(options: Parameters<typeof createSimulation>[0] = {}): Promise<Simulation> {
  const sim = createSimulation(options)
  sim.boot()
  await sim.time.advance(3000)
  expect(sim.current()?.release.phase).toBe('retired')
  expect(sim.weights()).toEqual({ blue: 100, green: 0 })
  return sim
}

async function phaseReached(sim: Simulation, phase: string, withinMs = 120_000): Promise<void> {
  for (let waited = 0; waited < withinMs; waited += 500) {
    if (sim.current()?.release.phase === phase) return
    await sim.time.advance(500)
  }
  throw new Error(`never ${phase}, but ${JSON.stringify(sim.current(), null, 1)}\n${sim.log.join('\n')}`)
}

describe('engine', () => {
  it('takes a release all the way by itself', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(1000)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    await phaseReached(sim, 'baking')
    expect(sim.weights()).toEqual({ blue: 0, green: 100 })
    await phaseReached(sim, 'completed')
    expect(sim.engine().service('checkout')?.stable).toMatchObject({ environment: 'green', deployed: { version: '2.0.0' } })
    await phaseReached(sim, 'retired')
    await sim.time.advance(3000)
    expect(sim.world.observe('checkout').environments.blue.readiness).toBe('stopped')
    expect([...sim.world.applied.values()].every((times) => times === 1)).toBe(true)
  })

  it('rolls back with one command, and leaves a stable service behind', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(1000)
    const before = sim.time.clock.monotonicMs()
    await sim.command(sim.current()!.release.id, 'rollBack')
    await sim.time.advance(10)
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    expect(sim.time.clock.monotonicMs() - before).toBeLessThan(100)
    await phaseReached(sim, 'rolledBack')
    expect(sim.engine().service('checkout')?.stable?.deployed.version).toBe('1.0.0')
  })

  it('takes traffic back by itself when a criterion fails, and says which', async () => {
    const sim = await started()
    sim.world.script('2.0.0', { errorRatio: 0.2 })
    await sim.create('2.0.0')
    await phaseReached(sim, 'rolledBack')
    expect(sim.current()?.release.rollback?.reason).toContain('Error ratio 20 %')
    expect(sim.disk.entries.some((entry) => entry.action === 'analysis.failed' && JSON.stringify(entry.evidence).includes('"errors"'))).toBe(true)
  })

  it('holds when metrics are gone: no promotion and no roll back from absence', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    sim.world.metricsOff(true)
    await sim.time.advance(300_000)
    const current = sim.current()!
    expect(current.release.phase).toBe('shifting')
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    expect(current.next).toContain('Held')
    sim.world.metricsOff(false)
    await phaseReached(sim, 'baking')
  })

  it('starts the stable side again when it must be rolled back to and is gone; traffic stays meanwhile; force does not wait', async () => {
    for (const force of [false, true]) {
      const sim = await started({ plan: { bakeMs: 600_000 } })
      sim.world.script('1.0.0', { startMs: 5000 })
      await sim.create('2.0.0')
      await phaseReached(sim, 'baking')
      sim.world.crash('checkout', 'blue')
      await sim.command(sim.current()!.release.id, 'rollBack')
      await sim.time.advance(2000)
      expect(sim.weights()).toEqual({ blue: 0, green: 100 })
      expect(sim.current()?.release.rollback?.waitingForReady).toBe(true)
      if (force) {
        await sim.command(sim.current()!.release.id, 'rollBack', { force: true })
        await sim.time.advance(100)
        expect(sim.weights()).toEqual({ blue: 100, green: 0 })
      }
      await phaseReached(sim, 'rolledBack')
      expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    }
  })

  it('says of a service that never had a release why its initial version could not be released, until one can be', async () => {
    const gone = new Fault('commandNotFound', 'There is no program ./gone.', 'Check the command.')
    let broken = true
    const sim = createSimulation({ providerFault: (method) => (broken && method === 'resolveVersion' ? { when: 'before', fault: gone } : null) })
    sim.boot()
    await sim.time.advance(3000)
    expect(sim.engine().service('checkout')).toMatchObject({ release: null, healthReason: 'Nothing was released yet. 1.0.0 could not be released: There is no program ./gone. Check the command.' })
    broken = false
    await sim.create('2.0.0')
    await phaseReached(sim, 'retired')
    expect(sim.engine().service('checkout')?.healthReason).toBe('')
  })

  it('stops and asks when a candidate never stays up, and never traps it there', async () => {
    const sim = await started()
    sim.world.script('2.0.0', { startMs: 1000, crashAfterMs: 500 })
    await sim.create('2.0.0')
    await phaseReached(sim, 'failed')
    const failed = sim.current()!
    expect(failed.release.failure?.fault.code).toBe('processCrashed')
    expect(failed.actions.map((action) => action.command)).toEqual(['rollBack', 'retry', 'abandon'])
    sim.world.script('2.0.0', {})
    await sim.command(failed.release.id, 'retry')
    await phaseReached(sim, 'shifting')
  })

  it('refuses to believe a data plane that lies', async () => {
    let lying = false
    const sim = await started({ lies: () => lying })
    lying = true
    await sim.create('2.0.0')
    await phaseReached(sim, 'failed')
    expect(sim.current()?.release.failure?.fault.code).toBe('notVerified')
    lying = false
    await sim.command(sim.current()!.release.id, 'rollBack')
    await phaseReached(sim, 'rolledBack')
  })

  it('acts once on a double click, refuses a stale revision, and journals the refusal', async () => {
    const sim = await started({ plan: { steps: [{ weightPercent: 10, hold: { kind: 'manual' }, approvals: 0 }, { weightPercent: 50, hold: { kind: 'manual' }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'manual' }, approvals: 0 }] } })
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(1000)
    const { release } = sim.current()!
    await Promise.all([sim.command(release.id, 'promote', { operationId: 'click-0001' }), sim.command(release.id, 'promote', { operationId: 'click-0001' })])
    await sim.time.advance(1000)
    expect(sim.weights()).toEqual({ blue: 50, green: 50 })
    const refused = await sim.command(release.id, 'promote', { expectedRevision: release.revision })
    expect(refused).toBeInstanceOf(Fault)
    expect((refused as Fault).code).toBe('staleRevision')
    expect(sim.disk.entries.at(-1)).toMatchObject({ kind: 'refusal', outcome: 'refused', evidence: { code: 'staleRevision' } })
  })

  it('refuses a second release, or queues it visibly and starts it afterwards', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    const refused = await sim.create('3.0.0')
    expect((refused as Fault).code).toBe('releaseInProgress')
    await sim.create('3.0.0', { queue: true })
    expect(sim.engine().service('checkout')?.queued).toHaveLength(1)
    await phaseReached(sim, 'completed')
    const inWindow = await sim.create('3.0.0')
    expect((inWindow as Fault).data.message).toContain('way back')
    for (let waited = 0; waited < 400 && sim.current()?.release.candidate.version !== '3.0.0'; waited += 1) await sim.time.advance(1000)
    expect(sim.current()?.release.candidate.version).toBe('3.0.0')
    await phaseReached(sim, 'completed')
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
  })

  it('asks for another person where the plan wants approval', async () => {
    const sim = await started({ plan: { steps: [{ weightPercent: 20, hold: { kind: 'timed', ms: 1000 }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed', ms: 0 }, approvals: 1 }] } })
    await sim.create('2.0.0')
    await phaseReached(sim, 'awaitingApproval')
    const { release } = sim.current()!
    expect(((await sim.command(release.id, 'approve')) as Fault).code).toBe('notAllowed')
    await sim.command(release.id, 'approve', { by: { id: 'ben@sim', name: 'Ben', email: '', known: 'selfDeclared' } })
    await phaseReached(sim, 'baking')
    expect(sim.disk.entries.some((entry) => entry.action === 'release.approve' && /[0-9a-f]{64}/.test(JSON.stringify(entry.evidence)))).toBe(true)
  })

  it('keeps a paused hold paused across a restart and ends it after as much time as was left', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(4000)
    await sim.command(sim.current()!.release.id, 'pause')
    await sim.restart(60_000)
    await sim.time.advance(60_000)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    await sim.command(sim.current()!.release.id, 'resume')
    await sim.time.advance(3000)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    await sim.time.advance(5000)
    expect(sim.weights()).toEqual({ blue: 50, green: 50 })
  })

  it('advances an overdue hold once after a restart, not twice', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(1000)
    await sim.restart(3_600_000)
    await sim.time.advance(2500)
    expect(sim.weights()).toEqual({ blue: 50, green: 50 })
  })

  it('gives every hold as much time as it had when the wall clock jumps', async () => {
    for (const jumpMs of [3_600_000, -3_600_000]) {
      const sim = await started()
      await sim.create('2.0.0')
      await phaseReached(sim, 'shifting')
      await sim.time.advance(2000)
      sim.time.jumpWall(jumpMs)
      await sim.time.advance(4000)
      expect(sim.weights()).toEqual({ blue: 90, green: 10 })
      await sim.time.advance(6000)
      expect(sim.weights()).toEqual({ blue: 50, green: 50 })
    }
  })

  it('finds traffic held or reverted after nobody renewed the lease, and records it', async () => {
    for (const onExpiry of ['hold', 'revert'] as const) {
      const sim = await started({ plan: { lease: { ttlMs: 5000, onExpiry }, steps: [{ weightPercent: 10, hold: { kind: 'manual' }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'manual' }, approvals: 0 }] } })
      await sim.create('2.0.0')
      await phaseReached(sim, 'shifting')
      await sim.time.advance(30_000)
      expect(sim.weights(), 'renewed while the console lives').toEqual({ blue: 90, green: 10 })
      await sim.restart(30_000)
      await sim.time.advance(3000)
      if (onExpiry === 'hold') {
        expect(sim.current()?.release.phase).toBe('shifting')
        expect(sim.disk.entries.some((entry) => entry.action === 'lease.expired')).toBe(true)
      } else {
        expect(sim.current()?.release.phase).toBe('rolledBack')
        expect(sim.weights()).toEqual({ blue: 100, green: 0 })
        expect(sim.current()?.release.rollback?.reason).toContain('lease')
      }
    }
  })

  it('acts on nothing when the journal cannot commit, save the way back', async () => {
    const sim = await started()
    await sim.create('2.0.0')
    await phaseReached(sim, 'shifting')
    await sim.time.advance(1000)
    sim.failDisk(true)
    const { release } = sim.current()!
    const shifts = sim.world.shifts.length
    for (const command of ['promote', 'promoteFully', 'pause'] as const) expect(((await sim.command(release.id, command)) as Fault).code).toBe('journalUnavailable')
    await sim.time.advance(60_000)
    expect(sim.world.shifts).toHaveLength(shifts)
    await sim.command(release.id, 'rollBack')
    await sim.time.advance(1000)
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    expect(sim.disk.emergency.length).toBeGreaterThan(0)
    sim.failDisk(false)
    await sim.restart(1000)
    await sim.time.advance(5000)
    expect(sim.current()?.release.phase).toBe('rolledBack')
    expect(sim.disk.entries.filter((entry) => entry.emergency).map((entry) => entry.action)).toContain('release.rollBack')
  })

  it('takes a first release out of service as its way back', async () => {
    const sim = createSimulation({ initialVersion: null })
    sim.boot()
    await sim.time.advance(1000)
    await sim.create('1.0.0')
    await phaseReached(sim, 'baking')
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    await sim.command(sim.current()!.release.id, 'rollBack')
    await phaseReached(sim, 'rolledBack')
    expect(sim.weights()).toEqual({ blue: 0, green: 0 })
  })

  it('sends nobody to a candidate whose data is behind, and says how far', async () => {
    let lagMs = 9000
    const sim = await started({ data: { kind: 'perEnvironment', sync: { url: null, command: 'lag' }, maxLagMs: 1000 }, lagMs: () => lagMs })
    await sim.create('2.0.0')
    await sim.time.advance(30_000)
    expect(sim.current()?.release.phase).toBe('verifying')
    expect(sim.weights()).toEqual({ blue: 100, green: 0 })
    lagMs = 500
    await sim.time.advance(3000)
    expect(sim.weights()).toEqual({ blue: 90, green: 10 })
    lagMs = 2000
    await sim.time.advance(2000)
    const promote = sim.current()!.actions.find((action) => action.command === 'promote')
    expect(promote?.blocks[0]?.reason).toContain('2000 ms behind')
    expect(sim.current()!.actions.find((action) => action.command === 'rollBack')).toMatchObject({ blocks: [], effect: expect.stringContaining('2000 ms behind') as string })
    await sim.time.advance(60_000)
    expect(sim.weights(), 'the hold is long over').toEqual({ blue: 90, green: 10 })
  })

  it('gives the writes to a side before all traffic goes there, and traffic stays where they could not be given', async () => {
    const turned: string[] = []
    let refuses = false
    let sim: Simulation | null = null
    sim = await started({
      turn: (to) => {
        if (refuses) throw new Fault('interlocked', 'green is far behind.', 'Wait.')
        turned.push(`${to} at ${sim?.weights()?.[to] ?? 0} %`)
      },
    })
    turned.length = 0
    await sim.create('2.0.0')
    await phaseReached(sim, 'baking')
    await sim.command(sim.current()!.release.id, 'rollBack')
    await phaseReached(sim, 'rolledBack')
    // Steps in between turn nothing, and each turn came before its traffic.
    expect(turned).toEqual(['green at 50 %', 'blue at 0 %'])
    refuses = true
    await sim.create('3.0.0')
    await phaseReached(sim, 'failed')
    expect(sim.weights()).toEqual({ blue: 50, green: 50 })
    refuses = false
  })

  it('takes a changed configuration of the same version as a release', async () => {
    const sim = await started({ digestOf: (version, at) => `${version}-${at > 10_000 ? 'changed' : 'first'}` })
    expect(((await sim.create('1.0.0')) as Fault).code).toBe('interlocked')
    await sim.time.advance(20_000)
    await sim.create('1.0.0')
    await phaseReached(sim, 'completed')
    expect(sim.weights()).toEqual({ blue: 0, green: 100 })
  })

  it('says what was stopped with live traffic, and starts it again when asked, or by itself where stopping was its way', async () => {
    for (const resumesStopped of [false, true]) {
      const sim = await started({ resumesStopped })
      sim.world.crash('checkout', 'blue')
      await sim.restart(1000)
      await sim.time.advance(3000)
      const blue = () => sim.world.observe('checkout').environments.blue.readiness
      if (!resumesStopped) {
        expect(blue()).toBe('stopped')
        expect(sim.engine().service('checkout')?.startAgain?.label).toBe('Start blue (1.0.0) again')
        await sim.act(sim.engine().startAgain({ service: 'checkout', reason: 'reboot', operationId: 'again-0001' }, ANNA))
        await sim.time.advance(2000)
        expect(((await sim.act(sim.engine().startAgain({ service: 'checkout', reason: '', operationId: 'again-0002' }, ANNA))) as Fault).code).toBe('illegalCommand')
      }
      expect(blue()).toBe('ready')
      expect(sim.weights()).toEqual({ blue: 100, green: 0 })
      expect(sim.disk.outbox.size).toBe(0)
      expect(sim.disk.entries.find((entry) => entry.action === 'service.startAgain')).toMatchObject({ kind: 'intent', summary: 'Start blue (1.0.0) again' })
    }
  })
})
