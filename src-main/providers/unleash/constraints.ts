import { Fault } from '../../contract/fault.ts'
import type { Audience, Condition } from '../../contract/flag-definition.ts'
import type { Constraint } from './model.ts'

const TEXT = { startsWith: 'STR_STARTS_WITH', endsWith: 'STR_ENDS_WITH', contains: 'STR_CONTAINS' } as const
const NUMBERS = { atLeast: 'NUM_GTE', above: 'NUM_GT', atMost: 'NUM_LTE', below: 'NUM_LT' } as const
const VERSIONS = { versionAtLeast: 'SEMVER_GTE', versionBelow: 'SEMVER_LT' } as const

function refused(why: string): Fault {
  return new Fault('unsupported', `Unleash cannot hold this audience: ${why} Nothing was written.`, 'Choose another audience, or make it a segment in Unleash and name that.')
}

/** Whom one strategy is for: all constraints and all segments must hold. */
export interface StrategyAudience {
  readonly constraints: readonly Constraint[]
  readonly segments: readonly number[]
}

/** One strategy for each; whoever is in any of them is meant. `segmentId`: null, there is none of that name. Faults: `unsupported`. */
export function strategyAudiences(audience: Audience, segmentId: (name: string) => number | null): readonly StrategyAudience[] {
  if (audience.kind === 'everyone') return [{ constraints: [], segments: [] }]
  if (audience.kind === 'segments') {
    return audience.anyOf.map((name) => {
      const id = segmentId(name)
      if (id === null) throw refused(`it has no segment "${name}".`)
      return { constraints: [], segments: [id] }
    })
  }
  const constraints = audience.conditions.map(constraintOf)
  return audience.match === 'all' ? [{ constraints, segments: [] }] : constraints.map((constraint) => ({ constraints: [constraint], segments: [] }))
}

function constraintOf(condition: Condition): Constraint {
  const make = (operator: string, values: readonly string[], value?: string): Constraint => ({ contextName: 'attribute' in condition ? condition.attribute : '', operator, values: [...values], ...(value === undefined ? {} : { value }), inverted: false, caseInsensitive: false })
  switch (condition.test) {
    case 'is':
      return make('IN', [String(condition.value)])
    case 'in':
      return make('IN', condition.values.map(String))
    case 'isNot':
    case 'notIn':
      throw refused('its NOT_IN also holds for everyone who does not have the attribute.')
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return make(TEXT[condition.test], [condition.value])
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return make(NUMBERS[condition.test], [], String(condition.value))
    case 'versionAtLeast':
    case 'versionBelow':
      return make(VERSIONS[condition.test], [], condition.version)
    case 'versionSameMajor':
    case 'versionSameMinor':
      throw refused('it has no test for the same major or minor version.')
    case 'sample':
      throw refused('it draws shares by flag, not by a sample of their own.')
  }
}

/** The audience of a strategy or segment; null: it is one the console has no words for. */
export function audienceOf({ constraints, segments }: StrategyAudience, segmentName: (id: number) => string | null): Audience | null {
  if (constraints.length === 0 && segments.length === 0) return { kind: 'everyone' }
  const [segment] = segments
  if (constraints.length === 0 && segments.length === 1 && segment !== undefined) {
    const name = segmentName(segment)
    return name === null ? null : { kind: 'segments', anyOf: [name] }
  }
  if (segments.length > 0) return null
  const conditions = constraints.map(conditionOf)
  return conditions.every((condition) => condition !== null) ? { kind: 'conditions', match: 'all', conditions } : null
}

export function conditionOf(constraint: Constraint): Condition | null {
  const { contextName: attribute, operator, values, value } = constraint
  if (constraint.inverted || constraint.caseInsensitive) return null
  const [only] = values
  if (operator === 'IN') return values.length === 1 && only !== undefined ? { test: 'is', attribute, value: only } : values.length > 1 ? { test: 'in', attribute, values } : null
  const text = keyOf(TEXT, operator)
  if (text) return values.length === 1 && only !== undefined && only !== '' ? { test: text, attribute, value: only } : null
  const number = keyOf(NUMBERS, operator)
  if (number) return value !== undefined && value !== '' && Number.isFinite(Number(value)) ? { test: number, attribute, value: Number(value) } : null
  const version = keyOf(VERSIONS, operator)
  return version && value !== undefined && /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(value) ? { test: version, attribute, version: value } : null
}

function keyOf<T extends string>(table: Readonly<Record<T, string>>, operator: string): T | null {
  for (const name in table) if (table[name] === operator) return name
  return null
}
