import { Fault } from '../../contract/fault.ts'
import type { TierDifference } from '../../contract/flag.ts'
import type { Audience, FlagDefinition, FlagSet, Segment } from '../../contract/flag-definition.ts'
import type { Operator } from '../../contract/release.ts'
import type { Tier } from '../../contract/vocabulary.ts'
import { sameJson } from '../../core/flags/json.ts'
import type { SetReading } from '../../core/flags/ports.ts'
import { exposureWords } from '../../core/flags/rollout/words.ts'
import { journalBlock } from '../../core/interlocks/flag-rules.ts'
import { type Acts, faultOf } from './acts.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { differenceOf } from './difference.ts'
import { flagDraft, plain } from './drafts.ts'
import { type Rollouts, toFault } from './rollouts.ts'
import type { Views } from './views.ts'

/** Dates are of their own tier, and no difference. */
function portable(flag: FlagDefinition, over: FlagDefinition | null): FlagDefinition {
  const { createdAt, changedAt } = over?.facts ?? { createdAt: null, changedAt: null }
  return { ...flag, facts: { ...flag.facts, createdAt, changedAt } }
}

function segmentsOf(audience: Audience): readonly string[] {
  return audience.kind === 'segments' ? audience.anyOf : []
}

/** Flags and segments of one tier beside those of another, and taking them over. */
export function createTiers(deps: FlagsDeps, board: Board, acts: Acts, rollouts: Rollouts, views: Views) {
  function setOf(source: string, tier: Tier): string {
    const found = board.seat(source).config.sets.find((each) => each.tier === tier)
    if (!found) throw new Fault('invalidInput', `${source} has no set for the tier ${tier}.`, 'Name one under `sets` in the workspace file.')
    return found.set
  }

  const read = (source: string, tier: Tier): Promise<SetReading> => deps.source(source).read(setOf(source, tier))

  function differences(from: FlagSet, to: FlagSet): readonly TierDifference[] {
    const theirs = new Map(to.flags.map((flag) => [flag.key, flag]))
    const ours = new Set(from.flags.map(({ key }) => key))
    const flags = from.flags.flatMap((flag): TierDifference[] => {
      const other = theirs.get(flag.key) ?? null
      if (!other) return [{ key: flag.key, what: 'flag', change: 'added', lines: [`Exposure: ${exposureWords(flag).words}`] }]
      const lines = differenceOf(other, portable(flag, other))
      return lines.length === 0 ? [] : [{ key: flag.key, what: 'flag', change: 'changed', lines: [...lines] }]
    })
    const removed = to.flags.filter(({ key }) => !ours.has(key)).map((flag): TierDifference => ({ key: flag.key, what: 'flag', change: 'removed', lines: [`Exposure: ${exposureWords(flag).words}`] }))
    const segments = from.segments.flatMap((segment): TierDifference[] => {
      const other = to.segments.find(({ name }) => name === segment.name)
      if (!other) return [{ key: segment.name, what: 'segment', change: 'added', lines: [] }]
      return sameJson(plainOf(other), plainOf(segment)) ? [] : [{ key: segment.name, what: 'segment', change: 'changed', lines: [`${JSON.stringify(other.rule)} became ${JSON.stringify(segment.rule)}`] }]
    })
    const gone = to.segments.filter(({ name }) => !from.segments.some((each) => each.name === name)).map(({ name }): TierDifference => ({ key: name, what: 'segment', change: 'removed', lines: [] }))
    return [...flags, ...removed, ...segments, ...gone]
  }

  async function compare(source: string, from: Tier, to: Tier): Promise<readonly TierDifference[]> {
    const [ours, theirs] = await Promise.all([read(source, from), read(source, to)])
    return differences(ours.flagSet, theirs.flagSet)
  }

  function guardAct(): void {
    const block = [...views.actBlocks(), ...[journalBlock(deps.store.problem() === '')].flatMap((each) => each ?? [])][0]
    if (block) throw faultOf(block)
  }

  /** Segments first, which flags refer to; then flag by flag, each compared and set. */
  async function copy(request: { readonly source: string; readonly from: Tier; readonly to: Tier; readonly flags: readonly string[]; readonly reason: string; readonly operationId: string }, operator: Operator): Promise<readonly TierDifference[]> {
    const { source, from, to, flags, reason, operationId } = request
    const act = { source, flag: '*', action: 'flag.copy', summary: `Copy ${flags.length === 1 ? flags[0] : `${flags.length} flags`} from ${from} to ${to}`, operator, operationId }
    await acts.once<unknown>(
      operationId,
      async () => undefined,
      async () => {
        try {
          guardAct()
          const [ours, theirs] = await Promise.all([read(source, from), read(source, to)])
          const set = setOf(source, to)
          const wanted = flags.map((key) => {
            const flag = ours.flagSet.flags.find((each) => each.key === key)
            if (!flag) throw new Fault('notFound', `${from} has no flag ${key}. Nothing was copied.`, 'Compare the tiers again.')
            if (set === board.seat(source).set && board.running(source, key)) throw new Fault('releaseInProgress', `A rollout of ${key} goes on in ${to}. Nothing was copied.`, 'When it is over.')
            return flag
          })
          const named = new Set(wanted.flatMap(({ targeting }) => (targeting.kind === 'rules' ? targeting.rules.flatMap(({ audience }) => segmentsOf(audience)) : ours.flagSet.segments.map(({ name }) => name))))
          const needed = ours.flagSet.segments.filter(({ name }) => named.has(name))
          const news = needed.filter((segment) => !sameJson(plainOf(theirs.flagSet.segments.find(({ name }) => name === segment.name)), plainOf(segment)))
          await rollouts.persist({ entries: [flagDraft({ kind: 'intent', action: 'flag.copy', operator, summary: act.summary, reason, operationId, outcome: 'sent', after: plain({ flags, segments: news.map(({ name }) => name), from, to }) }, source, '*')], operation: { id: operationId, releaseId: `flag:${source}/*` } }, false)
          if (news.length > 0) await deps.source(source).writeSegments(set, merged(theirs.flagSet.segments, news), theirs.digest)
          for (const flag of wanted) {
            const over = theirs.flagSet.flags.find(({ key }) => key === flag.key) ?? null
            if (over && differenceOf(over, portable(flag, over)).length === 0) continue
            // Segments that were written changed the versions of flags that refer to them.
            const expect = over ? ((await acts.observe(source, set, flag.key))?.version ?? null) : null
            await rollouts.inTurn(source, flag.key, () => acts.perform({ source, set, flag: flag.key, action: 'flag.copy', summary: `Copy ${flag.key} from ${from} to ${to}`, change: { kind: 'define', definition: portable(flag, over) }, expect, operator, reason, operationId: `${operationId}:${flag.key}`, emergency: false }))
          }
          return undefined
        } catch (error) {
          if (error instanceof Fault && error.data.cause === 'refused') return acts.refuse(act, error)
          throw error
        }
      },
    )
    return compare(source, from, to)
  }

  async function defineSegments(request: { readonly source: string; readonly segments: readonly Segment[]; readonly expectedDigest: string; readonly reason: string; readonly operationId: string }, operator: Operator): Promise<void> {
    const { source, segments, expectedDigest, reason, operationId } = request
    const set = board.setOf(source)
    const act = { source, flag: '*', action: 'flag.segments', summary: `Define the segments of ${source}`, operator, operationId }
    await acts.once<unknown>(
      operationId,
      async () => undefined,
      async () => {
        const before = board.seat(source).reading?.flagSet.segments ?? []
        try {
          guardAct()
          const why = deps.source(source).capabilities.segments
          if (why !== null) throw new Fault('unsupported', why, 'Change them in the system that keeps them.')
          const used = (board.seat(source).reading?.flagSet.flags ?? []).find(({ targeting }) => targeting.kind === 'rules' && targeting.rules.some(({ audience }) => segmentsOf(audience).some((name) => !segments.some((each) => each.name === name))))
          if (used) throw new Fault('invalidInput', `${used.key} refers to a segment that would be gone. Nothing was changed.`, 'Change the flag first.')
          const busy = rolloutUsing(source, before, segments)
          if (busy !== null) throw new Fault('releaseInProgress', `A rollout of ${busy} goes on and uses a segment that would change. Nothing was changed.`, 'When it is over.')
          await rollouts.persist({ entries: [flagDraft({ kind: 'intent', action: act.action, operator, summary: act.summary, reason, operationId, outcome: 'sent', before: plain(before), after: plain(segments) }, source, '*')], operation: { id: operationId, releaseId: `flag:${source}/*` } }, false)
          await deps.source(source).writeSegments(set, segments, expectedDigest)
          await rollouts.persist({ entries: [flagDraft({ kind: 'outcome', action: act.action, operator, summary: `${act.summary}: done`, operationId, outcome: 'verified', after: plain((await deps.source(source).read(set)).flagSet.segments) }, source, '*')] }, false).catch((error: unknown) => deps.log(`an outcome could not be journaled: ${toFault(error).message}`))
          return undefined
        } catch (error) {
          if (error instanceof Fault && error.data.cause === 'refused') return acts.refuse(act, error)
          throw error
        }
      },
    )
  }

  /** The flag of a rollout under way whose audience would change; null: none. */
  function rolloutUsing(source: string, before: readonly Segment[], after: readonly Segment[]): string | null {
    const changed = before.filter((segment) => !sameJson(plainOf(segment), plainOf(after.find(({ name }) => name === segment.name)))).map(({ name }) => name)
    const using = board.unended().find((rollout) => rollout.source === source && rollout.plan.stages.some(({ audience }) => segmentsOf(audience).some((name) => changed.includes(name))))
    return using?.flag ?? null
  }

  return { compare, copy, defineSegments }
}
export type Tiers = ReturnType<typeof createTiers>

function plainOf(segment: Segment | undefined) {
  return segment === undefined ? null : plain(segment)
}

/** What is there stays in its place; what is new comes after. */
function merged(there: readonly Segment[], news: readonly Segment[]): readonly Segment[] {
  return [...there.map((segment) => news.find(({ name }) => name === segment.name) ?? segment), ...news.filter(({ name }) => !there.some((each) => each.name === name))]
}
