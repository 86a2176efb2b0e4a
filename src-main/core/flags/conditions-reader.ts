import { type Condition, type JsonValue, conditionSchema } from '../../contract/flag-definition.ts'
import { buildConditions, type Conditions } from './conditions.ts'
import { isJsonArray, isJsonObject, listOperation, sameJson } from './json.ts'

const ORDER_TESTS: Readonly<Record<string, string>> = { '>=': 'atLeast', '>': 'above', '<=': 'atMost', '<': 'below' }
const VERSION_TESTS: Readonly<Record<string, string>> = { '>=': 'versionAtLeast', '<': 'versionBelow', '^': 'versionSameMajor', '~': 'versionSameMinor' }

function attributeOf(value: JsonValue | undefined): JsonValue | undefined {
  return isJsonObject(value) ? value['var'] : undefined
}

/** What an operation might be; the caller checks by building it again. */
function guess(logic: JsonValue | undefined): unknown {
  const found = listOperation(logic)
  if (!found) return null
  const [name, args] = found
  const attribute = attributeOf(args[0])
  if (name === '===') return { test: 'is', attribute, value: args[1] }
  if (name === 'in') return { test: 'in', attribute, values: args[1] }
  if (name === 'starts_with') return { test: 'startsWith', attribute, value: args[1] }
  if (name === 'ends_with') return { test: 'endsWith', attribute, value: args[1] }
  if (name === 'sem_ver') return { test: typeof args[1] === 'string' ? VERSION_TESTS[args[1]] : null, attribute, version: args[2] }
  return name === 'and' ? guessGuarded(args[1]) : null
}

/** The second half of an `and` whose first asks whether the attribute is there. */
function guessGuarded(logic: JsonValue | undefined): unknown {
  const found = listOperation(logic)
  if (!found) return null
  const [name, args] = found
  const attribute = attributeOf(args[0])
  if (name === '!==') return { test: 'isNot', attribute, value: args[1] }
  if (name === 'in') return { test: 'contains', attribute: attributeOf(args[1]), value: args[0] }
  if (name in ORDER_TESTS) return { test: ORDER_TESTS[name], attribute, value: args[1] }
  if (name === '!') {
    const inner = listOperation(args[0])
    return inner && { test: 'notIn', attribute: attributeOf(inner[1][0]), values: inner[1][1] }
  }
  if (name === 'fractional') {
    const cat = listOperation(args[0])
    const weight = isJsonArray(args[1]) ? args[1][1] : undefined
    return { test: 'sample', salt: cat?.[1][0], percent: Number(weight) / 100 }
  }
  return null
}

/** The conditions of this logic when it is written exactly as the console writes them, else null. */
export function readConditions(logic: JsonValue): Conditions | null {
  const found = listOperation(logic)
  if (!found || (found[0] !== 'and' && found[0] !== 'or')) return null
  const conditions: Condition[] = []
  for (const part of found[1]) {
    const parsed = conditionSchema.safeParse(guess(part))
    if (!parsed.success) return null
    conditions.push(parsed.data)
  }
  const read: Conditions = { match: found[0] === 'or' ? 'any' : 'all', conditions }
  return conditions.length > 0 && sameJson(buildConditions(read), logic) ? read : null
}
