import { Line, LineChart, ReferenceArea, ReferenceLine, ResponsiveContainer, XAxis, YAxis } from 'recharts'
import { formatClock } from '../../lib/format.ts'
import { niceTop } from './scale.ts'

export interface HistoryPoint {
  readonly at: number
  readonly blue: number | null
  readonly green: number | null
  /** A side whose environment is not named. */
  readonly candidate: number | null
  /** What that side is compared with. */
  readonly baseline?: number | null
}

export interface HistoryPlotProps {
  readonly points: readonly HistoryPoint[]
  readonly limit?: { readonly value: number; readonly label: string }
  /** A value that does not move: what was recorded before. */
  readonly record?: number
  /** The stretch a verdict was made on. */
  readonly region?: { readonly fromMs: number; readonly toMs: number; readonly hot: boolean }
  readonly tick: (value: number) => string
  /** The chart in words. */
  readonly summary: string
}

/** At most this many points: Recharts draws each as SVG. */
export const HISTORY_POINTS = 300

/** Lines that stand still: what was seen around an act. Drawn by Recharts, without animation. */
export function HistoryPlot({ points, limit, record, region, tick, summary }: HistoryPlotProps) {
  const axis = { stroke: 'var(--line-2)', tick: { fill: 'var(--ink-3)', fontSize: 11 }, tickLine: false } as const
  const line = { type: 'linear', dot: false, isAnimationActive: false, strokeWidth: 1.6, connectNulls: false } as const
  return (
    <div role="img" aria-label={summary} className="h-28">
      <ResponsiveContainer width="100%" height="100%">
        <LineChart data={points.slice(-HISTORY_POINTS)} margin={{ top: 10, right: 6, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <XAxis dataKey="at" type="number" domain={['dataMin', 'dataMax']} tickFormatter={formatClock} minTickGap={60} {...axis} />
          <YAxis width={52} domain={[0, (max: number) => niceTop(Math.max(max * 1.05, (limit?.value ?? 0) * 1.2))]} tickFormatter={tick} tickCount={3} {...axis} />
          {region && <ReferenceArea x1={Math.max(region.fromMs, points[0]?.at ?? 0)} x2={Math.min(region.toMs, points.at(-1)?.at ?? region.toMs)} fill={region.hot ? 'var(--fail-wash)' : 'var(--add-wash)'} fillOpacity={1} stroke="none" />}
          {record !== undefined && <ReferenceLine y={record} stroke="var(--ink-2)" strokeDasharray="3 3" />}
          {limit && <ReferenceLine y={limit.value} stroke="var(--ink-2)" strokeDasharray="6 3" label={{ value: limit.label, position: 'insideBottomLeft', fill: 'var(--ink-2)', fontSize: 11 }} />}
          <Line dataKey="blue" stroke="var(--blue)" {...line} />
          <Line dataKey="green" stroke="var(--green)" {...line} />
          <Line dataKey="baseline" stroke="var(--ink-2)" strokeDasharray="3 3" {...line} strokeWidth={1.1} />
          <Line dataKey="candidate" stroke="var(--ink-1)" {...line} />
        </LineChart>
      </ResponsiveContainer>
    </div>
  )
}
