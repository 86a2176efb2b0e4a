/** Where a key stands in one file. Line and column count from 1; the column in bytes, as most editors' tools give it. */
export interface KeyPlace {
  readonly key: string
  readonly line: number
  readonly column: number
  /** The line, trimmed, at most 200 characters. */
  readonly text: string
}

export interface KeyFinder {
  find(bytes: Buffer): readonly KeyPlace[]
}

const QUOTES = [0x22, 0x27, 0x60] as const
const SHOWN = 200
const NEW_LINE = 0x0a
/** Up to so many keys each is looked for by itself; more are looked up by what stands between quotes. */
const FEW_KEYS = 6

/**
 * Finds keys that stand alone between two equal quotes ("…", '…', `…`): string literals of JavaScript, TypeScript, Go,
 * Java, Kotlin, C#, Python, Ruby, PHP, Rust, Swift, JSON and YAML. Keys put together from parts are not found.
 */
export function createKeyFinder(keys: readonly string[]): KeyFinder {
  const known = new Set(keys.map((key) => Buffer.from(key).toString('latin1')).filter((key) => key !== ''))
  const names = new Map(keys.map((key) => [Buffer.from(key).toString('latin1'), key]))
  const search = known.size <= FEW_KEYS ? searchEach([...known]) : searchLiterals(known)
  return {
    find(bytes) {
      const hits = search(bytes)
      if (hits.length === 0) return []
      const places: KeyPlace[] = []
      let line = 1
      let lineStart = 0
      for (const { at, key } of hits.toSorted((a, b) => a.at - b.at)) {
        for (let next = bytes.indexOf(NEW_LINE, lineStart); next !== -1 && next < at; next = bytes.indexOf(NEW_LINE, lineStart)) {
          line += 1
          lineStart = next + 1
        }
        const end = bytes.indexOf(NEW_LINE, at)
        const from = Math.max(lineStart, at - SHOWN / 2)
        places.push({ key: names.get(key) ?? key, line, column: at - lineStart + 1, text: bytes.toString('utf8', from, Math.min(end === -1 ? bytes.length : end, from + SHOWN)).trim() })
      }
      return places
    },
  }
}

interface Hit {
  readonly at: number
  readonly key: string
}

function searchEach(keys: readonly string[]): (bytes: Buffer) => readonly Hit[] {
  const needles = keys.map((key) => ({ key, bytes: Buffer.from(key, 'latin1') }))
  return (bytes) => {
    const hits: Hit[] = []
    for (const needle of needles) {
      for (let at = bytes.indexOf(needle.bytes); at !== -1; at = bytes.indexOf(needle.bytes, at + 1)) {
        const before = bytes[at - 1]
        if (before !== undefined && before === bytes[at + needle.bytes.length] && isQuote(before)) hits.push({ at, key: needle.key })
      }
    }
    return hits
  }
}

/** One pass, however many keys: from each quote to the next equal one, when what is between may be a key. */
function searchLiterals(known: ReadonlySet<string>): (bytes: Buffer) => readonly Hit[] {
  const lengths = new Uint8Array(513)
  const allowed = new Uint8Array(256)
  const begins = new Uint8Array(256)
  let longest = 0
  for (const key of known) {
    lengths[Math.min(512, key.length)] = 1
    longest = Math.max(longest, key.length)
    begins[key.charCodeAt(0)] = 1
    for (let index = 0; index < key.length; index += 1) allowed[key.charCodeAt(index)] = 1
  }
  for (const quote of QUOTES) allowed[quote] = 0
  return (bytes) => {
    const hits: Hit[] = []
    const size = bytes.length
    for (let at = 0; at < size; at += 1) {
      const quote = bytes[at] ?? 0
      if (quote !== 0x22 && quote !== 0x27 && quote !== 0x60) continue
      const start = at + 1
      if (begins[bytes[start] ?? 0] === 0) continue
      let end = start + 1
      while (end < size && allowed[bytes[end] ?? 0] === 1) end += 1
      const length = end - start
      if (bytes[end] === quote && length <= longest && lengths[Math.min(512, length)] === 1) {
        const key = bytes.toString('latin1', start, end)
        if (known.has(key)) hits.push({ at: start, key })
      }
      // The byte that ended it may open the next literal.
      at = end - 1
    }
    return hits
  }
}

function isQuote(byte: number): boolean {
  return byte === 0x22 || byte === 0x27 || byte === 0x60
}
