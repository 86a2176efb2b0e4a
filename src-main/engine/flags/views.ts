import type { FlagRollout, FlagSourceView, FlagSummary, FlagView, RolloutView } from '../../contract/flag.ts'
import type { FlagDefinition, FlagRolloutPlan, RolloutStage } from '../../contract/flag-definition.ts'
import { Fault } from '../../contract/fault.ts'
import type { Block } from '../../contract/release.ts'
import type { WaitingItem } from '../../contract/service.ts'
import { safeVariantOf } from '../../core/flags/exposure.ts'
import { type Lifecycle, lifecycleOf } from '../../core/flags/lifecycle.ts'
import type { ObservedFlag } from '../../core/flags/ports.ts'
import { actionsOf } from '../../core/flags/rollout/actions.ts'
import { killVariant, percentAt, rolloutEnded } from '../../core/flags/rollout/state.ts'
import { audienceWords, exposureWords, headlineOf, nextWords } from '../../core/flags/rollout/words.ts'
import { blocksAutomatic, blocksForPercent, journalBlock, readOnlyBlock, roleBlock, type RolloutFacts } from '../../core/interlocks/flag-rules.ts'
import type { Board, Seat } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import type { StageForesight } from './foresight.ts'

const EARLIER = 20
const MINUTES = 30
const MINUTE_MS = 60_000
/** What the guard took back is in the inbox for so long. */
const TOLD_MS = 24 * 60 * MINUTE_MS

const stage = (percent: number): RolloutStage => ({ audience: { kind: 'everyone' }, percent, holdMs: 10 * MINUTE_MS, approval: false, criteria: null })
/** Of a source that declares none. */
const DEFAULT_STAGES: readonly RolloutStage[] = [1, 5, 25, 50, 100].map(stage)

