/** Words for numbers, the same on every screen. Times are wall clock milliseconds and shown in UTC. */

const UNITS_BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

// By hand: Intl's formatters take 30 ms to make, before the first row is on screen, and say the same.
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** Thousands apart, at most three digits after the point. */
export function formatCount(value: number): string {
  const [whole = '', fraction] = String(Math.round(value * 1000) / 1000).split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}

/** Percent with as many digits as help: 0, 0.24, 4.1, 25, 99.8. */
export function formatPercent(percent: number, digits?: number): string {
  if (digits !== undefined) return `${percent.toFixed(digits)} %`
  if (percent === 0) return '0 %'
  if (percent < 1) return `${percent.toFixed(2)} %`
  if (percent < 10 && !Number.isInteger(percent)) return `${percent.toFixed(1)} %`
  return `${Math.round(percent)} %`
}

/** A ratio from 0 to 1 as percent. */
export function formatRatio(ratio: number, digits = 2): string {
  return formatPercent(ratio * 100, digits)
}

export function formatMs(ms: number): string {
  if (ms < 10) return ms.toFixed(1)
  return formatCount(Math.round(ms))
}

export function formatRate(perSecond: number): string {
  return perSecond < 1000 ? perSecond.toFixed(perSecond < 10 ? 1 : 1) : formatCount(Math.round(perSecond))
}

export function formatBytes(bytes: number): readonly [value: string, unit: string] {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < UNITS_BYTES.length - 1) {
    value /= 1024
    unit += 1
  }
  return [value < 10 && unit > 0 ? value.toFixed(1) : String(Math.round(value)), UNITS_BYTES[unit] ?? 'B']
}

const two = (value: number) => String(value).padStart(2, '0')

/** A countdown or stopwatch: 0:41, 12:08, 2:14:08, 3 d 4 h. */
export function formatCountdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  if (seconds >= 86_400) return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
}

/** A length of time in words: 200 ms, 41 s, 4:00, 24 h, 3 d. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms % 1000 === 0 ? 0 : 1)} s`
  if (ms >= 86_400_000 && ms % 86_400_000 === 0) return `${ms / 86_400_000} d`
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000} h`
  return formatCountdown(ms)
}

/** How old something is: 0.8 s, 12 s, 3:58, 2 h 10 m, 9 d 4 h. */
export function formatAge(ms: number): string {
  if (ms < 0) return '0 s'
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 100) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

export function formatUptime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} m`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

/** 14:31:52 */
export function formatClock(at: number): string {
  return new Date(at).toISOString().slice(11, 19)
}

/** 14:31 */
export function formatMinute(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}

/** 14:31:52.704 UTC, Thu 27 Aug 2026 */
export function formatInstant(at: number): string {
  const date = new Date(at)
  return `${date.toISOString().slice(11, 23)} UTC, ${WEEKDAYS[date.getUTCDay()]} ${formatDay(at)} ${date.getUTCFullYear()}`
}

/** 27 Aug, or today's clock: short enough for a list. */
export function formatDay(at: number): string {
  const date = new Date(at)
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`
}

/** The clock on the same UTC day, otherwise with the day before it. */
export function formatMoment(at: number, now: number): string {
  const sameDay = new Date(at).toISOString().slice(0, 10) === new Date(now).toISOString().slice(0, 10)
  return sameDay ? formatClock(at) : `${formatDay(at)} ${formatMinute(at)}`
}

/** First eight hex digits in two groups, as people read them aloud. */
export function shortHash(hash: string, groups = 2): string {
  return Array.from({ length: groups }, (_, index) => hash.slice(index * 4, index * 4 + 4)).join(' ').trim()
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}
