import type { FlagView } from '../../../src-main/contract/flag.ts'
import { StateMark } from '../../components/state-mark.tsx'
import type { MarkState } from '../../components/state-mark.tsx'

/** Its key, and how much of everyone has it. */
export function FlagTitle({ view }: { readonly view: FlagView }) {
  const { summary, rollout } = view
  return (
    <>
      <span className="mono min-w-0 truncate" title={summary.key}>
        {summary.key}
      </span>
      <span className="flex-none text-16 font-medium text-ink-2">{rollout && !rollout.ended ? lower(rollout.headline) : summary.exposure}</span>
    </>
  )
}

/** What is, and what happens if nobody does anything, in the core's words. */
export function FlagSentence({ view }: { readonly view: FlagView }) {
  const { rollout, summary } = view
  if (!rollout || rollout.ended) {
    const back = rollout?.rollout.rollback
    if (!rollout || !back) return summary.why
    return (
      <>
        {back.byGuard ? <StateMark wraps state="fail">{`${rollout.headline}. `}</StateMark> : `${rollout.headline}${back.reason === '' ? '' : ': '}`}
        {back.reason === '' ? `. ${summary.why}` : back.reason}
      </>
    )
  }
  const state = stateOf(view)
  const { stageIndex, plan } = rollout.rollout
  const stage = stageIndex < 0 ? `${plan.stages.length} stages, none begun` : `Stage ${stageIndex + 1} of ${plan.stages.length}`
  const words = rollout.next.startsWith('Stage ') ? rollout.next : `${stage}${guardWords(view)}. ${ifNothing(rollout.next)}`
  return state === 'fine' ? words : <StateMark wraps state={state}>{words}</StateMark>
}

function guardWords({ rollout }: FlagView): string {
  const results = rollout?.rollout.analysis ?? []
  if (rollout?.rollout.phase !== 'holding' || results.length === 0) return ''
  const failing = results.filter(({ verdict }) => verdict === 'fail').length
  const unsure = results.filter(({ verdict }) => verdict === 'inconclusive').length
  return failing > 0 ? `, ${failing} of ${results.length} guards fail` : unsure === results.length ? ', guards not decided yet' : unsure > 0 ? `, ${results.length - unsure} of ${results.length} guards pass` : ', guards pass'
}

/** What needs eyes: a stop or a fail, then what waits for a person. */
export function stateOf({ rollout }: FlagView): MarkState {
  if (!rollout || rollout.ended) return 'fine'
  const { phase, paused, drift, submitted, analysis } = rollout.rollout
  if (phase === 'failed' || analysis.some(({ verdict, severity }) => verdict === 'fail' && severity === 'fail')) return 'fail'
  return drift || (paused && paused.why !== '') || phase === 'awaitingApproval' || submitted ? 'watch' : 'fine'
}

/** "When the hold is over …" is said of a screen that nobody touches. */
function ifNothing(next: string): string {
  return /^(It waits|It stays|When)\b/.test(next) ? `If you do nothing: ${lower(next)}` : next
}

const lower = (text: string) => `${text.charAt(0).toLowerCase()}${text.slice(1)}`
