import type { MigrationReading, MigrationView } from '../../../src-main/contract/migration.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { Moment, Since } from '../../components/time.tsx'
import { shortHash } from '../../lib/format.ts'
import { useActingOff } from '../acts/acting.ts'
import { useMigrationAct, useRehearse } from './use-migration-press.ts'

/** All phases and the way back, run elsewhere first: the very same SQL, when, and what came of it. */
export function RehearsalPane({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading | null }) {
  const off = useActingOff()
  const rehearse = useRehearse()
  const act = useMigrationAct(view.id)
  const isBusy = act?.stage === 'sending'
  const { rehearsal } = view
  const digest = reading?.state.digest ?? view.preflight?.digest ?? ''
  const needed = view.definition.policy.rehearsal === 'required'
  return (
    <div className="px-4 py-3">
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
        <span className="flex items-center gap-2 text-12">
          {off !== null && <span className="text-ink-3">{off}</span>}
          <Button off={off !== null || isBusy} aria-busy={isBusy} onClick={() => void rehearse(view)}>
            {isBusy && act.command === 'rehearse' ? 'Rehearsing' : rehearsal ? 'Rehearse again' : 'Rehearse'}
          </Button>
        </span>
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
    </div>
  )
}
