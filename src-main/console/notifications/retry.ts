import type { Answer } from './post.ts'

/** After how long each try follows the one before, milliseconds: eight tries in about an hour. */
export const RETRY_DELAYS_MS: readonly number[] = [2_000, 10_000, 60_000, 180_000, 420_000, 900_000, 1_800_000]
/** A receiver that wants more than this gets its next try then all the same. */
const LONGEST_WAIT_MS = 3_600_000
/** Worth another try although they are the sender's fault by their number: timeout, too early, too many. */
const PASSING = [408, 425, 429]

export type Next =
  | { readonly kind: 'sent' }
  | { readonly kind: 'again'; readonly inMs: number; readonly why: string; /** The receiver asked everybody to wait. */ readonly holdsAll: boolean }
  | { readonly kind: 'failed'; readonly why: string }

/** What follows from the answer to a try. `attempts` counts it; `random` is in [0, 1). */
export function nextOf(answer: Answer, attempts: number, random: number, delaysMs: readonly number[] = RETRY_DELAYS_MS): Next {
  const why = wordsOf(answer)
  if (answer.kind === 'status') {
    const { status } = answer
    if (status >= 200 && status < 300) return { kind: 'sent' }
    if (status < 500 && !PASSING.includes(status)) return { kind: 'failed', why }
  }
  const plain = delaysMs[attempts - 1]
  if (plain === undefined) return { kind: 'failed', why: `${why} It was tried ${attempts} times.` }
  const askedMs = answer.kind === 'status' ? Math.min(answer.retryAfterMs ?? 0, LONGEST_WAIT_MS) : 0
  // Jitter of a quarter either way: consoles that failed together do not come back together. Never before it was asked for.
  return { kind: 'again', inMs: Math.max(plain * (0.75 + random / 2), askedMs), why, holdsAll: askedMs > 0 }
}

function wordsOf(answer: Answer): string {
  if (answer.kind === 'none') return answer.why
  if (answer.status >= 300 && answer.status < 400) return `It answered ${answer.status}: a redirect, which is not followed.`
  return `It answered ${answer.status}${answer.word === '' ? '' : ` (${answer.word})`}.`
}
