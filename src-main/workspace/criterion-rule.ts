import { isMap } from 'yaml'
import type { Judge } from '../contract/analysis.ts'
import { field, list, mapping } from './collections.ts'
import { BURN_RATE_MIN_REQUESTS, BURN_RATE_WINDOWS, MANN_WHITNEY_DEFAULTS, PROCESS_DEFAULTS, QUERY_DEFAULTS, RESTARTS_DEFAULTS, THRESHOLD_DEFAULTS } from './criterion-defaults.ts'
import type { Subject, SubjectKind } from './criterion-subject.ts'
import type { Reader, Reading } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { decimal, duration, integer, openPercent, ratio, size, word, yesNo } from './scalars.ts'
import { formatDuration } from './units.ts'

/** How a criterion judges: `limit` or `at-least`, `against: other` with `harm` or `mann-whitney`, or `burn-rate`. */

type Threshold = Extract<Judge, { kind: 'threshold' }>
type MannWhitney = Extract<Judge, { kind: 'mannWhitney' }>
type BurnRate = Extract<Judge, { kind: 'burnRate' }>

/** A latency's missing unit is rarely seconds. */
const latency = duration({ likelyUnit: 'ms' })
const LIMITS: Readonly<Record<SubjectKind, Reader<number>>> = {
  ratio,
  latency,
  cpu: openPercent({ max: 100_000, expected: 'percent of one core: 80%, or 250% for two and a half' }),
  memory: size,
  count: integer({ min: 0, max: 1_000_000_000, expected: 'a whole number, at least 0' }),
  restarts: integer({ min: 0, max: 1_000_000, expected: 'how many restarts are still fine: 0 or more' }),
  query: decimal('a number in the query’s unit: 5, 0.25, or 2% for a ratio'),
}
const positive =
  (read: Reader<number>, expected: string): Reader<number> =>
  (node, at) => {
    const value = read(node, at)
    return value === 0 ? reportAt(node, at, `\`${scalarText(node) ?? ''}\` is out of range`, expected) : value
  }
const errorHarm = positive(ratio, 'the smallest harm worth a roll back, above 0%: 2% is two points more than the other side')
const growth = openPercent({ max: 10_000, expected: 'a growth above 0%: 20% is a fifth slower than the other side' })
const latencyHarm: Reader<number> = (node, at) => {
  const percent = positive(growth, 'a growth above 0%: 20% is a fifth slower than the other side')(node, at)
  return percent === undefined ? undefined : percent / 100
}
const objective = positive(
  (node, at) => {
    const value = ratio(node, at)
    return value === 1 ? reportAt(node, at, '`100%` leaves no budget', 'an objective below 100%, as 99.9%') : value
  },
  'an objective above 0%, as 99.9%',
)

const burnRateMapping = mapping('`burn-rate`', {
  objective: field('objective', objective, 'the share of requests that must succeed: `objective: 99.9%`'),
  windows: field(
    'windows',
    list(
      'windows',
      mapping('a pair of windows', {
        long: field('longMs', duration({ minMs: 1000 }), 'the long window: `long: 1h`'),
        short: field('shortMs', duration({ minMs: 1000 }), 'the short window: `short: 5m`'),
        factor: field('factor', positive(decimal('how many times too fast: 14.4'), 'a factor above 0, as 14.4'), 'how many times too fast is too fast: `factor: 14.4`'),
      }),
      { min: 1, max: 5 },
    ),
  ),
})

const burnRate: Reader<Omit<BurnRate, 'kind' | 'minRequests'>> = (node, at) => {
  if (!isMap(node)) {
    const share = objective(node, at)
    return share === undefined ? undefined : { objective: share, windows: BURN_RATE_WINDOWS }
  }
  const read = burnRateMapping(node, at)
  if (read?.objective === undefined || (read.windows === undefined && at.has([...at.path, 'windows']))) return undefined
  const windows: BurnRate['windows'] = []
  for (const [index, { longMs, shortMs, factor }] of (read.windows ?? BURN_RATE_WINDOWS).entries()) {
    if (longMs === undefined || shortMs === undefined || factor === undefined) return undefined
    if (factor < 0) at.problems.report(at.placeOf([...at.path, 'windows', index, 'factor']), `a factor of ${factor}`, 'a factor above 0, as 14.4')
    else if (shortMs >= longMs) at.problems.report(at.placeOf([...at.path, 'windows', index, 'shortMs']), 'the short window is not shorter than the long one', `less than ${formatDuration(longMs)}; the workbook takes a twelfth`)
    else windows.push({ longMs, shortMs, factor })
  }
  return windows.length === (read.windows ?? BURN_RATE_WINDOWS).length ? { objective: read.objective, windows } : undefined
}

