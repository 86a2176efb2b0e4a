import { Link, useNavigate } from '@tanstack/react-router'
import { memo, useRef, useState, type KeyboardEvent } from 'react'
import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { Empty } from '../../components/pane.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { Countdown, Moment } from '../../components/time.tsx'
import { useLastReading, useMigrations } from '../../lib/console-context.tsx'
import { formatCount, formatCountdown } from '../../lib/format.ts'
import { useKeys } from '../../lib/keys.ts'
import { attentionOf, headlineRest, isOver, openTotal, phaseLine, stateWord } from './migration-words.ts'
import { MiniPhases } from './mini-phases.tsx'
import { sortMigrations } from './sort-migrations.ts'
import { useMigrationView } from './use-migration-view.ts'

const COLUMNS = 'grid grid-cols-[108px_minmax(160px,1.4fr)_minmax(96px,0.6fr)_210px_minmax(140px,1fr)_minmax(160px,2fr)_76px] items-center gap-x-3 px-4 max-[1240px]:grid-cols-[100px_minmax(150px,1.4fr)_88px_150px_minmax(130px,1fr)_minmax(130px,1.6fr)_68px] narrow:min-w-[860px]'
const HEADS = ['state', 'migration', 'database', 'phase', 'progress', 'now', 'left'] as const

