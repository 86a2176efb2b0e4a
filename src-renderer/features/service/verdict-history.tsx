import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { VerdictChange } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { FaultNote } from '../../components/fault-note.tsx'
import { Empty, Skeleton } from '../../components/pane.tsx'
import { PlaceText, Version } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { verdictLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { plural } from '../../lib/format.ts'
import { phaseWords } from '../../lib/release-words.ts'
import { toFault } from '../../lib/session.ts'
import { useVerdicts } from './use-verdicts.ts'

const DAY_MS = 86_400_000
const SPANS = [
  { label: '1 day', ms: DAY_MS },
  { label: '7 days', ms: 7 * DAY_MS },
  { label: '30 days', ms: 30 * DAY_MS },
] as const

/** How the verdict on each version changed, newest release first. */
export function VerdictHistory({ service }: { readonly service: ServiceView }) {
  const [spanMs, setSpanMs] = useState<number>(SPANS[1].ms)
  const { changes, releases, query } = useVerdicts(service, spanMs)
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <p role="group" aria-label="Span" className="flex flex-none gap-2.5 px-4 pt-1 text-11 text-ink-3">
        {SPANS.map((span) => (
          <button key={span.ms} type="button" aria-pressed={span.ms === spanMs} onClick={() => setSpanMs(span.ms)} className={`py-1 ${span.ms === spanMs ? 'text-ink-1 underline underline-offset-[3px]' : 'hover:text-ink-1'}`}>
            {span.label}
          </button>
        ))}
      </p>
      {query.isPending ? (
        <Skeleton rows={4} />
      ) : query.isError ? (
        <FaultNote fault={toFault(query.error)} onRetry={() => void query.refetch()} />
      ) : changes.length === 0 ? (
        <Empty title="No verdicts in this time">Each release is judged by its criteria while it has live traffic. What they said of a version, and when it changed, stays here.</Empty>
      ) : (
        <Table changes={changes} releases={releases} />
      )}
    </div>
  )
}

function Table({ changes, releases }: { readonly changes: readonly VerdictChange[]; readonly releases: readonly Release[] }) {
  const groups = Map.groupBy(changes.toReversed(), (change) => change.releaseId)
  return (
    <div className="min-h-0 flex-1 overflow-auto -outline-offset-2" tabIndex={0} role="region" aria-label="Verdicts by version, newest first">
      <table className="w-full table-fixed text-12">
        <thead className="sticky top-0 z-10 bg-bg-1 text-11 text-ink-3">
          <tr className="h-6 [&>th]:px-4">
            <th scope="col" className="w-24">
              time
            </th>
            <th scope="col" className="w-44">
              criterion
            </th>
            <th scope="col" className="w-32">
              verdict
            </th>
            <th scope="col">why</th>
          </tr>
        </thead>
        {[...groups].map(([id, group]) => (
          <tbody key={id}>
            <GroupHead id={id} group={group} release={releases.find((each) => each.id === id) ?? null} />
            {group.map((change) => (
              <tr key={`${change.at} ${change.name}`} className="border-t border-line-1 align-baseline [&>td]:px-4 [&>td]:py-1">
                <td className="whitespace-nowrap text-ink-3">
                  <Moment at={change.at} />
                </td>
                <td className="truncate font-medium" title={change.name}>
                  {change.name}
                </td>
                <td>
                  <VerdictMark look={verdictLook(change.verdict)} />
                </td>
                <td className="leading-4 [overflow-wrap:anywhere] text-ink-2">
                  <PlaceText text={change.why} square={false} />
                </td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </div>
  )
}

function GroupHead({ id, group, release }: { readonly id: string; readonly group: readonly VerdictChange[]; readonly release: Release | null }) {
  return (
    <tr className="border-t border-line-2 bg-bg-2">
      <th scope="rowgroup" colSpan={4} className="h-7 px-4">
        <span className="flex items-center gap-3">
          <Version version={group[0]?.version ?? ''} className="font-semibold" />
          <Link to="/audit/release/$id" params={{ id }} className="link">
            {id}
          </Link>
          {release && <span className="min-w-0 truncate text-ink-2">{phaseWords(release)}</span>}
          <span className="ml-auto flex-none text-ink-3">{plural(group.length, 'change')}</span>
        </span>
      </th>
    </tr>
  )
}
