const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const WORD = /true|false|null/y
const SPACE = /[ \t\r\n]*/y

/**
 * Where text stops being JSON (RFC 8259), as an offset; null: it does not. Engines name the place in some of their
 * messages only.
 */
export function jsonFault(text: string): number | null {
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at += found[0].length
    return found !== null
  }
  const space = () => void take(SPACE)

  /** Members of an object or elements of a list up to the closing sign; false: `at` is where it goes wrong. */
  function inside(close: string, one: () => boolean): boolean {
    at += 1
    space()
    if (text[at] === close) {
      at += 1
      return true
    }
    for (;;) {
      if (!one()) return false
      space()
      if (text[at] === close) {
        at += 1
        return true
      }
      if (text[at] !== ',') return false
      at += 1
      space()
    }
  }
  function member(): boolean {
    if (!take(STRING)) return false
    space()
    if (text[at] !== ':') return false
    at += 1
    return value()
  }
  function value(): boolean {
    space()
    if (text[at] === '{') return inside('}', member)
    if (text[at] === '[') return inside(']', value)
    return take(STRING) || take(NUMBER) || take(WORD)
  }

  if (!value()) return at
  space()
  return at === text.length ? null : at
}
