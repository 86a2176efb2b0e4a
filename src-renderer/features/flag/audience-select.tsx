import type { Audience, Segment } from '../../../src-main/contract/flag-definition.ts'
import { ConditionsEditor, newCondition } from './conditions-editor.tsx'
import { BOX } from './form-parts.tsx'

interface AudienceProps {
  readonly label: string
  readonly audience: Audience
  readonly segments: readonly Segment[]
  readonly onChange: (audience: Audience) => void
}

/** Everyone, people of segments, or whoever matches conditions. */
export function AudienceSelect({ label, audience, segments, onChange }: AudienceProps) {
  const names = segments.map(({ name }) => name)
  const chosen = audience.kind === 'segments' ? audience.anyOf : []
  // A segment that is named but not there stays named.
  const options = [...names, ...chosen.filter((name) => !names.includes(name))]
  const value = audience.kind === 'segments' ? (chosen.length === 1 ? `segment:${chosen[0]}` : 'several') : audience.kind
  return (
    <div className="grid min-w-0 gap-1.5">
      <select
        aria-label={label}
        className={`${BOX} w-full`}
        value={value}
        onChange={(event) => {
          const next = event.target.value
          if (next === 'everyone') onChange({ kind: 'everyone' })
          else if (next === 'conditions') onChange({ kind: 'conditions', match: 'all', conditions: [newCondition()] })
          else if (next === 'several') onChange({ kind: 'segments', anyOf: options.slice(0, 2) })
          else onChange({ kind: 'segments', anyOf: [next.slice('segment:'.length)] })
        }}
      >
        <option value="everyone">everyone</option>
        {options.map((name) => (
          <option key={name} value={`segment:${name}`}>
            {name}
            {names.includes(name) ? '' : ' (not there)'}
          </option>
        ))}
        {options.length > 1 && <option value="several">several segments</option>}
        <option value="conditions">who matches conditions</option>
      </select>
      {value === 'several' && (
        <span role="group" aria-label={`${label}: segments`} className="flex flex-wrap gap-x-3 text-12">
          {options.map((name) => (
            <label key={name} className="flex items-center gap-1.5">
              <input
                type="checkbox"
                className="accent-(--ink-1)"
                checked={chosen.includes(name)}
                onChange={(event) => {
                  const anyOf = event.target.checked ? [...chosen, name] : chosen.filter((each) => each !== name)
                  if (anyOf.length > 0) onChange({ kind: 'segments', anyOf })
                }}
              />
              {name}
            </label>
          ))}
        </span>
      )}
      {audience.kind === 'conditions' && <ConditionsEditor label={label} value={audience} onChange={(next) => onChange({ ...next, kind: 'conditions' })} />}
    </div>
  )
}
