import { useRef, useState } from 'react'
import type { FlagView } from '../../../src-main/contract/flag.ts'
import { useFlagSources, useNow } from '../../lib/console-context.tsx'
import { AudiencePane } from './audience-pane.tsx'
import { CodePane } from './code-pane.tsx'
import { ComparisonPane } from './comparison-pane.tsx'
import { DefinitionPane } from './definition-pane.tsx'
import { FlagBanners } from './flag-banners.tsx'
import { FlagHistory, useFlagEntries } from './flag-journal.tsx'
import { GuardCharts } from './guard-charts.tsx'
import { PreviewPane } from './preview-pane.tsx'
import { isShown, StageTrack } from './stage-track.tsx'
import { TiersPane } from './tiers-pane.tsx'

const TABS = ['Who gets it', 'Preview', 'Definition', 'Tiers', 'Code', 'History'] as const
type Tab = (typeof TABS)[number]

/** Everything of one flag under its headline. */
export function FlagBody({ view }: { readonly view: FlagView }) {
  const { source: sourceName, key } = view.summary
  const source = useFlagSources().find(({ name }) => name === sourceName) ?? null
  const entries = useFlagEntries(sourceName, key)
  const now = useNow(60_000)
  const [tab, setTab] = useState<Tab>(view.summary.lifecycle === 'stale' ? 'Code' : 'Who gets it')
  const details = useRef<HTMLDivElement>(null)
  const pick = (each: Tab) => {
    setTab(each)
    // On a short window what was asked for would open below its edge.
    requestAnimationFrame(() => details.current?.scrollIntoView({ block: 'nearest' }))
  }
  const rollout = isShown(view.rollout, now) ? view.rollout : null
  const canCompare = source === null || source.capabilities.experiments === null
  return (
    <>
      <FlagBanners view={view} source={source} />
      <div className="flex min-h-0 flex-1 flex-col overflow-x-hidden overflow-y-auto bg-bg-1 narrow:overflow-visible" tabIndex={0} role="region" aria-label={`About ${key}`}>
        <StageTrack view={view} />
        {rollout && <GuardCharts view={rollout} entries={entries} />}
        <div className={`grid min-h-[300px] flex-1 border-t border-line-1 narrow:grid-cols-1 ${rollout || canCompare ? 'grid-cols-2' : 'grid-cols-1'}`}>
          {canCompare && (
            <div className="min-w-0 border-r border-line-1 narrow:border-r-0 narrow:border-b">
              <ComparisonPane source={sourceName} flag={key} />
            </div>
          )}
          <div ref={details} className="min-w-0">
            <div role="tablist" aria-label="Details" className="flex h-8 flex-none items-center gap-3.5 overflow-x-auto border-b border-line-1 px-4 text-12 leading-4">
              {TABS.filter((each) => each !== 'Tiers' || (source?.sets.length ?? 0) > 1).map((each) => (
                <button key={each} type="button" role="tab" aria-selected={each === tab} onClick={() => pick(each)} className={`py-1.5 whitespace-nowrap ${each === tab ? 'font-semibold text-ink-1' : 'text-ink-3 hover:text-ink-1'}`}>
                  {each}
                  {each === 'Code' && view.references && <span className="ml-1 font-normal text-ink-3">{view.references.length}</span>}
                </button>
              ))}
            </div>
            {tab === 'Who gets it' ? (
              <AudiencePane view={view} source={source} />
            ) : tab === 'Preview' ? (
              <PreviewPane source={sourceName} flag={key} />
            ) : tab === 'Definition' ? (
              <DefinitionPane view={view} source={source} />
            ) : tab === 'Tiers' ? (
              source && <TiersPane view={view} source={source} />
            ) : tab === 'Code' ? (
              <CodePane view={view} />
            ) : (
              <FlagHistory view={view} entries={entries} />
            )}
          </div>
        </div>
      </div>
    </>
  )
}
