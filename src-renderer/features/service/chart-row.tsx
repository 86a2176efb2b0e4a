import type { ReactNode } from 'react'
import { LivePlot, type PlotSeries } from '../../components/charts/live-plot.tsx'
import { niceTop, spread } from '../../components/charts/scale.ts'
import { VerdictStrip, type StripSegment } from '../../components/charts/verdict-strip.tsx'
import { Place } from '../../components/place.tsx'

export interface ChartLimit {
  readonly value: number
  readonly label: string
  /** It moves with what it is compared with: drawn dotted. */
  readonly relative?: boolean
}

/** Where the samples lie that a criterion failed on. */
export interface ChartRegion {
  readonly fromMs: number
  readonly toMs: number
  readonly severity: 'fail' | 'warn'
  /** "Error ratio fails on 14:33:11 to 14:33:17". */
  readonly words: string
}

export interface ChartRowProps {
  readonly title: string
  readonly unit: string
  readonly times: readonly number[]
  /** Two lines per environment at most: the first is thick and labelled at its end. */
  readonly blue: readonly (readonly (number | null)[])[]
  readonly green: readonly (readonly (number | null)[])[]
  /** Heads of the value columns where there is more than one line. */
  readonly heads?: readonly string[]
  readonly limits: readonly ChartLimit[]
  /** The axis ends no lower than this. */
  readonly minTop: number
  readonly format: (value: number) => string
  readonly tick: (value: number) => string
  readonly fromMs: number
  readonly toMs: number
  readonly now: number
  readonly hoverIndex: number | null
  readonly onHover: (index: number | null) => void
  readonly note?: ReactNode
  /** The worst a criterion says of this metric now. */
  readonly verdict?: ReactNode
  readonly strips?: readonly { readonly name: string; readonly segments: readonly StripSegment[] }[]
  readonly regions?: readonly ChartRegion[]
}

const NO_STRIPS: NonNullable<ChartRowProps['strips']> = []
const NO_REGIONS: readonly ChartRegion[] = []

