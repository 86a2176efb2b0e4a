import type { Condition, JsonValue } from '../../contract/flag-definition.ts'

export interface Conditions {
  readonly match: 'all' | 'any'
  readonly conditions: readonly Condition[]
}

const ORDER_OPERATORS = { atLeast: '>=', above: '>', atMost: '<=', below: '<' } as const
const VERSION_OPERATORS = { versionAtLeast: '>=', versionBelow: '<', versionSameMajor: '^', versionSameMinor: '~' } as const
const TEXT_OPERATORS = { startsWith: 'starts_with', endsWith: 'ends_with' } as const

/** True when the attribute is in the context. JsonLogic's loose rules would make an absent one 0, "" or false. */
function present(attribute: string): JsonValue {
  return { '!==': [{ var: [attribute, null] }, null] }
}

/** The one way the console writes a condition; `conditions-reader.ts` reads exactly this. */
export function buildCondition(condition: Condition): JsonValue {
  switch (condition.test) {
    case 'is':
      return { '===': [{ var: condition.attribute }, condition.value] }
    case 'isNot':
      return { and: [present(condition.attribute), { '!==': [{ var: condition.attribute }, condition.value] }] }
    case 'in':
      return { in: [{ var: condition.attribute }, condition.values] }
    case 'notIn':
      return { and: [present(condition.attribute), { '!': [{ in: [{ var: condition.attribute }, condition.values] }] }] }
    case 'startsWith':
    case 'endsWith':
      return { [TEXT_OPERATORS[condition.test]]: [{ var: condition.attribute }, condition.value] }
    case 'contains':
      // `in` over a text that is not there would throw in some of flagd's languages.
      return { and: [present(condition.attribute), { in: [condition.value, { var: condition.attribute }] }] }
    case 'atLeast':
    case 'above':
    case 'atMost':
    case 'below':
      return { and: [present(condition.attribute), { [ORDER_OPERATORS[condition.test]]: [{ var: condition.attribute }, condition.value] }] }
    case 'versionAtLeast':
    case 'versionBelow':
    case 'versionSameMajor':
    case 'versionSameMinor':
      return { sem_ver: [{ var: condition.attribute }, VERSION_OPERATORS[condition.test], condition.version] }
    case 'sample': {
      const weight = Math.round(condition.percent * 100)
      // Without a targeting key everybody would be one and the same.
      return { and: [present('targetingKey'), { fractional: [{ cat: [condition.salt, ':', { var: 'targetingKey' }] }, [true, weight], [false, 10_000 - weight]] }] }
    }
  }
}

/** One condition alone stands without `and`. */
export function buildConditions({ match, conditions }: Conditions): JsonValue {
  const [first] = conditions
  if (conditions.length === 1 && first !== undefined) return { and: [buildCondition(first)] }
  return { [match === 'all' ? 'and' : 'or']: conditions.map(buildCondition) }
}
