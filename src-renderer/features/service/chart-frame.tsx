import { Link } from '@tanstack/react-router'
import { memo, type ReactNode } from 'react'
import { timeTicks } from '../../components/charts/scale.ts'
import { formatClock, formatCountdown, formatMinute } from '../../lib/format.ts'
import type { Mark } from './marks.ts'

/** Caption column, plot, right margin. */
export const CHART_COLUMNS = 'grid-cols-[200px_minmax(0,1fr)_16px] max-[1240px]:grid-cols-[190px_minmax(0,1fr)_16px]'
const MARK_AREA = 'left-[200px] max-[1240px]:left-[190px]'
const LABEL_FRACTION = 0.115

interface FrameProps {
  readonly rows: number
  readonly fromMs: number
  readonly toMs: number
  readonly now: number
  readonly marks: readonly Mark[]
  /** What is timed: a release, a rollout. */
  readonly release: { readonly dueAt: number | null; readonly paused: unknown } | null
  /** What the charts are about. */
  readonly label?: string
  readonly head: ReactNode
  readonly children: ReactNode
}

/** One time axis under every chart, and the journal's acts across all of them. */
export function ChartFrame({ rows, fromMs, toMs, now, marks, release, label = 'Health, both environments', head, children }: FrameProps) {
  return (
    <section aria-label={label} className={`relative isolate grid flex-1 ${CHART_COLUMNS}`} style={{ minHeight: 76 + rows * 84, gridTemplateRows: `52px repeat(${rows}, minmax(84px, 1fr)) 24px` }}>
      {head}
      {children}
      <div />
      <Axis fromMs={fromMs} toMs={toMs} />
      <Marks fromMs={fromMs} toMs={toMs} now={now} marks={marks} dueAt={release?.dueAt && !release.paused ? release.dueAt : null} />
    </section>
  )
}

interface Span {
  readonly fromMs: number
  readonly toMs: number
}

const placed = ({ fromMs, toMs }: Span, ms: number) => `${((ms - fromMs) / (toMs - fromMs)) * 100}%`

// Between two steps of the window nothing here changes, however often the lines do.
const Axis = memo(function Axis({ fromMs, toMs }: Span) {
  return (
    <div aria-hidden="true" className="relative border-t border-line-1">
      {timeTicks(fromMs, toMs, 9).map((tick) => (
        <span key={tick} className="absolute top-1 -translate-x-1/2 text-11 leading-[14px] text-ink-3" style={{ left: placed({ fromMs, toMs }, tick) }}>
          {(tick % 60_000 === 0 ? formatMinute : formatClock)(tick)}
        </span>
      ))}
    </div>
  )
})

interface MarksProps extends Span {
  readonly now: number
  readonly marks: readonly Mark[]
  readonly dueAt: number | null
}

const Marks = memo(function Marks({ fromMs, toMs, now, marks, dueAt }: MarksProps) {
  const at = (ms: number) => placed({ fromMs, toMs }, ms)
  const next = dueAt !== null && dueAt > now && dueAt < toMs ? dueAt : null
  const shown = labelled(marks, fromMs, toMs, now)
  // What just went back matters more than the word "now".
  const covered = shown.some((mark) => mark.side === 'left' && (now - mark.at) / (toMs - fromMs) < COVERED_FRACTION)
  return (
    <div className={`pointer-events-none absolute inset-y-0 right-4 ${MARK_AREA}`}>
      <div className="absolute top-13 right-0 bottom-6 bg-bg-0 opacity-60" style={{ left: at(now) }} />
      {shown.map((mark) => (
        <MarkLine key={mark.seq} mark={mark} left={at(mark.at)} />
      ))}
      <div className="absolute top-2 bottom-6 border-l border-line-3" style={{ left: at(now) }}>
        <span className={`absolute top-0 right-[5px] text-right text-11 leading-[14px] whitespace-nowrap text-ink-2 ${covered ? 'hidden' : ''}`}>
          now
          <small className="block text-11 text-ink-3">{formatClock(now)}</small>
        </span>
      </div>
      {next !== null && (
        <div className="absolute top-2 -right-3 bottom-6 border-l border-dashed border-line-2" style={{ left: at(next) }}>
          {/* Without room beside the empty word it goes into a second line, which is not shown: whole or not at all. */}
          <span className="flex h-[14px] flex-wrap overflow-hidden text-11 leading-[14px] text-ink-2">
            <span className="h-[14px] w-[5px]" />
            <span className="whitespace-nowrap">due in {formatCountdown(next - now)}</span>
          </span>
        </div>
      )}
    </div>
  )
})

/** Room that the word "now" takes. */
const NOW_FRACTION = 0.06
/** A label left of its line lies on that word when it is nearer than this, on the narrowest window. */
const COVERED_FRACTION = 0.12

type Side = 'right' | 'left' | null

/** Only labels that fit beside each other are written; each mark keeps its line. Newer ones win; what went back may stand left of its line. */
function labelled(marks: readonly Mark[], fromMs: number, toMs: number, now: number): readonly (Mark & { readonly side: Side })[] {
  const span = toMs - fromMs
  let limit = (now - fromMs) / span - NOW_FRACTION
  return marks
    .toReversed()
    .map((mark) => {
      const start = (mark.at - fromMs) / span
      const width = Math.min(0.24, mark.label.length * 0.0075)
      const fits = start > 0.03 && (start + width < limit || (start + LABEL_FRACTION < limit && mark.label.length < 16))
      const side: Side = fits ? 'right' : mark.hot && start - width > 0.03 && start < limit + NOW_FRACTION ? 'left' : null
      if (side === 'right') limit = start - 0.005
      if (side === 'left') limit = start - Math.max(width, 0.07) - 0.01
      return { ...mark, side }
    })
    .toReversed()
}

function MarkLine({ mark, left }: { readonly mark: Mark & { readonly side: Side }; readonly left: string }) {
  return (
    <div className={`absolute bottom-6 border-l ${mark.side ? 'top-2' : 'top-11'} ${mark.hot ? 'border-fail' : 'border-line-2'}`} style={{ left }}>
      <Link
        to="/audit"
        search={{ entry: mark.seq }}
        title={`${mark.label}, ${formatClock(mark.at)} UTC, entry ${mark.seq}`}
        className={`pointer-events-auto absolute top-0 text-11 leading-[14px] whitespace-nowrap hover:underline ${mark.side === 'left' ? 'right-[5px] text-right' : 'left-[5px]'} ${mark.side ? '' : 'sr-only'} ${mark.hot ? 'font-medium text-fail-ink' : 'text-ink-2'}`}
      >
        {mark.label}
        <small className="block text-11 font-normal text-ink-3">{formatClock(mark.at)}</small>
      </Link>
    </div>
  )
}
