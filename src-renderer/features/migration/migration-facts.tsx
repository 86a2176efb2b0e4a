import { Link } from '@tanstack/react-router'
import type { MigrationReading, MigrationView } from '../../../src-main/contract/migration.ts'
import { Icon } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { Place, Version } from '../../components/place.tsx'
import { Moment } from '../../components/time.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { formatBytes, formatCount } from '../../lib/format.ts'
import { isOver } from './migration-words.ts'

/** How much each side takes. */
export function Sizes({ reading }: { readonly reading: MigrationReading }) {
  if (reading.sizes.length === 0) return null
  return (
    <section aria-label="Sizes" className="pb-2">
      <PaneHeading title="Sizes" />
      <table className="mx-4 w-[calc(100%-32px)] text-12 leading-[18px] [&_td]:pb-1 [&_th]:pb-1 [&_td]:align-top [&_th]:align-top">
        <caption className="sr-only">Storage of both sides</caption>
        <tbody>
          {reading.sizes.map((size) => (
            <tr key={`${size.side} ${size.table}`}>
              <th scope="row" className="w-10 text-ink-3">
                {size.side}
              </th>
              <td className="max-w-0">
                <span className="mono block truncate" title={size.table}>
                  {size.table.replace(/^public\./, '')}
                </span>
                <span className="block text-ink-3">{formatCount(size.rows)} rows</span>
              </td>
              <td className="w-20 text-right">{formatBytes(size.bytes).join(' ')}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** Versions that work with these tables, what each needs, and what that blocks. */
export function UsedBy({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading | null }) {
  return (
    <section aria-label="Used by" className="pb-2">
      <PaneHeading title="Used by" end={<span title={reading?.server.host}>{reading ? `${view.database}, PostgreSQL ${reading.server.version}` : view.database}</span>} />
      {view.usedBy.length === 0 && <p className="px-4 text-12 text-ink-3">{isOver(view.phase) ? 'No version needs what is gone.' : 'No service of the workspace is named under its services: no version can be held back for it.'}</p>}
      {view.usedBy.map((use) => (
        <div key={`${use.service} ${use.environment} ${use.version}`} className="grid grid-cols-[minmax(0,auto)_minmax(0,1fr)] gap-x-2 px-4 text-12 leading-5">
          <Link to="/services/$name" params={{ name: use.service }} className="truncate hover:underline">
            {use.service} <Place environment={use.environment} /> <Version version={use.version} />
          </Link>
          <span className="text-right text-ink-3">
            {use.needs}
            {use.blocks !== '' && (
              <span className="block text-ink-2">
                <Icon name="lock" size={10} className="mr-1 -mt-0.5" />
                holds back: {use.blocks}
              </span>
            )}
          </span>
        </div>
      ))}
    </section>
  )
}

/** Who asked for it and who approved what. */
export function MigrationPeople({ reading }: { readonly reading: MigrationReading }) {
  const { state, owner } = reading
  return (
    <section aria-label="People" className="pb-2">
      <PaneHeading title="Run" end={`attempt ${state.attempt}, revision ${state.revision}`} />
      <dl className="grid grid-cols-[84px_minmax(0,1fr)] px-4 text-12 leading-5">
        <dt className="text-ink-3">started</dt>
        <dd>
          {state.startedBy.name}, <Moment at={state.startedAt} />
          {state.reason && <span className="text-ink-2">: {state.reason}</span>}
        </dd>
        {state.approvals.map((approval) => (
          <div key={`${approval.of} ${approval.by.id}`} className="contents">
            <dt className="text-ink-3">approved</dt>
            <dd>
              {approval.of === 'switchReads' ? 'reads' : approval.of === 'switchWrites' ? 'writes' : 'drop'}, {approval.by.name}, <Moment at={approval.at} />
            </dd>
          </div>
        ))}
        <dt className="text-ink-3">driven by</dt>
        <dd>{owner === null ? (isOver(state.phase) ? 'nobody; it is over' : 'nobody now') : owner.isThis ? `this console (${owner.name})` : owner.name}</dd>
      </dl>
    </section>
  )
}

/** What the services' own criteria say while both sides are written. */
export function MigrationCriteria({ reading }: { readonly reading: MigrationReading }) {
  const { analysis } = reading.state
  if (analysis.length === 0) return null
  return (
    <section aria-label="Criteria" className="pb-2">
      <PaneHeading title="The services' criteria" />
      {analysis.map((result) => (
        <div key={result.name} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-2 px-4 leading-6">
          <span className="truncate" title={result.why}>
            {result.name}
          </span>
          <span className="text-12">
            <VerdictMark look={resultLook(result)} />
          </span>
        </div>
      ))}
    </section>
  )
}
