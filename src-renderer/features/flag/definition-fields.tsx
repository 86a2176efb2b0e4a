import { FLAG_TYPES, type FlagDefinition, type Segment } from '../../../src-main/contract/flag-definition.ts'
import { Button } from '../../components/button.tsx'
import { draftDefinition, emptyDefinition, errorsUnder, type DefinitionDraft } from './definition-draft.ts'
import { BOX, FormRow, VariantSelect, Wrong } from './form-parts.tsx'
import type { DraftErrors } from './rollout-draft.ts'
import { RulesEditor } from './rules-editor.tsx'
import { VariantsEditor } from './variants-editor.tsx'

interface FieldsProps {
  readonly draft: DefinitionDraft
  readonly errors: DraftErrors | null
  readonly segments: readonly Segment[]
  readonly isNew: boolean
  readonly onChange: (draft: DefinitionDraft) => void
}

/** What the console can express of a flag, part by part. */
export function DefinitionFields({ draft, errors, segments, isNew, onChange }: FieldsProps) {
  const { definition, variants, logic } = draft
  const names = variants.map(({ name }) => name).filter(Boolean)
  const put = (changes: Partial<FlagDefinition>) => onChange({ ...draft, definition: { ...definition, ...changes } })
  const fact = (changes: Partial<FlagDefinition['facts']>) => put({ facts: { ...definition.facts, ...changes } })
  const wrong = (place: string) => {
    const words = errorsUnder(errors, place)
    return words === null ? null : <Wrong>{words}</Wrong>
  }
  return (
    <div>
      {isNew && (
        <>
          <FormRow label="Key" hint="as code asks for it">
            <input aria-label="Key" className={`${BOX} mono w-full max-w-80`} placeholder="new-checkout" value={definition.key} aria-invalid={(definition.key !== '' && errors?.has('key')) || undefined} onChange={(event) => put({ key: event.target.value })} />
            {definition.key !== '' && wrong('key')}
          </FormRow>
          <FormRow label="Type" hint="of its value">
            <select aria-label="Type" className={BOX} value={definition.type} onChange={(event) => {
              const type = FLAG_TYPES.find((each) => each === event.target.value) ?? definition.type
              const next = emptyDefinition(type)
              onChange(draftDefinition({ ...next, key: definition.key, facts: { ...next.facts, owner: definition.facts.owner, description: definition.facts.description, permanent: definition.facts.permanent } }))
            }}>
              {FLAG_TYPES.map((type) => (
                <option key={type}>{type}</option>
              ))}
            </select>
          </FormRow>
        </>
      )}
      <FormRow label="What it is for">
        <input aria-label="What it is for" className={`${BOX} w-full`} maxLength={2000} value={definition.facts.description ?? ''} onChange={(event) => fact({ description: event.target.value || null })} />
      </FormRow>
      <FormRow label="Owner" hint="who is asked about it">
        <input aria-label="Owner" className={`${BOX} w-full max-w-80`} maxLength={200} value={definition.facts.owner ?? ''} onChange={(event) => fact({ owner: event.target.value || null })} />
      </FormRow>
      <FormRow label="Variants" hint="names and values">
        <VariantsEditor draft={draft} errors={errors} onChange={(next) => onChange({ ...draft, variants: next })} />
        {errors?.get('variants') && <Wrong>{errors.get('variants')}</Wrong>}
      </FormRow>
      <FormRow label="Rules" hint="the first that matches decides">
        {logic === null && definition.targeting.kind === 'rules' ? (
          <RulesEditor rules={definition.targeting.rules} variants={names} segments={segments} errors={errors} onChange={(rules) => put({ targeting: { kind: 'rules', rules: [...rules] } })} />
        ) : (
          <div className="grid gap-1.5">
            <p className="text-12 text-ink-2">Written by hand in a way the form does not read. It is kept as it is.</p>
            <textarea aria-label="Targeting, as JsonLogic" rows={10} spellCheck={false} aria-invalid={errors?.has('targeting.logic') || undefined} className="mono w-full rounded-2 border border-line-2 bg-bg-0 px-3 py-2 text-12 leading-[18px]" value={logic ?? ''} onChange={(event) => onChange({ ...draft, logic: event.target.value })} />
            {wrong('targeting')}
            <span>
              <Button onClick={() => onChange({ ...draft, logic: null, definition: { ...definition, targeting: { kind: 'rules', rules: [] } } })}>Replace it with rules</Button>
            </span>
          </div>
        )}
      </FormRow>
      <FormRow label="Default variant" hint="whom no rule matches">
        <VariantSelect label="Default variant" value={definition.defaultVariant} variants={names} none="the caller's own default" onChange={(defaultVariant) => put({ defaultVariant })} />
      </FormRow>
      <FormRow label="Safe variant" hint="what the kill switch serves">
        <VariantSelect label="Safe variant" value={definition.facts.safeVariant} variants={names} none="not declared" onChange={(safeVariant) => fact({ safeVariant })} />
        {definition.facts.safeVariant === null && definition.type !== 'boolean' && <span className="block text-12 text-watch-ink">Without one, the kill switch has nothing to serve.</span>}
      </FormRow>
      <FormRow label="Meant to stay" hint="never called stale">
        <label className="flex h-[26px] items-center gap-2 text-12">
          <input type="checkbox" className="accent-(--ink-1)" checked={definition.facts.permanent} onChange={(event) => fact({ permanent: event.target.checked })} />
          an operational switch or an entitlement
        </label>
      </FormRow>
      {definition.state === 'DISABLED' && (
        <FormRow label="State">
          <p className="pb-1 text-12 text-watch-ink">DISABLED: every caller gets the default written in its own code.</p>
          <Button onClick={() => put({ state: 'ENABLED' })}>Enable it</Button>
        </FormRow>
      )}
      {definition.facts.archived && (
        <FormRow label="Removed from use">
          <Button onClick={() => fact({ archived: false })}>Bring it back</Button>
        </FormRow>
      )}
    </div>
  )
}
