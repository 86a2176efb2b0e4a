import { lazy, Suspense, useId, useState } from 'react'
import type { Criterion, CriterionTrial } from '../../../src-main/contract/analysis.ts'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../src-main/contract/vocabulary.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { Place, PlaceText } from '../../components/place.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { useConnection, useConsole, useServices } from '../../lib/console-context.tsx'
import { judgeWords, metricWords, ofWords, SEVERITY_WORDS, SOURCE_WORDS, tickWords, valueWords } from '../../lib/criterion-words.ts'
import { formatClock, formatDuration, plural } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'
import { useValue } from '../../lib/value-store.ts'

const HistoryPlot = lazy(() => import('../../components/charts/history-plot.tsx').then((module) => ({ default: module.HistoryPlot })))

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly trial: CriterionTrial; readonly criterion: Criterion; readonly environment: EnvironmentName; readonly at: number }
  | { readonly kind: 'failed'; readonly fault: FaultData }

/** Every criterion the plan or one of its steps declares, by name. */
function criteriaOf(service: ServiceView | null): readonly Criterion[] {
  if (!service) return []
  const all = [...service.plan.criteria, ...service.plan.steps.flatMap((step) => step.criteria ?? [])]
  return all.filter((criterion, index) => all.findIndex(({ name }) => name === criterion.name) === index)
}

/** Asks what a criterion's metric says now and what its judge would make of it. Acts on nothing. */
export function TryCriterion() {
  const { session, store, ui } = useConsole()
  const lookedAt = useValue(ui, (each) => each.selectedService)
  const services = useServices().filter((service) => criteriaOf(service).length > 0)
  const connected = useConnection().kind === 'live'
  const [chosen, setChosen] = useState<{ readonly service?: string; readonly name?: string; readonly environment?: EnvironmentName }>({})
  const [state, setState] = useState<State>({ kind: 'idle' })
  const service = services.find(({ name }) => name === (chosen.service ?? lookedAt)) ?? services[0] ?? null
  const criteria = criteriaOf(service)
  const criterion = criteria.find(({ name }) => name === chosen.name) ?? criteria[0]
  const environment = chosen.environment ?? service?.live ?? 'blue'
  if (!service || !criterion) return <p className="text-ink-2">No service declares a criterion. Write one under `plan.criteria` in the workspace file; it can be tried here.</p>

  const choose = (change: typeof chosen) => {
    setChosen((before) => ({ ...before, ...change }))
    setState((before) => (before.kind === 'running' ? before : { kind: 'idle' }))
  }
  const run = async () => {
    if (state.kind === 'running') return
    setState({ kind: 'running' })
    try {
      const trial = await session.call((client) => client.service.tryCriterion({ service: service.name, criterion, environment }))
      setState({ kind: 'done', trial, criterion, environment, at: store.now() })
    } catch (error) {
      setState({ kind: 'failed', fault: toFault(error) })
    }
  }
  return (
    <div className="grid gap-3">
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          if (connected) void run()
        }}
      >
        <Choice label="Service" value={service.name} options={services.map(({ name }) => name)} onChange={(name) => choose({ service: name })} />
        <Choice label="Criterion" value={criterion.name} options={criteria.map(({ name }) => name)} onChange={(name) => choose({ name })} />
        <Choice label="Environment" value={environment} options={ENVIRONMENTS} onChange={(name) => choose({ environment: name === 'green' ? 'green' : 'blue' })} />
        <Button type="submit" className="h-[30px]" off={state.kind === 'running' || !connected}>
          {state.kind === 'running' ? 'Asking' : 'Try it'}
        </Button>
        <span role="status" className="text-12 leading-[30px] text-ink-3">
          {!connected ? 'Off because it is not connected to the core.' : state.kind === 'done' ? `Answered at ${formatClock(state.at)} UTC.` : state.kind === 'idle' ? 'Changes nothing.' : ''}
        </span>
      </form>
      <p className="text-12 text-ink-2">
        {metricWords(criterion.metric)}
        {criterion.metric.source !== 'query' && `, ${SOURCE_WORDS[criterion.metric.source]}`}. {judgeWords(criterion)} A breach {SEVERITY_WORDS[criterion.severity]}
        {criterion.graceMs > 0 && `, ${formatDuration(criterion.graceMs)} after a step at the earliest`}.
      </p>
      {state.kind === 'failed' && <FaultNote fault={state.fault} onRetry={() => void run()} />}
      {state.kind === 'done' && <Answer trial={state.trial} criterion={state.criterion} environment={state.environment} />}
    </div>
  )
}

