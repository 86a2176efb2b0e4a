import type { JsonValue } from '../../contract/flag-definition.ts'
import { pointer } from './json.ts'

export interface JsonFault {
  readonly path: string
  /** Offset into the text, in UTF-16 units. */
  readonly offset: number
  readonly message: string
}

export interface ParsedJson {
  /** Undefined when the text is not JSON. */
  readonly value: JsonValue | undefined
  /** A syntax fault ends the reading; keys that are there twice do not. */
  readonly faults: readonly JsonFault[]
  /** Where the value at this pointer begins, or the nearest one above it. */
  offsetOf(path: string): number
}

const MAX_DEPTH = 200
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

class Stop extends Error {}

/**
 * JSON (RFC 8259) with places. JSON.parse would keep the last of two equal keys in silence, and says nothing of where a
 * value stands; both matter in a file people edit.
 */
export function parseJson(text: string): ParsedJson {
  const faults: JsonFault[] = []
  const value = read(text, faults, null)
  let offsets: Map<string, number> | null = null
  return {
    value,
    faults,
    offsetOf(path) {
      // Places are only looked for when there is something to say: it costs more than the reading.
      if (offsets === null) read(text, [], (offsets = new Map()))
      for (let above = path; ; above = above.slice(0, above.lastIndexOf('/'))) {
        const offset = offsets.get(above)
        if (offset !== undefined || above === '') return offset ?? 0
      }
    },
  }
}

/** Reads a whole text. Undefined, with a fault, where it is not JSON. `offsets`: filled with where each value stands. */
function read(text: string, faults: JsonFault[], offsets: Map<string, number> | null): JsonValue | undefined {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0
  /** Keys and indices down to where the reading is. */
  const trail: (string | number)[] = []

  const fault = (offset: number, message: string): void => {
    faults.push({ path: trail.reduce<string>(pointer, ''), offset, message })
  }
  const stop = (message: string): never => {
    fault(at, message)
    throw new Stop()
  }
  const here = (): string => (at >= text.length ? 'the end of the file' : `\`${text.slice(at, at + 12).split('\n')[0] ?? ''}\``)
  const note = (offset: number): void => {
    offsets?.set(trail.reduce<string>(pointer, ''), offset)
  }
  const space = (): void => {
    for (;;) {
      const code = text.charCodeAt(at)
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
      at += 1
    }
  }
  const plainEnd = (from: number): number => {
    for (let end = from; ; end += 1) {
      const code = text.charCodeAt(end)
      // NaN at the end of the text stops it too.
      if (!(code >= 32) || code === 34 || code === 92) return end
    }
  }
  const readString = (): string => {
    at += 1
    let whole = ''
    for (;;) {
      const end = plainEnd(at)
      whole += text.slice(at, end)
      at = end
      const char = text[at]
      if (char === '"') {
        at += 1
        return whole
      }
      if (char !== '\\') return stop(char === undefined ? 'The file ends within a text.' : 'A line break or control character within a text.')
      const escape = text[at + 1] ?? ''
      const hex = escape === 'u' ? text.slice(at + 2, at + 6) : ''
      if (/^[0-9a-fA-F]{4}$/.test(hex)) {
        whole += String.fromCharCode(Number.parseInt(hex, 16))
        at += 6
      } else {
        const meant = ESCAPES[escape]
        if (meant === undefined) return stop(`\`\\${escape}\` is no escape of JSON.`)
        whole += meant
        at += 2
      }
    }
  }
  const readValue = (): JsonValue => {
    if (trail.length > MAX_DEPTH) return stop(`Nested deeper than ${MAX_DEPTH} levels.`)
    space()
    if (offsets && typeof trail.at(-1) !== 'string') note(at)
    const char = text[at]
    if (char === '{') return readObject()
    if (char === '[') return readArray()
    if (char === '"') return readString()
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length
        return value
      }
    }
    NUMBER.lastIndex = at
    const digits = NUMBER.exec(text)?.[0]
    if (digits === undefined) return stop(`Expected a value, found ${here()}.`)
    at += digits.length
    return Number(digits)
  }
  const readArray = (): JsonValue => {
    at += 1
    const items: JsonValue[] = []
    space()
    if (text[at] === ']') {
      at += 1
      return items
    }
    for (;;) {
      trail.push(items.length)
      items.push(readValue())
      trail.pop()
      space()
      const next = text[at]
      if (next !== ',' && next !== ']') return stop(`Expected \`,\` or \`]\`, found ${here()}.`)
      at += 1
      if (next === ']') return items
    }
  }
  const readObject = (): JsonValue => {
    at += 1
    const found: Record<string, JsonValue> = {}
    space()
    if (text[at] === '}') {
      at += 1
      return found
    }
    for (;;) {
      space()
      if (text[at] !== '"') return stop(`Expected a key in quotes, found ${here()}.`)
      const keyAt = at
      const key = readString()
      trail.push(key)
      // Where a key stands is where an editor should go.
      note(keyAt)
      if (Object.hasOwn(found, key)) fault(keyAt, `"${key}" is there twice; programs disagree on which one counts.`)
      space()
      if (text[at] !== ':') return stop(`Expected \`:\`, found ${here()}.`)
      at += 1
      const value = readValue()
      if (key === '__proto__') {
        fault(keyAt, '"__proto__" cannot be a name here.')
        Object.defineProperty(found, key, { value, enumerable: true, configurable: true, writable: true })
      } else found[key] = value
      trail.pop()
      space()
      const next = text[at]
      if (next !== ',' && next !== '}') return stop(`Expected \`,\` or \`}\`, found ${here()}.`)
      at += 1
      if (next === '}') return found
    }
  }

  try {
    const value = readValue()
    space()
    if (at < text.length) stop(`Expected the end of the file, found ${here()}.`)
    return value
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    return undefined
  }
}

/** Turns offsets into lines and columns that count from 1. */
export function placesIn(text: string): (offset: number) => { readonly line: number; readonly column: number } {
  const starts = [0]
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) starts.push(index + 1)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 }
  }
}
