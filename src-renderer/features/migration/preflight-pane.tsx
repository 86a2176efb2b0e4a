import { useQuery } from '@tanstack/react-query'
import type { MigrationView, PreflightCheck, PreflightReport } from '../../../src-main/contract/migration.ts'
import { Button } from '../../components/button.tsx'
import { Icon, type IconName } from '../../components/icons.tsx'
import { Empty } from '../../components/pane.tsx'
import { Since } from '../../components/time.tsx'
import { formatCount, formatDuration, plural } from '../../lib/format.ts'
import { useActingOff } from '../acts/acting.ts'
import { CLASS_WORDS, keyWords } from './migration-words.ts'
import { findMigrationAction, useMigrationAct, useRunMigration } from './use-migration-press.ts'

const LOOKS: Readonly<Record<PreflightCheck['state'], { readonly icon: IconName; readonly hue: string; readonly word: string; readonly rank: number }>> = {
  blocker: { icon: 'fail', hue: 'text-fail', word: 'blocker', rank: 0 },
  warning: { icon: 'watch', hue: 'text-watch', word: 'warning', rank: 1 },
  ok: { icon: 'pass', hue: 'text-ink-3', word: 'ok', rank: 2 },
}

/** The newest report: what the view carries, or what was just asked for. */
export function usePreflight(view: MigrationView): PreflightReport | null {
  const { data } = useQuery<PreflightReport | null>({ queryKey: ['migration.preflight', view.id], queryFn: () => null, enabled: false })
  return data && data.at > (view.preflight?.at ?? 0) ? data : view.preflight
}

/** Every reason it could fail, the gravest first, each with what mends it. */
export function PreflightPane({ view }: { readonly view: MigrationView }) {
  const report = usePreflight(view)
  if (!report) {
    return (
      <Empty title="Preflight has not run">
        <p className="pb-3">It reads all rows through the new shape and looks at the table, its triggers, keys, replicas and privileges. It changes nothing, and every reason this could fail comes with what mends it.</p>
        <Rerun view={view} />
      </Empty>
    )
  }
  const count = (state: PreflightCheck['state']) => report.checks.filter((check) => check.state === state).length
  return (
    <div className="min-h-0 flex-1 overflow-y-auto -outline-offset-2" tabIndex={0} role="region" aria-label="Preflight report">
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 px-4 py-1.5">
        <p className="min-w-0 flex-1">
          <b>{report.ok ? 'Nothing stands in the way.' : `${plural(count('blocker'), 'blocker')}: nothing starts before they are mended.`}</b>{' '}
          <span className="text-ink-2">
            {plural(count('warning'), 'warning')}; {formatCount(report.rowsScanned)} rows read in {formatDuration(report.tookMs)}, <Since at={report.at} /> ago.
          </span>
        </p>
        <Rerun view={view} />
      </div>
      <ul>
        {report.checks
          .toSorted((a, b) => LOOKS[a.state].rank - LOOKS[b.state].rank)
          .map((check) => (
            <li key={check.name} className="grid grid-cols-[18px_132px_minmax(0,1fr)] gap-x-1.5 border-t border-line-1 px-4 py-1.5 text-12 leading-[18px]">
              <Icon name={LOOKS[check.state].icon} className={`mt-[3px] ${LOOKS[check.state].hue}`} />
              <span className={check.state === 'ok' ? 'text-ink-2' : 'font-medium'}>
                {check.name} <span className="sr-only">{LOOKS[check.state].word}</span>
              </span>
              <span className={check.state === 'ok' ? 'text-ink-2' : ''}>
                {check.detail} {check.fix && <span className="block text-ink-2">Mend: {check.fix}</span>}
              </span>
            </li>
          ))}
      </ul>
      {report.rows.length > 0 && (
        <div className="border-t border-line-2 px-4 py-2">
          <h3 className="text-12">The first rows that fail</h3>
          <ul className="mono text-12 leading-5">
            {report.rows.map((row) => (
              <li key={row.id} className="break-words">
                {row.table.replace(/^public\./, '')} {keyWords(row.key)} <span className="font-sans text-ink-2">{CLASS_WORDS[row.class].word}</span> {row.old && <span className="text-ink-2">{JSON.stringify(row.old)}</span>}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}

function Rerun({ view }: { readonly view: MigrationView }) {
  const off = useActingOff()
  const run = useRunMigration()
  const act = useMigrationAct(view.id)
  const action = findMigrationAction(view, 'preflight')
  if (!action) return null
  const isBusy = act?.stage === 'sending'
  const why = off ?? action.blocks[0]?.reason ?? null
  return (
    <span className="flex items-center gap-2 text-12">
      {why !== null && <span className="text-ink-3">{why}</span>}
      <Button off={why !== null || isBusy} aria-busy={isBusy} onClick={() => run(view, action)}>
        {isBusy && act.command === 'preflight' ? 'Reading all rows' : action.label}
      </Button>
    </span>
  )
}
