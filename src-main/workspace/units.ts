/**
 * The ways a workspace file writes amounts: `90s`, `1h30m`, `64MiB`, `25%`. Each parser answers the amount in its base
 * unit, or why it is not one; it never guesses a unit.
 */
export type Amount = { readonly ok: true; readonly value: number } | { readonly ok: false; readonly message: string }

const DURATION_UNITS_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const SIZE_UNITS_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

const no = (message: string): Amount => ({ ok: false, message })
const yes = (value: number): Amount => ({ ok: true, value })
const PLAIN_NUMBER = /^-?\d+(\.\d+)?$/

/** Milliseconds. Units d, h, m, s, ms, largest first, each at most once: `1h30m`, `250ms`, `1.5s`, `0s`. */
export function parseDurationMs(text: string): Amount {
  if (PLAIN_NUMBER.test(text)) return no(`\`${text}\` has no unit`)
  // Anchored groups of bounded length: linear on any input.
  const match = /^(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,7}(?:\.\d{1,3})?)s)?(?:(\d{1,9})ms)?$/.exec(text)
  if (!match || text === '') return no(`\`${clip(text)}\` is not a duration`)
  let totalMs = 0
  for (const [index, unit] of Object.keys(DURATION_UNITS_MS).entries()) {
    const part = match[index + 1]
    if (part !== undefined) totalMs += Number(part) * (DURATION_UNITS_MS[unit] ?? 0)
  }
  return yes(Math.round(totalMs))
}

/** Bytes. Units B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024). */
export function parseSizeBytes(text: string): Amount {
  if (PLAIN_NUMBER.test(text)) return no(`\`${text}\` has no unit`)
  const match = /^(\d{1,12}(?:\.\d{1,3})?) ?(B|kB|MB|GB|KiB|MiB|GiB)$/.exec(text)
  if (!match) return no(`\`${clip(text)}\` is not a size`)
  return yes(Math.round(Number(match[1]) * (SIZE_UNITS_BYTES[match[2] ?? ''] ?? 0)))
}

/** Percent, 0 to 100, fractions allowed. `bare`: whether `25` without the sign means 25 %. */
export function parsePercent(text: string, bare: boolean): Amount {
  const match = /^(-?\d{1,6}(?:\.\d{1,6})?) ?(%?)$/.exec(text)
  if (!match) return no(`\`${clip(text)}\` is not a percentage`)
  if (match[2] === '' && !bare) return no(`\`${text}\` has no unit`)
  const value = Number(match[1])
  if (value < 0 || value > 100) return no(`\`${text}\` is out of range`)
  return yes(value)
}

/** A duration as a person would write it: 5400000 is `1h30m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const [unit, size] of Object.entries(DURATION_UNITS_MS)) {
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}

/** Keeps a problem's text on one line of a screen whatever the file holds. */
export function clip(text: string, length = 60): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is being replaced
  const flat = text.replaceAll(/[\u0000-\u001F\u007F\u2028\u2029]+/g, ' ')
  return flat.length <= length ? flat : `${flat.slice(0, length - 1)}…`
}
