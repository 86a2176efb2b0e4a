import { useQuery } from '@tanstack/react-query'
import type { PairView } from '../../../src-main/contract/pair.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Since } from '../../components/time.tsx'
import { useConnection, useConsole } from '../../lib/console-context.tsx'
import { formatBytes, formatCount, formatDuration, formatMs, plural } from '../../lib/format.ts'
import { pairComparisonQuery, pairQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'

/** The two databases of a service, one following the other: which takes the writes, how far behind the other is, whether they hold the same. */
export function ServiceDatabases({ service }: { readonly service: ServiceView }) {
  if (service.data.kind !== 'perEnvironment' || !service.data.sync.postgres) return null
  return <Databases service={service.name} maxLagMs={service.data.maxLagMs} />
}

function Databases({ service, maxLagMs }: { readonly service: string; readonly maxLagMs: number }) {
  const { session } = useConsole()
  const isLive = useConnection().kind === 'live'
  const pair = useQuery({ ...pairQuery(session, service), enabled: isLive })
  const compared = useQuery({ ...pairComparisonQuery(session, service), enabled: false })
  return (
    <section aria-label="Databases" className="pb-2">
      <PaneHeading title="Databases" detail="one for each environment" />
      {pair.data && <PairLines pair={pair.data} maxLagMs={maxLagMs} />}
      {pair.error && <FaultNote fault={toFault(pair.error)} onRetry={() => void pair.refetch()} />}
      <div className="flex items-center gap-2 px-4 pt-1 text-12">
        <Button off={!isLive || compared.isFetching} aria-busy={compared.isFetching} onClick={() => void compared.refetch()}>
          {compared.isFetching ? 'Comparing all rows' : 'Compare all rows'}
        </Button>
        {!isLive && <span className="text-ink-3">not connected</span>}
      </div>
      {compared.error && <FaultNote fault={toFault(compared.error)} className="mt-1" />}
      {compared.data && (
        <div role="status" className="px-4 pt-1 text-12 leading-4">
          <p className="flex items-center gap-1.5">
            <Icon name={compared.data.same ? 'pass' : 'fail'} className={compared.data.same ? '' : 'text-fail'} />
            {compared.data.same ? 'Both hold the same' : `${plural(compared.data.mismatchCount, 'row')} differ`}
            <span className="text-ink-3">
              {' '}
              {plural(compared.data.tables.length, 'table')}, {formatCount(compared.data.tables.reduce((sum, table) => sum + table.sourceRows, 0))} rows in {formatDuration(compared.data.tookMs)}, <Since at={compared.dataUpdatedAt} /> ago
            </span>
          </p>
          <ul>
            {compared.data.mismatches.slice(0, 20).map((mismatch) => (
              <li key={`${mismatch.table} ${JSON.stringify(mismatch.key)}`} className="font-mono text-11 text-ink-2">
                {mismatch.class} {mismatch.table} {Object.entries(mismatch.key).map(([column, value]) => `${column} ${value ?? 'null'}`).join(', ')} {mismatch.columns.join(', ')}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  )
}

function PairLines({ pair, maxLagMs }: { readonly pair: PairView; readonly maxLagMs: number }) {
  const behind = pair.behindBytes === null ? null : formatBytes(pair.behindBytes).join(' ')
  const isLate = pair.lagMs !== null && pair.lagMs > maxLagMs
  return (
    <div className="px-4 text-12 leading-5">
      <p className={pair.phase === 'broken' ? 'text-fail-ink' : ''}>
        <PlaceText text={pair.words} />
      </p>
      {pair.lagMs !== null && (
        <p className={isLate ? 'text-watch-ink' : 'text-ink-2'}>
          {formatMs(pair.lagMs)} ms behind{behind === null ? '' : `, ${behind} not confirmed`}; <span className="text-ink-3">a switch of traffic waits above {formatDuration(maxLagMs)}</span>
        </p>
      )}
    </div>
  )
}