/** What screens and terminals are told, made from what the board knows. */
export function createViews(deps: FlagsDeps, board: Board, foresee: (rollout: FlagRollout) => readonly StageForesight[]) {
  function factsOf(rollout: FlagRollout): RolloutFacts {
    const seat = board.find(rollout.source)
    return {
      role: deps.operator().role,
      readOnly: deps.readOnly(),
      journalWritable: deps.store.problem() === '',
      needs: (seat?.config.needs ?? []).filter(({ flag }) => flag === rollout.flag),
      migrationPhase: deps.migrationPhase,
      liveVersions: deps.liveVersions,
      newestId: board.newest(rollout.source, rollout.flag)?.id ?? null,
      unreachable: seat ? seat.problem : 'the workspace declares it no more.',
    }
  }

  function rollout(found: FlagRollout): RolloutView {
    const seen = board.judged(found)
    const facts = factsOf(seen)
    const foreseen = foresee(seen)
    const ended = rolloutEnded(seen.phase)
    const trouble = board.trouble.get(seen.id)
    const next = nextWords(seen, deps.clock.wallMs(), seen.phase === 'holding' ? blocksAutomatic(seen, facts) : [])
    return {
      // The record that is compared with is for judges.
      rollout: { ...seen, frozen: null },
      ended,
      stages: seen.plan.stages.map((each, index) => {
        const reached = seen.stages.find((one) => one.stage === index)
        const state = index < seen.stageIndex || (seen.phase === 'finished' && index <= seen.stageIndex) ? 'done' : index === seen.stageIndex ? 'current' : index === seen.stageIndex + 1 ? 'next' : 'later'
        return {
          percent: each.percent,
          audience: each.audience,
          audienceWords: audienceWords(each.audience),
          holdMs: each.holdMs,
          approval: each.approval,
          state,
          exposedAt: reached?.exposedAt ?? null,
          endedAt: reached?.endedAt ?? null,
          detectionMs: foreseen[index]?.detectionMs ?? null,
          tooShort: foreseen[index]?.tooShort ?? false,
          blocks: ended || index <= seen.verifiedStage ? [] : [...blocksForPercent(percentAt(seen.plan, index), facts)],
        }
      }),
      actions: [...actionsOf(seen, facts)],
      headline: headlineOf(seen),
      next: trouble !== undefined && !ended && seen.phase !== 'rollingBack' && seen.phase !== 'failed' ? `${next} It is tried again: ${trouble}` : next,
      acting: board.acting.get(seen.id) ?? null,
    }
  }

  function lifecycle(seat: Seat, flag: FlagDefinition): Lifecycle & { readonly lastEvaluatedAt: number | null; readonly perMinute: readonly number[] } {
    const { evaluations, config } = seat
    const counted = evaluations?.byFlag.get(flag.key) ?? []
    const last = counted.reduce<number | null>((newest, { lastAt }) => Math.max(newest ?? 0, lastAt), null)
    const newest = board.newest(config.name, flag.key)
    const settledSince = newest && (newest.phase === 'finished' || newest.phase === 'rolledBack') ? newest.endedAt : null
    const found = lifecycleOf(flag, {
      now: deps.clock.wallMs(),
      rollout: newest !== null && !rolloutEnded(newest.phase),
      lastEvaluatedAt: last,
      evaluationsSince: evaluations?.since ?? null,
      settledSince: settledSince !== null && (flag.facts.changedAt === null || flag.facts.changedAt <= settledSince) ? settledSince : null,
      settledForMs: config.settledForMs,
      silentForMs: config.silentForMs,
    })
    return { ...found, lastEvaluatedAt: last, perMinute: sumMinutes(counted.map(({ perMinute }) => perMinute)) }
  }

  function summary(seat: Seat, flag: FlagDefinition): FlagSummary {
    const life = lifecycle(seat, flag)
    const running = board.running(seat.config.name, flag.key)
    const { words, percent } = exposureWords(flag)
    return {
      source: seat.config.name,
      key: flag.key,
      type: flag.type,
      lifecycle: life.state,
      why: life.why,
      exposure: words,
      percent,
      rollout: running && { id: running.id, phase: running.phase, paused: running.paused !== null, dueAt: running.dueAt, stage: running.stageIndex, stages: running.plan.stages.length },
      owner: flag.facts.owner,
      changedAt: flag.facts.changedAt,
      lastEvaluatedAt: life.lastEvaluatedAt,
      perMinute: [...life.perMinute],
      references: seat.references ? (seat.references.byFlag[flag.key]?.length ?? 0) : null,
      settledOn: life.settledOn,
    }
  }

  function source(seat: Seat): FlagSourceView {
    const { config, reading } = seat
    let capabilities: FlagSourceView['capabilities']
    let { problem } = seat
    try {
      capabilities = deps.source(config.name).capabilities
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
      const none = 'The source cannot be opened.'
      capabilities = { define: none, segments: none, percent: none, audiences: none, compareAndSet: none, evaluations: none, experiments: none, outcomes: none, archive: none }
    }
    return {
      name: config.name,
      kind: config.kind,
      tier: deps.tier,
      set: seat.set ?? '',
      sets: config.sets.map((each) => ({ ...each })),
      capabilities,
      digest: reading?.digest ?? '',
      flags: reading?.flagSet.flags.length ?? 0,
      segments: reading ? [...reading.flagSet.segments] : [],
      problems: reading ? [...reading.problems] : [],
      broken: reading?.broken ?? null,
      readAt: seat.readAt,
      problem: seat.set === null ? `It has no set for the tier ${deps.tier}.` : problem,
      addresses: reading ? [...reading.addresses] : [],
    }
  }

  function actBlocks(): readonly Block[] {
    return [roleBlock(deps.operator().role), readOnlyBlock(deps.readOnly())].flatMap((block) => block ?? [])
  }

  function kill(definition: FlagDefinition, running: FlagRollout | null): FlagView['kill'] {
    const variant = running ? killVariant(running) : safeVariantOf(definition)
    const unsafe: Block[] = variant === null ? [{ rule: 'safeVariant', reason: 'It declares no safe variant, and none of its values is plainly off.', unblocks: 'Declare which variant is safe.' }] : []
    return {
      variant,
      label: variant === null ? 'Kill' : `Kill: everyone gets ${variant}`,
      effect: running ? 'At once, whatever the context. The rollout is over.' : 'At once, whatever the context.',
      blocks: [...actBlocks(), ...unsafe],
    }
  }

  function archive(seat: Seat, definition: FlagDefinition): FlagView['archive'] {
    const { stillEvaluated, lastEvaluatedAt } = lifecycle(seat, definition)
    const why = deps.source(seat.config.name).capabilities.archive
    const blocks: Block[] = [...actBlocks(), ...[journalBlock(deps.store.problem() === '')].flatMap((block) => block ?? [])]
    if (why !== null) blocks.push({ rule: 'unsupported', reason: why, unblocks: 'Remove it in the system that keeps it.' })
    if (definition.facts.archived) blocks.push({ rule: 'archived', reason: 'It is removed from use already.', unblocks: 'Define it again to bring it back.' })
    if (board.running(seat.config.name, definition.key)) blocks.push({ rule: 'rolloutInProgress', reason: 'A rollout of it goes on.', unblocks: 'When the rollout is over.' })
    if (stillEvaluated === 'yes') {
      const minutes = Math.round((deps.clock.wallMs() - (lastEvaluatedAt ?? 0)) / MINUTE_MS)
      blocks.push({ rule: 'stillEvaluated', reason: `It was evaluated ${minutes === 0 ? 'less than a minute' : `${minutes} min`} ago: removing it would change what callers get.`, unblocks: `When no evaluation was seen for ${Math.round(seat.config.silentForMs / MINUTE_MS)} min; remove it from code first.` })
    }
    return { label: 'Remove from use', effect: stillEvaluated === 'unknown' ? 'Its definition is kept. Whether it is still evaluated is not known: say why it may go.' : 'Its definition is kept; nothing has evaluated it lately.', blocks }
  }

  /** The source's stages for this flag: what is not its safe variant, to everyone in steps. */
  function suggestedPlan(seat: Seat, flag: FlagDefinition): FlagRolloutPlan {
    const names = flag.variants.map(({ name }) => name)
    const baseline = safeVariantOf(flag) ?? flag.defaultVariant ?? names[0] ?? ''
    const variant = names.find((name) => name !== baseline) ?? baseline
    return { flag: flag.key, variants: [{ variant, share: 100 }], baseline, stages: [...(seat.config.stages.length > 0 ? seat.config.stages : DEFAULT_STAGES)] }
  }

  function flag(seat: Seat, observed: ObservedFlag, tiers: FlagView['tiers']): FlagView {
    const { definition, native, version } = observed
    const { name } = seat.config
    const newest = board.newest(name, definition.key)
    const earlier = deps.store.rolloutsOf(name, definition.key, EARLIER + 1).filter(({ id }) => id !== newest?.id)
    return {
      summary: summary(seat, definition),
      definition,
      native: JSON.stringify(native, null, 2),
      version,
      readAt: deps.clock.wallMs(),
      kill: kill(definition, board.running(name, definition.key)),
      archive: archive(seat, definition),
      tiers: [...tiers],
      rollout: newest && rollout(newest),
      earlier: earlier.slice(0, EARLIER).map((each) => ({ id: each.id, number: each.number, phase: each.phase, startedAt: each.startedAt, endedAt: each.endedAt, headline: headlineOf(each) })),
      suggestedPlan: suggestedPlan(seat, definition),
      references: seat.references ? [...(seat.references.byFlag[definition.key] ?? [])] : null,
    }
  }

  /** What waits for a person. */
  function waiting(): readonly WaitingItem[] {
    const items: WaitingItem[] = []
    for (const found of board.seats().flatMap(({ config }) => board.newestOf(config.name))) {
      const { source: from, flag: key, phase } = found
      const add = (id: string, title: string, detail: string, since: number) => items.push({ id: `flag:${found.id}:${id}`, service: key, releaseId: null, flag: { source: from, key }, kind: 'flag', title, detail, expiresAt: null, since })
      if (found.drift) add('drift', 'Changed elsewhere', `${found.drift.difference.join(' ')} Resume writes the stage again; abandon leaves what is there.`, found.drift.at)
      else if (found.paused) add('paused', found.paused.why === '' ? 'Paused' : 'Asks', found.paused.why === '' ? `Paused by ${found.paused.by.name}.` : found.paused.why, found.paused.at)
      if (found.submitted) add('submitted', 'Waits for approval elsewhere', `${found.submitted.what}: ${found.submitted.url}`, found.submitted.at)
      if (phase === 'awaitingApproval') add('approval', 'Approval', rollout(found).next, found.stageSince)
      if (phase === 'failed' && found.failure) add('failed', 'Stopped', `${found.failure.fault.message} ${found.failure.fault.next}`, found.failure.at)
      if (phase === 'rollingBack' && found.failure) add('failed', 'Rolling back', rollout(found).next, found.failure.at)
      if (phase === 'holding' && !found.paused && !found.drift) {
        const now = deps.clock.wallMs()
        if (found.dueAt === null) add('choice', 'Choose a variant', rollout(found).next, found.stageSince)
        else if (now >= found.dueAt + 5000) add('held', 'Held', rollout(found).next, found.dueAt)
      }
      if (phase === 'rolledBack' && found.rollback?.to === 'safe' && !found.rollback.byGuard && found.rollback.reason === '') add('reasonOwed', 'Reason missing', `Say why ${key} was killed.`, found.rollback.at)
      if (phase === 'rolledBack' && found.rollback?.byGuard && deps.clock.wallMs() - found.rollback.at < TOLD_MS) add('takenBack', 'Taken back by the guard', found.rollback.reason, found.rollback.at)
    }
    for (const seat of board.seats()) {
      const since = seat.reading?.broken?.since
      if (since !== undefined) items.push({ id: `flag:source:${seat.config.name}`, service: seat.config.name, releaseId: null, flag: { source: seat.config.name, key: '' }, kind: 'flag', title: 'Flags broken', detail: `${seat.reading?.broken?.why ?? ''} The last good version is served.`, expiresAt: null, since })
    }
    return items
  }

  /** Faults: `notFound`. */
  function definitionOf(seat: Seat, key: string): FlagDefinition {
    const found = seat.byKey.get(key)
    if (!found) throw new Fault('notFound', `${seat.config.name} has no flag ${key}.`, 'Look at the list of flags.')
    return found
  }

  return { factsOf, rollout, lifecycle, summary, source, flag, kill, archive, actBlocks, waiting, definitionOf }
}
export type Views = ReturnType<typeof createViews>

/** Minute by minute over all variants, the last thirty. */
function sumMinutes(all: readonly (readonly number[])[]): readonly number[] {
  const length = Math.min(MINUTES, Math.max(0, ...all.map((one) => one.length)))
  return Array.from({ length }, (_, index) => all.reduce((sum, one) => sum + (one[one.length - length + index] ?? 0), 0))
}
