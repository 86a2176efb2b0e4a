import type { Foresight } from '../../../src-main/contract/analysis.ts'
import type { Plan } from '../../../src-main/contract/plan.ts'
import { Icon } from '../../components/icons.tsx'
import { SEVERITY_WORDS } from '../../lib/criterion-words.ts'
import { formatCount, formatDuration, plural } from '../../lib/format.ts'
import { holdWords } from '../../lib/release-words.ts'

/** What will happen, in order, before anything is pressed. */
export function PlanPreview({ plan, version, environment, foresight }: { readonly plan: Plan; readonly version: string; readonly environment: string; readonly foresight: Foresight | null }) {
  const lines: readonly (readonly [string, string])[] = [
    ['Deploy', `${version} to ${environment}. Live traffic is not touched.`],
    ...plan.gates.map((gate) => ['Gate', gate.kind === 'http' ? `${gate.method} ${gate.path} on the preview address answers ${gate.expectStatus}${gate.times > 1 ? `, ${gate.times} times` : ''}.` : `${gate.command} exits with 0.`] as const),
    ...plan.steps.map((step) => [`${step.weightPercent} %`, `${step.approvals > 0 ? `Needs ${plural(step.approvals, 'approval')}. ` : ''}${step.weightPercent === 100 ? 'All live traffic.' : `${holdWords(step.hold).replace(/^./, (letter) => letter.toUpperCase())}.`}`] as const),
    ...(plan.bakeMs > 0 ? [['Bake', `${formatDuration(plan.bakeMs)} at 100 %, judged by the criteria.`] as const] : []),
    ['Window', `${formatDuration(plan.rollbackWindowMs)} in which the old version stays warm for an instant roll back.`],
  ]
  return (
    <div>
      <ol>
        {lines.map(([what, words], index) => (
          <li key={index} className="grid grid-cols-[72px_minmax(0,1fr)] border-b border-line-1 px-4 py-1.5">
            <b>{what}</b>
            <span className="text-ink-2">{words}</span>
          </li>
        ))}
      </ol>
      <p className="px-4 py-2 text-12 text-ink-3">
        {plan.criteria.length === 0
          ? 'No criteria are declared: nothing rolls it back by itself.'
          : `Guarded by ${plan.criteria.map((criterion) => `${criterion.name} (${SEVERITY_WORDS[criterion.severity]})`).join(', ')}.`}{' '}
        If no console guards a shift for {formatDuration(plan.lease.ttlMs)}, it is {plan.lease.onExpiry === 'hold' ? 'held where it is' : 'taken back'}.
      </p>
      {foresight && <TooShort foresight={foresight} />}
    </div>
  )
}

/** Steps that are over before their analysis could have found anything. */
function TooShort({ foresight }: { readonly foresight: Foresight }) {
  const found = foresight.steps.flatMap((step) => {
    const slow = step.criteria.filter((criterion) => criterion.tooShort)
    const [first] = slow
    if (!first || step.holdMs === null) return []
    const needs = slow.some((criterion) => criterion.detectionMs === null) ? 'more than a day' : `about ${formatDuration(Math.round(Math.max(...slow.map((criterion) => criterion.detectionMs ?? 0)) / 1000) * 1000)}`
    return [{ weightPercent: step.weightPercent, words: `${slow.map((criterion) => criterion.name).join(', ')} would need ${needs} to find harm, and it lasts ${formatDuration(step.holdMs)}.` }]
  })
  if (found.length === 0) return null
  return (
    <section aria-label="Too short to judge" className="border-t border-line-1 px-4 py-2 text-12">
      <p className="flex items-center gap-2 font-medium">
        <Icon name="watch" className="text-watch" /> Too short to judge at {formatCount(Math.round(foresight.requestsPerSecond))} requests a second
      </p>
      <ul className="mt-1 text-ink-2">
        {found.map(({ weightPercent, words }) => (
          <li key={weightPercent}>
            {weightPercent} %: {words}
          </li>
        ))}
      </ul>
    </section>
  )
}
