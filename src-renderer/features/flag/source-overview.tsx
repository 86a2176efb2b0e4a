import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { FlagCapabilities, FlagSourceView } from '../../../src-main/contract/flag.ts'
import { CopyButton } from '../../components/copy-button.tsx'
import { Icon } from '../../components/icons.tsx'
import { Empty, PaneHeading } from '../../components/pane.tsx'
import { Since } from '../../components/time.tsx'
import { useFlagSources } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'
import { SourceBanner } from './flag-banners.tsx'
import { segmentWords } from './flag-words.ts'
import { TierDifferences, TierSelect } from './tiers-pane.tsx'
import { UnderWay } from './under-way.tsx'

const KINDS: Readonly<Record<FlagSourceView['kind'], string>> = { file: 'built in, files of flagd’s schema', unleash: 'Unleash', launchdarkly: 'LaunchDarkly', statsig: 'Statsig' }
const CAN: Readonly<Record<keyof FlagCapabilities, string>> = { define: 'change flags', segments: 'change segments', percent: 'shares of users', audiences: 'audiences', compareAndSet: 'refuse a change over somebody else’s', evaluations: 'count evaluations', experiments: 'compare variants', outcomes: 'requests by variant', archive: 'remove flags' }
const LINK = 'inline-flex h-[26px] items-center gap-1.5 rounded-2 border border-line-2 bg-bg-2 px-2.5 text-12 font-medium hover:border-line-3 hover:bg-bg-3'

/** Where flags come from: each source with what is wrong with it, how apps read it, its segments and its tiers. */
export function SourceOverview() {
  const sources = useFlagSources()
  if (sources.length === 0) return <NoSource />
  return (
    <div className="min-h-0 flex-1 overflow-y-auto -outline-offset-2 narrow:overflow-visible" tabIndex={0} role="region" aria-label="Sources of flags">
      <UnderWay />
      {sources.map((source) => (
        <Source key={source.name} source={source} />
      ))}
    </div>
  )
}

function Source({ source }: { readonly source: FlagSourceView }) {
  const cannot = (Object.keys(CAN) as (keyof FlagCapabilities)[]).flatMap((what) => (source.capabilities[what] === null ? [] : [[CAN[what], source.capabilities[what]] as const]))
  const warnings = source.problems.filter((problem) => !source.broken || problem.level === 'error')
  return (
    <section aria-label={source.name} className="border-b border-line-1 pb-4">
      <SourceBanner source={source} />
      <PaneHeading
        title={source.name}
        detail={`${KINDS[source.kind]}; ${source.tier} is ${source.set}`}
        end={
          <>
            {source.capabilities.define === null && (
              <Link to="/flags" search={{ view: 'new', source: source.name }} className={LINK}>
                <Icon name="plus" /> New flag
              </Link>
            )}
            {source.readAt !== null && (
              <span>
                read <Since at={source.readAt} /> ago
              </span>
            )}
          </>
        }
      />
      {source.flags === 0 && source.problem === '' && !source.broken && (
        <Empty title="There are no flags in it yet">
          A flag decides per user what code does, without a deploy. Make the first one, roll it out in stages, and take it back with one press.
        </Empty>
      )}
      {warnings.length > 0 && (
        <ul aria-label={`Problems of ${source.name}`} className="mx-4 mb-3 border-y border-line-1 text-12">
          {warnings.map((problem) => (
            <li key={`${problem.path} ${problem.line} ${problem.message}`} className="grid grid-cols-[18px_76px_minmax(0,1fr)] items-baseline gap-1 border-b border-line-1 py-1 last:border-b-0">
              <Icon name={problem.level === 'error' ? 'fail' : 'watch'} className={`self-center ${problem.level === 'error' ? 'text-fail' : 'text-watch'}`} />
              <span className="mono text-ink-3">
                {problem.line}:{problem.column}
              </span>
              <span className="min-w-0 [overflow-wrap:anywhere]">
                {problem.message} <span className="mono text-ink-3">{problem.path}</span>
              </span>
            </li>
          ))}
        </ul>
      )}
      <div className="grid grid-cols-2 gap-x-8 gap-y-4 px-4 max-[1240px]:grid-cols-1">
        {source.addresses.length > 0 && (
          <div>
            <h3 className="pb-1 text-12 text-ink-3">Apps read it by</h3>
            <dl className="grid grid-cols-[minmax(120px,1fr)_minmax(0,1.2fr)_auto] items-center gap-x-3 gap-y-1 text-12 leading-4">
              {source.addresses.map(({ way, address }) => (
                <div key={`${way} ${address}`} className="contents">
                  <dt>{way}</dt>
                  <dd className="mono [overflow-wrap:anywhere] text-ink-2">{address}</dd>
                  <dd>
                    <CopyButton label="Copy" text={() => address} />
                  </dd>
                </div>
              ))}
            </dl>
          </div>
        )}
        <div>
          <h3 className="flex items-center pb-1 text-12 text-ink-3">
            Segments
            {source.capabilities.segments === null && (
              <Link to="/flags" search={{ view: 'segments', source: source.name }} className="link ml-auto">
                Edit segments
              </Link>
            )}
          </h3>
          {source.segments.length === 0 ? (
            <p className="text-12 text-ink-2">None: people who belong together, under a name that rules refer to.</p>
          ) : (
            <dl className="grid grid-cols-[150px_minmax(0,1fr)] text-12 leading-6">
              {source.segments.map((segment) => (
                <div key={segment.name} className="contents">
                  <dt className="truncate font-medium" title={segment.name}>
                    {segment.name}
                  </dt>
                  <dd className="mono [overflow-wrap:anywhere] text-ink-2">{segmentWords(segment)}</dd>
                </div>
              ))}
            </dl>
          )}
        </div>
        {cannot.length > 0 && (
          <div>
            <h3 className="pb-1 text-12 text-ink-3">What it cannot</h3>
            <dl className="grid grid-cols-[150px_minmax(0,1fr)] gap-x-3 gap-y-1 text-12 leading-4">
              {cannot.map(([what, why]) => (
                <div key={what} className="contents">
                  <dt>{what}</dt>
                  <dd className="text-ink-2">{why}</dd>
                </div>
              ))}
            </dl>
          </div>
        )}
      </div>
      {source.sets.length > 1 && <SourceTiers source={source} />}
    </section>
  )
}

