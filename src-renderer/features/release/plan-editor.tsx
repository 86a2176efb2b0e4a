import { useId, type ReactNode } from 'react'
import type { Hold, Plan } from '../../../src-main/contract/plan.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { DURATION_UNITS, type DurationDraft, type PlanDraft, type PlanErrors, type StepDraft, withStep } from './plan-draft.ts'

const BOX = 'h-[26px] min-w-0 rounded-2 border border-line-2 bg-bg-1 px-1.5 text-12 hover:border-line-3 aria-[invalid]:border-fail'
const HOLDS: readonly (readonly [Hold['kind'], string])[] = [
  ['analysis', 'judged'],
  ['timed', 'timed'],
  ['manual', 'manual'],
]

const COLUMNS = 'grid grid-cols-[64px_84px_minmax(112px,1fr)_52px_28px] items-center gap-x-2'

interface EditorProps {
  readonly draft: PlanDraft
  readonly errors: PlanErrors | null
  readonly plan: Plan
  readonly onChange: (draft: PlanDraft) => void
}

/** Steps, holds, approvals and times for this release alone. Gates and criteria are the workspace's, and only shown. */
export function PlanEditor({ draft, errors, plan, onChange }: EditorProps) {
  const change = (key: number, changes: Partial<StepDraft>) => onChange({ ...draft, steps: draft.steps.map((step) => (step.key === key ? { ...step, ...changes } : step)) })
  return (
    <div role="group" aria-label="Plan of this release" className="border-t border-line-1">
      <p aria-hidden="true" className={`${COLUMNS} px-4 pt-1.5 text-11 text-ink-3`}>
        <span>share</span>
        <span>hold</span>
        <span>for at least</span>
        <span>approvals</span>
      </p>
      <ol>
        {draft.steps.map((step, index) => (
          <StepRow
            key={step.key}
            step={step}
            number={index + 1}
            isLast={index === draft.steps.length - 1}
            errorOf={(field) => errors?.get(`steps.${index}.${field}`)}
            onChange={(changes) => change(step.key, changes)}
            {...(draft.steps.length > 1 ? { onRemove: () => onChange({ ...draft, steps: draft.steps.filter(({ key }) => key !== step.key) }) } : {})}
          />
        ))}
      </ol>
      <div className="flex items-center gap-3 border-b border-line-1 px-4 py-2">
        <Button onClick={() => onChange(withStep(draft))}>
          <Icon name="plus" /> Add a step
        </Button>
        {errors?.has('steps') && <Wrong>{errors.get('steps')}</Wrong>}
      </div>
      <DurationRow label="Bake" hint="watched at 100 %" value={draft.bake} error={errors?.get('bakeMs')} onChange={(bake) => onChange({ ...draft, bake })} />
      <DurationRow label="Rollback window" hint="the old version stays warm" value={draft.rollbackWindow} error={errors?.get('rollbackWindowMs')} onChange={(rollbackWindow) => onChange({ ...draft, rollbackWindow })} />
      <DurationRow label="Drain" hint="requests in flight may end" value={draft.drain} error={errors?.get('drainMs')} onChange={(drain) => onChange({ ...draft, drain })} />
      <p className="px-4 py-2 text-12 text-ink-3">
        Gates ({plan.gates.map((gate) => gate.name).join(', ') || 'none'}) and criteria ({plan.criteria.map((criterion) => criterion.name).join(', ') || 'none'}) are the workspace's. They are changed there, where they are reviewed.
      </p>
    </div>
  )
}

function Wrong({ id, children }: { readonly id?: string; readonly children: ReactNode }) {
  return (
    <span id={id} role="alert" className="flex items-center gap-1.5 text-12 text-fail-ink">
      <Icon name="fail" /> {children}
    </span>
  )
}

interface StepRowProps {
  readonly step: StepDraft
  readonly number: number
  readonly isLast: boolean
  readonly errorOf: (field: string) => string | undefined
  readonly onChange: (changes: Partial<StepDraft>) => void
  readonly onRemove?: () => void
}

