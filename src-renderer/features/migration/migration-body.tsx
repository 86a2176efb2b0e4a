import { useState } from 'react'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { Empty } from '../../components/pane.tsx'
import { useLastReading } from '../../lib/console-context.tsx'
import { formatCount } from '../../lib/format.ts'
import { ChangePane } from './change-pane.tsx'
import { LoadCharts } from './load-charts.tsx'
import { MigrationBanners } from './migration-banners.tsx'
import { MigrationCriteria, MigrationPeople, Sizes, UsedBy } from './migration-facts.tsx'
import { MigrationJournal } from './migration-journal.tsx'
import { openTotal } from './migration-words.ts'
import { MismatchPane } from './mismatch-pane.tsx'
import { PhaseBand } from './phase-band.tsx'
import { PhaseStepper } from './phase-stepper.tsx'
import { PreflightPane, usePreflight } from './preflight-pane.tsx'
import { ReadVerification } from './read-verification.tsx'
import { RecordPane } from './record-pane.tsx'
import { RehearsalPane } from './rehearsal-pane.tsx'
import { SqlPane } from './sql-pane.tsx'
import { MigrationGates, MigrationInterlocks, RollBackWords } from './ways-on-and-back.tsx'

const TABS = ['Mismatches', 'SQL', 'Change', 'Preflight', 'Rehearsal', 'Record'] as const
type Tab = (typeof TABS)[number]

/** Everything of one migration under its headline. */
export function MigrationBody({ view }: { readonly view: MigrationView }) {
  const last = useLastReading(view.id)
  const reading = last?.reading ?? null
  const isStale = view.observed.kind === 'unknown'
  return (
    <>
      <MigrationBanners view={view} reading={reading} />
      {/* On a wide window the last column stands beside the phases; on a narrower one they take the whole width. */}
      <div className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)_344px] grid-rows-[auto_minmax(0,1fr)] bg-bg-1 max-[1240px]:grid-cols-[minmax(0,1fr)_304px] narrow:flex narrow:flex-none narrow:flex-col">
        <div className="min-w-0 max-[1400px]:col-span-2">
          <PhaseStepper view={view} reading={reading} />
        </div>
        <div className="col-start-1 row-start-2 flex min-h-0 min-w-0 flex-col overflow-x-hidden overflow-y-auto narrow:overflow-visible">
          <PhaseBand view={view} reading={reading} stale={isStale} />
          {reading ? (
            <div className="grid min-h-[384px] flex-1 grid-cols-[minmax(280px,min(760px,39%))_minmax(0,1fr)] narrow:grid-cols-1">
              <LoadCharts migration={view.id} reading={reading} />
              <Panes view={view} first="Mismatches" />
            </div>
          ) : (
            <Panes view={view} first="Preflight" />
          )}
        </div>
        <aside aria-label="Ways on and back" tabIndex={0} className="col-start-2 row-span-2 row-start-1 min-h-0 overflow-y-auto border-l max-[1400px]:row-span-1 max-[1400px]:row-start-2 border-line-1 -outline-offset-2 narrow:overflow-visible narrow:border-t narrow:border-l-0 [&>section+section]:border-t [&>section+section]:border-line-1">
          {(reading || !isStale) && <RollBackWords view={view} />}
          <MigrationGates view={view} />
          <MigrationInterlocks view={view} />
          {reading && (
            <>
              <MigrationCriteria reading={reading} />
              <ReadVerification reading={reading} />
            </>
          )}
          <UsedBy view={view} reading={reading} />
          {reading && (
            <>
              <Sizes reading={reading} />
              <MigrationPeople reading={reading} />
            </>
          )}
          <MigrationJournal migration={view.id} />
        </aside>
      </div>
    </>
  )
}

/** What differs, what runs, what was declared, checked, rehearsed and recorded: one at a time, in one place. */
function Panes({ view, first }: { readonly view: MigrationView; readonly first: Tab }) {
  const [picked, setPicked] = useState<Tab | null>(null)
  const reading = useLastReading(view.id)?.reading ?? null
  const report = usePreflight(view)
  const tab = picked ?? first
  const blockers = report?.checks.filter((check) => check.state === 'blocker').length ?? 0
  const count = (each: Tab) => (each === 'Mismatches' && reading ? openTotal(reading.verification) : each === 'Preflight' ? blockers : 0)
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col narrow:min-h-[420px]">
      <div role="tablist" aria-label="Details" className="flex h-8 flex-none items-center gap-3.5 overflow-x-auto border-b border-line-1 px-4 text-12 leading-4">
        {TABS.map((each) => (
          <button key={each} type="button" role="tab" aria-selected={each === tab} onClick={() => setPicked(each)} className={`py-1.5 whitespace-nowrap ${each === tab ? 'font-semibold text-ink-1' : 'text-ink-3 hover:text-ink-1'}`}>
            {each}
            {count(each) > 0 && <span className="ml-1 font-normal text-ink-3">{formatCount(count(each))}</span>}
          </button>
        ))}
      </div>
      {tab === 'Mismatches' ? (
        reading ? (
          <div className="flex min-h-0 flex-1 flex-col overflow-y-auto -outline-offset-2" tabIndex={0} role="region" aria-label="Mismatches">
            <MismatchPane view={view} reading={reading} />
          </div>
        ) : (
          <Empty title="Nothing is compared yet">Once started, every read that is compared and differs stands here with both rows, what found it and what mends it.</Empty>
        )
      ) : tab === 'SQL' ? (
        <SqlPane view={view} />
      ) : tab === 'Change' ? (
        <ChangePane view={view} />
      ) : tab === 'Preflight' ? (
        <PreflightPane view={view} />
      ) : tab === 'Rehearsal' ? (
        <RehearsalPane view={view} reading={reading} />
      ) : (
        <RecordPane view={view} revision={reading?.state.revision ?? 0} />
      )}
    </div>
  )
}