/** Two tiers beside each other, asked for when somebody opens it. */
function SourceTiers({ source }: { readonly source: FlagSourceView }) {
  const tiers = source.sets.map(({ tier }) => tier)
  const [open, setOpen] = useState(false)
  const [from, setFrom] = useState(tiers.find((tier) => tier !== source.tier) ?? source.tier)
  const [to, setTo] = useState(source.tier)
  return (
    <details className="pt-3" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-default px-4 text-12 text-ink-2">
        Compare tiers: {source.sets.map(({ tier, set }) => (tier === set ? tier : `${tier} (${set})`)).join(', ')}
      </summary>
      {open && (
        <div className="grid gap-2 pt-2">
          <div className="flex flex-wrap items-center gap-2 px-4 text-12">
            <TierSelect label="Take over from" value={from} tiers={tiers} onChange={setFrom} />
            <TierSelect label="into" value={to} tiers={tiers} onChange={setTo} />
          </div>
          {from === to ? <p className="px-4 text-12 text-ink-3">Choose two tiers.</p> : <TierDifferences source={source} from={from} to={to} />}
        </div>
      )}
    </details>
  )
}

const YAML = `flags:
  shop:
    file: ./flags
    services: [checkout]
    criteria: [error-rate, p95]
    stages:
      - {percent: 100, audience: internal, hold: 2h}
      - {percent: 5, hold: 8h}
      - {percent: 25, hold: 16h, approval: true}
      - {percent: 100, hold: 24h}
    code: ./services`

/** What a flag is, why there are none, and the ten lines that change it. */
function NoSource() {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <Empty title="No source of flags is declared">
        <p>A flag decides per user what code does, without a deploy. Rolled out in stages, guarded by what exposed users get against the others, taken back in seconds, and removed once it has settled.</p>
        <p className="pt-2">These lines in the workspace file are enough; flags are kept in files that every OpenFeature SDK can read:</p>
        <div className="relative my-2 max-w-[560px] border border-line-1 bg-bg-0">
          <span className="absolute top-1 right-1">
            <CopyButton label="Copy" text={() => YAML} />
          </span>
          <pre tabIndex={0} aria-label="Example" className="mono overflow-x-auto px-3 py-2 text-12 leading-[18px] text-ink-1">
            {YAML}
          </pre>
        </div>
        <p>
          <Link to="/settings" className="link">
            See the workspace file
          </Link>
        </p>
      </Empty>
    </div>
  )
}

/** Everything flags are about in one sentence; what is fine is not mentioned. */
export function flagsSentence(sources: readonly FlagSourceView[], moving: number, cleanUp: number): string {
  if (sources.length === 0) return 'No source of flags is declared in this workspace.'
  const parts = [moving === 0 ? 'Nothing moves' : `${plural(moving, 'flag')} ${moving === 1 ? 'moves or depends' : 'move or depend'} on who asks`, ...(cleanUp > 0 ? [`${cleanUp} can be cleaned up`] : [])]
  return `${parts.join(', ')}.`
}