function StepRow({ step, number, isLast, errorOf, onChange, onRemove }: StepRowProps) {
  const id = useId()
  const [weight, hold, approvals] = [errorOf('weightPercent'), errorOf('hold.ms'), errorOf('approvals')]
  const mark = (error: string | undefined) => (error === undefined ? {} : { 'aria-invalid': true, 'aria-describedby': id })
  const found = [weight, hold && `hold: ${hold}`, approvals && `approvals: ${approvals}`].filter(Boolean)
  return (
    <li aria-label={`Step ${number}`} className="border-b border-line-1 px-4 py-1.5">
      <div className={COLUMNS}>
        <span className="flex items-center gap-1.5">
          <input aria-label={`Share of step ${number}, percent`} inputMode="numeric" className={`${BOX} w-11 text-right`} value={step.weight} onChange={(event) => onChange({ weight: event.target.value })} {...mark(weight)} />
          <span className="text-12 text-ink-3">%</span>
        </span>
        {isLast ? (
          <span className="col-span-2 text-12 text-ink-3">then it bakes</span>
        ) : (
          <>
            <select aria-label={`Hold of step ${number}`} className={BOX} value={step.hold} onChange={(event) => onChange({ hold: HOLDS.find(([kind]) => kind === event.target.value)?.[0] ?? step.hold })}>
              {HOLDS.map(([kind, words]) => (
                <option key={kind} value={kind}>
                  {words}
                </option>
              ))}
            </select>
            <span className="flex gap-1.5">
              {step.hold === 'manual' ? <span className="text-12 text-ink-3">until it is promoted</span> : <DurationBoxes label={`Hold of step ${number}`} value={step.holdFor} onChange={(holdFor) => onChange({ holdFor })} wrong={mark(hold)} />}
            </span>
          </>
        )}
        <input aria-label={`Approvals of step ${number}`} inputMode="numeric" className={`${BOX} w-9 text-right`} value={step.approvals} onChange={(event) => onChange({ approvals: event.target.value })} {...mark(approvals)} />
        {!isLast && (
          <Button look="bare" aria-label={`Remove step ${number}`} off={!onRemove} onClick={onRemove} className="justify-self-end">
            <Icon name="close" />
          </Button>
        )}
      </div>
      {found.length > 0 && <Wrong id={id}>{found.join('; ')}</Wrong>}
    </li>
  )
}

function DurationBoxes({ label, value, onChange, wrong }: { readonly label: string; readonly value: DurationDraft; readonly onChange: (value: DurationDraft) => void; readonly wrong: object }) {
  return (
    <>
      <input aria-label={`${label}, how long`} inputMode="numeric" className={`${BOX} w-11 text-right`} value={value.amount} onChange={(event) => onChange({ ...value, amount: event.target.value })} {...wrong} />
      <select aria-label={`${label}, unit`} className={`${BOX} w-14`} value={value.unit} onChange={(event) => onChange({ ...value, unit: DURATION_UNITS.find((unit) => unit === event.target.value) ?? value.unit })}>
        {DURATION_UNITS.map((unit) => (
          <option key={unit}>{unit}</option>
        ))}
      </select>
    </>
  )
}

function DurationRow({ label, hint, value, error, onChange }: { readonly label: string; readonly hint: string; readonly value: DurationDraft; readonly error: string | undefined; readonly onChange: (value: DurationDraft) => void }) {
  const id = useId()
  return (
    <div role="group" aria-label={label} className="border-b border-line-1 px-4 py-1.5">
      <div className="flex items-center gap-1.5">
        <b className="font-medium">{label}</b>
        <span className="min-w-0 flex-1 truncate text-12 text-ink-3">{hint}</span>
        <DurationBoxes label={label} value={value} onChange={onChange} wrong={error === undefined ? {} : { 'aria-invalid': true, 'aria-describedby': id }} />
      </div>
      {error !== undefined && <Wrong id={id}>{error}</Wrong>}
    </div>
  )
}
