import { type FlagProblem, type JsonObject, type JsonValue, MAX_FLAGS } from '../../contract/flag-definition.ts'
import { isJsonObject, pointer } from './json.ts'
import { parseJson, placesIn } from './parse-json.ts'
import { resultsOf } from './results-of.ts'
import { type Report, validateLogic } from './validate-logic.ts'
import { validateReferences } from './validate-references.ts'

const MAX_PROBLEMS = 200

export interface ValidatedFlagSet {
  /** What the text says; null when it is not JSON, or not an object. */
  readonly document: JsonObject | null
  /** Errors first, each in the order of the file. */
  readonly problems: readonly FlagProblem[]
  /** No error: may be written and served. Warnings do not count. */
  readonly ok: boolean
}

/**
 * Everything wrong with the text of a flag set: JSON, flagd's schema v0, and what the schema cannot say (references,
 * variants that targeting names, branches nobody reaches). Stricter than flagd, never looser.
 */
export function validateFlagSet(text: string): ValidatedFlagSet {
  const parsed = parseJson(text)
  const place = placesIn(text)
  const problems: FlagProblem[] = []
  const add = (path: string, offset: number, message: string, level: 'error' | 'warning'): void => {
    if (problems.length < MAX_PROBLEMS) problems.push({ level, path, ...place(offset), message })
  }
  for (const fault of parsed.faults) add(fault.path, fault.offset, fault.message, 'error')
  const report: Report = (path, message, level = 'error') => add(path, parsed.offsetOf(path), message, level)
  const document = isJsonObject(parsed.value) ? parsed.value : null
  if (parsed.value !== undefined && !document) report('', 'A flag set is an object with `flags`.')
  if (document) validateDocument(document, report)
  const sorted = problems.toSorted((a, b) => Number(a.level === 'warning') - Number(b.level === 'warning') || a.line - b.line || a.column - b.column)
  return { document, problems: sorted, ok: document !== null && sorted[0]?.level !== 'error' }
}

function validateDocument(document: JsonObject, report: Report): void {
  const evaluators = document['$evaluators']
  if (evaluators !== undefined && !isJsonObject(evaluators)) report('/$evaluators', '`$evaluators` is an object of rules by name.')
  const segments = new Map(isJsonObject(evaluators) ? Object.entries(evaluators) : [])
  const known = new Set(segments.keys())
  for (const [name, logic] of segments) {
    const path = pointer('/$evaluators', name)
    if (name === '') report(path, 'A segment has a name.')
    if (!isJsonObject(logic)) report(path, 'A segment is a rule: an object with an operator.')
    else validateLogic(logic, path, known, report)
  }
  validateReferences(segments, report)
  validateMetadata(document['metadata'], '/metadata', report)
  const flags = document['flags']
  if (Array.isArray(flags)) return report('/flags', 'Flags as a list are for the flagd daemon alone; SDKs want an object with the keys as names.')
  if (!isJsonObject(flags)) return report('/flags', '`flags` is missing: an object with the flags by key.')
  const entries = Object.entries(flags)
  if (entries.length > MAX_FLAGS) return report('/flags', `${entries.length} flags are more than ${MAX_FLAGS}.`)
  for (const [key, flag] of entries) validateFlag(key, flag, segments, known, report)
  return undefined
}

function validateFlag(key: string, flag: JsonValue, segments: ReadonlyMap<string, JsonValue>, known: ReadonlySet<string>, report: Report): void {
  const path = pointer('/flags', key)
  if (key === '' || key.length > 256) report(path, 'A flag’s key has 1 to 256 characters.')
  if (!isJsonObject(flag)) return report(path, 'A flag is an object.')
  if (flag['state'] !== 'ENABLED' && flag['state'] !== 'DISABLED') report(`${path}/state`, flag['state'] === undefined ? '`state` is missing: ENABLED or DISABLED.' : '`state` is ENABLED or DISABLED.')
  else if (flag['state'] === 'DISABLED') report(`${path}/state`, 'DISABLED does not mean off: every caller gets the default written in its own code.', 'warning')
  const names = validateVariants(flag['variants'], `${path}/variants`, report)
  const fallback = flag['defaultVariant']
  if (fallback !== undefined && fallback !== null && typeof fallback !== 'string') report(`${path}/defaultVariant`, '`defaultVariant` is the name of a variant, or null.')
  else if (typeof fallback === 'string' && fallback !== '' && !names.has(fallback)) report(`${path}/defaultVariant`, `There is no variant "${fallback}".`)
  else if (fallback === undefined || fallback === null || fallback === '') report(`${path}/defaultVariant`, 'Without a default variant, who matches no rule gets the default written in the caller’s code.', 'warning')
  validateMetadata(flag['metadata'], `${path}/metadata`, report)
  const targeting = flag['targeting']
  if (targeting === undefined) return undefined
  if (!isJsonObject(targeting)) return report(`${path}/targeting`, '`targeting` is a rule: an object with an operator.')
  if (Object.keys(targeting).length === 0) return undefined
  validateLogic(targeting, `${path}/targeting`, known, report)
  for (const result of resultsOf(targeting, `${path}/targeting`, segments, report)) {
    if (result.value !== null && !names.has(String(result.value))) report(result.path, `Targeting comes to ${JSON.stringify(result.value)}, but there is no such variant; who gets it gets an error.`)
  }
  return undefined
}

function validateVariants(variants: JsonValue | undefined, path: string, report: Report): ReadonlySet<string> {
  if (!isJsonObject(variants)) {
    report(path, '`variants` is missing: an object with the values by name.')
    return new Set()
  }
  const entries = Object.entries(variants)
  if (entries.length === 0) report(path, 'A flag has one variant at least.')
  const kind = (value: JsonValue): string => (value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value)
  const first = entries[0]
  for (const [name, value] of entries) {
    const found = kind(value)
    if (name === '') report(pointer(path, name), 'A variant has a name.')
    if (found === 'null' || found === 'list') report(pointer(path, name), `A variant’s value is a boolean, text, number or object, not a ${found}.`)
    else if (first && found !== kind(first[1])) report(pointer(path, name), `Variants have one type: "${first[0]}" is a ${kind(first[1])}, this is a ${found}.`)
  }
  return new Set(entries.map(([name]) => name))
}

function validateMetadata(metadata: JsonValue | undefined, path: string, report: Report): void {
  if (metadata === undefined) return
  if (!isJsonObject(metadata)) return report(path, '`metadata` is an object.')
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') report(pointer(path, key), 'Metadata holds texts, numbers and booleans.')
  }
}