const mannWhitneyMapping = mapping('`mann-whitney`', {
  tolerance: field('tolerance', (node, at) => {
    const percent = openPercent({ max: 1000, expected: 'how much more still counts as equal: 25%' })(node, at)
    return percent === undefined ? undefined : percent / 100
  }),
  confidence: field('confidence', (node, at) => {
    const value = ratio(node, at)
    return value === undefined || (value > 0.5 && value < 1) ? value : reportAt(node, at, `\`${scalarText(node) ?? ''}\` is out of range`, 'a confidence between 50% and 100%: 98%')
  }),
  'min-points': field('minPoints', integer({ min: 4, max: 100_000, expected: 'how many points each side needs, at least 4' })),
  window: field('windowMs', duration({ minMs: 4000, maxMs: 3_600_000 })),
  worse: field('harm', word(['above', 'below', 'either'])),
})

const mannWhitney: Reader<Partial<MannWhitney> | null> = (node, at) => {
  if (isMap(node)) {
    const read = mannWhitneyMapping(node, at)
    return read && Object.keys(read).length === node.items.length ? read : undefined
  }
  const isOn = yesNo(node, at)
  return isOn === undefined ? undefined : isOn ? {} : null
}

export function ruleFields(kind: SubjectKind) {
  return {
    limit: field('limit', LIMITS[kind]),
    'at-least': field('atLeast', LIMITS[kind]),
    against: field('against', word(['other'])),
    harm: field('harm', kind === 'ratio' ? errorHarm : latencyHarm),
    'mann-whitney': field('mannWhitney', mannWhitney),
    'burn-rate': field('burnRate', burnRate),
    window: field('windowMs', duration({ minMs: 1000, maxMs: 900_000 })),
    'min-requests': field('minRequests', integer({ min: 1, max: 1_000_000, expected: 'how many requests a verdict needs, at least 1' })),
    'min-points': field('minPoints', integer({ min: 1, max: 100_000, expected: 'how many points a verdict needs, at least 1' })),
    consecutive: field('consecutive', integer({ min: 1, max: 100, expected: 'how many judgements in a row must fail, 1 to 100' })),
  }
}

type RuleRead = Partial<{ limit: number; atLeast: number; against: 'other'; harm: number; mannWhitney: Partial<MannWhitney> | null; burnRate: Omit<BurnRate, 'kind' | 'minRequests'>; windowMs: number; minRequests: number; minPoints: number; consecutive: number }>

/** Keys of rules: as written, and where they went. */
const RULES = { limit: 'limit', 'at-least': 'atLeast', harm: 'harm', 'mann-whitney': 'mannWhitney', 'burn-rate': 'burnRate' } as const
type RuleKey = keyof typeof RULES
/** Which further keys go with which rule. */
const DETAILS = { window: 'windowMs', 'min-requests': 'minRequests', 'min-points': 'minPoints', consecutive: 'consecutive' } as const
const ALLOWED: Readonly<Record<RuleKey, readonly string[]>> = {
  limit: Object.keys(DETAILS),
  'at-least': Object.keys(DETAILS),
  harm: [],
  'mann-whitney': [],
  'burn-rate': ['min-requests'],
}
const WHY_NOT: Readonly<Record<RuleKey, string>> = {
  limit: '',
  'at-least': '',
  harm: 'nothing: the test looks at everything since the candidate got traffic, at every second',
  'mann-whitney': 'it inside: `mann-whitney: {window: 2m, min-points: 50}`',
  'burn-rate': 'only `min-requests` beside it; windows go inside: `burn-rate: {objective: 99.9%, windows: [...]}`',
}
const EXPECTED = '`limit: ...` (or `at-least: ...`); or `against: other` with `harm: ...` or `mann-whitney: true`; or `burn-rate: 99.9%`'

