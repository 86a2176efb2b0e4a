import type { JsonValue } from '../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject, operation, pointer } from './json.ts'
import { referenceOf } from './targeting.ts'

export type Report = (path: string, message: string, level?: 'error' | 'warning') => void

/** Operators of flagd's schema with the numbers of arguments they take. */
const ARITY: Readonly<Record<string, readonly [least: number, most: number]>> = {
  if: [1, Infinity], '==': [2, 2], '===': [2, 2], '!=': [2, 2], '!==': [2, 2], '>': [2, 2], '>=': [2, 2], '%': [2, 2], '/': [2, 2],
  map: [2, 2], filter: [2, 2], all: [2, 2], none: [2, 2], some: [2, 2], in: [2, 2], substr: [2, 3], '<': [2, 3], '<=': [2, 3],
  '+': [2, Infinity], '*': [2, Infinity], '!': [1, 1], '!!': [1, 1], or: [1, Infinity], and: [1, Infinity], '-': [1, Infinity],
  merge: [1, Infinity], cat: [1, Infinity], max: [1, Infinity], min: [1, Infinity], reduce: [3, 3],
}
const VERSION_OPERATORS = ['=', '!=', '<', '>', '<=', '>=', '~', '^']
const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/
/** flagd's limit of the sum of weights. */
const MAX_WEIGHT = 2_147_483_647

/** Operators and arguments of one piece of JsonLogic, as flagd's targeting schema has them. `known`: segments it may refer to. */
export function validateLogic(logic: JsonValue, path: string, known: ReadonlySet<string>, report: Report): void {
  if (isJsonArray(logic)) {
    for (const [index, part] of logic.entries()) validateLogic(part, pointer(path, index), known, report)
    return
  }
  if (!isJsonObject(logic)) return
  const reference = referenceOf(logic)
  if (reference !== null) {
    if (!known.has(reference)) report(path, `No segment is called "${reference}".`)
    return
  }
  const found = operation(logic)
  if (!found) {
    const count = Object.keys(logic).length
    report(path, `A rule has one operator; this one has ${count === 0 ? 'none' : count}.`)
    return
  }
  const [name, args] = found
  const below = pointer(path, name)
  if (name === 'var') validateVar(args, below, report)
  else if (name === 'missing') validateNames(args, below, report)
  else if (name === 'missing_some') {
    if (!isJsonArray(args) || args.length !== 2 || typeof args[0] !== 'number') report(below, '`missing_some` takes a number and a list of names.')
    else validateNames(args[1], pointer(below, 1), report)
  } else if (name === 'sem_ver') validateVersions(args, below, report)
  else if (name === 'starts_with' || name === 'ends_with') {
    if (!isJsonArray(args) || args.length !== 2 || args.some((arg) => typeof arg !== 'string' && !isJsonObject(arg))) report(below, `\`${name}\` takes two texts.`)
    else validateLogic(args, below, known, report)
  } else if (name === 'fractional') validateFractional(args, below, known, report)
  else {
    const arity = Object.hasOwn(ARITY, name) ? ARITY[name] : undefined
    if (!arity) report(below, `flagd knows no operator \`${name}\`.`)
    else if (!isJsonArray(args)) report(below, `\`${name}\` takes its arguments as a list.`)
    else if (args.length < arity[0] || args.length > arity[1]) report(below, `\`${name}\` takes ${arityWords(arity)}, not ${args.length}.`)
    else validateLogic(args, below, known, report)
  }
}

function arityWords([least, most]: readonly [number, number]): string {
  if (most === Infinity) return least === 1 ? 'at least 1 argument' : `at least ${least} arguments`
  return least === most ? (least === 1 ? '1 argument' : `${least} arguments`) : `${least} to ${most} arguments`
}

function validateVar(args: JsonValue, path: string, report: Report): void {
  const name = isJsonArray(args) ? args[0] : args
  if (typeof name !== 'string') return report(path, '`var` takes the name of an attribute.')
  if (isJsonArray(args) && args.slice(1).some((arg) => typeof arg === 'object' && arg !== null)) return report(path, 'The default of `var` is a plain value.')
  if (name.startsWith('$flagd.') && name !== '$flagd.flagKey' && name !== '$flagd.timestamp') report(path, `flagd gives \`$flagd.flagKey\` and \`$flagd.timestamp\`, not \`${name}\`.`)
  return undefined
}

function validateNames(args: JsonValue | undefined, path: string, report: Report): void {
  if (!isJsonArray(args) || args.some((arg) => typeof arg !== 'string')) report(path, 'Expected a list of names.')
}

function validateVersions(args: JsonValue, path: string, report: Report): void {
  if (!isJsonArray(args) || args.length !== 3) return report(path, '`sem_ver` takes a version, an operator and a version.')
  for (const index of [0, 2]) {
    const arg = args[index]
    const isVariable = operation(arg)?.[0] === 'var'
    if (!isVariable && (typeof arg !== 'string' || !VERSION.test(arg))) report(pointer(path, index), `${JSON.stringify(arg)} is no version such as 1.2.3.`)
    if (isVariable) validateVar(operation(arg)?.[1] ?? null, pointer(path, index), report)
  }
  if (typeof args[1] !== 'string' || !VERSION_OPERATORS.includes(args[1])) report(pointer(path, 1), `\`sem_ver\` knows ${VERSION_OPERATORS.join(' ')}, not ${JSON.stringify(args[1])}.`)
  return undefined
}

function validateFractional(args: JsonValue, path: string, known: ReadonlySet<string>, report: Report): void {
  if (!isJsonArray(args) || args.length === 0) return report(path, '`fractional` takes a list of buckets.')
  const [first] = args
  const seeded = isJsonObject(first)
  if (typeof first === 'string') return report(pointer(path, 0), 'A fixed text as what to bucket by puts everyone into one bucket.')
  if (seeded) validateLogic(first, pointer(path, 0), known, report)
  const buckets = seeded ? args.slice(1) : args
  if (buckets.length === 0) return report(path, '`fractional` has no bucket.')
  let total = 0
  let computed = false
  for (const [index, bucket] of buckets.entries()) {
    const at = pointer(path, index + (seeded ? 1 : 0))
    if (!isJsonArray(bucket) || bucket.length === 0 || bucket.length > 2) {
      report(at, 'A bucket is a variant and its weight.')
      continue
    }
    const [variant, weight = 1] = bucket
    if (isJsonArray(variant)) report(pointer(at, 0), 'A bucket’s variant is a name.')
    else if (isJsonObject(variant)) validateLogic(variant, pointer(at, 0), known, report)
    if (isJsonObject(weight)) {
      computed = true
      validateLogic(weight, pointer(at, 1), known, report)
    } else if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 0) report(pointer(at, 1), `A weight is a whole number of 0 or more, not ${JSON.stringify(weight)}.`)
    else total += weight
  }
  if (total > MAX_WEIGHT) report(path, `The weights sum to ${total}; flagd adds up to ${MAX_WEIGHT}.`)
  if (total === 0 && !computed) report(path, 'All weights are 0: nobody gets any of these.', 'warning')
  return undefined
}
