import { Fault } from '../../contract/fault.ts'
import type { MetricTarget } from '../../core/ports.ts'

type Place = 'service' | 'environment' | 'version' | 'window' | 'flag' | 'variant'
const PLACE = /\$\{(service|environment|version|window|flag|variant)\}/g
/** What may stand outside quotes: a metric's or label's name. Sources: Prometheus data model. */
const PLAIN_NAME = /^[A-Za-z_:][A-Za-z0-9_:]*$/

/**
 * Puts a target into a PromQL expression. Inside string literals values are escaped as PromQL reads them, after `=~` and
 * `!~` also for RE2, so that a version `1.8.0` matches only itself; outside of quotes only plain names may stand.
 * Faults: `invalidInput` for a value that cannot stand where it is put.
 *
 * Sources: Prometheus, "Querying basics" (string literals: Go's escapes in single and double quotes, none in backticks).
 */
export function fillTemplate(query: string, target: MetricTarget): string {
  const values: Readonly<Record<Place, string | null>> = { service: target.service, environment: target.environment, version: target.version, window: promDuration(target.windowMs), flag: target.flag?.key ?? null, variant: target.flag?.variant ?? null }
  return literalsOf(query)
    .map(({ text, quote, isRegex }) => text.replaceAll(PLACE, (_place, name: Place) => placed(name, values[name], quote, isRegex)))
    .join('')
}

/** `90s`, `1500ms`: whole numbers with one unit, which every version understands. */
export function promDuration(ms: number): string {
  const whole = Math.max(1, Math.round(ms))
  return whole % 1000 === 0 ? `${whole / 1000}s` : `${whole}ms`
}

function placed(name: Place, value: string | null, quote: string | null, isRegex: boolean): string {
  if (value === null) throw new Fault('invalidInput', `The query cannot be sent: it asks for a ${name}, and what is judged is no flag.`, 'Use `${flag}` and `${variant}` in criteria of flags alone.')
  const refuse = (why: string, next: string): never => {
    throw new Fault('invalidInput', `The query cannot be sent: ${name} \`${value.slice(0, 100)}\` ${why}.`, next)
  }
  if (quote === null) {
    if (name === 'window' || PLAIN_NAME.test(value)) return value
    return refuse('cannot stand outside quotes', `Put \${${name}} into a label’s quotes in the query.`)
  }
  const wanted = isRegex ? value.replaceAll(/[\\.+*?()|[\]{}^$]/g, String.raw`\$&`) : value
  if (quote === '`') return /[`\r]/.test(wanted) ? refuse('cannot stand in backticks', 'Use double quotes in the query.') : wanted
  // JSON's escapes are among Go's.
  const escaped = JSON.stringify(wanted).slice(1, -1)
  return quote === "'" ? escaped.replaceAll(String.raw`\"`, '"').replaceAll("'", String.raw`\'`) : escaped
}

interface Piece {
  readonly text: string
  /** The quote it stands in; null outside. */
  readonly quote: string | null
  readonly isRegex: boolean
}

/** The expression cut at the borders of its string literals. Comments count as outside. */
function literalsOf(query: string): readonly Piece[] {
  const pieces: Piece[] = []
  let start = 0
  let index = 0
  while (index < query.length) {
    const character = query[index] ?? ''
    if (character === '#') {
      const end = query.indexOf('\n', index)
      index = end === -1 ? query.length : end
      continue
    }
    if (character !== '"' && character !== "'" && character !== '`') {
      index += 1
      continue
    }
    const before = query.slice(start, index + 1)
    const end = endOfLiteral(query, index + 1, character)
    pieces.push({ text: before, quote: null, isRegex: false }, { text: query.slice(index + 1, end), quote: character, isRegex: /[=!]~\s*.$/s.test(before) })
    start = end
    index = end + 1
  }
  pieces.push({ text: query.slice(start), quote: null, isRegex: false })
  return pieces
}

function endOfLiteral(query: string, from: number, quote: string): number {
  let index = from
  while (index < query.length && query[index] !== quote) index += query[index] === '\\' && quote !== '`' ? 2 : 1
  return Math.min(index, query.length)
}