export function ruleOf(read: RuleRead, subject: Subject, at: Reading): Judge | undefined {
  const has = (key: string) => at.has([...at.path, key])
  const report = (key: string, message: string, expected: string): undefined => {
    at.problems.report(has(key) ? at.placeOf([...at.path, key]) : at.owner, message, expected)
    return undefined
  }
  const rules = (Object.keys(RULES) as RuleKey[]).filter((key) => has(RULES[key]))
  const [rule] = rules
  if (rule === undefined) return has('against') ? report('against', '`against` without `harm`', '`harm: 2%` beside it: the smallest harm worth a roll back; or `mann-whitney: true`') : report('', 'a criterion without a limit', EXPECTED)
  if (rules.length > 1) return report(RULES[rules[1] ?? rule], `a criterion with \`${rule}\` and \`${rules[1] ?? ''}\``, `exactly one of ${EXPECTED}`)
  const isRelative = rule === 'harm' || rule === 'mann-whitney'
  if (isRelative && !has('against')) return report(RULES[rule], `\`${rule}\` without \`against\``, '`against: other` beside it: the other environment over the same time')
  if (!isRelative && has('against')) return report('against', `\`against\` beside \`${rule}\``, '`harm: ...` or `mann-whitney: true` beside it; a limit compares with nothing')
  for (const [key, into] of Object.entries(DETAILS)) {
    if (has(into) && !ALLOWED[rule].includes(key)) return report(into, `\`${key}\` beside \`${rule}\``, WHY_NOT[rule])
  }
  if (has('against') && read.against === undefined) return undefined
  for (const into of Object.values(DETAILS)) if (has(into) && read[into] === undefined) return undefined
  switch (rule) {
    case 'limit':
    case 'at-least':
      return threshold(rule, rule === 'limit' ? read.limit : read.atLeast, read, subject, report)
    case 'harm':
      if (subject.kind !== 'ratio' && subject.kind !== 'latency') return report('harm', '`harm` of something that is not counted per request', '`limit: ...`, or `mann-whitney: true`: the sequential tests need an error ratio or a latency')
      if (read.harm === undefined) return undefined
      return subject.kind === 'ratio' ? { kind: 'errors', harm: read.harm } : { kind: 'latency', harm: read.harm }
    case 'mann-whitney':
      return mannWhitneyRule(read.mannWhitney, subject, report)
    case 'burn-rate':
      if (subject.kind !== 'ratio') return report('burnRate', '`burn-rate` of something that is no ratio of errors', '`burn-rate` alone, or beside `probe:`')
      return read.burnRate && { kind: 'burnRate', ...read.burnRate, minRequests: read.minRequests ?? BURN_RATE_MIN_REQUESTS }
  }
}

type Report = (key: string, message: string, expected: string) => undefined

function threshold(rule: 'limit' | 'at-least', limit: number | undefined, read: RuleRead, subject: Subject, report: Report): Threshold | undefined {
  const judgesPoints = subject.metric.source === 'query' || subject.metric.source === 'process'
  if (judgesPoints && read.minRequests !== undefined) return report('minRequests', '`min-requests` of something that has none', '`min-points`: how many readings a verdict needs')
  if (!judgesPoints && read.minPoints !== undefined) return report('minPoints', '`min-points` of what is counted per request', '`min-requests`: how many requests a verdict needs')
  const defaults = subject.kind === 'query' ? QUERY_DEFAULTS : subject.kind === 'restarts' ? RESTARTS_DEFAULTS : judgesPoints ? PROCESS_DEFAULTS : THRESHOLD_DEFAULTS
  const { intervalMs } = subject
  const windowMs = read.windowMs ?? Math.max(defaults.windowMs, Math.min(900_000, 4 * (intervalMs ?? 0)))
  // A source that asks seldom cannot give more than it asks: a criterion that could never be judged is a slip.
  const most = Math.floor(windowMs / (intervalMs ?? 1))
  const wanted = read.minRequests ?? read.minPoints
  if (intervalMs !== null && (wanted ?? 1) > most) return report(wanted === undefined ? 'windowMs' : judgesPoints ? 'minPoints' : 'minRequests', `${formatDuration(windowMs)} hold at most ${most} of its readings, one in ${formatDuration(intervalMs)}`, 'a longer `window`, or fewer')
  if (limit === undefined) return undefined
  const minRequests = wanted ?? (intervalMs === null ? defaults.minRequests : Math.max(1, Math.min(defaults.minRequests, Math.floor(most / 2))))
  return { kind: 'threshold', limit, harm: rule === 'limit' ? 'above' : 'below', windowMs, minRequests, consecutive: read.consecutive ?? defaults.consecutive }
}

function mannWhitneyRule(read: Partial<MannWhitney> | null | undefined, subject: Subject, report: Report): MannWhitney | undefined {
  if (read === null) return report('mannWhitney', '`mann-whitney: false` judges nothing', EXPECTED)
  if (read === undefined) return undefined
  if (subject.kind === 'restarts') return report('mannWhitney', '`mann-whitney` of a count that only grows', '`limit: 0`: how many restarts are still fine')
  const intervalMs = subject.intervalMs ?? 1000
  const minPoints = read.minPoints ?? MANN_WHITNEY_DEFAULTS.minPoints
  const windowMs = read.windowMs ?? Math.max(MANN_WHITNEY_DEFAULTS.windowMs, Math.ceil(1.2 * minPoints) * intervalMs)
  const most = Math.floor(windowMs / intervalMs)
  if (windowMs > 3_600_000 || minPoints > most) return report('mannWhitney', `${formatDuration(windowMs)} hold at most ${most} of its readings, one in ${formatDuration(intervalMs)}`, 'a longer `window` (at most 1h), or fewer `min-points`')
  return { kind: 'mannWhitney', ...MANN_WHITNEY_DEFAULTS, ...read, minPoints, windowMs }
}
