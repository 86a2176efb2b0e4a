import { useId } from 'react'
import type { Segment } from '../../../src-main/contract/flag-definition.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { AudienceSelect } from './audience-select.tsx'
import { BOX, DurationBoxes, Wrong } from './form-parts.tsx'
import type { StageDraft } from './rollout-draft.ts'

interface StageRowProps {
  readonly stage: StageDraft
  readonly number: number
  readonly segments: readonly Segment[]
  readonly errorOf: (field: string) => string | undefined
  readonly onChange: (changes: Partial<StageDraft>) => void
  readonly onRemove?: () => void
}

/** One stage as it is typed: who, how many of them, for how long, and whether a person is asked after it. */
export function StageRow({ stage, number, segments, errorOf, onChange, onRemove }: StageRowProps) {
  const id = useId()
  const [percent, hold] = [errorOf('percent'), errorOf('holdMs')]
  const found = [percent && `share: ${percent}`, hold && `hold: ${hold}`].filter(Boolean)
  return (
    <li aria-label={`Stage ${number}`} className="border-b border-line-1 px-4 py-1.5">
      <div className="grid grid-cols-[22px_minmax(120px,1fr)_76px_124px_84px_28px] items-start gap-x-2">
        <span className="pt-[3px] text-12 text-ink-3">{number}</span>
        <AudienceSelect label={`Who stage ${number} is about`} audience={stage.audience} segments={segments} onChange={(audience) => onChange({ audience })} />
        <span className="flex items-center gap-1.5">
          <input aria-label={`Share of stage ${number}, percent`} inputMode="decimal" aria-invalid={percent !== undefined || undefined} aria-describedby={found.length > 0 ? id : undefined} className={`${BOX} w-12 text-right`} value={stage.percent} onChange={(event) => onChange({ percent: event.target.value })} />
          <span className="text-12 text-ink-3">%</span>
        </span>
        <DurationBoxes label={`Hold of stage ${number}`} value={stage.hold} invalid={hold !== undefined} onChange={(next) => onChange({ hold: next })} />
        <label className="flex items-center gap-1.5 pt-[3px] text-12">
          <input type="checkbox" className="accent-(--ink-1)" checked={stage.approval} onChange={(event) => onChange({ approval: event.target.checked })} />
          asks<span className="sr-only"> a person after stage {number}</span>
        </label>
        <Button look="bare" aria-label={`Remove stage ${number}`} off={!onRemove} onClick={onRemove} className="justify-self-end">
          <Icon name="close" />
        </Button>
      </div>
      {found.length > 0 && <Wrong id={id}>{found.join('; ')}</Wrong>}
    </li>
  )
}
