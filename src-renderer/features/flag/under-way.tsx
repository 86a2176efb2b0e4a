import { Link } from '@tanstack/react-router'
import type { RolloutView } from '../../../src-main/contract/flag.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { StateMark, type MarkState } from '../../components/state-mark.tsx'
import { Countdown } from '../../components/time.tsx'
import { useRollouts } from '../../lib/console-context.tsx'

/** What is being rolled out now, those that need a person first. */
export function UnderWay() {
  const views = useRollouts()
  if (views.length === 0) return null
  const ordered = views.toSorted((a, b) => RANK[stateOf(a)] - RANK[stateOf(b)] || (a.rollout.dueAt ?? Number.POSITIVE_INFINITY) - (b.rollout.dueAt ?? Number.POSITIVE_INFINITY))
  return (
    <section aria-label="Being rolled out" className="border-b border-line-1 pb-1">
      <PaneHeading title="Being rolled out" detail={views.length} />
      <ul>
        {ordered.map((view) => (
          <Row key={view.rollout.id} view={view} />
        ))}
      </ul>
    </section>
  )
}

const RANK: Readonly<Record<MarkState, number>> = { fail: 0, watch: 1, unknown: 2, fine: 3 }

function stateOf({ rollout }: RolloutView): MarkState {
  if (rollout.phase === 'failed') return 'fail'
  return rollout.paused || rollout.drift || rollout.phase === 'awaitingApproval' ? 'watch' : 'fine'
}

function Row({ view }: { readonly view: RolloutView }) {
  const { rollout } = view
  const { source, flag } = rollout
  const state = stateOf(view)
  return (
    <li className="grid min-h-9 grid-cols-[minmax(120px,1fr)_104px_minmax(0,2fr)_76px] items-center gap-x-3 border-t border-line-1 px-4 py-1 narrow:grid-cols-[minmax(0,1fr)_auto]">
      <Link to="/flags/$source/$key" params={{ source, key: flag }} className="mono truncate hover:underline" title={flag}>
        {flag}
      </Link>
      <span className="min-w-0">
        <span className="flex h-[13px] items-center gap-[3px]" role="img" aria-label={`stage ${rollout.stageIndex + 1} of ${view.stages.length}`}>
          {view.stages.map((stage, index) => (
            <span key={index} className={`flex-1 ${stage.state === 'done' ? 'h-0.5 bg-ink-2' : stage.state === 'current' ? 'h-[5px] bg-ink-1' : 'h-0.5 bg-line-2'}`} />
          ))}
        </span>
      </span>
      <span className="min-w-0 truncate text-12 text-ink-2" title={view.next}>
        {state === 'fine' ? <span className="text-ink-1">{view.headline}. </span> : <StateMark wraps state={state}>{`${view.headline}. `}</StateMark>}
        {view.next}
      </span>
      <span className="text-right font-semibold">{rollout.dueAt !== null && !rollout.paused && rollout.phase === 'holding' ? <Countdown until={rollout.dueAt} over="due" /> : ''}</span>
    </li>
  )
}
