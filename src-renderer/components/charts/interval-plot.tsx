import { formatInstant, formatMinute } from '../../lib/format.ts'

export interface IntervalPoint {
  readonly at: number
  readonly effect: number
  readonly low: number
  readonly high: number
}

export interface IntervalPlotProps {
  /** Oldest first, at most a few hundred. */
  readonly points: readonly IntervalPoint[]
  readonly tick: (value: number) => string
  /** The chart in words. */
  readonly summary: string
}

const WIDTH = 1000
const HEIGHT = 100
/** The first intervals are wide: what matters is where they end. */
const SHOWN_TIMES_LAST = 5

/** An effect over time with the band its interval draws, narrowing; zero is the line that matters. */
export function IntervalPlot({ points, tick, summary }: IntervalPlotProps) {
  const last = points.at(-1)
  const first = points[0]
  if (!last || !first) return null
  const reach = Math.max(Math.abs(last.low), Math.abs(last.high), (last.high - last.low) / 2)
  const top = Math.min(Math.max(...points.map((point) => Math.max(Math.abs(point.low), Math.abs(point.high)))), reach * SHOWN_TIMES_LAST) || 1
  const x = (at: number) => (last.at === first.at ? WIDTH : ((at - first.at) / (last.at - first.at)) * WIDTH)
  const y = (value: number) => HEIGHT / 2 - (Math.max(-top, Math.min(top, value)) / top) * (HEIGHT / 2 - 4)
  const line = (pick: (point: IntervalPoint) => number, shown: readonly IntervalPoint[] = points) => shown.map((point) => `${x(point.at).toFixed(1)} ${y(pick(point)).toFixed(2)}`).join('L')
  const mark = (value: number) => `${(y(value) / HEIGHT) * 100}%`
  const ticks = [top * 0.75, 0, -top * 0.75]
  return (
    <div role="img" aria-label={summary} className="flex h-full min-h-[104px] flex-col">
      <div className="relative ml-14 flex-1">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" className="absolute inset-0 h-full w-[calc(100%-52px)]">
          <path d={`M${line((point) => point.high)}L${line((point) => point.low, points.toReversed())}Z`} fill="var(--add-wash)" />
          <path d={`M${line((point) => point.effect)}`} fill="none" stroke="var(--ink-1)" strokeWidth="1.6" vectorEffect="non-scaling-stroke" />
        </svg>
        {ticks.map((value) => (
          <span key={value} aria-hidden="true" className={`absolute inset-x-0 border-t ${value === 0 ? 'border-dashed border-ink-2' : 'border-line-1'}`} style={{ top: mark(value) }}>
            <span className="absolute right-[calc(100%+6px)] -translate-y-1/2 text-11 leading-3 whitespace-nowrap text-ink-3">{value === 0 ? '0' : tick(value)}</span>
          </span>
        ))}
        <span aria-hidden="true" className="absolute right-0 w-[46px] -translate-y-1/2 text-11 leading-3 font-medium whitespace-nowrap" style={{ top: mark(last.effect) }}>
          {tick(last.effect)}
        </span>
      </div>
      <div aria-hidden="true" className="ml-14 flex w-[calc(100%-108px)] justify-between pt-1 text-11 leading-[14px] text-ink-3">
        <span title={formatInstant(first.at)}>{formatMinute(first.at)}</span>
        <span title={formatInstant(last.at)}>{formatMinute(last.at)}</span>
      </div>
    </div>
  )
}
