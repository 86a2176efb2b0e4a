import type { MigrationReading, MigrationView } from '../../../src-main/contract/migration.ts'
import { Icon } from '../../components/icons.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { Since } from '../../components/time.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { bandFacts, type BandBar } from './band-facts.ts'

/** How far the phase under way is, how fast, and what it waits for. */
export function PhaseBand({ view, reading, stale }: { readonly view: MigrationView; readonly reading: MigrationReading | null; readonly stale: boolean }) {
  const now = useNow()
  const { title, big, unit, under, bars, line, waits, facts } = bandFacts(view, reading, now)
  return (
    <section aria-label={title} className={`grid min-h-[104px] flex-none grid-cols-[184px_minmax(0,1fr)_auto] items-center gap-6 border-b border-line-1 px-4 py-3 max-[1240px]:grid-cols-[168px_minmax(0,1fr)_auto] max-[1240px]:gap-4 narrow:grid-cols-1 narrow:gap-3 ${stale ? 'text-ink-3' : ''}`}>
      <div className="min-w-0">
        <h2 className="leading-4">{title}</h2>
        <p className="text-26 leading-8 font-semibold tracking-[-0.02em] whitespace-nowrap">
          {big}
          {unit && <span className="ml-1 text-14 font-medium tracking-normal text-ink-2">{unit}</span>}
        </p>
        <p className="text-12 leading-4 text-ink-2">{under}</p>
      </div>
      <div className="min-w-0">
        {bars.length > 0 && (
          <div className="mb-2 grid grid-cols-[56px_minmax(0,1fr)_52px] items-center gap-y-1 text-11 leading-[14px] text-ink-3">
            {bars.map((bar, index) => (
              <Bar key={bar.label} bar={bar} thin={index > 0} />
            ))}
          </div>
        )}
        <p className="line-clamp-2 leading-[18px]">
          {waits && (
            <>
              <StateMark wraps state="watch">
                {waits.why}
              </StateMark>{' '}
              {waits.since !== null && (
                <span className="text-ink-2">
                  for <Since at={waits.since} />.{' '}
                </span>
              )}
            </>
          )}
          {view.acting ? (
            <span>
              <Icon name="run" className="mr-1.5 -mt-0.5" />
              {view.acting.detail || view.acting.command}, for <Since at={view.acting.since} />
            </span>
          ) : (
            <span className="text-ink-2">{line}</span>
          )}
        </p>
      </div>
      <dl className="grid min-w-[196px] grid-cols-[auto_auto] gap-x-5 gap-y-1.5">
        {facts.map(({ label, value, unit: of }) => (
          <div key={label}>
            <dt className="text-11 leading-[14px] whitespace-nowrap text-ink-3">{label}</dt>
            <dd className={`whitespace-nowrap ${value === 'unknown' || value === 'none' ? 'text-13 leading-5 text-ink-3' : 'text-16 leading-5 font-semibold'}`}>
              {value}
              {of && <span className="ml-1 text-12 font-normal text-ink-3">{of}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

function Bar({ bar, thin }: { readonly bar: BandBar; readonly thin: boolean }) {
  const height = thin ? 'h-1' : 'h-2'
  return (
    <>
      <span aria-hidden="true">{bar.label}</span>
      <span role="progressbar" aria-label={bar.label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(bar.fraction * 1000) / 10} className={`relative block bg-bg-3 ${height}`}>
        <span className={`block ${height} ${thin ? 'bg-ink-3' : 'bg-ink-2'}`} style={{ width: `${Math.min(1, bar.fraction) * 100}%` }} />
        {bar.ticks?.map((tick) => <span key={tick} className="absolute -top-1 -bottom-1 w-px bg-line-3" style={{ left: `calc(${tick * 100}% - 1px)` }} />)}
      </span>
      <span className="text-right font-medium text-ink-1">{bar.text}</span>
    </>
  )
}
