import type { Audience, Condition, FlagRule, Segment, Serve } from '../../../src-main/contract/flag-definition.ts'
import type { FlagSummary, RolloutPhase, RolloutView } from '../../../src-main/contract/flag.ts'
import type { MarkState } from '../../components/state-mark.tsx'
import { formatCount, plural } from '../../lib/format.ts'

export const TABS = ['moving', 'on', 'off', 'cleanUp'] as const
export type FlagTab = (typeof TABS)[number]
export const TAB_WORDS: Readonly<Record<FlagTab, string>> = { moving: 'Moving', on: 'On', off: 'Off', cleanUp: 'Clean up' }

/** Where a flag stands in the list: what changes or depends on who asks, what everyone has, and what may go. */
export function tabOf(summary: FlagSummary): FlagTab {
  if (summary.rollout !== null || summary.lifecycle === 'rollingOut' || summary.lifecycle === 'active') return 'moving'
  if (summary.lifecycle === 'stale') return 'cleanUp'
  if (summary.lifecycle === 'fullyOn') return 'on'
  return summary.lifecycle === 'permanent' && (summary.percent ?? 0) > 0 ? 'on' : 'off'
}

const ASKS: ReadonlySet<RolloutPhase> = new Set<RolloutPhase>(['awaitingApproval', 'failed'])

/** Those that need a person first, then by what happens next, then by name. Clean up: the oldest first. */
export function sortFlags(flags: readonly FlagSummary[], tab: FlagTab): readonly FlagSummary[] {
  const byKey = (a: FlagSummary, b: FlagSummary) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
  if (tab === 'cleanUp') return flags.toSorted((a, b) => (a.changedAt ?? 0) - (b.changedAt ?? 0) || byKey(a, b))
  if (tab !== 'moving') return flags.toSorted(byKey)
  const rank = ({ rollout }: FlagSummary) => (rollout === null ? 4 : ASKS.has(rollout.phase) ? 0 : rollout.paused ? 1 : rollout.dueAt !== null ? 2 : 3)
  return flags.toSorted((a, b) => rank(a) - rank(b) || (a.rollout?.dueAt ?? 0) - (b.rollout?.dueAt ?? 0) || byKey(a, b))
}

/** Every word must occur in key, owner, exposure or state. */
export function matchesFlag(summary: FlagSummary, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = `${summary.key} ${summary.owner ?? ''} ${summary.exposure} ${stateWord(summary)} ${summary.source}`.toLowerCase()
  return words.every((word) => text.includes(word))
}

/** One word on the right of a line, where no countdown stands. */
export function stateWord({ rollout, lifecycle }: FlagSummary): string {
  if (rollout === null) return { active: '', rollingOut: '', fullyOn: '', fullyOff: '', stale: 'stale', permanent: 'permanent', archived: 'removed' }[lifecycle]
  if (rollout.phase === 'failed') return 'stopped'
  if (rollout.phase === 'awaitingApproval') return 'waits for you'
  if (rollout.paused) return 'held'
  return { planned: 'not started', exposing: 'changing', holding: rollout.dueAt === null ? 'manual' : '', finishing: 'finishing', finished: 'finished', rollingBack: 'going back', rolledBack: 'rolled back', abandoned: 'left as it is' }[rollout.phase]
}

export function attentionOf({ rollout }: FlagSummary): MarkState {
  if (rollout?.phase === 'failed') return 'fail'
  return rollout !== null && (rollout.paused || rollout.phase === 'awaitingApproval') ? 'watch' : 'fine'
}

/** What cleaning up means: "remove 4 reads in 2 files, keep on". */
export function cleanUpWords({ references, settledOn }: Pick<FlagSummary, 'references' | 'settledOn'>, files: number | null): string {
  if (references === null) return 'code not searched'
  if (references === 0) return 'no reads left, delete the flag'
  return `remove ${plural(references, 'read')}${files === null ? '' : ` in ${plural(files, 'file')}`}${settledOn === null ? '' : `, keep ${settledOn}`}`
}

