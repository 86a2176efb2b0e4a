import type { Criterion } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PaneHeading } from '../../components/pane.tsx'
import { Place } from '../../components/place.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { absenceWords, judgeWords, SEVERITY_WORDS } from '../../lib/criterion-words.ts'
import { formatClock, formatDuration } from '../../lib/format.ts'
import { CriterionGauge } from './criterion-gauge.tsx'
import { shownCriteria, type ShownCriteria } from './criteria-shown.ts'

const TITLES: Readonly<Record<ShownCriteria['kind'], string>> = { declared: 'What guards a release', judging: 'How close to rollback', verdict: 'At the verdict' }

/** How near each criterion is to taking traffic back; before a release, what each of them is. */
export function Criteria({ service }: { readonly service: ServiceView }) {
  const now = useNow(60_000)
  const { kind, release, all, at } = shownCriteria(service, now)
  if (all.length === 0) {
    return (
      <section aria-label="Criteria">
        <PaneHeading title="Criteria" />
        <p className="px-4 pb-2 text-12 text-ink-3">None: no metric holds or rolls back its releases.</p>
      </section>
    )
  }
  return (
    <section aria-label={TITLES[kind]} className="pb-1.5">
      <PaneHeading title={TITLES[kind]} end={at !== null ? formatClock(at) : release && kind === 'judging' ? <Place environment={release.candidateEnvironment} /> : undefined} />
      {kind === 'declared' ? (
        <dl>
          {all.map(({ criterion }) => (
            <Declared key={criterion.name} criterion={criterion} />
          ))}
        </dl>
      ) : (
        all.map(({ criterion, result }) => result && release && <CriterionGauge key={criterion.name} criterion={criterion} result={result} release={release} />)
      )}
      <p className="px-4 pt-1.5 text-12 leading-4 text-ink-3">{note(kind, release)}</p>
    </section>
  )
}

function note(kind: ShownCriteria['kind'], release: Release | null): string {
  if (kind === 'declared') return release === null ? 'Judged from the first live request to the end of the rollback window.' : `Judged once ${release.candidate.version} has live traffic.`
  if (kind === 'verdict') return 'As judged when traffic was taken back. The samples are in the journal.'
  return release?.phase === 'completed' ? 'Judged until the rollback window ends. Missing data never rolls back by itself.' : 'Full: this takes traffic back, or asks. Missing data holds.'
}

/** One criterion before there is anything to judge: its rule in a sentence, and what a breach does. */
function Declared({ criterion }: { readonly criterion: Criterion }) {
  return (
    <div className="px-4 pt-[3px] pb-1">
      <dt className="flex gap-2">
        <span className="min-w-0 flex-1 truncate font-medium" title={criterion.name}>
          {criterion.name}
        </span>
        <span className="flex-none text-12 text-ink-3">{SEVERITY_WORDS[criterion.severity]}</span>
      </dt>
      <dd className="text-12 leading-4 text-ink-2">
        {judgeWords(criterion)} {criterion.graceMs > 0 && <span className="text-ink-3">Grace {formatDuration(criterion.graceMs)} after each step. </span>}
        {criterion.absence.action !== 'hold' && <span className="text-ink-3">{absenceWords(criterion)}</span>}
      </dd>
    </div>
  )
}
