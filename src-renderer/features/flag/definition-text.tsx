import { useId } from 'react'
import { flagDefinitionSchema } from '../../../src-main/contract/flag-definition.ts'
import type { ReadDefinition } from './definition-draft.ts'
import { Wrong } from './form-parts.tsx'
import { placeWords, readJson } from './json-text.ts'
import { errorsByPlace, type DraftErrors } from './rollout-draft.ts'

/** A definition as text, read. `key`: the flag's own, which is not changed here. */
export function readText(text: string, key: string | null): ReadDefinition {
  const read = readJson(text)
  if (read.problem) return { definition: null, errors: new Map([['text', placeWords(read.problem)]]) }
  const parsed = flagDefinitionSchema.safeParse(read.value)
  if (!parsed.success) return { definition: null, errors: errorsByPlace(parsed.error.issues) }
  if (key !== null && parsed.data.key !== key) return { definition: null, errors: new Map([['key', `a flag keeps its key: ${key}`]]) }
  return { definition: parsed.data, errors: null }
}

/** Everything of a flag as JSON, with what is wrong with it and where. */
export function DefinitionText({ text, errors, onChange }: { readonly text: string; readonly errors: DraftErrors | null; readonly onChange: (text: string) => void }) {
  const id = useId()
  return (
    <div className="grid gap-2 px-4 py-3">
      <textarea aria-label="The flag as text" aria-invalid={errors !== null} aria-describedby={id} rows={26} spellCheck={false} value={text} onChange={(event) => onChange(event.target.value)} className="mono w-full rounded-2 border border-line-2 bg-bg-0 px-3 py-2 text-12 leading-[18px] hover:border-line-3" />
      <div id={id} className="grid gap-0.5">
        {[...(errors ?? [])].map(([place, words]) => (
          <Wrong key={place}>
            {place !== 'text' && <span className="mono">{place} </span>}
            {words}
          </Wrong>
        ))}
      </div>
    </div>
  )
}
