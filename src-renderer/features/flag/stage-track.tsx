import { Link } from '@tanstack/react-router'
import type { FlagView, RolloutView } from '../../../src-main/contract/flag.ts'
import { Icon } from '../../components/icons.tsx'
import { Countdown, Moment, Since } from '../../components/time.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { formatDuration, formatInstant, formatMoment } from '../../lib/format.ts'
import { audienceWords, stageTitle } from './flag-words.ts'

type Stage = RolloutView['stages'][number]

const NEWS_MS = 30 * 60_000
const RAIL = 'absolute inset-x-0 top-[15px] h-0.5'

/** A rollout that ended lately still stands on its track, stopped where it was. */
export function isShown(view: RolloutView | null, now: number): view is RolloutView {
  return view !== null && (!view.ended || now - (view.rollout.endedAt ?? 0) < NEWS_MS)
}

/** The plan as a line of posts, with a small train at the running hold's progress and its countdown. */
export function StageTrack({ view }: { readonly view: FlagView }) {
  const now = useNow(60_000)
  const { rollout } = view
  if (!isShown(rollout, now)) return <NoTrack view={view} />
  const template = rollout.stages.map((stage) => (stage.state === 'current' ? 'minmax(250px,2.6fr)' : 'minmax(112px,1fr)')).join(' ')
  return (
    <section aria-label="Stages" tabIndex={0} className="flex-none overflow-x-auto overflow-y-hidden border-b border-line-1 px-4 -outline-offset-2">
      <ol className="grid min-h-[84px] pb-2" style={{ gridTemplateColumns: template }}>
        {rollout.stages.map((stage, index) => (
          <Post key={`${stage.percent} ${stage.audienceWords}`} stage={stage} next={rollout.stages[index + 1] ?? null} view={rollout} last={index === rollout.stages.length - 1} />
        ))}
      </ol>
    </section>
  )
}

interface PostProps {
  readonly stage: Stage
  readonly next: Stage | null
  readonly view: RolloutView
  readonly last: boolean
}

function Post({ stage, next, view, last }: PostProps) {
  const now = useNow()
  const { rollout } = view
  const isHere = stage.state === 'current'
  const isStopped = view.ended || rollout.phase === 'failed' || rollout.phase === 'rollingBack'
  const isDone = stage.state === 'done'
  const progress = isStopped ? 0.4 : fraction(view, now)
  const line = 'truncate text-11 leading-[15px] text-ink-3'
  return (
    <li className={`relative min-w-0 pt-[27px] pr-3 ${isHere ? 'flex gap-4' : ''}`} aria-current={isHere && !isStopped ? 'step' : undefined}>
      <span aria-hidden="true" className={`${RAIL} ${last && stage.blocks.length > 0 && !isDone ? 'bg-[repeating-linear-gradient(90deg,var(--line-2)_0_4px,transparent_4px_8px)]' : isDone ? 'bg-ink-2' : 'bg-line-2'}`} />
      {isHere && (
        <span aria-hidden="true" className="absolute top-[15px] left-0 h-0.5 bg-ink-2 transition-[width] duration-(--move) ease-linear" style={{ width: `max(24px, ${progress * 100}%)` }}>
          {isStopped && rollout.phase !== 'finished' ? <span className="octagon absolute -top-1.5 -right-[7px] size-3.5 bg-fail" /> : <span className="train" />}
        </span>
      )}
      <span aria-hidden="true" className={`absolute top-[10px] left-0 h-3 w-0.5 ${isDone || isHere ? 'bg-ink-1' : 'bg-line-3'}`} />
      <div className={isHere ? 'min-w-[120px]' : 'min-w-0'}>
        <b className={`block truncate leading-[18px] ${isHere ? '' : isDone ? 'font-medium' : 'font-medium text-ink-2'}`} title={stage.audienceWords}>
          {stageTitle(stage)}
          <span className="sr-only">{isDone ? ', done' : isHere ? (isStopped ? ', stopped here' : ', in force') : ', to come'}</span>
        </b>
        {stage.blocks[0] && !isDone ? (
          <p className="truncate text-11 leading-[15px] text-ink-2" title={`${stage.blocks[0].reason} Unblocks: ${stage.blocks[0].unblocks}`}>
            <Icon name="lock" size={10} className="mr-1 -mt-0.5" />
            {stage.blocks[0].reason}
          </p>
        ) : (
          <p className={line}>
            {isDone ? `held ${formatDuration(Math.round(Math.max(0, (stage.endedAt ?? 0) - (stage.exposedAt ?? 0)) / 1000) * 1000)}, pass` : stage.holdMs > 0 ? `hold ${formatDuration(stage.holdMs)}${isHere ? guardSoFar(view) : ''}` : 'until a person goes on'}
            {stage.approval && !isDone && ', then asks'}
          </p>
        )}
        <Detection stage={stage} />
        {stage.exposedAt !== null && (
          <p className={line} title={formatInstant(stage.exposedAt)}>
            <Moment at={stage.exposedAt} />
          </p>
        )}
        {stage.exposedAt === null && !isHere && !view.ended && notBefore(view, stage) !== null && <p className={line}>not before {formatMoment(notBefore(view, stage) ?? 0, now)}</p>}
      </div>
      {isHere && <Now view={view} next={next} />}
    </li>
  )
}

