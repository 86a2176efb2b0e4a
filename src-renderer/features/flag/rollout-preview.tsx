import type { FlagRolloutPlan } from '../../../src-main/contract/flag-definition.ts'
import type { FlagSourceView, RolloutForesight } from '../../../src-main/contract/flag.ts'
import { Icon } from '../../components/icons.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { formatCount, formatDuration, formatMoment } from '../../lib/format.ts'
import { audienceWords, segmentWords } from './flag-words.ts'

interface PreviewProps {
  /** Null: not answered yet. */
  readonly foresight: RolloutForesight | null
  /** Null: what is typed is no plan yet. */
  readonly plan: FlagRolloutPlan | null
  readonly source: FlagSourceView | null
}

/** Each stage of the plan in words: who gets what, when at the earliest, and what ends it. */
export function RolloutPreview({ foresight, plan, source }: PreviewProps) {
  const now = useNow(1000)
  if (!plan) return <p className="border-t border-line-1 px-4 py-3 text-12 text-ink-3">What is typed is not a plan yet; what is wrong stands beside it.</p>
  const starts = plan.stages.map((_, index) => plan.stages.slice(0, index).reduce((at, stage) => at + stage.holdMs, now))
  const end = starts.at(-1) === undefined ? now : (starts.at(-1) ?? now) + (plan.stages.at(-1)?.holdMs ?? 0)
  const what = plan.variants.map(({ variant, share }) => (plan.variants.length === 1 ? variant : `${variant} (${share} % of them)`)).join(', ')
  return (
    <ol aria-label="Stages in words" className="border-t border-line-1 text-12 leading-[18px]">
      {plan.stages.map((stage, index) => {
        const known = foresight?.stages.length === plan.stages.length ? foresight.stages[index] : undefined
        return (
          <li key={index} className="grid grid-cols-[22px_minmax(0,1fr)] gap-x-2 border-b border-line-1 px-4 py-1.5">
            <span className="text-ink-3">{index + 1}</span>
            <div className="min-w-0">
              <p>
                <b className="font-medium">{stage.audience.kind === 'everyone' ? `${formatCount(stage.percent)} % of users` : stage.percent === 100 ? audienceWords(stage.audience) : `${formatCount(stage.percent)} % of ${audienceWords(stage.audience)}`}</b> {stage.percent === 0 ? 'get nothing of it' : `get ${what}`}, the others {plan.baseline}.
              </p>
              {stage.audience.kind === 'segments' && <p className="mono text-11 text-ink-3">{stage.audience.anyOf.map((name) => { const found = source?.segments.find((segment) => segment.name === name); return found ? segmentWords(found) : `no segment ${name}` }).join(' or ')}</p>}
              <p className="text-ink-3">
                {index === 0 ? 'at once' : `not before ${formatMoment(starts[index] ?? now, now)}`}, held {formatDuration(stage.holdMs)}
                {stage.approval ? ', then a person is asked' : index === plan.stages.length - 1 ? ', then everyone, without rules' : ', then on if its guards pass'}
              </p>
              {known && <Detection detectionMs={known.detectionMs} tooShort={known.tooShort} holdMs={stage.holdMs} />}
              {known?.blocks.map((block) => (
                <p key={block.rule + block.reason} className="text-ink-2">
                  <Icon name="lock" size={10} className="mr-1 -mt-0.5" />
                  {block.reason} <span className="text-ink-3">Unblocks: {block.unblocks}</span>
                </p>
              ))}
            </div>
          </li>
        )
      })}
      <li className="px-4 py-1.5 text-ink-3">
        Everyone has it at the earliest {formatMoment(end, now)}. Whoever has it at one stage keeps it at the next. A criterion that fails takes it back to the state before by itself; missing data holds.
      </li>
    </ol>
  )
}

/** How soon harm of the declared size would be found at this share, with the traffic of now. */
function Detection({ detectionMs, tooShort, holdMs }: { readonly detectionMs: number | null; readonly tooShort: boolean; readonly holdMs: number }) {
  if (!tooShort) return detectionMs === null ? null : <p className="text-ink-3">harm would be seen in {formatDuration(detectionMs)}</p>
  return (
    <p className="text-watch-ink">
      <Icon name="watch" size={10} className="mr-1 -mt-0.5 text-watch" />
      {detectionMs === null ? 'harm would not be seen within a day at this share' : `harm would be seen in ${formatDuration(detectionMs)}, after a hold of ${formatDuration(holdMs)}`}
    </p>
  )
}
