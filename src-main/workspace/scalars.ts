import type { Node } from 'yaml'
import type { Reader, Reading } from './reading.ts'
import { describe, isNothing, reportAt, scalarText } from './reading.ts'
import { nearest } from './suggest.ts'
import type { Amount } from './units.ts'
import { clip, formatDuration, parseDurationMs, parsePercent, parseSizeBytes } from './units.ts'

/** Readers of single values: text, numbers, amounts, words of a closed list. */

const DURATION_EXPECTED = 'a duration with its unit: 250ms, 90s, 5m, 1h30m'
const MAX_DURATION_MS = 30 * 86_400_000

function given(node: Node, at: Reading, expected: string): string | undefined {
  const text = scalarText(node)
  if (text === null || isNothing(node)) {
    reportAt(node, at, `${describe(node)} where a value is needed`, expected)
    return undefined
  }
  return text
}

export interface TextRules {
  readonly expected: string
  readonly maxLength?: number
  readonly pattern?: RegExp
  /** A variable's value may be empty (in quotes). */
  readonly empty?: boolean
}

export function text(rules: TextRules): Reader<string> {
  return (node, at) => {
    const value = given(node, at, rules.expected)
    if (value === undefined) return undefined
    if (value.trim() === '' && rules.empty !== true) return reportAt(node, at, 'an empty text', rules.expected)
    if (value.length > (rules.maxLength ?? 4000)) return reportAt(node, at, `a text of ${value.length} characters`, `${rules.expected}, at most ${rules.maxLength ?? 4000} characters`)
    if (rules.pattern && !rules.pattern.test(value)) return reportAt(node, at, `\`${clip(value)}\` does not fit`, rules.expected)
    return value
  }
}

export function integer(rules: { readonly min: number; readonly max: number; readonly expected: string }): Reader<number> {
  return (node, at) => {
    const value = given(node, at, rules.expected)
    if (value === undefined) return undefined
    if (!/^-?\d{1,15}$/.test(value)) return reportAt(node, at, `\`${clip(value)}\` is not a whole number`, rules.expected)
    const number = Number(value)
    if (number < rules.min || number > rules.max) return reportAt(node, at, `${number} is out of range`, rules.expected)
    return number
  }
}

function amount(expected: string, unitHint: (value: string) => string, parse: (value: string) => Amount): Reader<number> {
  return (node, at) => {
    const value = given(node, at, expected)
    if (value === undefined) return undefined
    const parsed = parse(value.trim())
    if (parsed.ok) return parsed.value
    return reportAt(node, at, parsed.message, parsed.message.endsWith('no unit') ? unitHint(value) : expected)
  }
}

/** Milliseconds. */
export function duration(rules: { readonly minMs?: number; readonly maxMs?: number; readonly likelyUnit?: 's' | 'ms' } = {}): Reader<number> {
  const minMs = rules.minMs ?? 0
  const maxMs = rules.maxMs ?? MAX_DURATION_MS
  const read = amount(DURATION_EXPECTED, (value) => `${DURATION_EXPECTED}; perhaps ${value}${rules.likelyUnit ?? 's'}`, parseDurationMs)
  return (node, at) => {
    const ms = read(node, at)
    if (ms === undefined || (ms >= minMs && ms <= maxMs)) return ms
    return reportAt(node, at, `\`${clip(scalarText(node) ?? '')}\` is out of range`, `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`)
  }
}

/** Bytes. */
export const size: Reader<number> = amount('a size with its unit: 512KiB, 64MiB, 2GiB', (value) => `a size with its unit; perhaps ${value}MiB`, parseSizeBytes)

/** A ratio from 0 to 1, written in percent with the sign: `1%`, `0.5%`. */
export const ratio: Reader<number> = (node, at) => {
  const percent = amount('a percentage from 0% to 100%: 1%, 0.5%', (value) => `a percentage with its sign, as \`${value}%\``, (value) => parsePercent(value, false))(node, at)
  return percent === undefined ? undefined : Number((percent / 100).toPrecision(12))
}

/** Percent with its sign that may exceed a hundred: `250%`, as two and a half cores or as a growth. */
export function openPercent(rules: { readonly max: number; readonly expected: string }): Reader<number> {
  return (node, at) => {
    const value = given(node, at, rules.expected)
    if (value === undefined) return undefined
    const match = /^(\d{1,6}(?:\.\d{1,6})?) ?(%?)$/.exec(value)
    if (!match) return reportAt(node, at, `\`${clip(value)}\` is not a percentage`, rules.expected)
    if (match[2] === '') return reportAt(node, at, `\`${value}\` has no unit`, `a percentage with its sign, as \`${value}%\``)
    const percent = Number(match[1])
    return percent <= rules.max ? percent : reportAt(node, at, `\`${clip(value)}\` is out of range`, rules.expected)
  }
}

/** A plain number, fractions and a minus allowed; with the sign of percent a ratio. */
export function decimal(expected: string): Reader<number> {
  return (node, at) => {
    const value = given(node, at, expected)
    if (value === undefined) return undefined
    const match = /^(-?\d{1,15}(?:\.\d{1,9})?) ?(%?)$/.exec(value)
    if (!match) return reportAt(node, at, `\`${clip(value)}\` is not a number`, expected)
    return match[2] === '%' ? Number((Number(match[1]) / 100).toPrecision(12)) : Number(match[1])
  }
}

/** Whole percent, 1 to 100, with or without the sign. */
export const weight: Reader<number> = (node, at) => {
  const expected = 'a weight in whole percent from 1 to 100: 25 or 25%'
  const percent = amount(expected, () => expected, (value) => parsePercent(value, true))(node, at)
  if (percent === undefined) return undefined
  if (percent < 1) return reportAt(node, at, `\`${clip(scalarText(node) ?? '')}\` is out of range`, expected)
  if (!Number.isInteger(percent)) return reportAt(node, at, `\`${clip(scalarText(node) ?? '')}\` is not whole`, expected)
  return percent
}

/** One word of a closed list. */
export function word<const W extends string>(words: readonly W[]): Reader<W> {
  const expected = `one of ${words.join(', ')}`
  return (node, at) => {
    const value = given(node, at, expected)
    if (value === undefined) return undefined
    const found = words.find((candidate) => candidate === value)
    if (found !== undefined) return found
    const near = nearest(value, words)
    return reportAt(node, at, `unknown value \`${clip(value)}\``, near === null ? expected : `${expected}; did you mean \`${near}\`?`)
  }
}

export const yesNo: Reader<boolean> = (node, at) => {
  const value = word(['true', 'false'])(node, at)
  return value === undefined ? undefined : value === 'true'
}

/** A version's name. It reaches a shell and a path, so only characters that mean nothing to either. */
export const versionName: Reader<string> = text({
  expected: 'a version’s name, as `1.8.0`: letters, digits and . _ + @ : -',
  pattern: /^[A-Za-z0-9][A-Za-z0-9._+@:-]{0,199}$/,
})
