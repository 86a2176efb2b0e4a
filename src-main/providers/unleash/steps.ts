import type { JsonValue } from '../../contract/flag-definition.ts'
import { sameJson } from '../../core/flags/json.ts'
import { canonicalJson } from '../json-digest.ts'
import { contentOf, type NativeFlag, type Strategy, type StrategyContent } from './model.ts'
import type { WantedFlag } from './wanted-strategies.ts'

/** One call of the admin API. */
export type Step =
  | { readonly do: 'switch'; readonly on: boolean }
  | { readonly do: 'add'; readonly strategy: StrategyContent }
  | { readonly do: 'change'; readonly from: Strategy; readonly to: StrategyContent }
  | { readonly do: 'remove'; readonly id: string }

/** Whether the flag is as wanted. The order of strategies counts where they have variants. */
export function isAsWanted(wanted: WantedFlag, native: NativeFlag): boolean {
  if (native.archived || native.enabled !== wanted.enabled) return false
  if (wanted.strategies === null) return true
  const now = native.strategies.filter(({ disabled }) => wanted.disabledToo || !disabled).map(contentOf)
  const then = wanted.strategies.map(contentOf)
  if ([...now, ...then].some(({ variants }) => variants.length > 0)) return sameJson(now, then)
  return sameJson(inOrder(now), inOrder(then))
}

function inOrder(strategies: readonly JsonValue[]): JsonValue {
  return strategies.map(canonicalJson).toSorted()
}

/**
 * What leads there. The environment is never on without a strategy, for Unleash would make one that lets everyone in;
 * and it goes off with its last strategy, so new ones come before old ones go. Meanwhile whoever had it or is to have
 * it gets it, and nobody else.
 */
export function stepsTo(wanted: WantedFlag, native: NativeFlag): readonly Step[] {
  const off: Step[] = native.enabled && !wanted.enabled ? [{ do: 'switch', on: false }] : []
  if (wanted.strategies === null) return off
  const left = native.strategies.filter(({ disabled }) => wanted.disabledToo || !disabled)
  const take = (holds: (strategy: Strategy) => boolean): Strategy | null => {
    const index = left.findIndex(holds)
    return index < 0 ? null : (left.splice(index, 1)[0] ?? null)
  }
  const missing = wanted.strategies.filter((strategy) => take((one) => sameJson(contentOf(one), contentOf(strategy))) === null)
  const changes: Step[] = []
  const additions: Step[] = []
  for (const to of missing) {
    // The same audience with another share: what is sticky to the strategy stays.
    const from = take((one) => one.name === to.name && sameJson(audience(one), audience(to)))
    if (from) changes.push({ do: 'change', from, to })
    else additions.push({ do: 'add', strategy: to })
  }
  const on: Step[] = !native.enabled && wanted.enabled ? [{ do: 'switch', on: true }] : []
  return [...off, ...changes, ...additions, ...left.map(({ id }) => ({ do: 'remove' as const, id })), ...on]
}

function audience({ constraints, segments }: StrategyContent): JsonValue {
  const { constraints: mine, segments: those } = contentOf({ name: '', title: null, disabled: false, parameters: {}, constraints, variants: [], segments })
  return [JSON.parse(JSON.stringify(mine)) as JsonValue, those]
}

/** A JSON Patch (RFC 6902) that holds only while the strategy is as it was read. */
export function patchOf({ from, to }: Extract<Step, { do: 'change' }>): JsonValue {
  const [was, is] = [contentOf(from), contentOf(to)]
  // Parameters are compared one by one: there may be none of a name yet.
  const tests = [...Object.entries(was.parameters).map(([name, value]) => ({ op: 'test', path: `/parameters/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, value })), { op: 'test', path: '/disabled', value: was.disabled }]
  const parts = (['parameters', 'constraints', 'variants', 'segments', 'title', 'disabled'] as const).filter((part) => !sameJson(json(was[part]), json(is[part])))
  return [...tests, ...parts.map((part) => ({ op: 'replace', path: `/${part}`, value: json(is[part]) }))]
}

function json(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue
}
