import { LivePlot, type PlotSeries } from '../../components/charts/live-plot.tsx'
import { niceTop } from '../../components/charts/scale.ts'
import type { Stretch } from './use-migration-samples.ts'

export interface LoadRowProps {
  readonly title: string
  readonly times: readonly number[]
  readonly values: readonly (number | null)[]
  readonly limit: { readonly value: number; readonly label: string } | null
  readonly minTop: number
  readonly format: (value: number) => string
  readonly tick: (value: number) => string
  readonly waited: readonly Stretch[]
  readonly fromMs: number
  readonly toMs: number
  readonly hoverIndex: number | null
  readonly onHover: (index: number | null) => void
  /** Why there is nothing to draw; empty when there is. */
  readonly absent?: string
}

/** One figure over time: its value now, or under the pointer, on the left; grey where the work waited. */
export function LoadRow(props: LoadRowProps) {
  const { title, times, values, limit, format, tick, waited, fromMs, toMs, hoverIndex } = props
  const { highest, lowest } = extent(values)
  const value = hoverIndex === null ? latest(values) : (values[hoverIndex] ?? null)
  const shownLimit = limit && limit.value <= Math.max(highest, props.minTop) * 4 ? limit : null
  const top = niceTop(Math.max(highest * 1.12, props.minTop, (shownLimit?.value ?? 0) * 1.2))
  const series: readonly PlotSeries[] = [{ key: title, hue: '--ink-2', values }]
  const isOver = limit !== null && value !== null && value > limit.value
  const place = (ms: number) => ((Math.min(Math.max(ms, fromMs), toMs) - fromMs) / (toMs - fromMs)) * 100
  return (
    <>
      <div className="min-w-0 border-t border-line-1 pt-2 pl-4 [contain:size_layout_style]">
        <h3 className="truncate text-12 leading-4 font-normal text-ink-2">{title}</h3>
        <p className={`text-14 leading-[18px] font-semibold whitespace-nowrap ${isOver ? 'text-watch-ink' : ''}`}>{value === null ? <span className="text-12 font-normal text-ink-3">{props.absent || 'no data'}</span> : format(value)}</p>
      </div>
      <div className="relative min-w-0 border-t border-line-1 pt-3 pb-2 [contain:size_style]">
        <div className="relative h-full">
          {waited.map((stretch) => (
            <span key={stretch.fromMs} aria-hidden="true" className="absolute -inset-y-1 min-w-px bg-bg-3" style={{ left: `${place(stretch.fromMs)}%`, width: `${place(stretch.toMs) - place(stretch.fromMs)}%` }} />
          ))}
          {[0, 1].map((fraction) => (
            <span key={fraction} aria-hidden="true" className="absolute inset-x-0 border-t border-line-1" style={{ top: `${(1 - fraction) * 100}%` }}>
              <span className="absolute right-[calc(100%+6px)] -translate-y-1/2 text-11 leading-3 whitespace-nowrap text-ink-3">{tick(top * fraction)}</span>
            </span>
          ))}
          {shownLimit && (
            <span aria-hidden="true" className="absolute inset-x-0 border-t border-dashed border-ink-2" style={{ top: `${(1 - shownLimit.value / top) * 100}%` }}>
              <span className="absolute bottom-0 left-1 text-11 leading-[14px] whitespace-nowrap text-ink-2">{shownLimit.label}</span>
            </span>
          )}
          <LivePlot times={times} series={series} fromMs={fromMs} toMs={toMs} top={top} summary={summarise(props, lowest, highest)} syncKey="migration" onHover={props.onHover} />
        </div>
      </div>
    </>
  )
}

/** The newest value of the last few points. */
function latest(values: readonly (number | null)[]): number | null {
  for (let back = values.length - 1; back >= 0 && back > values.length - 6; back -= 1) {
    const value = values[back]
    if (value !== null && value !== undefined) return value
  }
  return null
}

function extent(values: readonly (number | null)[]): { readonly lowest: number; readonly highest: number } {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, 0]
  for (const value of values) {
    if (value === null) continue
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  return { lowest: Math.min(lowest, highest), highest }
}

function summarise(props: LoadRowProps, lowest: number, highest: number): string {
  const now = latest(props.values)
  const minutes = Math.round((props.toMs - props.fromMs) / 60_000)
  const limit = props.limit ? `, ${props.limit.label}` : ''
  if (now === null) return `${props.title} over ${minutes} min: ${props.absent || 'no data'}${limit}.`
  const waits = props.waited.length === 0 ? '' : ` The work waited ${props.waited.length === 1 ? 'once' : `${props.waited.length} times`}.`
  return `${props.title} over ${minutes} min: at ${props.format(now)}, between ${props.format(lowest)} and ${props.format(highest)}${limit}.${waits}`
}
