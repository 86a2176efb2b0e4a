import type { WorkspaceProblem } from '../contract/workspace.ts'

/** More than a person would mend in one go; the last one says that there are more. */
const MAX_PROBLEMS = 100

/** A place in the text, as an offset into it. */
export interface Span {
  readonly start: number
}

export interface Problems {
  report(at: Span, message: string, expected: string): void
  /** 1-based line of a place, for naming it in another problem's text. */
  lineOf(at: Span): number
  /** In the order of the file. */
  list(): readonly WorkspaceProblem[]
  readonly any: boolean
}

/** Collects everything wrong with one text, so that a person sees it all at once. The same problem twice counts once. */
export function collectProblems(file: string, text: string): Problems {
  const lineStarts = [0]
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) lineStarts.push(index + 1)
  const found = new Map<string, WorkspaceProblem>()

  const position = (offset: number): { line: number; column: number } => {
    // A file's last line break opens no line an editor could point at.
    const end = text.endsWith('\n') ? text.length - 1 : text.length
    const inside = Math.min(Math.max(offset, 0), Math.max(end, 0))
    let low = 0
    let high = lineStarts.length - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((lineStarts[middle] ?? 0) <= inside) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: inside - (lineStarts[low] ?? 0) + 1 }
  }

  return {
    report(at, message, expected) {
      const place = { file, ...position(at.start) }
      const key = `${place.line}:${place.column}:${message}`
      if (!found.has(key)) found.set(key, { place, message, expected })
    },
    lineOf: (at) => position(at.start).line,
    list() {
      const sorted = [...found.values()].toSorted((a, b) => a.place.line - b.place.line || a.place.column - b.place.column)
      const first = sorted.slice(0, MAX_PROBLEMS)
      const next = sorted[MAX_PROBLEMS]
      if (next) first.push({ place: next.place, message: `${sorted.length - MAX_PROBLEMS} more problems from here on`, expected: 'mend the ones above first' })
      return first
    },
    get any() {
      return found.size > 0
    },
  }
}
