import { useMemo, useState } from 'react'
import type { MigrationReading, MigrationSample } from '../../../src-main/contract/migration.ts'
import { steadyWindow, timeTicks } from '../../components/charts/scale.ts'
import { useNow } from '../../lib/console-context.tsx'
import { formatCount, formatMinute, formatMs } from '../../lib/format.ts'
import { LoadMarks } from './load-marks.tsx'
import { LoadRow } from './load-row.tsx'
import { useSamples, waitedStretches, withGaps } from './use-migration-samples.ts'

const SPANS = [
  { label: '5 min', ms: 5 * 60_000 },
  { label: '30 min', ms: 30 * 60_000 },
] as const
const ROWS = 5
const NONE = { limit: null } as const
const whole = (value: number) => (value >= 10_000 ? `${formatCount(Math.round(value / 100) / 10)} k` : formatCount(Math.round(value * 10) / 10))

/** What the migration does to the database, and the database to it: five figures on one axis of time. */
export function LoadCharts({ migration, reading }: { readonly migration: string; readonly reading: MigrationReading | null }) {
  const [spanMs, setSpanMs] = useState<number>(SPANS[1].ms)
  const [hoverIndex, setHoverIndex] = useState<number | null>(null)
  const now = useNow()
  const samples = useSamples(migration)
  const { fromMs, nowMs } = steadyWindow(now, spanMs)
  const lines = useMemo(() => {
    const shown = withGaps(samples)
    const pick = (of: (sample: MigrationSample) => number | null) => shown.map(({ sample }) => (sample ? of(sample) : null))
    return {
      times: shown.map(({ at }) => at),
      rows: pick((each) => each.rowsPerSecond),
      lag: pick((each) => each.replicaLagMs),
      probe: pick((each) => each.probeMs),
      open: pick((each) => each.openMismatches),
      lock: pick((each) => each.lockWaitMs),
      waited: waitedStretches(samples),
    }
  }, [samples])
  const waited = lines.waited.filter((stretch) => stretch.toMs > fromMs)
  const throttle = reading?.state.definition.throttle
  const policy = reading?.state.definition.policy
  const limitAt = (value: number | null | undefined, label: string) => (value === null || value === undefined ? NONE : { limit: { value, label: `${label} ${formatCount(value)} ms` } })
  const shared = { times: lines.times, waited, fromMs, toMs: nowMs, hoverIndex, onHover: setHoverIndex }
  const ms = (value: number) => `${formatMs(value)} ms`
  return (
    <section aria-label="Load" className="flex min-h-0 flex-col border-r border-line-1 narrow:border-r-0 narrow:border-b">
      <div className="flex h-8 flex-none items-center gap-2 px-4 whitespace-nowrap">
        <h2 className="text-13">Load</h2>
        <span className="min-w-0 truncate text-12 text-ink-3">grey where the work waited</span>
        <span role="group" aria-label="Span" className="ml-auto flex gap-2.5 text-11 text-ink-3">
          {SPANS.map((span) => (
            <button key={span.ms} type="button" aria-pressed={span.ms === spanMs} onClick={() => setSpanMs(span.ms)} className={`min-h-6 ${span.ms === spanMs ? 'text-ink-1 underline underline-offset-[3px]' : 'hover:text-ink-1'}`}>
              {span.label}
            </button>
          ))}
        </span>
      </div>
      <div className="relative grid flex-1 grid-cols-[158px_minmax(0,1fr)] pr-4 max-[1240px]:grid-cols-[140px_minmax(0,1fr)]" style={{ minHeight: ROWS * 62 + 24, gridTemplateRows: `repeat(${ROWS}, minmax(62px, 1fr)) 24px` }}>
        <LoadRow {...shared} title="Rows" values={lines.rows} {...NONE} minTop={100} format={(value) => `${formatCount(Math.round(value))} /s`} tick={whole} />
        <LoadRow {...shared} title="Replica lag" values={lines.lag} {...limitAt(throttle?.maxReplicaLagMs, 'waits above')} minTop={50} format={ms} tick={whole} absent="no replica" />
        <LoadRow {...shared} title="Probe read, median" values={lines.probe} {...limitAt(throttle?.maxProbeMs, 'waits above')} minTop={1} format={ms} tick={whole} absent="not probed" />
        <LoadRow {...shared} title="Open mismatches" values={lines.open} {...NONE} minTop={4} format={(value) => formatCount(value)} tick={whole} />
        <LoadRow {...shared} title="Longest lock wait" values={lines.lock} {...limitAt(policy?.lockTimeoutMs, 'gives up at')} minTop={10} format={ms} tick={whole} />
        <div />
        <div aria-hidden="true" className="relative border-t border-line-1">
          {timeTicks(fromMs, nowMs, 5).filter((tick) => nowMs - tick > (nowMs - fromMs) * 0.15).map((tick) => (
            <span key={tick} className="absolute top-1 -translate-x-1/2 text-11 leading-[14px] text-ink-3" style={{ left: `${((tick - fromMs) / (nowMs - fromMs)) * 100}%` }}>
              {formatMinute(tick)}
            </span>
          ))}
          <span className="absolute top-1 right-0 text-11 leading-[14px] text-ink-3">now</span>
        </div>
        <LoadMarks migration={migration} fromMs={fromMs} toMs={nowMs} />
      </div>
    </section>
  )
}
