import { Fault } from '../../contract/fault.ts'
import type { FlagDefinition, FlagRule, SplitServe } from '../../contract/flag-definition.ts'
import { strategyAudiences } from './constraints.ts'
import { offVariant, percentOf } from './feature-definition.ts'
import { contentOf, type NativeFlag, type StrategyContent, type StrategyVariant } from './model.ts'

/** What the environment of a flag is to become. `strategies` null: whatever they are, since it is off. */
export interface WantedFlag {
  readonly enabled: boolean
  readonly strategies: readonly StrategyContent[] | null
  /** Strategies that somebody disabled stay as they are, or are part of what is wanted. */
  readonly disabledToo: boolean
}

function refused(why: string): Fault {
  return new Fault('unsupported', `Unleash cannot hold this: ${why} Nothing was written.`, 'Change the rules or the plan.')
}

/** Faults: `unsupported`. `stickiness`: where the flag has none of its own. */
export function wantedFlag(definition: FlagDefinition, native: NativeFlag | null, options: { readonly stickiness: string; readonly segmentId: (name: string) => number | null }): WantedFlag {
  if (definition.state !== 'ENABLED') throw refused('a flag that is neither on nor off.')
  if (definition.targeting.kind === 'handwritten') throw refused('these strategies were written by hand, and are changed in Unleash.')
  const off = offVariant(definition.type !== 'boolean')
  if (!definition.variants.some(({ name }) => name === off)) throw refused(`what is given to everyone else is "${off}" there, and the flag has no such variant.`)
  const rules = definition.targeting.rules
  const last = rules.at(-1)
  // What the last rule gives everyone is what would be the default.
  const decidesAll = last?.audience.kind === 'everyone' && last.serve.kind === 'variant' ? last.serve.variant : null
  const standard = decidesAll ?? definition.defaultVariant
  const above = decidesAll === null ? rules : rules.slice(0, -1)
  if (standard === null) throw refused('a flag without a default.')
  if (above.length === 0 && standard === off) return { enabled: false, strategies: null, disabledToo: false }
  const drawn = drawnBy(definition.key, native, options.stickiness)
  const known = new Map((native?.strategies ?? []).flatMap(({ variants }) => variants).map((variant) => [variant.name, variant]))
  const variantsOf = (shares: SplitServe['variants']): StrategyVariant[] => (off === 'off' ? [] : weighted(definition, shares, known, drawn.stickiness))
  const rest: readonly FlagRule[] = standard === off ? [] : [{ audience: { kind: 'everyone' }, serve: { kind: 'variant', variant: standard } }]
  let before = 100
  const strategies = [...above, ...rest].flatMap(({ audience, serve }, index, all) => {
    if (serve.kind === 'variant' && serve.variant === off) throw refused('its strategies let users in, and none can keep an audience out.')
    if (serve.kind === 'split' && serve.otherwise !== off) throw refused(`whoever is not in a share gets "${off}" there, not "${serve.otherwise}".`)
    const percent = percentOf(serve)
    if (percent > before) throw refused('a strategy further down would let in more of an audience than one above it.')
    if (!Number.isInteger(percent)) throw refused(`shares are whole percents there, not ${percent} %.`)
    if (audience.kind === 'everyone' && index < all.length - 1) throw refused('a rule below one for everyone would count there.')
    before = percent
    const shares = serve.kind === 'variant' ? [{ variant: serve.variant, share: 100 }] : serve.variants
    return strategyAudiences(audience, options.segmentId).map(({ constraints, segments }) =>
      contentOf({
        name: 'flexibleRollout',
        title: null,
        disabled: false,
        // Always all three: what is left out of `rollout` is filled in with 100.
        parameters: { rollout: String(percent), ...drawn },
        constraints: [...constraints],
        variants: variantsOf(shares),
        segments: [...segments],
      }),
    )
  })
  return { enabled: true, strategies, disabledToo: false }
}

/** Who had a share keeps it: the group and stickiness the flag is drawn by already. */
function drawnBy(key: string, native: NativeFlag | null, stickiness: string): { readonly groupId: string; readonly stickiness: string } {
  const parameters = native?.strategies.find(({ name, disabled }) => name === 'flexibleRollout' && !disabled)?.parameters ?? {}
  return { groupId: parameters['groupId'] || key, stickiness: parameters['stickiness'] || stickiness }
}

/** Variants with a share of 0 stay, so that the flag keeps knowing them. */
function weighted(definition: FlagDefinition, shares: SplitServe['variants'], known: ReadonlyMap<string, StrategyVariant>, stickiness: string): StrategyVariant[] {
  const given = new Map(shares.map(({ variant, share }) => [variant, share]))
  return definition.variants
    .filter(({ name }) => name !== offVariant(true))
    .map(({ name, value }) => {
      const share = given.get(name) ?? 0
      const payload = known.get(name)?.payload ?? (typeof value === 'string' && value !== name ? { type: 'string', value } : undefined)
      return { name, weight: share * 10, weightType: share === 0 ? ('fix' as const) : ('variable' as const), stickiness, ...(payload ? { payload } : {}) }
    })
}
