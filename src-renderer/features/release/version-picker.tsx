import type { VersionOption } from '../../../src-main/contract/service.ts'
import { Icon } from '../../components/icons.tsx'
import { Place, Version } from '../../components/place.tsx'
import { formatInstant } from '../../lib/format.ts'

export interface VersionPickerProps {
  readonly options: readonly VersionOption[]
  readonly picked: string | null
  readonly onPick: (version: string) => void
}

/** Versions with what each would change; one that cannot be deployed says why. */
export function VersionPicker({ options, picked, onPick }: VersionPickerProps) {
  return (
    <fieldset className="min-w-0">
      <legend className="sr-only">Version</legend>
      {options.map((option) => (
        <Option key={option.version} option={option} picked={option.version === picked} onPick={onPick} />
      ))}
    </fieldset>
  )
}

function Option({ option, picked, onPick }: { readonly option: VersionOption; readonly picked: boolean; readonly onPick: (version: string) => void }) {
  const isOff = option.problem !== null
  return (
    <label className={`grid grid-cols-[20px_120px_minmax(0,1fr)_auto] items-start gap-x-2 border-b border-line-1 px-4 py-2 ${picked ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : isOff ? '' : 'hover:bg-bg-2'}`}>
      <input type="radio" name="version" value={option.version} checked={picked} disabled={isOff} onChange={() => onPick(option.version)} className="mt-1 accent-(--ink-1)" />
      <Version version={option.version} className={`truncate text-14 font-semibold ${isOff ? 'text-ink-3' : ''}`} />
      <span className="min-w-0">
        <span className={`block ${isOff ? 'text-ink-3' : ''}`}>{option.title || 'no title in its manifest'}</span>
        {isOff && (
          <span className="flex items-center gap-1.5 text-12 text-ink-2">
            <Icon name="lock" /> {option.problem}
          </span>
        )}
        {option.changes.length > 0 && (picked || option.changes.length <= 2) && (
          <ul className="mt-0.5 text-12 text-ink-2">
            {option.changes.map((change) => (
              <li key={change} className="truncate" title={change}>
                {change}
              </li>
            ))}
          </ul>
        )}
      </span>
      <span className="text-right text-12 text-ink-3">
        {option.deployedOn ? (
          <>
            on <Place environment={option.deployedOn} />
          </>
        ) : option.createdAt !== null ? (
          <time title={formatInstant(option.createdAt)}>{new Date(option.createdAt).toISOString().slice(0, 10)}</time>
        ) : null}
      </span>
    </label>
  )
}
