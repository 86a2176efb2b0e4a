import type { ReactNode } from 'react'
import { LivePlot, type PlotSeries } from '../../components/charts/live-plot.tsx'
import { niceTop, spread } from '../../components/charts/scale.ts'
import { VerdictStrip, type StripSegment } from '../../components/charts/verdict-strip.tsx'

export interface GuardLimit {
  readonly value: number
  readonly label: string
  /** It moves with what unexposed users get: drawn dotted. */
  readonly relative: boolean
}

export interface GuardRowProps {
  readonly title: string
  readonly times: readonly number[]
  readonly exposed: readonly (number | null)[]
  readonly unexposed: readonly (number | null)[]
  readonly limits: readonly GuardLimit[]
  readonly minTop: number
  readonly format: (value: number) => string
  readonly tick: (value: number) => string
  readonly fromMs: number
  readonly toMs: number
  readonly now: number
  readonly hoverIndex: number | null
  readonly onHover: (index: number | null) => void
  /** The worst a criterion says of this metric now. */
  readonly verdict: ReactNode
  readonly strips: readonly { readonly name: string; readonly segments: readonly StripSegment[] }[]
}

const NEW_MS = 60_000

/** One metric of exposed users against unexposed ones on one axis: a full line against a dashed one, told apart without colour. */
export function GuardRow(props: GuardRowProps) {
  const { title, times, exposed, unexposed, limits, format, tick, fromMs, toMs, now, hoverIndex, strips } = props
  const highest = Math.max(0, extent(exposed)?.[1] ?? 0, extent(unexposed)?.[1] ?? 0)
  // A limit far above everything would flatten the lines; it is then named in the caption only.
  const shown = limits.filter((limit) => limit.value <= Math.max(highest, props.minTop) * 4)
  const top = niceTop(Math.max(highest * 1.12, props.minTop, ...shown.map((limit) => limit.value * 1.25)))
  const series: readonly PlotSeries[] = [
    { key: 'unexposed', hue: '--ink-2', values: unexposed, thin: true },
    { key: 'exposed', hue: '--ink-1', values: exposed },
  ]
  const nowLeft = `${((now - fromMs) / (toMs - fromMs)) * 100}%`
  const ends = [recent(exposed, times, now), recent(unexposed, times, now)] as const
  const places = spread(ends.map((end) => (end === null ? 2 : 1 - end / top)), 0.2)
  return (
    <>
      <div className="min-w-0 border-t border-line-1 pt-2.5 pr-12 pl-4 [contain:size_layout_style]">
        <h3 className="overflow-hidden text-13 leading-4 whitespace-nowrap">{title}</h3>
        <dl className="mt-1 grid grid-cols-[13px_minmax(0,1fr)_auto] gap-x-1.5 text-12 leading-[18px]">
          <Value name="exposed" value={valueAt(exposed, hoverIndex)} format={format} />
          <Value name="unexposed" value={valueAt(unexposed, hoverIndex)} format={format} />
        </dl>
        {props.verdict && <div className="truncate text-11 leading-4 text-ink-3">{props.verdict}</div>}
      </div>
      <div className="relative flex min-h-0 min-w-0 flex-col border-t border-line-1 pt-2.5 pb-1.5 [contain:size_style]">
        <div className="relative min-h-0 flex-1">
          {[0, 0.5, 1].map((part) => (
            <span key={part} aria-hidden="true" className="absolute inset-x-0 border-t border-line-1" style={{ top: `${(1 - part) * 100}%` }}>
              <span className="absolute right-[calc(100%+6px)] -translate-y-1/2 text-11 leading-3 whitespace-nowrap text-ink-3">{tick(top * part)}</span>
            </span>
          ))}
          {shown.map((limit, index) => (
            <span key={limit.label} aria-hidden="true" className={`absolute inset-x-0 border-t ${limit.relative ? 'border-dotted border-line-3' : 'border-dashed border-ink-2'}`} style={{ top: `${(1 - limit.value / top) * 100}%` }}>
              <span className={`absolute bottom-0 text-11 leading-[14px] whitespace-nowrap ${limit.relative ? 'text-ink-3' : 'text-ink-2'}`} style={{ left: 4 + index * 190 }}>
                {limit.label}
              </span>
            </span>
          ))}
          <LivePlot times={times} series={series} fromMs={fromMs} toMs={toMs} top={top} summary={summarise(props)} syncKey="flag" onHover={props.onHover} />
          {(['exposed', 'unexposed'] as const).map(
            (name, index) =>
              ends[index] !== null && (
                <span key={name} aria-hidden="true" className={`absolute z-10 -translate-y-1/2 pl-1.5 text-11 leading-3 max-[760px]:hidden ${index === 0 ? 'font-medium' : 'text-ink-2'}`} style={{ left: nowLeft, top: `${(places[index] ?? 0) * 100}%` }}>
                  {name}
                </span>
              ),
          )}
        </div>
        {strips.length > 0 && (
          <div className="relative z-10 -mb-px flex-none pt-[5px]">
            {strips.map((strip) => (
              <VerdictStrip key={strip.name} name={strip.name} segments={strip.segments} fromMs={fromMs} toMs={toMs} />
            ))}
          </div>
        )}
      </div>
      <div className="border-t border-line-1" />
    </>
  )
}

function Value({ name, value, format }: { readonly name: 'exposed' | 'unexposed'; readonly value: number | null; readonly format: (value: number) => string }) {
  return (
    <>
      <span aria-hidden="true" className={`my-auto block ${name === 'exposed' ? 'border-t-2 border-ink-1' : 'border-t border-dashed border-ink-2'}`} />
      <dt className={name === 'exposed' ? '' : 'text-ink-2'}>{name}</dt>
      <dd className={`text-right whitespace-nowrap ${value === null ? 'text-ink-3' : name === 'exposed' ? '' : 'text-ink-2'}`}>{value === null ? 'none' : format(value)}</dd>
    </>
  )
}

/** The value under the pointer, or the newest one of the last few points. */
function valueAt(line: readonly (number | null)[], index: number | null): number | null {
  if (index !== null) return line[index] ?? null
  for (let back = line.length - 1; back >= 0 && back > line.length - 8; back -= 1) {
    const value = line[back]
    if (value !== null && value !== undefined) return value
  }
  return null
}

function recent(line: readonly (number | null)[], times: readonly number[], now: number): number | null {
  const value = valueAt(line, null)
  return value !== null && (times.at(-1) ?? 0) > now - NEW_MS ? value : null
}

function extent(line: readonly (number | null)[]): readonly [low: number, high: number] | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of line) {
    if (value === null) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low > high ? null : [low, high]
}

function summarise(props: GuardRowProps): string {
  const one = (name: string, line: readonly (number | null)[]) => {
    const values = extent(line)
    const last = valueAt(line, null)
    return values ? `${name} users are at ${last === null ? 'nothing now' : props.format(last)}, between ${props.format(values[0])} and ${props.format(values[1])}` : `${name} users have no data`
  }
  const minutes = Math.round((props.now - props.fromMs) / 60_000)
  const limits = props.limits.map(({ label }) => label).join(', ')
  return `${props.title} over ${minutes} min: ${one('exposed', props.exposed)}; ${one('unexposed', props.unexposed)}.${limits ? ` ${limits}.` : ''}`
}
