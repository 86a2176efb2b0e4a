import type { FlagDefinition, FlagRolloutPlan, FlagRule, RolloutStage, Serve } from '../../contract/flag-definition.ts'
import { sameJson } from './json.ts'

/** The variant the kill switch serves: the declared one, or a boolean flag's only `false`. Null: someone has to choose. */
export function safeVariantOf(flag: FlagDefinition): string | null {
  if (flag.facts.safeVariant !== null) return flag.variants.some(({ name }) => name === flag.facts.safeVariant) ? flag.facts.safeVariant : null
  const off = flag.variants.filter(({ value }) => value === false)
  return off.length === 1 ? (off[0]?.name ?? null) : null
}

/**
 * The kill switch: everyone gets the safe variant, whatever the context. Never `state: DISABLED`, with which flagd gives
 * no value at all and every caller falls back to the default in its own code.
 */
export function killed(flag: FlagDefinition, safeVariant: string): FlagDefinition {
  return { ...flag, state: 'ENABLED', defaultVariant: safeVariant, targeting: { kind: 'rules', rules: [] } }
}

/** The end of a rollout: everyone gets the variant, with or without a targeting key. */
export function fullyOn(flag: FlagDefinition, variant: string): FlagDefinition {
  return killed(flag, variant)
}

/**
 * The flag at a stage of a plan (counted from 0). Stages before it stay in force for audiences of their own; of two
 * stages for the same audience the later one counts. Rules of the flag that the plan has no part in are `kept` before them.
 */
export function atStage(flag: FlagDefinition, plan: FlagRolloutPlan, stage: number, kept: readonly FlagRule[] = []): FlagDefinition {
  const reached = plan.stages.slice(0, stage + 1)
  const latest = reached.filter((one, index) => !reached.slice(index + 1).some((later) => sameJson(later.audience, one.audience)))
  // The audience of everyone decides for all, so it stands last.
  const ordered = [...latest.filter(({ audience }) => audience.kind !== 'everyone'), ...latest.filter(({ audience }) => audience.kind === 'everyone')]
  // Whoever is in two audiences has what the wider share of the two gives: audiences with more come first.
  const narrow = ordered.filter(({ audience }) => audience.kind !== 'everyone').toSorted((a, b) => b.percent - a.percent)
  const rules = [...narrow, ...ordered.filter(({ audience }) => audience.kind === 'everyone')].map((one) => ruleOf(one, plan))
  return { ...flag, state: 'ENABLED', defaultVariant: plan.baseline, targeting: { kind: 'rules', rules: [...kept, ...rules] } }
}

function ruleOf(stage: RolloutStage, plan: FlagRolloutPlan): FlagRule {
  const [only] = plan.variants
  const serve: Serve =
    stage.percent === 100 && plan.variants.length === 1 && only
      ? { kind: 'variant', variant: only.variant }
      : { kind: 'split', percent: stage.percent, variants: [...plan.variants], otherwise: plan.baseline }
  return { audience: stage.audience, serve }
}

/** What is wrong with a plan for this flag: sentences; empty when it can run. */
export function planProblems(flag: FlagDefinition, plan: FlagRolloutPlan): readonly string[] {
  const known = new Set(flag.variants.map(({ name }) => name))
  const problems: string[] = []
  for (const { variant } of plan.variants) if (!known.has(variant)) problems.push(`The flag has no variant "${variant}".`)
  if (!known.has(plan.baseline)) problems.push(`The flag has no variant "${plan.baseline}", which the plan names as baseline.`)
  if (plan.variants.some(({ variant }) => variant === plan.baseline)) problems.push(`"${plan.baseline}" is both baseline and rolled out.`)
  if (new Set(plan.variants.map(({ variant }) => variant)).size < plan.variants.length) problems.push('A variant is named twice.')
  const sum = plan.variants.reduce((total, { share }) => total + share, 0)
  if (sum !== 100) problems.push(`The shares of the variants sum to ${sum}, not to 100.`)
  for (const [index, stage] of plan.stages.entries()) {
    const before = plan.stages.slice(0, index).findLast((one) => sameJson(one.audience, stage.audience))
    if (before && before.percent >= stage.percent) problems.push(`Stage ${index + 1} does not widen: its audience is at ${before.percent} % already.`)
    const everyone = plan.stages.slice(0, index).findLast((one) => one.audience.kind === 'everyone')
    if (stage.audience.kind !== 'everyone' && everyone && everyone.percent > stage.percent) problems.push(`Stage ${index + 1} gives its audience ${stage.percent} %, less than everyone has by then.`)
    // Stage 2's 25 % of everyone, when stage 1 gave beta 5 %: beta's people beyond 5 % would be left behind.
    if (stage.audience.kind === 'everyone') {
      const behind = plan.stages.slice(0, index).filter((one) => one.audience.kind !== 'everyone' && latestOf(plan, index, one).percent < stage.percent)
      if (behind.length > 0) problems.push(`Stage ${index + 1} gives everyone ${stage.percent} %, more than an audience of its own has by then.`)
    }
  }
  return problems
}

function latestOf(plan: FlagRolloutPlan, until: number, stage: RolloutStage): RolloutStage {
  return plan.stages.slice(0, until).findLast((one) => sameJson(one.audience, stage.audience)) ?? stage
}

/** What a flag gives to whom, as far as rules tell. */
export interface Exposure {
  /** Every key gets this variant whatever the context; null when it depends. */
  readonly everyone: string | null
  /** Percent of each variant among people in no audience of their own but everyone's; null: written by hand. */
  readonly percents: ReadonlyMap<string, number> | null
}

export function exposureOf(flag: FlagDefinition): Exposure {
  if (flag.targeting.kind === 'handwritten') return { everyone: null, percents: null }
  const { rules } = flag.targeting
  const last = rules.find(({ audience }) => audience.kind === 'everyone')
  const percents = new Map<string, number>()
  const give = (variant: string | null, percent: number): void => {
    if (variant !== null && percent > 0) percents.set(variant, (percents.get(variant) ?? 0) + percent)
  }
  if (!last) give(flag.defaultVariant, 100)
  else if (last.serve.kind === 'variant') give(last.serve.variant, 100)
  else {
    for (const { variant, share } of last.serve.variants) give(variant, (last.serve.percent * share) / 100)
    give(last.serve.otherwise, 100 - last.serve.percent)
  }
  const everyone = [...percents.keys()]
  const before = rules.slice(0, last ? rules.indexOf(last) : rules.length)
  const [only] = everyone
  const alone = everyone.length === 1 && only !== undefined && flag.state === 'ENABLED' && before.every(({ serve }) => serve.kind === 'variant' && serve.variant === only)
  // A split leaves out who has no targeting key.
  return { everyone: alone && (last === undefined || last.serve.kind === 'variant' || flag.defaultVariant === only) ? only : null, percents }
}
