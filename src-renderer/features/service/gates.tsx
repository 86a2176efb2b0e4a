import type { Gate } from '../../../src-main/contract/plan.ts'
import type { GateResult, Release } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Icon, type IconName } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { formatClock, formatDuration } from '../../lib/format.ts'

const ICONS: Readonly<Record<GateResult['state'], IconName>> = { waiting: 'wait', running: 'run', passed: 'pass', failed: 'fail' }

/** What had to hold before live traffic, with what was seen; and who has approved what. */
export function Gates({ service }: { readonly service: ServiceView }) {
  const release = service.release && !service.release.ended ? service.release.release : null
  const gates = release?.plan.gates ?? service.plan.gates
  const plan = release?.plan ?? service.plan
  const approvals = plan.steps.flatMap((step, stepIndex) => (step.approvals > 0 ? [{ step, stepIndex }] : []))
  if (gates.length + approvals.length === 0) return null
  return (
    <section aria-label="Gates" className="pb-2">
      <PaneHeading title="Gates" detail={release ? undefined : 'run before live traffic'} />
      {gates.map((gate) => (
        <GateLine key={gate.name} gate={gate} result={release?.gates.find((each) => each.name === gate.name) ?? null} />
      ))}
      {approvals.map(({ step, stepIndex }) => (
        <ApprovalLine key={stepIndex} weight={step.weightPercent} needed={step.approvals} stepIndex={stepIndex} release={release} />
      ))}
    </section>
  )
}

function GateLine({ gate, result }: { readonly gate: Gate; readonly result: GateResult | null }) {
  const state = result?.state ?? 'waiting'
  const what = gate.kind === 'http' ? `${gate.method} ${gate.path}${gate.times > 1 ? `, ${gate.times} times` : ''}` : `${gate.command}, up to ${formatDuration(gate.timeoutMs)}`
  const line = (
    <>
      <Icon name={ICONS[state]} className={`mt-1.5 ${state === 'failed' ? 'text-fail' : 'text-ink-2'}`} />
      <span className="min-w-0 truncate leading-6" title={what}>
        {gate.name} <span className="sr-only">{state}</span>
      </span>
      <span className="min-w-0 truncate text-12 leading-6 text-ink-3" title={result?.detail || what}>
        {state === 'passed' && result?.endedAt ? `passed ${formatClock(result.endedAt)}` : state === 'failed' ? <span className="text-fail-ink">{result?.detail}</span> : state === 'running' ? 'running' : what}
      </span>
    </>
  )
  const columns = 'grid grid-cols-[18px_minmax(0,auto)_minmax(0,1fr)] gap-x-1.5 px-4 [&>span:last-child]:text-right'
  if (!result || (!result.output && !result.detail)) return <div className={columns}>{line}</div>
  return (
    <details>
      <summary className={`${columns} cursor-default list-none hover:bg-bg-2`}>{line}</summary>
      <div className="mx-4 mb-1 border-l border-line-2 py-1 pl-3">
        <p className="text-12 break-words text-ink-2">{result.detail}</p>
        {result.exitCode !== null && <p className="text-12 text-ink-3">exit code {result.exitCode}</p>}
        {result.output && (
          <pre tabIndex={0} aria-label={`Output of ${gate.name}`} className="mt-1 max-h-40 overflow-auto font-mono text-11 break-words whitespace-pre-wrap">
            {result.output}
          </pre>
        )}
      </div>
    </details>
  )
}

function ApprovalLine({ weight, needed, stepIndex, release }: { readonly weight: number; readonly needed: number; readonly stepIndex: number; readonly release: Release | null }) {
  const given = release?.approvals.filter((approval) => approval.stepIndex === stepIndex) ?? []
  const isDone = given.length >= needed
  return (
    <div className="grid grid-cols-[18px_minmax(0,1fr)_auto] items-center gap-x-1.5 px-4 leading-6">
      <Icon name={isDone ? 'pass' : 'wait'} className="text-ink-2" />
      <span>Approval for {weight} %</span>
      <span className="text-12 text-ink-3" title={given.map((approval) => `${approval.by.name}, ${formatClock(approval.at)}`).join('; ')}>
        {given.length} of {needed}
        {given.length > 0 && `, ${given.map((approval) => approval.by.name).join(', ')}`}
      </span>
    </div>
  )
}