/** One metric: values now (or under the pointer) on the left, both environments' lines on one axis. */
export function ChartRow(props: ChartRowProps) {
  const { title, unit, times, blue, green, heads, limits, format, tick, fromMs, toMs, now, hoverIndex, strips = NO_STRIPS, regions = NO_REGIONS } = props
  const extents = { blue: blue.map(extent), green: green.map(extent) }
  const highest = Math.max(0, ...[...extents.blue, ...extents.green].map((each) => each?.[1] ?? 0))
  // A limit far above everything would flatten the lines; it is then named in the caption only.
  const shown = limits.filter((limit) => limit.value <= Math.max(highest, props.minTop) * 4)
  const top = niceTop(Math.max(highest * 1.12, props.minTop, ...shown.map((limit) => limit.value * 1.25)))
  const series: readonly PlotSeries[] = [
    ...blue.map((values, index) => ({ key: `blue${index}`, hue: '--blue', values, thin: index > 0 })),
    ...green.map((values, index) => ({ key: `green${index}`, hue: '--green', values, thin: index > 0 })),
  ]
  const at = (line: readonly (number | null)[] | undefined) => (line ? valueAt(line, hoverIndex) : null)
  const nowLeft = `${((now - fromMs) / (toMs - fromMs)) * 100}%`
  const [blueEnd, greenEnd] = [lastRecent(blue[0], times, now), lastRecent(green[0], times, now)]
  const ends = spread([blueEnd === null ? 2 : 1 - blueEnd / top, greenEnd === null ? 2 : 1 - greenEnd / top], 0.18 + 0.03 * strips.length)
  const summary = summarise(title, props, extents)

  return (
    <>
      {/* Values change each second: what is around them need not be laid out for it. */}
      <div className="min-w-0 border-t border-line-1 pt-2.5 pr-14 pl-4 [contain:size_layout_style]">
        <h2 className="overflow-hidden leading-4 whitespace-nowrap">
          {title}
          {props.verdict && <span className="pl-2 text-11 font-normal">{props.verdict}</span>}
        </h2>
        <dl className={`mt-1 grid gap-x-2 text-12 leading-[18px] ${heads ? 'grid-cols-[minmax(0,1fr)_auto_auto]' : 'grid-cols-[minmax(0,1fr)_auto]'}`}>
          {heads && (
            <>
              <dt className="text-11 leading-[14px] text-ink-3">{unit}</dt>
              {heads.map((head) => (
                <dd key={head} className="min-w-7 text-right text-11 leading-[14px] text-ink-3">
                  {head}
                </dd>
              ))}
            </>
          )}
          {(['blue', 'green'] as const).map((environment) => (
            <Values key={environment} environment={environment} values={(environment === 'blue' ? blue : green).map(at)} format={format} />
          ))}
        </dl>
        {props.note && <div className="mt-0.5 truncate text-11 leading-4 text-ink-3">{props.note}</div>}
      </div>
      <div className="relative flex min-h-0 min-w-0 flex-col border-t border-line-1 pt-2.5 pb-1.5 [contain:size_style]">
        <div className="relative min-h-0 flex-1">
          {regions.map((region) => (
            <Region key={region.words} region={region} fromMs={fromMs} toMs={toMs} />
          ))}
          {[0, 0.5, 1].map((fraction) => (
            <span key={fraction} aria-hidden="true" className="absolute inset-x-0 border-t border-line-1" style={{ top: `${(1 - fraction) * 100}%` }}>
              <span className="absolute right-[calc(100%+6px)] -translate-y-1/2 text-11 leading-3 whitespace-nowrap text-ink-3">{tick(top * fraction)}</span>
            </span>
          ))}
          {apart(shown, top).map(({ limit, inset }) => (
            <span key={limit.label} aria-hidden="true" className={`absolute inset-x-0 border-t ${limit.relative ? 'border-dotted border-line-3' : 'border-dashed border-ink-2'}`} style={{ top: `${(1 - limit.value / top) * 100}%` }}>
              <span className={`absolute bottom-0 text-11 leading-[14px] whitespace-nowrap ${limit.relative ? 'text-ink-3' : 'text-ink-2'}`} style={{ left: 4 + inset }}>
                {limit.relative && limit.value < top * LOW ? '' : limit.label}
              </span>
            </span>
          ))}
          <LivePlot times={times} series={series} fromMs={fromMs} toMs={toMs} top={top} summary={summary} syncKey="service" onHover={props.onHover} />
          {([['blue', blueEnd, ends[0]], ['green', greenEnd, ends[1]]] as const).map(
            ([environment, end, y]) =>
              end !== null && (
                <span key={environment} aria-hidden="true" className="absolute z-10 -translate-y-1/2 pl-1.5 text-11 leading-3" style={{ left: nowLeft, top: `${(y ?? 0) * 100}%` }}>
                  <Place environment={environment} square={false} />
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

/** Under this share of the axis a label would lie on the lines it is about; the pane beside the charts says it too. */
const LOW = 0.2
const LABEL_PX = 150
/** Labels nearer to each other than this share of the axis would lie on one another. */
const NEAR = 0.16

/** Limits from the top down; the label of one that is close under another stands beside that one's. */
function apart(limits: readonly ChartLimit[], top: number): readonly { readonly limit: ChartLimit; readonly inset: number }[] {
  let [before, inset] = [Number.POSITIVE_INFINITY, 0]
  return limits
    .toSorted((a, b) => b.value - a.value)
    .map((limit) => {
      inset = (before - limit.value) / top < NEAR ? inset + LABEL_PX : 0
      before = limit.value
      return { limit, inset }
    })
}

/** Shaded: the stretch a verdict was made on. Its end is the moment it was made. */
function Region({ region, fromMs, toMs }: { readonly region: ChartRegion; readonly fromMs: number; readonly toMs: number }) {
  const left = ((Math.max(region.fromMs, fromMs) - fromMs) / (toMs - fromMs)) * 100
  const right = ((Math.min(region.toMs, toMs) - fromMs) / (toMs - fromMs)) * 100
  if (right <= 0 || left >= 100 || right < left) return null
  const hue = region.severity === 'fail' ? 'bg-[var(--fail-wash)] border-fail' : 'bg-[color-mix(in_srgb,var(--watch)_14%,transparent)] border-watch'
  return <span role="img" aria-label={region.words} title={region.words} className={`absolute -top-1 -bottom-1 min-w-[2px] border-r ${hue}`} style={{ left: `${left}%`, width: `${right - left}%` }} />
}

function Values({ environment, values, format }: { readonly environment: 'blue' | 'green'; readonly values: readonly (number | null)[]; readonly format: (value: number) => string }) {
  return (
    <>
      <dt>
        <Place environment={environment} />
      </dt>
      {values.map((value, index) => (
        <dd key={index} className={`text-right whitespace-nowrap ${value === null ? 'text-ink-3' : ''}`}>
          {value === null ? 'none' : format(value)}
        </dd>
      ))}
    </>
  )
}

/** The value under the pointer, or the newest one of the last few points. */
function valueAt(line: readonly (number | null)[], index: number | null): number | null {
  if (index !== null) return line[index] ?? null
  for (let back = line.length - 1; back >= 0 && back > line.length - 6; back -= 1) {
    const value = line[back]
    if (value !== null && value !== undefined) return value
  }
  return null
}

function lastRecent(line: readonly (number | null)[] | undefined, times: readonly number[], now: number): number | null {
  if (!line) return null
  const value = valueAt(line, null)
  return value !== null && (times.at(-1) ?? 0) > now - 60_000 ? value : null
}

/** Lowest and highest; null without a value. Runs over every point each second. */
function extent(line: readonly (number | null)[]): Extent {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const value of line) {
    if (value === null) continue
    if (value < low) low = value
    if (value > high) high = value
  }
  return low > high ? null : [low, high]
}

type Extent = readonly [low: number, high: number] | null

function summarise(title: string, props: ChartRowProps, extents: { readonly blue: readonly Extent[]; readonly green: readonly Extent[] }): string {
  const one = (environment: 'blue' | 'green', line: readonly (number | null)[] | undefined) => {
    const values = extents[environment][0] ?? null
    const last = line ? valueAt(line, null) : null
    if (!values) return `${environment} has no data`
    return `${environment} is at ${last === null ? 'nothing now' : props.format(last)}, between ${props.format(values[0])} and ${props.format(values[1])}`
  }
  const minutes = Math.round((props.now - props.fromMs) / 60_000)
  const limits = props.limits.map((limit) => limit.label).join(', ')
  return `${title} over ${minutes} min: ${one('blue', props.blue[0])}; ${one('green', props.green[0])}.${limits ? ` ${limits}.` : ''}`
}
