import type { FlagRollout, RolloutCommand, RolloutPhase } from '../../../contract/flag.ts'
import type { Audience, Condition, FlagDefinition, FlagRolloutPlan } from '../../../contract/flag-definition.ts'
import { timeLeft } from '../../release/words.ts'
import { exposureOf, safeVariantOf } from '../exposure.ts'
import { holdingResults, killVariant, nextStage, onlyVariant, stageOf } from './state.ts'

const PHASE_WORDS: { readonly [P in RolloutPhase]: string } = {
  planned: 'planned',
  exposing: 'being exposed',
  holding: 'holding',
  awaitingApproval: 'awaiting approval',
  finishing: 'finishing',
  finished: 'finished',
  rollingBack: 'rolling back',
  rolledBack: 'rolled back',
  failed: 'stopped by a failure',
  abandoned: 'abandoned',
}

/** Completes "the rollout is …". */
export function phaseWords(phase: RolloutPhase): string {
  return PHASE_WORDS[phase]
}

const COMMAND_WORDS: { readonly [C in RolloutCommand]: string } = {
  start: 'start',
  advance: 'advance',
  approve: 'approve',
  pause: 'pause',
  resume: 'resume',
  rollBack: 'roll back',
  kill: 'kill',
  retry: 'retry',
  finish: 'finish',
  abandon: 'abandon',
}

export function commandWords(command: RolloutCommand): string {
  return COMMAND_WORDS[command]
}

const TEST_WORDS: { readonly [T in Condition['test']]: string } = {
  is: 'is',
  isNot: 'is not',
  in: 'is one of',
  notIn: 'is none of',
  startsWith: 'starts with',
  endsWith: 'ends with',
  contains: 'contains',
  atLeast: 'is at least',
  above: 'is above',
  atMost: 'is at most',
  below: 'is below',
  versionAtLeast: 'is version',
  versionBelow: 'is below version',
  versionSameMajor: 'has the major version of',
  versionSameMinor: 'has the minor version of',
  sample: '',
}

function conditionWords(condition: Condition): string {
  if (condition.test === 'sample') return `${percentWords(condition.percent)} by ${condition.salt}`
  const value = 'values' in condition ? condition.values.slice(0, 3).join(', ') + (condition.values.length > 3 ? ` and ${condition.values.length - 3} more` : '') : 'version' in condition ? condition.version : String(condition.value)
  return `${condition.attribute} ${TEST_WORDS[condition.test]} ${value}${condition.test === 'versionAtLeast' ? ' or newer' : ''}`
}

/** "everyone", "internal", "plan is pro". */
export function audienceWords(audience: Audience): string {
  switch (audience.kind) {
    case 'everyone':
      return 'everyone'
    case 'segments':
      return audience.anyOf.join(' or ')
    case 'conditions':
      return audience.conditions.map(conditionWords).join(audience.match === 'all' ? ' and ' : ' or ')
  }
}

export function percentWords(percent: number): string {
  return `${Number(percent.toFixed(2))} %`
}

/** "25 % of users", "internal", "10 % of beta". */
export function stageWords(plan: FlagRolloutPlan, index: number): string {
  const stage = plan.stages[index]
  if (!stage) return 'nobody'
  if (stage.audience.kind === 'everyone') return `${percentWords(stage.percent)} of users`
  const who = audienceWords(stage.audience)
  return stage.percent === 100 ? who : `${percentWords(stage.percent)} of ${who}`
}

/** "on", or "a and b". */
export function variantWords(plan: FlagRolloutPlan): string {
  return plan.variants.map(({ variant }) => variant).join(' and ')
}

/** What everyone gets of a flag, for a list: "25 %", "off", "on for everyone", "internal", "by hand". */
export function exposureWords(flag: FlagDefinition): { readonly words: string; readonly percent: number | null } {
  if (flag.facts.archived) return { words: 'archived', percent: null }
  if (flag.state === 'DISABLED') return { words: "the caller's default", percent: null }
  const { everyone, percents } = exposureOf(flag)
  const safe = safeVariantOf(flag)
  if (percents === null || flag.targeting.kind === 'handwritten') return { words: 'by hand', percent: null }
  const audiences = flag.targeting.rules.filter(({ audience }) => audience.kind !== 'everyone').map(({ audience }) => audienceWords(audience))
  const given = [...percents].filter(([variant]) => variant !== safe)
  const percent = safe === null ? null : given.reduce((sum, [, share]) => sum + share, 0)
  if (everyone !== null) return everyone === safe ? { words: everyone, percent: 0 } : { words: `${everyone} for everyone`, percent: safe === null ? null : 100 }
  if (percent === null) return { words: [...percents].map(([variant, share]) => `${variant} ${percentWords(share)}`).join(', '), percent }
  if (percent === 0) return { words: audiences.join(', ') || (safe ?? 'off'), percent }
  const share = given.length === 1 ? percentWords(percent) : given.map(([variant, each]) => `${variant} ${percentWords(each)}`).join(', ')
  return { words: audiences.length > 0 ? `${share}, ${audiences.join(', ')}` : share, percent }
}

