import type { ReactNode } from 'react'
import { Icon } from '../../components/icons.tsx'
import { DURATION_UNITS, type DurationDraft } from '../release/plan-draft.ts'

export const BOX = 'h-[26px] min-w-0 rounded-2 border border-line-2 bg-bg-1 px-1.5 text-12 hover:border-line-3 aria-[invalid=true]:border-fail'

export function Wrong({ id, children }: { readonly id?: string; readonly children: ReactNode }) {
  return (
    <span id={id} role="alert" className="flex items-start gap-1.5 text-12 text-fail-ink">
      <Icon name="fail" className="mt-0.5" /> <span className="min-w-0 [overflow-wrap:anywhere]">{children}</span>
    </span>
  )
}

export function DurationBoxes({ label, value, onChange, invalid = false }: { readonly label: string; readonly value: DurationDraft; readonly onChange: (value: DurationDraft) => void; readonly invalid?: boolean }) {
  return (
    <span className="flex gap-1.5">
      <input aria-label={`${label}, how long`} aria-invalid={invalid || undefined} inputMode="numeric" className={`${BOX} w-12 text-right`} value={value.amount} onChange={(event) => onChange({ ...value, amount: event.target.value })} />
      <select aria-label={`${label}, unit`} className={`${BOX} w-14`} value={value.unit} onChange={(event) => onChange({ ...value, unit: DURATION_UNITS.find((unit) => unit === event.target.value) ?? value.unit })}>
        {DURATION_UNITS.map((unit) => (
          <option key={unit}>{unit}</option>
        ))}
      </select>
    </span>
  )
}

/** A row of a form: what it is on the left, the control on the right. */
export function FormRow({ label, hint, children }: { readonly label: string; readonly hint?: string; readonly children: ReactNode }) {
  return (
    <div className="grid grid-cols-[150px_minmax(0,1fr)] items-start gap-x-3 border-b border-line-1 px-4 py-2 narrow:grid-cols-1">
      <div className="pt-[3px] text-12">
        {label}
        {hint !== undefined && <span className="block leading-4 text-ink-3">{hint}</span>}
      </div>
      <div className="min-w-0">{children}</div>
    </div>
  )
}

export function VariantSelect({ label, value, variants, none, onChange }: { readonly label: string; readonly value: string | null; readonly variants: readonly string[]; readonly none?: string; readonly onChange: (variant: string | null) => void }) {
  const isGone = value !== null && !variants.includes(value)
  return (
    <select aria-label={label} aria-invalid={isGone || undefined} className={`${BOX} max-w-48`} value={value === null ? '\n' : value} onChange={(event) => onChange(event.target.value === '\n' ? null : event.target.value)}>
      {none !== undefined && <option value={'\n'}>{none}</option>}
      {variants.map((variant) => (
        <option key={variant} value={variant}>
          {variant}
        </option>
      ))}
      {isGone && <option value={value}>{value} (not there)</option>}
    </select>
  )
}
