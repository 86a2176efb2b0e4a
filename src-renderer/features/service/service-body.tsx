import { useState } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { useNow } from '../../lib/console-context.tsx'
import { Criteria } from './criteria.tsx'
import { Environments } from './environments.tsx'
import { Gates } from './gates.tsx'
import { GuardBanners } from './guard-banners.tsx'
import { HealthCharts } from './health-charts.tsx'
import { HowItWentBack } from './how-it-went-back.tsx'
import { Interlocks } from './interlocks.tsx'
import { Logs } from './logs.tsx'
import { PlanLine } from './plan-line.tsx'
import { Queued } from './queued.tsx'
import { RecentChanges } from './recent-changes.tsx'
import { ReleaseHistory } from './release-history.tsx'
import { ServiceDatabases } from './service-databases.tsx'
import { ServiceMigrations } from './service-migrations.tsx'
import { useServiceEntries } from './service-entries.ts'
import { stepTimes } from './step-times.ts'
import { TrackDiagram } from './track-diagram.tsx'
import { VerdictHistory } from './verdict-history.tsx'
import { TroubleBanner } from './trouble-banner.tsx'

const TABS = ['Health', 'Resources', 'Output', 'Releases', 'Verdicts'] as const
type Tab = (typeof TABS)[number]

/** Everything of one service under its headline. */
export function ServiceBody({ service }: { readonly service: ServiceView }) {
  const { entries, lastHour } = useServiceEntries(service.name)
  const now = useNow(60_000)
  const [tab, setTab] = useState<Tab>('Health')
  const times = service.release ? stepTimes(service.release.release, entries) : new Map<number, number>()
  const tabs = (
    <span role="tablist" aria-label="Below the plan" className="flex gap-2.5 text-12 leading-4">
      {TABS.map((each) => (
        <button key={each} type="button" role="tab" aria-selected={each === tab} onClick={() => setTab(each)} className={`py-1 ${each === tab ? 'font-semibold text-ink-1' : 'text-ink-3 hover:text-ink-1'}`}>
          {each}
        </button>
      ))}
    </span>
  )
  return (
    <>
      <GuardBanners service={service} />
      <TroubleBanner service={service} entries={entries} now={now} />
      <div className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)_344px] bg-bg-1 max-[1240px]:grid-cols-[minmax(0,1fr)_304px] narrow:flex narrow:flex-none narrow:flex-col">
        <div className="flex min-h-0 min-w-0 flex-col overflow-x-hidden overflow-y-auto narrow:overflow-visible">
          <section aria-label="Traffic and environments" className="grid flex-none grid-cols-[minmax(400px,1fr)_minmax(420px,640px)] border-b border-line-1 max-[1240px]:grid-cols-[minmax(360px,1fr)_minmax(320px,1fr)] narrow:grid-cols-1">
            <TrackDiagram service={service} />
            <Environments service={service} />
          </section>
          <PlanLine service={service} times={times} />
          {tab === 'Health' || tab === 'Resources' ? (
            <HealthCharts service={service} entries={entries} kind={tab === 'Health' ? 'health' : 'resources'} tabs={tabs} />
          ) : (
            <section aria-label={tab} className="flex min-h-48 flex-1 flex-col">
              <div className="flex-none border-b border-line-1 py-2 pl-4">{tabs}</div>
              {tab === 'Output' ? <Logs service={service} /> : tab === 'Releases' ? <ReleaseHistory service={service.name} /> : <VerdictHistory service={service} />}
            </section>
          )}
        </div>
        <aside aria-label="Judgement and changes" tabIndex={0} className="min-h-0 overflow-y-auto border-l border-line-1 -outline-offset-2 narrow:overflow-visible narrow:border-t narrow:border-l-0 [&>section+section]:border-t [&>section+section]:border-line-1">
          <Criteria service={service} />
          <HowItWentBack service={service} entries={entries} />
          <Gates service={service} />
          <Queued service={service} />
          <Interlocks service={service} />
          <ServiceMigrations service={service} />
          <ServiceDatabases service={service} />
          <RecentChanges service={service.name} entries={lastHour} />
        </aside>
      </div>
    </>
  )
}