/** Where the rollout is, in a few words: "25 % of users". */
export function headlineOf(rollout: FlagRollout): string {
  const there = stageWords(rollout.plan, rollout.verifiedStage)
  switch (rollout.phase) {
    case 'planned':
      return 'Not started'
    case 'exposing':
      return rollout.submitted ? `${there}; the change to ${stageWords(rollout.plan, rollout.stageIndex)} waits for approval` : `${there}, being changed to ${stageWords(rollout.plan, rollout.stageIndex)}`
    case 'holding':
    case 'awaitingApproval':
      return there
    case 'finishing':
      return `${there}, being finished: ${rollout.finishWith ?? variantWords(rollout.plan)} for everyone`
    case 'finished':
      return `${rollout.finishWith ?? variantWords(rollout.plan)} for everyone`
    case 'rollingBack':
      return rollout.rollback?.to === 'safe' ? `Being killed: ${killVariant(rollout)} for everyone` : 'Being rolled back'
    case 'rolledBack':
      return rollout.rollback?.to === 'safe' ? `Killed: ${killVariant(rollout)} for everyone` : rollout.rollback?.byGuard ? 'Taken back by the guard' : 'Rolled back'
    case 'failed':
      return `Stopped at ${there}`
    case 'abandoned':
      return `Abandoned at ${there}`
  }
}

/** What comes after the stage in force: "25 % of users are exposed". */
function following(rollout: FlagRollout): string {
  const next = nextStage(rollout)
  if (next !== null) return `${stageWords(rollout.plan, next)} ${rollout.plan.stages[next]?.audience.kind === 'everyone' ? 'get' : 'gets'} ${variantWords(rollout.plan)}`
  const variant = onlyVariant(rollout.plan)
  return variant === null ? 'a person chooses the variant that stays' : `everyone gets ${variant}, without rules`
}

/** One sentence: what happens if nobody does anything. `now` is wall clock ms. */
export function nextWords(rollout: FlagRollout, now: number, blocks: readonly { readonly reason: string }[]): string {
  if (rollout.phase === 'rollingBack') {
    const to = rollout.rollback?.to === 'safe' ? `everyone gets ${killVariant(rollout)}` : 'the flag becomes what it was before'
    if (rollout.submitted) return `The way back was submitted and waits for approval: ${rollout.submitted.what}.`
    return rollout.failure ? `It is tried again until ${to}: ${rollout.failure.fault.message}` : `It is tried until ${to}.`
  }
  if (rollout.drift) return `Paused: somebody changed the flag elsewhere. Resume writes the stage again; abandon leaves what is there.`
  if (rollout.paused) return rollout.paused.why === '' ? `Paused by ${rollout.paused.by.name}: nothing goes on until someone resumes it.` : `Paused, and asks: ${rollout.paused.why}`
  switch (rollout.phase) {
    case 'planned':
      return 'It waits to be started.'
    case 'exposing':
    case 'finishing':
      return rollout.submitted ? `It waits for approval where the flag is kept: ${rollout.submitted.what}.` : 'The flag is being changed, then read back.'
    case 'holding': {
      if (rollout.dueAt === null) return onlyVariant(rollout.plan) === null && nextStage(rollout) === null ? 'It stays until a person chooses the variant that stays.' : 'It stays until a person advances it.'
      const then = stageOf(rollout)?.approval ? 'it waits for approval' : following(rollout)
      const holding = holdingResults(rollout)
      const over = now >= rollout.dueAt
      const first = blocks[0]
      if (over && first) return `The hold is over, and it waits: ${first.reason}`
      if (over && holding[0]) return `The hold is over, and it waits for ${holding.map(({ name }) => name).join(', ')}: ${holding[0].why}`
      const condition = rollout.criteria.length > 0 ? ' and its criteria pass' : ''
      return `When the hold is over (${timeLeft(rollout.dueAt - now)})${condition}, ${then}.`
    }
    case 'awaitingApproval':
      return `When somebody approves it, ${following(rollout)}.`
    case 'failed':
      return 'Nothing goes on until someone retries it, rolls it back or abandons it.'
    case 'finished':
      return 'Nothing: it is over. The flag can be removed from code once it has settled.'
    case 'rolledBack':
      return rollout.rollback?.byGuard ? `Nothing: the guard took it back. ${rollout.rollback.reason}` : 'Nothing: it is over.'
    case 'abandoned':
      return 'Nothing: the flag stays as it is.'
  }
}
