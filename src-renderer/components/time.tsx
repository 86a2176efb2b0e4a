import type { ReactNode } from 'react'
import { formatAge, formatCountdown, formatInstant, formatMoment } from '../lib/format.ts'
import { useNow } from '../lib/console-context.tsx'

/** Time left until an instant; the instant itself on hover. */
export function Countdown({ until, over = '0:00' }: { readonly until: number; readonly over?: string }) {
  const now = useNow()
  return (
    <time dateTime={new Date(until).toISOString()} title={formatInstant(until)}>
      {until <= now ? over : formatCountdown(until - now)}
    </time>
  )
}

/** Time since an instant. */
export function Since({ at }: { readonly at: number }) {
  const now = useNow()
  return (
    <time dateTime={new Date(at).toISOString()} title={formatInstant(at)}>
      {formatAge(Math.max(0, Math.floor((now - at) / 1000) * 1000)).replace('.0 s', ' s')}
    </time>
  )
}

/** An instant, short; exact on hover. */
export function Moment({ at }: { readonly at: number }) {
  const now = useNow(60_000)
  return (
    <time dateTime={new Date(at).toISOString()} title={formatInstant(at)}>
      {formatMoment(at, now)}
    </time>
  )
}

/** Past two intervals a reading is old: it says how old, and what it belongs to greys. */
export const STALE_AFTER_MS = 3_000

export function useStale(at: number | null): number | null {
  const now = useNow()
  if (at === null) return null
  const ageMs = now - at
  return ageMs > STALE_AFTER_MS ? ageMs : null
}

/** Greys what it holds once the reading is old, and says its age. */
export function Fresh({ at, children }: { readonly at: number | null; readonly children: ReactNode }) {
  const staleMs = useStale(at)
  if (staleMs === null) return <>{children}</>
  return (
    <span className="text-ink-3">
      {children} <span className="text-11">{formatAge(staleMs)} old</span>
    </span>
  )
}