/** Every migration the workspace declares, those that need a person first. */
export function MigrationList() {
  const rows = sortMigrations(useMigrations())
  const navigate = useNavigate()
  const [selected, setSelected] = useState<string | null>(null)
  const grid = useRef<HTMLDivElement>(null)
  const index = Math.max(0, rows.findIndex((row) => row.id === selected))
  const current = rows[index]
  const move = (by: number) => setSelected(rows[Math.min(rows.length - 1, Math.max(0, index + by))]?.id ?? null)
  const open = () => current && void navigate({ to: '/migrations/$id', params: { id: current.id } })
  useKeys({
    j: () => move(1),
    k: () => move(-1),
  })
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, Home: -rows.length, End: rows.length }[event.key]
    if (by !== undefined) move(by)
    else if (event.key === 'Enter') open()
    else return
    event.preventDefault()
  }
  if (rows.length === 0) return <NoMigrations />
  return (
    <div ref={grid} role="grid" aria-label="Migrations" aria-rowcount={rows.length + 1} aria-activedescendant={current ? `migration-${current.id}` : undefined} tabIndex={0} onKeyDown={onKeyDown} className="min-h-0 flex-1 overflow-auto -outline-offset-2">
      <div role="rowgroup" className="sticky top-0 z-10">
        <div role="row" aria-rowindex={1} className={`${COLUMNS} h-6 border-b border-line-1 bg-bg-1 text-11 text-ink-3`}>
          {HEADS.map((head) => (
            <div key={head} role="columnheader" className={head === 'left' ? 'text-right' : ''}>
              {head}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup">
        {rows.map((row, at) => (
          <MigrationRow key={row.id} id={row.id} index={at} selected={row === current} onSelect={setSelected} />
        ))}
      </div>
    </div>
  )
}

interface RowProps {
  readonly id: string
  readonly index: number
  readonly selected: boolean
  readonly onSelect: (id: string) => void
}

const MigrationRow = memo(function MigrationRow({ id, index, selected, onSelect }: RowProps) {
  const view = useMigrationView(id)
  const reading = useLastReading(id)?.reading ?? null
  if (!view) return null
  const state = attentionOf(view, reading)
  const line = 'block truncate leading-[15px]'
  const isLost = view.observed.kind === 'unknown' && reading === null
  const rest = view.observed.kind === 'unknown' ? 'Cannot be read' : headlineRest(view)
  return (
    <div role="row" id={`migration-${id}`} aria-rowindex={index + 2} aria-selected={selected} onClick={() => onSelect(id)} className={`${COLUMNS} h-[42px] border-b border-line-1 text-12 whitespace-nowrap ${selected ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : 'hover:bg-bg-2'}`}>
      <div role="gridcell">
        <StateMark state={state}>{stateWord(view, reading)}</StateMark>
      </div>
      <div role="gridcell" className="min-w-0">
        <Link to="/migrations/$id" params={{ id }} tabIndex={-1} className="block truncate text-13 leading-[16px] font-medium hover:underline" title={view.title}>
          {view.title || id}
        </Link>
        <span className="mono block truncate text-11 leading-[14px] text-ink-3">{view.tables.map((table) => (table.schema === 'public' ? table.table : `${table.schema}.${table.table}`)).join(', ')}</span>
      </div>
      <div role="gridcell" className="min-w-0 truncate">
        {view.database}
      </div>
      <div role="gridcell" className="min-w-0">
        <MiniPhases view={view} />
        <span className={`${line} text-11 text-ink-3`}>{isLost ? 'not known' : phaseLine(view).replace(/^phase (\d) of \d, /, '$1: ')}</span>
      </div>
      <div role="gridcell" className="min-w-0">
        <Progress view={view} />
      </div>
      <div role="gridcell" className="min-w-0" title={`${view.headline} ${view.next}`}>
        {rest !== '' && <span className={line}>{rest}</span>}
        <span className={`${line} ${rest === '' ? '' : 'text-ink-3'}`}>{view.observed.kind === 'unknown' ? view.observed.why : view.next}</span>
      </div>
      <div role="gridcell" className="text-right text-14 font-semibold">
        <Left view={view} />
      </div>
    </div>
  )
})

function Progress({ view }: { readonly view: MigrationView }) {
  const reading = useLastReading(view.id)?.reading ?? null
  const isUnknown = view.observed.kind === 'unknown'
  if (!reading && isUnknown) return <span className="text-ink-3">not known</span>
  if (!reading) return <span className="text-ink-3">{view.preflight === null ? 'preflight has not run' : view.preflight.ok ? 'preflight found no blocker' : 'preflight found blockers'}</span>
  if (isOver(view.phase)) return <span className="text-ink-3">{reading.state.endedAt === null ? '' : <>ended <Moment at={reading.state.endedAt} /></>}</span>
  const { progress, verification, state } = reading
  const open = openTotal(verification)
  const done = progress ? progress.rowsDone / Math.max(1, progress.rowsTotal) : null
  return (
    <span className={isUnknown ? 'text-ink-3' : ''}>
      <span className="block truncate leading-[15px]">{done !== null && progress ? `${(done * 100).toFixed(1)} % of ${formatCount(progress.rowsTotal)} rows` : state.phase === 'switchingReads' ? `${state.readsPercent} % of reads` : `${formatCount(verification.reads.same)} equal reads`}</span>
      <span className={`block truncate leading-[15px] ${open > 0 && !isUnknown ? 'text-watch-ink' : 'text-ink-3'}`}>{open === 0 ? 'no open mismatch' : `${formatCount(open)} open`}</span>
    </span>
  )
}

function Left({ view }: { readonly view: MigrationView }) {
  const reading = useLastReading(view.id)?.reading ?? null
  if (!reading || isOver(view.phase) || view.observed.kind === 'unknown') return null
  const { progress, state } = reading
  if (state.paused) return <span className="text-12">paused</span>
  if (progress) return progress.etaMs === null || progress.waitsFor !== '' ? <span className="text-12 text-ink-3">{progress.waitsFor === '' ? 'runs' : 'waits'}</span> : <>{formatCountdown(progress.etaMs)}</>
  return state.dueAt === null ? null : <Countdown until={state.dueAt} over="due" />
}

function NoMigrations() {
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <Empty title="No migrations are declared">
        <p>A migration changes tables under live traffic in four phases, with a way back at each until the last step: shadow reads, dual writes, switching, cleanup. Both sides are kept equal and compared the whole time.</p>
        <p className="pt-2">
          Declare a database under <span className="mono">databases</span> and the change under <span className="mono">migrations</span> in the workspace file; it appears here at once, and nothing is touched before you start it.
        </p>
        <p className="pt-2">
          <Link to="/settings" className="link">
            See the workspace file
          </Link>
        </p>
      </Empty>
    </div>
  )
}
