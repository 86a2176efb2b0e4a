/** The known word nearest to what was written, when it is near enough to be a slip; otherwise null. */
export function nearest(written: string, known: readonly string[]): string | null {
  const plain = simplify(written)
  if (plain.length > 60) return null
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1
  for (const word of known) {
    const distance = editDistance(plain, simplify(word))
    if (distance < bestDistance) {
      best = word
      bestDistance = distance
    }
  }
  return best
}

/** `rollbackWindow`, `rollback_window` and `Rollback window` are the same word written otherwise. */
function simplify(word: string): string {
  return word.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
}

/** Optimal string alignment distance (Damerau-Levenshtein without overlapping edits). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let value = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, (beforeLast[j - 2] ?? 0) + 1)
      row.push(value)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