/** "100 % for 61 d", "off for 33 d", "not read for 90 d": why it may go, short. */
export function settledWords(summary: FlagSummary): string {
  const silent = /^Not evaluated for (\d+) days?/.exec(summary.why)
  if (silent) return `not read for ${silent[1]} d`
  const days = /for (\d+) days?\.?$/.exec(summary.why)
  const what = summary.percent === 100 ? '100 %' : summary.percent === 0 ? (summary.settledOn ?? '0 %') : summary.exposure
  return days ? `${what} for ${days[1]} d` : what
}

const quoted = (value: string | number | boolean) => (typeof value === 'string' ? `"${value}"` : String(value))
const TESTS: Readonly<Record<Exclude<Condition['test'], 'in' | 'notIn' | 'sample'>, string>> = {
  is: '=', isNot: '≠', startsWith: 'starts', endsWith: 'ends', contains: 'contains', atLeast: '≥', above: '>', atMost: '≤', below: '<',
  versionAtLeast: '≥', versionBelow: '<', versionSameMajor: 'same major as', versionSameMinor: 'same minor as',
}

/** A test of one attribute, as a line of a rule. */
export function conditionWords(condition: Condition): string {
  switch (condition.test) {
    case 'sample':
      return `${formatCount(condition.percent)} % of all, drawn by "${condition.salt}"`
    case 'in':
    case 'notIn': {
      const shown = condition.values.slice(0, 5).map(quoted).join(', ')
      return `${condition.attribute} ${condition.test === 'in' ? 'in' : 'not in'} ${shown}${condition.values.length > 5 ? ` and ${condition.values.length - 5} more` : ''}`
    }
    default:
      return `${condition.attribute} ${TESTS[condition.test]} ${'version' in condition ? condition.version : quoted(condition.value)}`
  }
}

export function conditionsWords({ match, conditions }: { readonly match: 'all' | 'any'; readonly conditions: readonly Condition[] }): string {
  return conditions.map(conditionWords).join(match === 'all' ? ' and ' : ' or ')
}

/** Whom a rule is about: "everyone", "internal or beta", or its conditions. */
export function audienceWords(audience: Audience): string {
  if (audience.kind === 'everyone') return 'everyone'
  return audience.kind === 'segments' ? audience.anyOf.join(' or ') : conditionsWords(audience)
}

/** What a segment comes to, for a person who does not know its name. */
export function segmentWords({ rule }: Segment): string {
  return rule.kind === 'conditions' ? conditionsWords(rule) : 'written by hand'
}

/** "on", "on 25 %, else off", "A 10 %, B 10 %, else off". */
export function serveWords(serve: Serve): string {
  if (serve.kind === 'variant') return serve.variant
  const parts = serve.variants.map(({ variant, share }) => `${variant} ${formatCount((serve.percent * share) / 100)} %`)
  return serve.percent >= 100 ? parts.join(', ') : `${parts.join(', ')}, else ${serve.otherwise}`
}

/** How a rule finds whom it is about. */
export function ruleDetail(rule: FlagRule, segments: readonly Segment[]): string {
  const shared = rule.serve.kind === 'split' ? `${formatCount(rule.serve.percent)} % by targeting key, sticky` : ''
  if (rule.audience.kind === 'everyone') return shared
  const who = rule.audience.kind === 'conditions' ? '' : rule.audience.anyOf.flatMap((name) => { const found = segments.find((segment) => segment.name === name); return found ? [segmentWords(found)] : [`no segment ${name}`] }).join(' or ')
  return [who, shared].filter(Boolean).join('; ')
}

/** Stage of a rollout as its track calls it: "25 %", or its audience. */
export function stageTitle(stage: RolloutView['stages'][number]): string {
  if (stage.audience.kind === 'everyone') return `${formatCount(stage.percent)} %`
  return stage.percent === 100 ? stage.audienceWords : `${formatCount(stage.percent)} % of ${stage.audienceWords}`
}