function Choice({ label, value, options, onChange }: { readonly label: string; readonly value: string; readonly options: readonly string[]; readonly onChange: (value: string) => void }) {
  const id = useId()
  return (
    <span className="grid min-w-0 gap-1">
      <label htmlFor={id} className="text-12">
        {label}
      </label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} className="h-[30px] max-w-72 min-w-32 rounded-2 border border-line-2 bg-bg-1 px-2 hover:border-line-3">
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </span>
  )
}

function Answer({ trial, criterion, environment }: { readonly trial: CriterionTrial; readonly criterion: Criterion; readonly environment: EnvironmentName }) {
  const { result, samples, query, notes } = trial
  const { metric } = criterion
  const known = samples.filter((sample) => sample.value !== null)
  return (
    <section aria-label={`What ${criterion.name} says of ${environment}`} className="grid gap-2.5 border-t border-line-1 pt-3">
      <p className="flex flex-wrap items-baseline gap-x-3">
        <VerdictMark look={resultLook(result)} />
        <span className="font-medium">{result.value === null ? 'no value' : result.limit === null ? valueWords(metric, result.value) : ofWords(criterion, result.value, result.limit).join(' ')}</span>
        <span className="min-w-0 flex-1 text-ink-2">
          <PlaceText text={result.why} square={false} />
        </span>
      </p>
      {query !== '' && (
        <div className="grid gap-1">
          <p className="flex items-center text-12 text-ink-3">
            the query as it was sent
            <span className="ml-auto">
              <CopyButton label="Copy query" text={() => query} />
            </span>
          </p>
          <pre tabIndex={0} aria-label="Query as it was sent" className="overflow-auto border border-line-1 bg-bg-0 px-2.5 py-1.5 font-mono text-12 leading-[18px] break-words whitespace-pre-wrap">
            {query}
          </pre>
        </div>
      )}
      {notes.length > 0 && (
        <ul aria-label="Notes" className="grid gap-0.5 text-12 text-watch-ink">
          {notes.map((note) => (
            <li key={note}>
              <PlaceText text={note} square={false} />
            </li>
          ))}
        </ul>
      )}
      {known.length > 1 && (
        <div>
          <p className="flex gap-3 text-11 text-ink-3">
            <Place environment={environment} /> {plural(known.length, 'sample')}, {formatClock(samples[0]?.at ?? 0)} to {formatClock(samples.at(-1)?.at ?? 0)}
          </p>
          <Suspense fallback={<Skeleton rows={2} />}>
            <HistoryPlot
              points={samples.map(({ at, value }) => ({ at, blue: environment === 'blue' ? value : null, green: environment === 'green' ? value : null, candidate: null }))}
              {...(result.limit === null ? {} : { limit: { value: result.limit, label: `limit ${valueWords(metric, result.limit)}` } })}
              {...(result.toAt > result.fromAt ? { region: { fromMs: result.fromAt, toMs: result.toAt, hot: result.verdict === 'fail' } } : {})}
              tick={(value) => tickWords(metric, value)}
              summary={summaryOf(trial, criterion, environment)}
            />
          </Suspense>
        </div>
      )}
      {samples.length > 0 && <Newest trial={trial} criterion={criterion} />}
    </section>
  )
}

function summaryOf({ samples, result }: CriterionTrial, { name, metric }: Criterion, environment: EnvironmentName): string {
  const values = samples.flatMap(({ value }) => (value === null ? [] : [value]))
  const limit = result.limit === null ? '' : ` Limit ${valueWords(metric, result.limit)}.`
  return `${name} on ${environment}: ${plural(values.length, 'sample')} between ${valueWords(metric, Math.min(...values))} and ${valueWords(metric, Math.max(...values))}.${limit}`
}

const ROWS = 12

function Newest({ trial, criterion }: { readonly trial: CriterionTrial; readonly criterion: Criterion }) {
  return (
    <details>
      <summary className="cursor-default text-12 text-ink-3 hover:text-ink-1">the newest {Math.min(ROWS, trial.samples.length)} samples</summary>
      <table className="mt-1 text-12">
        <thead className="text-11 text-ink-3">
          <tr>
            <th scope="col" className="pr-6">
              time UTC
            </th>
            <th scope="col" className="text-right">
              {metricWords(criterion.metric)}
            </th>
          </tr>
        </thead>
        <tbody>
          {trial.samples
            .slice(-ROWS)
            .toReversed()
            .map((sample) => (
              <tr key={sample.at} className="border-t border-line-1">
                <td className="pr-6 text-ink-3">{formatClock(sample.at)}</td>
                <td className="text-right">{sample.value === null ? <span className="text-ink-3">none</span> : valueWords(criterion.metric, sample.value)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  )
}
