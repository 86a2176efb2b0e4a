import type { CriterionResult } from '../contract/analysis.ts'
import { Fault } from '../contract/fault.ts'
import { type Release, SYSTEM_OPERATOR } from '../contract/release.ts'
import type { MetricSample, ObservedService } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { ServiceConfig } from '../contract/workspace.ts'
import { overallVerdict } from '../core/analysis/judge.ts'
import { blocksAutomaticAdvance } from '../core/interlocks/rules.ts'
import { RELEASE_MACHINE } from '../core/release/machine.ts'
import { analysisAllows, blindResults, candidatePercent, criteriaInForce, guardIsSuspended, isWarning, sameWeights, stableWeights } from '../core/release/state.ts'
import type { Analyst, Judgement } from './analyst.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'
import { batchOf, type Ledger } from './ledger.ts'
import { withoutFuture } from './recording.ts'
import { planOperation, type Runner, toFault } from './runner.ts'

const TICK_MS = 1000
/** Wall and monotonic clock drifting apart by more than this in one tick: the wall clock was set, or the machine slept. */
const CLOCK_JUMP_MS = 2000
const REGISTER_RETRY_MS = 2000

/** Listens to the world and to time, and tells the machine what they say. */
export function createWatcher(deps: EngineDeps, memory: Memory, ledger: Ledger, runner: Runner, analyst: Analyst, onService: (service: string) => void) {
  const { clock } = deps
  const stops: (() => void)[] = []
  const busy = new Set<string>()
  const notedLeases = new Set<string>()
  const notedOverrules = new Set<string>()
  let stopped = false
  let halted = false
  let jumping = false
  let offsetMs = clock.wallMs() - clock.monotonicMs()

  /** Once at a time per key; failures are logged, never thrown into a timer. */
  function once(key: string, act: () => Promise<void>): void {
    if (busy.has(key) || stopped) return
    busy.add(key)
    void act()
      .catch((error: unknown) => deps.log(`${key}: ${toFault(error, deps).message}`))
      .finally(() => busy.delete(key))
  }

  function repeat(delayMs: number, act: () => void): void {
    const beat = () => {
      if (stopped) return
      act()
      cancel = clock.setTimer(delayMs, beat)
    }
    let cancel = clock.setTimer(delayMs, beat)
    stops.push(() => cancel())
  }

  async function attach(config: ServiceConfig): Promise<void> {
    const provider = deps.provider(config.provider)
    await register(config)
    if (stopped) return
    const onLost = (fault: Fault) => {
      lost(config.name, fault)
      // Whatever kept the service may have died: telling it again brings it back, and is nothing when it lives.
      once(`register ${config.name}`, () => register(config))
    }
    stops.push(provider.subscribe(config.name, (observed) => seen(config.name, observed), onLost))
  }

  /** Tries until the provider knows the service. A console that may only read tells it nothing. */
  async function register(config: ServiceConfig): Promise<void> {
    while (!stopped && !halted && deps.readOnly() === null) {
      try {
        await deps.provider(config.provider).register(config)
        memory.markRegistered(config.name)
        return
      } catch (error) {
        lost(config.name, toFault(error, deps))
        await new Promise<void>((resolve) => stops.push(clock.setTimer(REGISTER_RETRY_MS, resolve)))
      }
    }
  }

  function seen(service: string, value: ObservedService): void {
    if (stopped) return
    memory.setObserved(service, { kind: 'known', value, observedAt: clock.wallMs() })
    analyst.see(service, value)
    const release = memory.active(service)
    if (release && deps.readOnly() === null) lookForOthers(release, value)
    onService(service)
  }

  function lost(service: string, fault: Fault): void {
    const before = memory.observed(service)
    const since = before.kind === 'unknown' && before.since > 0 ? before.since : clock.wallMs()
    memory.setObserved(service, { kind: 'unknown', since, why: fault.message })
    onService(service)
  }

  /** The provider moved traffic by itself, as it was told to: the release follows. */
  function lookForOthers(release: Release, value: ObservedService): void {
    const wentBack = ['lease', 'liveDeath'].includes(value.generationCause) && sameWeights(value.weights, stableWeights(release)) && !sameWeights(value.weights, release.desiredWeights)
    if (wentBack && release.phase !== 'rollingBack') {
      const reason =
        value.generationCause === 'lease'
          ? 'No console renewed the lease of this shift, so the supervisor put traffic back, as the plan says.'
          : 'The live environment died, so the provider switched to the stable one, as the workspace says.'
      once(`reverted ${release.id}`, () => runner.signal(release.id, { type: 'revertedElsewhere', reason }, planOperation(release)))
    }
    const { lease } = value
    if (lease?.expired && !notedLeases.has(lease.id)) {
      notedLeases.add(lease.id)
      once(`lease ${lease.id}`, () => note(release, 'lease.expired', 'No console renewed the lease of this shift; the supervisor held traffic where it was', { lease }))
    }
  }

  async function note(release: Release, action: string, summary: string, evidence: unknown): Promise<void> {
    const entry = {
      kind: 'event' as const,
      action,
      operator: SYSTEM_OPERATOR,
      target: { service: release.service, releaseId: release.id },
      summary,
      reason: '',
      ticket: release.ticket,
      before: null,
      after: null,
      operationId: planOperation(release),
      outcome: 'recorded' as const,
      evidence: JSON.parse(JSON.stringify(evidence)) as null,
    }
    await ledger.inTurn(release.service, () => ledger.persist(batchOf({ entries: [entry] }), false))
    // No release changed, so nothing else tells screens of it: the verdict is what they wait for.
  }

  function tick(): void {
    const jumpMs = clock.wallMs() - clock.monotonicMs() - offsetMs
    const acts = deps.readOnly() === null
    if (Math.abs(jumpMs) > CLOCK_JUMP_MS && acts) {
      offsetMs += jumpMs
      once('clock jump', () => followClock(jumpMs))
    }
    for (const config of deps.services) {
      once(`metrics ${config.name}`, () => readMetrics(config))
      if (acts) keepLease(config.name)
      if (config.data.kind === 'perEnvironment') once(`lag ${config.name}`, () => readLag(config))
    }
    if (!acts) return
    for (const release of memory.running()) {
      record(release)
      judge(release)
    }
    for (const config of deps.services) if (!memory.active(config.name)) analyst.forget(config.name)
  }

  /**
   * Only time this console watched counts: after a jump of the wall clock, or a sleep, every hold has as much left as
   * before. Nothing falls due until that is committed.
   */
  async function followClock(deltaMs: number): Promise<void> {
    jumping = true
    try {
      // Samples carry wall clock times: old ones would shadow, or pose as, what comes now.
      memory.forgetSamples()
      analyst.forgetAll()
      for (const release of memory.running()) if (release.dueAt !== null || release.trafficSince !== null) await runner.signal(release.id, { type: 'clockJumped', deltaMs }, planOperation(release))
    } finally {
      jumping = false
    }
  }

  async function readMetrics(config: ServiceConfig): Promise<void> {
    const provider = deps.provider(config.provider)
    if (!provider.capabilities.metrics || memory.observed(config.name).kind === 'unknown') return
    const known = memory.samples(config.name)
    const newest = Math.max(known.blue.at(-1)?.at ?? 0, known.green.at(-1)?.at ?? 0)
    const read = await provider.metrics(config.name, newest)
    const series = withoutFuture(read, clock.wallMs())
    if (stopped || (series.blue.length === 0 && series.green.length === 0)) return
    memory.addSamples(config.name, series)
    analyst.add(config.name, series)
    deps.metricsStore?.append(config.name, series)
    deps.publish({ kind: 'metrics', service: config.name, blue: forScreen(series.blue.at(-1)), green: forScreen(series.green.at(-1)) })
  }

  async function readLag(config: ServiceConfig): Promise<void> {
    const before = memory.dataLag.get(config.name)
    try {
      memory.dataLag.set(config.name, { kind: 'known', value: await deps.dataSync.lagMs(config.name, config.data, sideWithoutTraffic(config.name)), observedAt: clock.wallMs() })
    } catch (error) {
      const since = before?.kind === 'unknown' ? before.since : clock.wallMs()
      memory.dataLag.set(config.name, { kind: 'unknown', since, why: toFault(error, deps).message })
    }
    onService(config.name)
  }

  /** The one that follows, where each has its own data: while both get traffic, nobody can say. */
  function sideWithoutTraffic(service: string): EnvironmentName | null {
    const reading = memory.observed(service)
    if (reading.kind === 'unknown') return null
    const { blue, green } = reading.value.weights
    return blue === 0 && green > 0 ? 'blue' : green === 0 && blue > 0 ? 'green' : null
  }

  /** A shift lives as long as a console watches over it; once it is over, its lease ends without any consequence. */
  function keepLease(service: string): void {
    const reading = memory.observed(service)
    const lease = reading.kind === 'known' ? reading.value.lease : null
    const release = lease && memory.release(lease.id.slice(0, lease.id.indexOf(':')))
    if (!lease || !release || release.phase === 'rollingBack') return
    const guarded = ['shifting', 'baking', 'awaitingApproval', 'failed'].includes(release.phase)
    const { ttlMs } = release.plan.lease
    if (guarded && !lease.expired && lease.expiresAt - clock.wallMs() > ttlMs * (2 / 3)) return
    once(`lease of ${service}`, async () => {
      await deps.provider(memory.configs.get(service)?.provider ?? '').renewLease(service, lease.id, guarded ? ttlMs : 0)
    })
  }

  /** From its deployment on, so that what was before the switch is on record. */
  function record(release: Release): void {
    const provider = memory.configs.get(release.service)?.provider
    if (!isWatched(release) || provider === undefined || !deps.provider(provider).capabilities.metrics) return
    const reading = memory.observed(release.service)
    once(`fill ${release.service}`, () => analyst.fill(release.service, reading.kind === 'known' ? reading.value : null, (fromAt) => deps.provider(provider).metrics(release.service, fromAt)))
  }

  function isWatched(release: Release): boolean {
    return release.phase !== 'planned' && !RELEASE_MACHINE[release.phase].ended
  }

  /**
   * Judges the candidate while it has traffic, to the end of the rollback window. A fail takes traffic back; a warning
   * pauses and asks; a pass lets an analysis hold end; doubt holds.
   */
  function judge(release: Release): void {
    // Also while a further step is on its way, or did not get there: what has traffic is judged.
    const moves = ['shifting', 'baking', 'completed', 'awaitingApproval', 'failed'].includes(release.phase) && release.trafficSince !== null
    if (!moves || candidatePercent(release) === 0 || release.stepIndex === -1 || criteriaInForce(release).length === 0) {
      checkDue(release)
      return
    }
    analyst.ask(release)
    const judgement = analyst.judge(release)
    memory.analysis.set(release.id, judgement.results)
    const verdict = overallVerdict(judgement.results.filter((result) => !isWarning(result) || !release.acknowledged.includes(result.name)))
    if (verdict === 'fail') return failed(release, judgement)
    // Where traffic is not settled there is nothing to pause.
    if (verdict === 'warn' && !release.paused && !release.shiftPending) {
      once(`judge ${release.id}`, () => act(release, judgement, 'warn'))
      return
    }
    checkDue(release)
  }

  /** Takes traffic back, or says that it would have, once, while a person holds the guard off. */
  function failed(release: Release, judgement: Judgement): void {
    const held = release.guardSuspended
    if (held === null || !guardIsSuspended(release, clock.wallMs())) {
      once(`judge ${release.id}`, () => act(release, judgement, 'fail'))
      return
    }
    const key = `${release.id} ${held.at}`
    if (notedOverrules.has(key)) return
    notedOverrules.add(key)
    const why = judgement.results.find((result) => result.verdict === 'fail')?.why ?? ''
    const evidence = { results: judgement.results, judged: judgement.evidence((result) => result.verdict === 'fail') }
    once(`overruled ${release.id}`, () => note(release, 'analysis.overruled', `Not rolled back, because ${held.by.name} suspended it: ${why}`, evidence))
  }

  async function act(release: Release, judgement: Judgement, verdict: 'fail' | 'warn' | 'pass'): Promise<void> {
    const { results } = judgement
    const decides = (result: CriterionResult) => (verdict === 'warn' ? isWarning(result) : result.verdict === verdict && (verdict === 'pass' || result.severity === 'fail'))
    const decided = results.filter(decides)
    const evidence = { results, judged: judgement.evidence(decides) }
    const action = { fail: 'analysis.failed', warn: 'analysis.warned', pass: 'analysis.passed' }[verdict]
    const summary = verdict === 'pass' ? `Analysis passed: ${decided.map(({ name }) => name).join(', ')}` : (decided[0]?.why ?? 'A criterion failed.')
    // Taking traffic back never waits for a journal that cannot take the evidence.
    await note(release, action, summary, evidence).catch((error: unknown) => deps.log(`evidence of ${release.id} was not kept: ${toFault(error, deps).message}`))
    await runner.signal(release.id, { type: 'judged', verdict, results }, planOperation(release))
  }

  /** An overdue hold advances once, through the same gates and interlocks as a person's promote. */
  function checkDue(release: Release): void {
    if (jumping || release.dueAt === null || release.paused || clock.monotonicMs() + offsetMs < release.dueAt) return
    const seen = { ...release, analysis: [...(memory.analysis.get(release.id) ?? [])] }
    if (['shifting', 'baking'].includes(release.phase) && criteriaInForce(release).length > 0 && blindResults(seen).length > 0) return
    const blocks = release.phase === 'shifting' ? blocksAutomaticAdvance(release, memory.facts(release.service, release)) : []
    if (blocks.length > 0) return
    once(`due ${release.id}`, async () => {
      const needsAnalysis = release.phase === 'shifting' && release.plan.steps[release.stepIndex]?.hold.kind === 'analysis'
      if (needsAnalysis) {
        const judgement = analyst.judge(release)
        if (!analysisAllows({ ...release, analysis: [...judgement.results] })) return
        // Where nothing is declared nothing was judged, and nothing passed: only time did.
        if (judgement.results.length > 0) await act(release, judgement, 'pass')
      }
      // The release is named with its revision, so that a hold that was paused or promoted meanwhile is left alone.
      const now = memory.release(release.id)
      if (now && now.phase === release.phase && now.stepIndex === release.stepIndex && now.dueAt === release.dueAt && !now.paused) {
        await runner.signal(release.id, { type: 'due' }, planOperation(now))
      }
    })
  }

  /** Wakes exactly at the end of a hold, rather than up to a tick later. */
  function schedule(release: Release): void {
    if (release.dueAt === null || release.paused) return
    const { dueAt } = release
    clock.setTimer(Math.max(0, dueAt - clock.wallMs()), () => {
      const now = memory.release(release.id)
      if (!stopped && deps.readOnly() === null && now?.dueAt === dueAt) judge(now)
    })
  }

  return {
    start(): void {
      for (const config of deps.services) once(`attach ${config.name}`, () => attach(config))
      for (const release of memory.running()) schedule(release)
      repeat(TICK_MS, tick)
    },
    schedule,
    record,
    /** Everything was stopped on purpose: do not bring it back by watching it. */
    halt(): void {
      halted = true
    },
    stop(): void {
      stopped = true
      for (const stop of stops) stop()
    },
  }
}

/** Screens draw percentiles; the histogram they come from is for judges. */
export function forScreen(sample: MetricSample | undefined): MetricSample | null {
  return sample ? { ...sample, latency: [] } : null
}
