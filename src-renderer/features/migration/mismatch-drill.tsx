import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { MigrationView, Mismatch, MismatchClass } from '../../../src-main/contract/migration.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { Moment, Since } from '../../components/time.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { formatCount, plural } from '../../lib/format.ts'
import { mismatchesQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'
import { CLASS_WORDS, FOUND_BY, keyWords } from './migration-words.ts'
import { RepairButton } from './repair-button.tsx'
import { TwoRows } from './two-rows.tsx'

/** Rows fetched at a time, and at most. */
const PAGE = 50
const MOST = 1000

interface DrillProps {
  readonly view: MigrationView
  readonly writes: 'old' | 'new'
  /** Null: of every class. */
  readonly kind: MismatchClass | null
  readonly status: Mismatch['status']
  /** How many there are, where that is counted. */
  readonly total: number | null
}

/** The rows of one class, one after the other: both sides, what differs, how it was found, what mends it. */
export function MismatchDrill({ view, writes, kind, status, total }: DrillProps) {
  const { session } = useConsole()
  const [limit, setLimit] = useState(PAGE)
  const [at, setAt] = useState<{ readonly id: string | null; readonly index: number }>({ id: null, index: 0 })
  const { data, error, refetch } = useQuery(mismatchesQuery(session, view.id, { class: kind, status }, limit))
  const rows = data ?? []
  // The row that is read stays, wherever new ones push it; once it is gone, what took its place is shown.
  const found = rows.findIndex((row) => row.id === at.id)
  const index = found >= 0 ? found : Math.min(at.index, Math.max(0, rows.length - 1))
  const row = rows[index]
  const go = (to: number) => {
    const next = Math.max(0, to)
    if (next >= rows.length - 1 && rows.length === limit && limit < MOST) setLimit(Math.min(MOST, limit + PAGE))
    if (next < rows.length) setAt({ id: rows[next]?.id ?? null, index: next })
  }
  const count = Math.max(total ?? 0, rows.length)
  const what = kind ? CLASS_WORDS[kind].word : status
  return (
    <section aria-label={`Rows, ${what}`} className="flex min-h-0 flex-1 flex-col border-t border-line-2 bg-bg-2">
      {error && <FaultNote fault={toFault(error)} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton rows={4} />}
      {data && !row && <p className="px-4 py-3 text-ink-2">{status === 'open' ? 'No row of this class is open any more.' : `No row is ${status}.`}</p>}
      {row && (
        <>
          <div className="flex min-h-[42px] flex-none flex-wrap items-center gap-x-2.5 py-1 pr-2 pl-4 text-12">
            <b>
              Row {formatCount(index + 1)} of {formatCount(count)}
              {rows.length === MOST && count > MOST && <span className="font-normal text-ink-3"> (the first {formatCount(MOST)} are kept here)</span>}
            </b>
            <span className="mono max-w-[280px] truncate text-ink-2" title={`${row.table} ${keyWords(row.key)}`}>
              {row.table.replace(/^public\./, '')} {keyWords(row.key)}
            </span>
            <span className="text-ink-3">
              seen <Since at={row.lastSeenAt} /> ago
            </span>
            <span className="ml-auto flex">
              <Button look="bare" className="aria-disabled:!border-transparent" off={index === 0} onClick={() => go(index - 1)}>
                Previous
              </Button>
              <Button look="bare" className="aria-disabled:!border-transparent" off={index >= rows.length - 1 && (rows.length < limit || limit >= MOST)} onClick={() => go(index + 1)}>
                Next
              </Button>
            </span>
          </div>
          <div className="grid min-h-0 flex-1 grid-cols-1 min-[1560px]:grid-cols-[216px_minmax(0,1fr)]">
            <KeyList rows={rows} at={index} onPick={go} />
            <div className="min-w-0">
              <TwoRows row={row} writes={writes} />
              <RowActs view={view} row={row} kind={kind} />
              <dl className="grid grid-cols-[84px_minmax(0,1fr)] border-t border-line-1 px-4 py-2 text-12 leading-5 text-ink-2">
                <dt className="text-ink-3">first seen</dt>
                <dd>
                  <Moment at={row.firstSeenAt} />, by {FOUND_BY[row.foundBy]}
                </dd>
                {row.detail && (
                  <>
                    <dt className="text-ink-3">detail</dt>
                    <dd>{row.detail}</dd>
                  </>
                )}
                <dt className="text-ink-3">last seen</dt>
                <dd>
                  <Moment at={row.lastSeenAt} />
                  {kind === null && <>, {CLASS_WORDS[row.class].word}: {CLASS_WORDS[row.class].means}</>}
                </dd>
              </dl>
            </div>
          </div>
          <p className="sr-only" role="status">
            {plural(row.columns.length, 'column')} differ in row {index + 1}: {row.columns.join(', ')}
          </p>
        </>
      )}
    </section>
  )
}

/** With room for it, every row that was fetched by its key; the pager does the same without. */
function KeyList({ rows, at, onPick }: { readonly rows: readonly Mismatch[]; readonly at: number; readonly onPick: (index: number) => void }) {
  return (
    <ol aria-label="Keys" className="hidden min-h-0 overflow-y-auto border-t border-r border-line-1 min-[1560px]:block">
      {rows.map((row, index) => (
        <li key={row.id}>
          <button type="button" aria-pressed={index === at} onClick={() => onPick(index)} className={`flex w-full items-center gap-2 px-4 text-12 leading-6 hover:bg-bg-3 ${index === at ? 'bg-bg-3 shadow-[inset_2px_0_0_var(--ink-1)]' : ''}`}>
            <span className="mono min-w-0 flex-1 truncate">{keyWords(row.key)}</span>
            <span className="max-w-20 truncate text-11 text-ink-3">{row.columns.join(', ') || CLASS_WORDS[row.class].word}</span>
          </button>
        </li>
      ))}
    </ol>
  )
}

/** What mends it, in words, and what it takes to accept it. */
function RowActs({ view, row, kind }: { readonly view: MigrationView; readonly row: Mismatch; readonly kind: MismatchClass | null }) {
  if (row.status !== 'open') return <p className="border-t border-line-1 px-4 py-2 text-12 text-ink-2">{row.status === 'accepted' ? 'An ignore rule of the workspace file accepts it, until that rule expires.' : row.status === 'gone' ? 'Equal when it was looked at again; nothing was written.' : 'Repaired; before and after stand in the record.'}</p>
  return (
    <div className="flex min-h-[46px] flex-wrap items-center gap-x-3 gap-y-1 border-t border-line-1 px-4 py-2 text-12">
      {row.repair === '' ? (
        <span className="max-w-[520px] text-ink-2">
          <b className="text-ink-1">A person must decide.</b> Change the row through the service, change <span className="mono">up</span>, or accept it with an ignore rule (reason and expiry) in the workspace file.
        </span>
      ) : (
        <>
          <RepairButton view={view} ids={[row.id]} label="Repair this row" />
          <span className="min-w-0 text-ink-2">{row.repair}</span>
        </>
      )}
      {kind !== null && row.repair !== '' && <span className="text-ink-3">Before and after go into the record.</span>}
    </div>
  )
}
