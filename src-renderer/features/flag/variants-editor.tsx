import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import type { DefinitionDraft } from './definition-draft.ts'
import { BOX, Wrong } from './form-parts.tsx'
import type { DraftErrors } from './rollout-draft.ts'

interface VariantsProps {
  readonly draft: DefinitionDraft
  readonly errors: DraftErrors | null
  readonly onChange: (variants: DefinitionDraft['variants']) => void
}

/** Names and values; a value is JSON, or bare text where the flag is of text. */
export function VariantsEditor({ draft, errors, onChange }: VariantsProps) {
  const { variants, definition } = draft
  const isLong = definition.type === 'object'
  return (
    <div className="grid gap-1.5">
      {variants.map((variant, index) => {
        const [name, value] = [errors?.get(`variants.${index}.name`), errors?.get(`variants.${index}.value`)]
        const put = (changes: Partial<(typeof variants)[number]>) => onChange(variants.map((each) => (each.key === variant.key ? { ...each, ...changes } : each)))
        return (
          <div key={variant.key}>
            <div className="flex items-start gap-1.5">
              <input aria-label={`Name of variant ${index + 1}`} aria-invalid={name !== undefined || undefined} className={`${BOX} w-36 font-medium`} value={variant.name} onChange={(event) => put({ name: event.target.value })} />
              {isLong ? (
                <textarea aria-label={`Value of variant ${index + 1}`} aria-invalid={value !== undefined || undefined} rows={3} spellCheck={false} className={`${BOX} mono h-auto flex-1 py-1`} value={variant.value} onChange={(event) => put({ value: event.target.value })} />
              ) : (
                <input aria-label={`Value of variant ${index + 1}`} aria-invalid={value !== undefined || undefined} spellCheck={false} className={`${BOX} mono min-w-0 flex-1`} value={variant.value} onChange={(event) => put({ value: event.target.value })} />
              )}
              <Button look="bare" aria-label={`Remove variant ${index + 1}`} off={variants.length === 1} onClick={() => onChange(variants.filter(({ key }) => key !== variant.key))}>
                <Icon name="close" />
              </Button>
            </div>
            {(name !== undefined || value !== undefined) && <Wrong>{[name, value].filter(Boolean).join('; ')}</Wrong>}
          </div>
        )
      })}
      <span>
        <Button look="bare" onClick={() => onChange([...variants, { key: Math.max(-1, ...variants.map(({ key }) => key)) + 1, name: '', value: definition.type === 'boolean' ? 'false' : definition.type === 'object' ? '{}' : definition.type === 'number' ? '0' : '' }])}>
          <Icon name="plus" /> Add a variant
        </Button>
      </span>
    </div>
  )
}
