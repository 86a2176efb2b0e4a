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

const SHOWN = 200
const NEW_LINE = 0x0a
/** Up to so many keys each is looked for by itself; more are looked up by what stands between quotes. */
const FEW_KEYS = 2

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

/** One pass, however many keys: what stands between quotes and could be a key is looked up. */
function searchLiterals(known: ReadonlySet<string>): (bytes: Buffer) => readonly Hit[] {
  const all = [...known].filter((key) => !/["'`\n]/.test(key))
  const lengths = all.map((key) => key.length)
  const begins = classOf(all.map((key) => key.charAt(0)))
  const inside = classOf(all.flatMap((key) => key.split('')))
  // The closing quote is only looked at: it may open the next literal.
  const literal = new RegExp(`["'\`](?=${begins})(${inside}{${Math.min(...lengths)},${Math.max(...lengths)}})(?=["'\`])`, 'g')
  return (bytes) => {
    const text = bytes.toString('latin1')
    const hits: Hit[] = []
    literal.lastIndex = 0
    for (let match = literal.exec(text); match !== null; match = literal.exec(text)) {
      const key = match[1] ?? ''
      if (text[match.index] === text[literal.lastIndex] && known.has(key)) hits.push({ at: match.index + 1, key })
    }
    return hits
  }
}

/** A class of these characters (all below 256), as a regular expression has it. */
function classOf(characters: readonly string[]): string {
  return `[${[...new Set(characters)].map((char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')}]`
}

function isQuote(byte: number): boolean {
  return byte === 0x22 || byte === 0x27 || byte === 0x60
}
