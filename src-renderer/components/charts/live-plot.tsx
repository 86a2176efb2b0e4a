import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { themeStore } from '../../lib/theme.ts'
import { useValue } from '../../lib/value-store.ts'

export interface PlotSeries {
  readonly key: string
  /** Name of a custom property that holds the colour: `--blue`. */
  readonly hue: string
  /** One value per instant; null is a gap, never a zero. */
  readonly values: readonly (number | null)[]
  readonly thin?: boolean
}

const DASHED_POINTS = 600

export interface LivePlotProps {
  /** Instants in milliseconds, ascending. */
  readonly times: readonly number[]
  readonly series: readonly PlotSeries[]
  readonly fromMs: number
  readonly toMs: number
  readonly top: number
  /** The chart in words: what it shows, newest values, limits. */
  readonly summary: string
  /** Charts with the same key share their cursor. */
  readonly syncKey: string
  /** Index of the instant under the pointer, null when it left. */
  readonly onHover?: (index: number | null) => void
}

/** Lines that move each second. Drawn by uPlot on a canvas; axes, limits and labels are the page's own. */
export function LivePlot(props: LivePlotProps) {
  const { times, series, fromMs, toMs, top, summary, syncKey } = props
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const range = useRef({ fromMs, toMs, top })
  const hover = useRef(props.onHover)
  const theme = useValue(themeStore, (value) => value.theme)
  // With more points than pixels dashes cannot be seen, and cost most of the drawing.
  const isDense = times.length > DASHED_POINTS
  const shape = `${series.map((each) => `${each.key}${each.hue}${each.thin ? 't' : ''}`).join()}${isDense ? 'dense' : ''}`

  useEffect(() => {
    range.current = { fromMs, toMs, top }
    hover.current = props.onHover
  })

  useEffect(() => {
    const element = host.current
    if (!element || typeof ResizeObserver === 'undefined' || !canDraw()) return
    const style = getComputedStyle(element)
    const made = new UPlot(
      {
        width: Math.max(10, element.clientWidth),
        height: Math.max(10, element.clientHeight),
        ms: 1,
        padding: [2, 0, 1, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, sync: { key: syncKey, setSeries: false } },
        scales: {
          x: { auto: false },
          y: { auto: false },
        },
        axes: [{ show: false }, { show: false }],
        series: [
          {},
          ...series.map((each) => ({
            stroke: style.getPropertyValue(each.hue).trim(),
            width: each.thin ? 1.1 : 1.6,
            ...(each.thin && !isDense ? { dash: [2, 2] } : {}),
            points: { show: false },
            spanGaps: false,
          })),
        ],
        hooks: { setCursor: [(u) => hover.current?.(u.cursor.left !== undefined && u.cursor.left >= 0 ? (u.cursor.idx ?? null) : null)] },
      },
      toData(times, series),
      element,
    )
    plot.current = made
    show(made, range.current)
    const observer = new ResizeObserver(() => made.setSize({ width: Math.max(10, element.clientWidth), height: Math.max(10, element.clientHeight) }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
    // Data reaches the plot below; only a different set of lines or theme needs a new one.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape, theme, syncKey])

  useEffect(() => {
    const made = plot.current
    if (!made) return
    made.batch(() => {
      made.setData(toData(times, series), false)
      show(made, { fromMs, toMs, top })
    })
  }, [times, series, fromMs, toMs, top])

  return <div ref={host} role="img" aria-label={summary} className="absolute inset-0" />
}

function show(plot: UPlot, range: { readonly fromMs: number; readonly toMs: number; readonly top: number }): void {
  plot.setScale('x', { min: range.fromMs, max: range.toMs })
  plot.setScale('y', { min: 0, max: range.top })
}

function toData(times: readonly number[], series: readonly PlotSeries[]): UPlot.AlignedData {
  // It reads them only, so nothing is copied.
  return [times as number[], ...series.map((each) => each.values as (number | null)[])]
}

/** Test environments have a canvas element without a context. */
function canDraw(): boolean {
  return typeof document !== 'undefined' && typeof HTMLCanvasElement !== 'undefined' && Boolean(document.createElement('canvas').getContext('2d'))
}
