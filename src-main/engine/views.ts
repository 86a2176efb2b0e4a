import type { Criterion, FrozenBaseline } from '../contract/analysis.ts'
import type { Release, ReleaseView } from '../contract/release.ts'
import type { ServiceView, WaitingItem } from '../contract/service.ts'
import type { MetricSample } from '../contract/traffic.ts'
import { ENVIRONMENTS, type HealthState, type ReleasePhase } from '../contract/vocabulary.ts'
import { describeValue } from '../core/analysis/words.ts'
import { blocksAutomaticAdvance, blocksNewRelease } from '../core/interlocks/rules.ts'
import { viewRelease } from '../core/release/actions.ts'
import { blindResults, criteriaInForce, holdingCriteria } from '../core/release/state.ts'
import { RELEASE_MACHINE } from '../core/release/machine.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'
import { forScreen } from './world.ts'
import { startAgainAction } from './start-again.ts'

/** A reading older than this is not fresh: two intervals. */
const STALE_AFTER_MS = 5_000
const HEALTH_WINDOW = 10
const ASKS_OUTSIDE_STEPS: readonly ReleasePhase[] = ['verifying', 'awaitingApproval', 'baking', 'completed']

/** What screens and terminals are shown, computed from memory alone. */
export function createViews(deps: EngineDeps, memory: Memory) {
  /** Since when a service has been failing. */
  const failingSince = new Map<string, number>()

  function release(found: Release): ReleaseView {
    const live = memory.analysis.get(found.id)
    const judged = RELEASE_MACHINE[found.phase].ended || found.phase === 'rollingBack' ? undefined : live
    const shownAs = { ...found, baseline: found.baseline && withoutHistograms(found.baseline) }
    const view = viewRelease(judged ? { ...shownAs, analysis: [...judged] } : shownAs, memory.facts(found.service, found))
    return isHeld(found) ? { ...view, next: whyHeld(found), waitsFor: 'operator' } : view
  }

  function isHeld(found: Release): boolean {
    const isOverdue = found.dueAt !== null && deps.clock.wallMs() > found.dueAt + 1500
    return isOverdue && (found.phase === 'shifting' || (found.phase === 'baking' && blind(found) !== undefined))
  }

  function blind(found: Release) {
    return blindResults({ ...found, analysis: [...(memory.analysis.get(found.id) ?? [])] })[0]
  }

  function whyHeld(found: Release): string {
    const unseen = blind(found)
    if (unseen) return `Held: ${unseen.why} It goes on when the data is back, or when someone ${found.phase === 'baking' ? 'ends the bake' : 'promotes it'}.`
    const block = blocksAutomaticAdvance(found, memory.facts(found.service, found))[0]
    if (block) return `Held: ${block.reason} ${block.unblocks}`
    const analysis = [...(memory.analysis.get(found.id) ?? [])]
    const holding = holdingCriteria({ ...found, analysis }).map(({ name }) => name)
    const doubt = analysis.find(({ name }) => holding.includes(name))
    return doubt ? `Held: ${doubt.why} It goes on when the analysis passes, or when someone promotes it.` : 'Held until the analysis passes.'
  }

  function shown(name: string): Release | null {
    return memory.active(name) ?? memory.newestStarted(name)
  }

  function service(name: string): ServiceView | null {
    const config = memory.configs.get(name)
    if (!config) return null
    const record = memory.record(name)
    const reading = memory.observed(name)
    const observed = reading.kind === 'known' && deps.clock.wallMs() - reading.observedAt > STALE_AFTER_MS * 6 ? { kind: 'unknown' as const, since: reading.observedAt, why: 'The provider has not answered since.' } : reading
    const current = shown(name)
    const samples = memory.samples(name)
    const [health, healthReason] = healthOf(name, current)
    const lag = memory.dataLag.get(name)
    const weights = observed.kind === 'known' ? observed.value.weights : null
    return {
      name,
      provider: config.provider,
      capabilities: deps.provider(config.provider).capabilities,
      revision: record.revision,
      plan: config.plan,
      data: config.data,
      dataSync: lag ? (lag.kind === 'known' ? { ...lag, value: { lagMs: lag.value } } : lag) : null,
      observed,
      desiredWeights: record.desiredWeights,
      live: weights ? (ENVIRONMENTS.find((environment) => weights[environment] >= 50) ?? null) : null,
      stable: record.stable,
      health,
      healthReason,
      latest: { blue: forScreen(samples.blue.at(-1)), green: forScreen(samples.green.at(-1)) },
      release: current && release(current),
      queued: memory.planned(name).map(release),
      startAgain: startAgainAction(memory, name),
      newReleaseBlocks: [...blocksNewRelease(memory.active(name), memory.facts(name, null))],
    }
  }

  function healthOf(name: string, current: Release | null): readonly [HealthState, string] {
    const reading = memory.observed(name)
    if (reading.kind === 'unknown') return ['unknown', reading.why]
    const { environments, weights } = reading.value
    const carrying = ENVIRONMENTS.filter((environment) => weights[environment] > 0)
    const dead = carrying.find((environment) => environments[environment].readiness !== 'ready')
    if (dead) return ['failing', `${dead} has ${weights[dead]} % of live traffic and is ${environments[dead].readiness}. ${environments[dead].detail}`.trim()]
    if (carrying.length === 0) return current ? ['watch', 'Out of service: no environment has live traffic.'] : ['unknown', ['Nothing was released yet.', memory.failedAttempts.get(name) ?? ''].join(' ').trim()]
    const limit = errorLimit(memory.configs.get(name)?.plan.criteria ?? [])
    const ratios = carrying.map((environment) => [environment, errorRatio(memory.samples(name)[environment])] as const)
    const worst = ratios.toSorted((a, b) => b[1] - a[1])[0]
    if (worst && worst[1] > limit) return ['failing', `${worst[0]} error ratio ${percent(worst[1])}, limit ${percent(limit)}.`]
    if (current?.phase === 'failed') return ['watch', current.failure?.fault.message ?? 'The release failed.']
    if (current?.phase === 'rollingBack' && current.failure) return ['watch', current.failure.fault.message]
    const { desiredWeights } = memory.record(name)
    if (desiredWeights && current && !current.shiftPending && ENVIRONMENTS.some((environment) => desiredWeights[environment] !== weights[environment])) {
      return ['watch', `Traffic is at blue ${weights.blue} %, green ${weights.green} %; this console asked for blue ${desiredWeights.blue} %, green ${desiredWeights.green} %.`]
    }
    if (worst && worst[1] > limit * 0.8) return ['watch', `${worst[0]} error ratio ${percent(worst[1])}, limit ${percent(limit)}.`]
    return ['healthy', '']
  }

  function waiting(): readonly WaitingItem[] {
    return [...memory.configs.keys()].flatMap((name) => {
      const current = shown(name)
      const items: WaitingItem[] = []
      const add = (kind: WaitingItem['kind'], title: string, detail: string, since: number, expiresAt: number | null = null, key: string = kind) =>
        items.push({ id: `${key}:${name}`, service: name, releaseId: current?.id ?? null, kind, title, detail, since, expiresAt })
      const [health, reason] = healthOf(name, current)
      if (health !== 'failing') failingSince.delete(name)
      else {
        failingSince.set(name, failingSince.get(name) ?? deps.clock.wallMs())
        add('health', 'Failing', reason, failingSince.get(name) ?? 0)
      }
      if (!current) return items
      const { version } = current.candidate
      const since = current.dueSince ?? current.startedAt ?? current.createdAt
      if (current.phase === 'awaitingApproval') add('approval', 'Approval', release(current).next, since)
      if (current.phase === 'failed') add('failed', 'Stopped', current.failure?.fault.message ?? '', current.failure?.at ?? since)
      if (current.phase === 'completed') add('window', 'Rollback window', `${name} can go back to ${current.stable?.version ?? ''} at once only until the window closes.`, since, current.dueAt)
      if (current.phase === 'rollingBack' && current.rollback?.waitingForReady) add('failed', 'Rolling back', release(current).next, current.rollback.at)
      if (current.phase === 'shifting' && !current.shiftPending && RELEASE_MACHINE.shifting.waitsFor(current) === 'operator') add('manualStep', current.paused ? (current.paused.why === '' ? 'Paused' : 'Asks') : 'Manual step', current.paused && current.paused.why !== '' ? current.paused.why : `${version} holds at ${current.desiredWeights[current.candidateEnvironment]} %.`, current.paused?.at ?? current.weightSince ?? since)
      // A guard that asks outside a step, before the first traffic or after the last, waits for a person no less.
      if (current.paused && current.paused.why !== '' && ASKS_OUTSIDE_STEPS.includes(current.phase)) add('manualStep', 'Asks', current.paused.why, current.paused.at)
      if (isHeld(current)) add('analysis', 'Held', whyHeld(current).replace(/^Held: /, ''), current.dueAt ?? since)
      const doubts = memory.analysis.get(current.id) ?? []
      const absent = RELEASE_MACHINE[current.phase].ended ? undefined : doubts.find(({ absentSince }) => absentSince !== null)
      const declared = absent && criteriaInForce(current).find(({ name }) => name === absent.name)?.absence
      const meanwhile = !declared || declared.action === 'hold' ? 'It neither promotes nor rolls back by itself until they are back.' : `It does not go on; missing for ${Math.round(declared.afterMs / 1000)} s it ${declared.action === 'pause' ? 'pauses and asks' : 'rolls back'}, as declared.`
      if (absent) add('analysis', 'No metrics', `${absent.why} ${meanwhile}`, absent.absentSince ?? since, null, 'metrics')
      const shared = RELEASE_MACHINE[current.phase].ended ? undefined : doubts.find(({ bothSides }) => bothSides)
      if (shared) add('health', 'Both environments', shared.why, shared.fromAt, null, 'bothSides')
      if (current.rollback && current.rollback.reason === '' && current.rollback.by.known !== 'system') add('reasonOwed', 'Reason missing', `Say why ${version} was rolled back.`, current.rollback.at)
      const reading = memory.observed(name)
      if (reading.kind === 'known' && reading.value.lease?.expired) add('lease', 'Lease ran out', 'No console watched this shift for a while; traffic was held.', reading.value.lease.expiresAt)
      return items
    })
  }

  return { release, service, waiting, names: () => [...memory.configs.keys()] }
}
export type Views = ReturnType<typeof createViews>

/** Sent with every reading: the counts of the record. Its histograms, by far the most of it, are for judges. */
function withoutHistograms(baseline: FrozenBaseline): FrozenBaseline {
  return { ...baseline, series: { ...baseline.series, latency: baseline.series.at.map(() => []) } }
}

function errorRatio(samples: readonly MetricSample[]): number {
  const recent = samples.slice(-HEALTH_WINDOW)
  const requests = recent.reduce((sum, sample) => sum + sample.requests, 0)
  return requests < 20 ? 0 : recent.reduce((sum, sample) => sum + sample.errors, 0) / requests
}

const percent = (ratio: number) => describeValue({ source: 'router', of: 'errorRatio' }, ratio)

/** The error ratio above which a service is said to fail: its strictest plain limit, else 5 %. */
function errorLimit(criteria: readonly Criterion[]): number {
  const limits = criteria.flatMap(({ metric, judge }) => (metric.source === 'router' && metric.of === 'errorRatio' && judge.kind === 'threshold' ? [judge.limit] : []))
  return limits.length > 0 ? Math.min(...limits) : 0.05
}
