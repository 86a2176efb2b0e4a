import type { JsonValue } from '../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject, pointer } from './json.ts'
import { referenceOf } from './targeting.ts'
import type { Report } from './validate-logic.ts'

/**
 * flagd puts segments in place of references as text, once each, in the order of the file. So a segment may refer to one
 * that comes after it, never to itself or one before, which would stay unresolved. The text is inserted with JavaScript's
 * `replaceAll`, which reads `$$`, `$&`, `` $` `` and `$'` in it as commands.
 */
export function validateReferences(segments: ReadonlyMap<string, JsonValue>, report: Report): void {
  const order = [...segments.keys()]
  for (const [index, [name, logic]] of [...segments].entries()) {
    const path = pointer('/$evaluators', name)
    for (const [at, reference] of referencesIn(logic, path)) {
      const other = order.indexOf(reference)
      if (other === index) report(at, `Segment "${name}" refers to itself.`)
      else if (other !== -1 && reaches(segments, reference, name, new Set())) report(at, `Segments "${name}" and "${reference}" refer to each other.`)
      else if (other !== -1 && other < index) report(at, `"${reference}" stands before "${name}"; flagd resolves only references to segments that come later. Move it behind.`)
    }
    if (/\$[$&`']/.test(JSON.stringify(logic))) report(path, 'A text with `$$`, `$&`, `` $` `` or `$\'` in a segment is changed by some of flagd’s SDKs.')
  }
}

function* referencesIn(logic: JsonValue, path: string): Generator<readonly [path: string, name: string]> {
  if (isJsonArray(logic)) {
    for (const [index, part] of logic.entries()) yield* referencesIn(part, pointer(path, index))
  } else if (isJsonObject(logic)) {
    const name = referenceOf(logic)
    if (name !== null) yield [path, name]
    else for (const [key, part] of Object.entries(logic)) yield* referencesIn(part, pointer(path, key))
  }
}

function reaches(segments: ReadonlyMap<string, JsonValue>, from: string, to: string, seen: Set<string>): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  const logic = segments.get(from)
  if (logic === undefined) return false
  for (const [, next] of referencesIn(logic, '')) if (reaches(segments, next, to, seen)) return true
  return false
}
