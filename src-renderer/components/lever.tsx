import type { MouseEvent, ReactNode, Ref } from 'react'
import { Icon, type IconName } from './icons.tsx'

export interface LeverProps {
  readonly label: string
  readonly detail: ReactNode
  /** Decides the width only: a place keeps its size whatever stands there. */
  readonly slot: 1 | 2 | 3
  readonly icon?: IconName
  /** Why it cannot be pressed; shown in place. */
  readonly blocked?: string | null
  readonly busy?: boolean
  readonly shortcut?: string
  /** Says more than the label, on hovering. */
  readonly title?: string
  readonly onPress?: (event: MouseEvent<HTMLButtonElement>) => void
}

/** A label with more letters stands in two lines. */
const LONG = 20

/** The page says which version; a lever of fixed width says what it does with it. */
function withoutVersion(label: string): string {
  return label.replace(/ \([^()]*\)$/, '')
}

/** A big button in a fixed place, in the words of its result. */
export function Lever({ label, detail, slot, icon, blocked = null, busy = false, shortcut, title, onPress }: LeverProps) {
  const isOff = blocked !== null || busy || !onPress
  return (
    <button
      type="button"
      className={`lever lever-${slot} ${withoutVersion(label).length > LONG ? 'is-long' : ''}`}
      aria-disabled={isOff || undefined}
      aria-busy={busy || undefined}
      title={blocked ?? title ?? label}
      onClick={isOff ? undefined : onPress}
    >
      <b>
        {blocked !== null ? <Icon name="lock" /> : icon && <Icon name={icon} />}
        <span>{withoutVersion(label)}</span>
        <span className="sr-only">{label.slice(withoutVersion(label).length)}</span>
      </b>
      <small>
        <span>{busy ? 'sending' : (blocked ?? detail)}</span>
        {shortcut && !isOff && <kbd className="kbd">{shortcut}</kbd>}
      </small>
    </button>
  )
}

export interface BackLeverProps {
  readonly label: string
  readonly detail: ReactNode
  /** Something can be taken back now. */
  readonly armed: boolean
  /** It can be pressed, and is not what the page is about: an outline. */
  readonly quiet?: boolean
  readonly busy?: boolean
  readonly shortcut?: string
  /** The shortcut as assistive technology is told it; by default the one that takes traffic back. */
  readonly keys?: string
  readonly onPress?: () => void
  readonly icon?: IconName
  readonly ref?: Ref<HTMLButtonElement>
  readonly title?: string | undefined
}

/** Takes traffic back. The one inverse object on a page, always in the same corner. */
export function BackLever({ label, detail, armed, quiet = false, busy = false, shortcut, keys = 'Control+Shift+B', onPress, icon = 'back', ref, title }: BackLeverProps) {
  const isOff = !armed || busy || !onPress
  return (
    <button
      ref={ref}
      type="button"
      className={`lever lever-back ${armed ? (quiet ? 'is-quiet' : 'is-armed') : ''}`}
      aria-disabled={isOff || undefined}
      aria-busy={busy || undefined}
      aria-keyshortcuts={shortcut ? keys : undefined}
      title={title}
      onClick={isOff ? undefined : onPress}
    >
      <b>
        <Icon name={icon} size={15} />
        <span>{label.replace(/ \(([^()]*)\)$/, ' $1')}</span>
      </b>
      <small>
        <span>{busy ? 'sending' : detail}</span>
      </small>
      {shortcut && armed && <kbd className={`kbd ${shortcut.length === 1 ? 'kbd-one' : ''}`}>{shortcut}</kbd>}
    </button>
  )
}
