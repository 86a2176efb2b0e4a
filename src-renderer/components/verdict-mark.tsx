import type { CriterionResult, VerdictChange } from '../../src-main/contract/analysis.ts'
import type { IconName } from './icons.tsx'
import { StateMark, type MarkState } from './state-mark.tsx'

/** How a verdict looks: shape and word say it, colour only repeats it. A pass is quiet. */
export interface VerdictLook {
  readonly state: MarkState
  readonly word: string
  readonly icon: IconName
}

const LOOKS: Readonly<Record<VerdictChange['verdict'], VerdictLook>> = {
  pass: { state: 'fine', word: 'pass', icon: 'fine' },
  warn: { state: 'watch', word: 'asks', icon: 'watch' },
  fail: { state: 'fail', word: 'fail', icon: 'fail' },
  inconclusive: { state: 'unknown', word: 'inconclusive', icon: 'unknown' },
}

export function verdictLook(verdict: VerdictChange['verdict']): VerdictLook {
  return LOOKS[verdict]
}

/** A criterion that pauses and asks has its own look where it is breached; missing data and shared trouble have their own word. */
export function resultLook(result: CriterionResult): VerdictLook {
  if (result.bothSides) return { ...LOOKS.warn, word: 'both sides' }
  if (result.absentSince !== null && result.verdict === 'inconclusive') return { ...LOOKS.inconclusive, word: 'no data' }
  return result.verdict === 'fail' && result.severity === 'warn' ? LOOKS.warn : LOOKS[result.verdict]
}

/** `brief`: where there is no room, and the word stands elsewhere too, the shape alone is seen. */
export function VerdictMark({ look, brief = false }: { readonly look: VerdictLook; readonly brief?: boolean }) {
  return (
    <StateMark state={look.state}>
      <span className={brief ? 'sr-only' : ''}>{look.word}</span>
    </StateMark>
  )
}
