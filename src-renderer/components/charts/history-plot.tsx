import { Line, LineChart, ReferenceLine, ResponsiveContainer, XAxis, YAxis } from 'recharts'
import { formatClock } from '../../lib/format.ts'

export interface HistoryPoint {
  readonly at: number
  readonly blue: number | null
  readonly green: number | null
  /** A side whose environment is not named. */
  readonly candidate: number | null
}

export interface HistoryPlotProps {
  readonly points: readonly HistoryPoint[]
  readonly limit?: { readonly value: number; readonly label: string }
  readonly tick: (value: number) => string
  /** The chart in words. */
  readonly summary: string
}

/** At most this many points: Recharts draws each as SVG. */
export const HISTORY_POINTS = 300

/** Lines that stand still: what was seen around an act. Drawn by Recharts, without animation. */
export function HistoryPlot({ points, limit, tick, summary }: HistoryPlotProps) {
  const axis = { stroke: 'var(--line-2)', tick: { fill: 'var(--ink-3)', fontSize: 11 }, tickLine: false } as const
  const line = { type: 'linear', dot: false, isAnimationActive: false, strokeWidth: 1.6, connectNulls: false } as const
  return (
    <div role="img" aria-label={summary} className="h-28">
      <ResponsiveContainer width="100%" height="100%">
        <LineChart data={points.slice(-HISTORY_POINTS)} margin={{ top: 10, right: 6, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <XAxis dataKey="at" type="number" domain={['dataMin', 'dataMax']} tickFormatter={formatClock} minTickGap={60} {...axis} />
          <YAxis width={44} domain={[0, (max: number) => Math.max(max, (limit?.value ?? 0) * 1.2) || 1]} tickFormatter={tick} tickCount={3} {...axis} />
          {limit && <ReferenceLine y={limit.value} stroke="var(--ink-2)" strokeDasharray="6 3" label={{ value: limit.label, position: 'insideTopLeft', fill: 'var(--ink-2)', fontSize: 11 }} />}
          <Line dataKey="blue" stroke="var(--blue)" {...line} />
          <Line dataKey="green" stroke="var(--green)" {...line} />
          <Line dataKey="candidate" stroke="var(--ink-1)" {...line} />
        </LineChart>
      </ResponsiveContainer>
    </div>
  )
}