/** How soon harm would be seen at this exposure; said loudly where the hold is shorter. */
function Detection({ stage }: { readonly stage: Stage }) {
  if (stage.state === 'done') return null
  if (stage.tooShort) {
    const words = stage.detectionMs === null ? 'harm would not be seen within a day' : `harm is seen in ${formatDuration(stage.detectionMs)}, after the hold`
    return (
      <p className="truncate text-11 leading-[15px] text-watch-ink" title={words}>
        <Icon name="watch" size={10} className="mr-1 -mt-0.5 text-watch" />
        {words}
      </p>
    )
  }
  return stage.detectionMs === null ? null : <p className="truncate text-11 leading-[15px] text-ink-3">harm seen in {formatDuration(stage.detectionMs)}</p>
}

function guardSoFar({ rollout }: RolloutView): string {
  if (rollout.analysis.length === 0) return ''
  const fails = rollout.analysis.filter(({ verdict }) => verdict === 'fail').length
  return fails > 0 ? `, ${fails} fail` : rollout.analysis.every(({ verdict }) => verdict === 'pass') ? ', so far pass' : ', some doubt'
}

function fraction({ rollout }: RolloutView, now: number): number {
  const hold = rollout.plan.stages[rollout.stageIndex]?.holdMs ?? 0
  if (rollout.paused?.remainingMs !== undefined && rollout.paused.remainingMs !== null && hold > 0) return Math.min(1, Math.max(0, 1 - rollout.paused.remainingMs / hold))
  if (rollout.dueAt === null || hold <= 0) return 0.12
  return Math.min(1, Math.max(0, 1 - (rollout.dueAt - now) / hold))
}

/** The earliest moment a later stage could begin, when every hold ends by itself. */
function notBefore({ rollout, stages }: RolloutView, stage: Stage): number | null {
  if (rollout.dueAt === null || rollout.paused) return null
  const to = stages.indexOf(stage)
  return stages.slice(rollout.stageIndex + 1, to).reduce((at, each) => at + each.holdMs, rollout.dueAt)
}

function Now({ view, next }: { readonly view: RolloutView; readonly next: Stage | null }) {
  const { rollout } = view
  const stopped = view.ended || rollout.phase === 'rollingBack' || rollout.phase === 'failed'
  if (stopped) {
    const word = { rolledBack: rollout.rollback?.to === 'safe' ? 'killed' : 'taken back', rollingBack: 'going back', failed: 'stopped', finished: 'finished', abandoned: 'left as it is' }[rollout.phase as string] ?? rollout.phase
    return (
      <p className="ml-auto pt-[5px] pr-4 text-right text-16 font-semibold whitespace-nowrap">
        {word}
        {rollout.endedAt !== null && (
          <small className="block text-11 leading-[15px] font-normal text-ink-3">
            <Since at={rollout.endedAt} /> ago
          </small>
        )}
      </p>
    )
  }
  return (
    <div className="ml-auto flex min-w-0 items-start gap-2.5 pr-5">
      {rollout.dueAt !== null && !rollout.paused && rollout.phase === 'holding' ? (
        <>
          <b className="pt-[3px] text-26 leading-[30px] tracking-[-0.02em]">
            <Countdown until={rollout.dueAt} over="now" />
          </b>
          <span className="min-w-0 pt-1 text-11 leading-[15px] whitespace-nowrap text-ink-2 max-[1320px]:hidden">
            {next === null ? 'then everyone,' : `next ${next.audience.kind === 'everyone' ? 'stage ' : ''}${stageTitle(next)}`}
            <span className="block">{next === null ? 'without rules' : 'if guards pass'}</span>
          </span>
        </>
      ) : (
        <b className="pt-[3px] text-16 leading-[26px] whitespace-nowrap">{rollout.paused ? 'held' : rollout.phase === 'awaitingApproval' ? 'waits for you' : rollout.submitted ? 'waits for approval' : rollout.phase === 'holding' ? 'until a person goes on' : 'changing'}</b>
      )}
    </div>
  )
}

/** No rollout under way: what it would be, and where to begin one. */
function NoTrack({ view }: { readonly view: FlagView }) {
  const { rollout, suggestedPlan, summary } = view
  const plan = suggestedPlan.stages.map((stage) => (stage.audience.kind === 'everyone' ? `${stage.percent} %` : audienceWords(stage.audience))).join(' → ')
  return (
    <section aria-label="Stages" className="flex min-h-11 flex-none flex-wrap items-center gap-x-2 border-b border-line-1 px-4 py-2 text-ink-2">
      <span className="min-w-0">
        {rollout ? 'The next rollout:' : 'Never rolled out. The source suggests:'} <span className="text-ink-1">{plan}</span>, {suggestedPlan.variants.map(({ variant }) => variant).join(' and ')} over {suggestedPlan.baseline}.
      </span>
      {summary.lifecycle !== 'archived' && (
        <Link to="/flags/$source/$key" params={{ source: summary.source, key: summary.key }} search={{ view: 'rollout' }} className="link">
          Look at it
        </Link>
      )}
      {rollout?.rollout.endedAt && (
        <span className="ml-auto text-ink-3">
          Last: {rollout.headline.charAt(0).toLowerCase()}
          {rollout.headline.slice(1)} <Moment at={rollout.rollout.endedAt} />
        </span>
      )}
    </section>
  )
}
