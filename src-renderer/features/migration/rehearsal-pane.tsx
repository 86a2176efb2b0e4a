import type { MigrationReading, MigrationView } from '../../../src-main/contract/migration.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { Moment, Since } from '../../components/time.tsx'
import { formatCount, formatDuration, formatMs, shortHash } from '../../lib/format.ts'
import { useActingOff } from '../acts/acting.ts'
import { findMigrationAction, useMigrationAct, useRunMigration } from './use-migration-press.ts'

/** All phases and the way back, run elsewhere first: the very same SQL, when, and what came of it. */
export function RehearsalPane({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading | null }) {
  const off = useActingOff()
  const run = useRunMigration()
  const act = useMigrationAct(view.id)
  const isBusy = act?.stage === 'sending'
  const { rehearsal } = view
  // Once it runs here there is nothing to rehearse before; the core says when it may.
  const action = findMigrationAction(view, 'rehearse')
  const why = off ?? action?.blocks[0]?.reason ?? null
  const digest = reading?.state.digest ?? view.preflight?.digest ?? ''
  const needed = view.definition.policy.rehearsal === 'required'
  return (
    <div className="min-h-0 flex-1 overflow-y-auto px-4 py-3 -outline-offset-2" tabIndex={0} role="region" aria-label="Rehearsal">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-0 flex-1">
          {rehearsal ? (
            <>
              <p className="flex items-center gap-1.5">
                <Icon name={rehearsal.matches ? 'pass' : 'watch'} className={rehearsal.matches ? '' : 'text-watch'} />
                <b>{rehearsal.matches ? 'The very same SQL was rehearsed' : 'Something else was rehearsed'}</b>
                <span className="text-ink-2">
                  on {rehearsal.database}, <Since at={rehearsal.at} /> ago
                </span>
              </p>
              <p className="max-w-[640px] pt-1 text-ink-2">{rehearsal.summary}</p>
            </>
          ) : (
            <>
              <p className="font-medium">Never rehearsed</p>
              <p className="max-w-[560px] pt-1 text-ink-2">A rehearsal runs all phases and the way back on the database&apos;s rehearsal target, and keeps timings, locks and mismatches beside the real run. {needed ? 'Policy asks for it before this starts.' : 'Policy leaves it to you.'} The target is named at the database in the workspace file.</p>
            </>
          )}
        </div>
        {action && (
          <span className="flex items-center gap-2 text-12">
            {why !== null && <span className="text-ink-3">{why}</span>}
            <Button off={why !== null || isBusy} aria-busy={isBusy} title={action.effect} onClick={() => run(view, action)}>
              {isBusy && act.command === 'rehearse' ? 'Rehearsing' : action.label}
            </Button>
          </span>
        )}
      </div>
      <dl className="mt-3 grid max-w-[640px] grid-cols-[120px_minmax(0,1fr)] gap-y-1 border-t border-line-1 pt-3 text-12">
        <dt className="text-ink-3">digest here</dt>
        <dd className="mono">{digest ? shortHash(digest, 4) : <span className="font-sans text-ink-3">known once preflight has run</span>}</dd>
        {rehearsal && (
          <>
            <dt className="text-ink-3">digest rehearsed</dt>
            <dd className="mono">
              {shortHash(rehearsal.digest, 4)} <span className="font-sans text-ink-2">{rehearsal.matches ? 'the same' : 'not the same'}</span>
            </dd>
            <dt className="text-ink-3">rehearsed at</dt>
            <dd>
              <Moment at={rehearsal.at} />
            </dd>
          </>
        )}
        <dt className="text-ink-3">policy</dt>
        <dd>{needed ? 'required before it starts' : 'optional'}</dd>
      </dl>
      {rehearsal && rehearsal.steps.length > 0 && <Steps rehearsal={rehearsal} />}
    </div>
  )
}

type Rehearsal = NonNullable<MigrationView['rehearsal']>

/** What each step took there, with its lock, beside what it took here. */
function Steps({ rehearsal }: { readonly rehearsal: Rehearsal }) {
  const cell = 'px-2 py-1 align-top first:pl-0 last:pr-0'
  const found = Object.entries(rehearsal.mismatches).filter(([, count]) => count > 0)
  return (
    <>
      <table className="mt-3 w-full max-w-[860px] border-t border-line-1 text-12">
        <caption className="sr-only">Steps as rehearsed, and as run here</caption>
        <thead>
          <tr className="h-7 text-11 text-ink-3">
            <th scope="col" className={cell}>
              step
            </th>
            <th scope="col" className={`text-right ${cell}`}>
              there
            </th>
            <th scope="col" className={`text-right ${cell}`}>
              here
            </th>
            <th scope="col" className={cell}>
              strongest lock there
            </th>
            <th scope="col" className={`text-right ${cell}`}>
              waited for it
            </th>
          </tr>
        </thead>
        <tbody>
          {rehearsal.steps.map((step, index) => (
            <tr key={`${step.step} ${index}`} className="border-t border-line-1">
              <th scope="row" className={cell}>
                {step.title}
              </th>
              <td className={`text-right whitespace-nowrap ${cell}`}>{formatDuration(step.tookMs)}</td>
              <td className={`text-right whitespace-nowrap ${cell} ${step.ranMs === null ? 'text-ink-3' : 'font-medium'}`}>{step.ranMs === null ? 'not run yet' : formatDuration(step.ranMs)}</td>
              <td className={`text-ink-2 ${cell}`}>{step.lock || 'none seen'}</td>
              <td className={`text-right whitespace-nowrap text-ink-2 ${cell}`}>{step.waitedMs === null ? 'not looked' : `${formatMs(step.waitedMs)} ms`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="pt-2 text-12 text-ink-2">{found.length === 0 ? 'No mismatch was seen there.' : `Mismatches there, at their most: ${found.map(([kind, count]) => `${formatCount(count)} ${kind}`).join(', ')}.`}</p>
    </>
  )
}
