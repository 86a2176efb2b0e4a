import type { JsonValue } from '../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject, listOperation, pointer, sameJson } from './json.ts'
import { referenceOf } from './targeting.ts'
import type { Report } from './validate-logic.ts'

/** A value targeting may come to, and where it stands. Null leads to the default variant. */
export interface PossibleResult {
  readonly path: string
  readonly value: string | number | boolean | null
}

/**
 * Follows `if` and `fractional` as far as results are written down; reports branches nobody can reach. What is computed
 * in another way cannot be foretold and is left out. `segments` stand for references.
 */
export function resultsOf(logic: JsonValue, path: string, segments: ReadonlyMap<string, JsonValue>, report: Report): PossibleResult[] {
  return collect(logic, path, { segments, report, excluded: [], depth: 0 })
}

interface Walk {
  readonly segments: ReadonlyMap<string, JsonValue>
  readonly report: Report
  /** Conditions that are known to be false here. */
  readonly excluded: readonly JsonValue[]
  readonly depth: number
}

function collect(logic: JsonValue, path: string, walk: Walk): PossibleResult[] {
  if (logic === null || typeof logic === 'string' || typeof logic === 'number' || typeof logic === 'boolean') return [{ path, value: logic }]
  if (isJsonArray(logic) || walk.depth > 100) return []
  const reference = referenceOf(logic)
  if (reference !== null) {
    const meant = walk.segments.get(reference)
    return meant === undefined ? [] : collect(meant, path, { ...walk, depth: walk.depth + 1, report: () => undefined })
  }
  const found = listOperation(logic)
  if (!found) return []
  const [name, args] = found
  if (name === 'if') return collectIf(args, pointer(path, 'if'), walk)
  if (name === 'fractional') return collectBuckets(args, pointer(path, 'fractional'), walk)
  return []
}

function collectIf(args: readonly JsonValue[], path: string, walk: Walk): PossibleResult[] {
  const results: PossibleResult[] = []
  const excluded = [...walk.excluded]
  for (let index = 0; index < args.length; index += 2) {
    const condition = args[index] ?? null
    const at = pointer(path, index)
    const inner = { ...walk, excluded, depth: walk.depth + 1 }
    // The last one alone is what is left.
    if (index + 1 >= args.length) return [...results, ...collect(condition, at, inner)]
    const fixed = constant(condition)
    const what = args[index + 1] ?? null
    if (fixed === false || excluded.some((before) => covers(before, condition))) {
      walk.report(at, fixed === false ? 'This condition is never true: its rule reaches nobody.' : 'Everyone this rule is for was taken by a rule before it.', 'warning')
    } else results.push(...collect(what, pointer(path, index + 1), inner))
    if (fixed === true) {
      const rest = args.slice(index + 2).some((part) => part !== null)
      if (rest) walk.report(pointer(path, index + 2), 'Nobody gets here: the rule before takes everyone.', 'warning')
      return results
    }
    excluded.push(condition)
  }
  return [...results, { path, value: null }]
}

/** Whether being false for `before` makes `condition` false too: the same, or one of its alternatives. */
function covers(before: JsonValue, condition: JsonValue): boolean {
  if (sameJson(before, condition)) return true
  const alternatives = listOperation(before)
  if (alternatives?.[0] === 'or' && alternatives[1].some((part) => covers(part, condition))) return true
  const all = listOperation(condition)
  if (all?.[0] === 'or') return all[1].length > 0 && all[1].every((part) => covers(before, part))
  return all?.[0] === 'and' && all[1].some((part) => covers(before, part))
}

/** JsonLogic's truth of something that does not depend on the context. */
function constant(condition: JsonValue): boolean | null {
  if (isJsonObject(condition)) return null
  return isJsonArray(condition) ? condition.length > 0 : Boolean(condition)
}

function collectBuckets(args: readonly JsonValue[], path: string, walk: Walk): PossibleResult[] {
  const results: PossibleResult[] = [{ path, value: null }]
  for (const [index, bucket] of args.entries()) {
    if (!isJsonArray(bucket) || bucket[0] === undefined) continue
    if (bucket[1] === 0) walk.report(pointer(path, index), 'A bucket of weight 0 reaches nobody.', 'warning')
    results.push(...collect(bucket[0], pointer(pointer(path, index), 0), { ...walk, depth: walk.depth + 1 }))
  }
  return results
}
