import type { ReactNode } from 'react'
import type { HealthState } from '../../src-main/contract/vocabulary.ts'
import { Icon, type IconName } from './icons.tsx'

export type MarkState = 'fine' | 'watch' | 'fail' | 'unknown'

const MARKS: Readonly<Record<MarkState, { readonly icon: IconName; readonly shape: string; readonly text: string }>> = {
  fine: { icon: 'fine', shape: 'text-ink-3', text: 'text-ink-2' },
  watch: { icon: 'watch', shape: 'text-watch', text: 'text-watch-ink font-medium' },
  fail: { icon: 'fail', shape: 'text-fail', text: 'text-fail-ink font-medium' },
  unknown: { icon: 'unknown', shape: 'text-ink-3', text: 'text-ink-3' },
}

export const HEALTH_MARK: Readonly<Record<HealthState, MarkState>> = { healthy: 'fine', watch: 'watch', failing: 'fail', unknown: 'unknown' }

/** State is shape, word and colour together; fine is quiet. */
export function StateMark({ state, wraps = false, children }: { readonly state: MarkState; readonly wraps?: boolean; readonly children: ReactNode }) {
  const mark = MARKS[state]
  if (wraps) {
    return (
      <span className={mark.text}>
        <Icon name={mark.icon} className={`mr-1.5 -mt-0.5 ${mark.shape}`} />
        {children}
      </span>
    )
  }
  return (
    <span className={`inline-flex items-center gap-1.5 whitespace-nowrap ${mark.text}`}>
      <Icon name={mark.icon} className={mark.shape} />
      {children}
    </span>
  )
}

/** A lamp at the end of a track. */
export function Lamp({ state, label }: { readonly state: MarkState; readonly label: string }) {
  const ring: Readonly<Record<MarkState, string>> = {
    fine: 'border-line-3 text-ink-2',
    watch: 'border-watch text-watch',
    fail: 'border-fail text-fail',
    unknown: 'border-line-3 border-dashed text-ink-3',
  }
  return (
    <span role="img" aria-label={label} className={`grid size-[22px] place-items-center rounded-full border-[1.5px] bg-bg-1 ${ring[state]}`}>
      <Icon name={MARKS[state].icon} size={13} className={state === 'watch' ? '-mt-0.5' : ''} />
    </span>
  )
}
