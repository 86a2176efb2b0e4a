import type { Audience, FlagRule, JsonObject, JsonValue, Serve, Targeting } from '../../contract/flag-definition.ts'
import { buildConditions } from './conditions.ts'
import { readConditions } from './conditions-reader.ts'
import { isJsonObject, listOperation, sameJson } from './json.ts'
import { buildSplit, readSplit } from './split.ts'

const MAX_RULES = 50

/** The condition of an audience; `true` for everyone. */
export function buildAudience(audience: Audience): JsonValue {
  switch (audience.kind) {
    case 'everyone':
      return true
    case 'segments': {
      const references = audience.anyOf.map((name) => ({ $ref: name }))
      const [only] = references
      return references.length === 1 && only ? only : { or: references }
    }
    case 'conditions':
      return buildConditions(audience)
  }
}

function buildServe(serve: Serve): JsonValue {
  if (serve.kind === 'variant') return serve.variant
  // Nothing of a split at 0 % is given: the rest is everyone, with or without a targeting key. It reads back as that.
  return serve.percent === 0 ? serve.otherwise : buildSplit(serve)
}

/**
 * Rules as one nested `if` of three arguments each (flagd's older versions know no longer ones); null at the end leads
 * to the default variant. No rules: no targeting.
 */
export function buildTargeting(rules: readonly FlagRule[]): JsonObject | null {
  let rest: JsonValue = null
  for (const { audience, serve } of rules.toReversed()) {
    const what = buildServe(serve)
    rest = audience.kind === 'everyone' && isJsonObject(what) && rest === null ? what : { if: [buildAudience(audience), what, rest] }
  }
  return isJsonObject(rest) ? rest : null
}

/** The rules, where the logic is exactly what the console would write for them; otherwise it was written by hand. */
export function readTargeting(logic: JsonObject | undefined): Targeting {
  if (logic === undefined || Object.keys(logic).length === 0) return { kind: 'rules', rules: [] }
  const rules = readRules(logic)
  return rules && sameJson(buildTargeting(rules), logic) ? { kind: 'rules', rules } : { kind: 'handwritten', logic }
}

function readRules(logic: JsonObject): FlagRule[] | null {
  const rules: FlagRule[] = []
  let rest: JsonValue = logic
  while (rest !== null) {
    if (rules.length >= MAX_RULES) return null
    const found = listOperation(rest)
    const split = readSplit(rest)
    if (split) {
      rules.push({ audience: { kind: 'everyone' }, serve: split })
      return rules
    }
    if (found?.[0] !== 'if' || found[1].length !== 3) return null
    const [when, what, next] = found[1]
    const audience = readAudience(when)
    const serve = readServe(what)
    if (!audience || !serve || next === undefined) return null
    rules.push({ audience, serve })
    rest = next
  }
  return rules
}

function readServe(logic: JsonValue | undefined): Serve | null {
  if (typeof logic === 'string') return { kind: 'variant', variant: logic }
  return logic === undefined ? null : readSplit(logic)
}

function readAudience(logic: JsonValue | undefined): Audience | null {
  if (logic === true) return { kind: 'everyone' }
  if (logic === undefined) return null
  const single = referenceOf(logic)
  if (single !== null) return { kind: 'segments', anyOf: [single] }
  const found = listOperation(logic)
  if (found?.[0] === 'or') {
    const names = found[1].map(referenceOf)
    if (names.length > 1 && names.every((name) => name !== null)) return { kind: 'segments', anyOf: names }
  }
  const conditions = readConditions(logic)
  return conditions && { kind: 'conditions', match: conditions.match, conditions: [...conditions.conditions] }
}

/** The name in `{"$ref": "name"}`. */
export function referenceOf(logic: JsonValue | undefined): string | null {
  if (!isJsonObject(logic)) return null
  const name = logic['$ref']
  return typeof name === 'string' && Object.keys(logic).length === 1 ? name : null
}
