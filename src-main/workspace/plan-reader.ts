import { isMap } from 'yaml'
import type { Criterion } from '../contract/analysis.ts'
import type { Gate, Hold, Plan, Step } from '../contract/plan.ts'
import type { Tier } from '../contract/vocabulary.ts'
import { field, list, mapping, record } from './collections.ts'
import { criteriaReader } from './criteria-reader.ts'
import type { CriteriaContext } from './criterion-subject.ts'
import { COMMAND_GATE_TIMEOUT_MS, HTTP_GATE_DEFAULTS, NO_HOLD, PLAN_DEFAULTS } from './plan-defaults.ts'
import type { Reader, Reading } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { duration, integer, text, weight, word } from './scalars.ts'
import { nearest } from './suggest.ts'

/** Readers of `plan`: steps, smoke tests, criteria, times. */

const HOLD_EXPECTED = '`manual` (a person promotes), a duration as 30s, or `{analysis: 1m}`'

const hold: Reader<Hold> = (node, at) => {
  if (isMap(node)) {
    const read = mapping('a hold', { analysis: field('analysis', duration(), 'how long to judge: `{analysis: 1m}`') })(node, at)
    return read?.analysis === undefined ? undefined : { kind: 'analysis', ms: read.analysis }
  }
  const written = scalarText(node)
  if (written === 'manual') return { kind: 'manual' }
  if (written === null || !/^\d/.test(written)) {
    const near = written === null ? null : nearest(written, ['manual', 'analysis'])
    const hint = near === null ? '' : near === 'manual' ? '; did you mean `manual`?' : '; an analysis needs a time'
    return reportAt(node, at, `\`${written ?? 'a list'}\` is not a hold`, `${HOLD_EXPECTED}${hint}`)
  }
  const ms = duration()(node, at)
  return ms === undefined ? undefined : { kind: 'timed', ms }
}

type StepRead = { weightPercent: number; hold: Hold | undefined; approvals: number; criteria: Criterion[] | undefined }

function stepReader(context: CriteriaContext): Reader<StepRead> {
  const stepMapping = mapping('a step', {
    weight: field('weightPercent', weight, 'the candidate’s share of live requests: `weight: 25`'),
    hold: field('hold', hold),
    approvals: field('approvals', integer({ min: 0, max: 10, expected: 'how many other people must approve, 0 to 10' })),
    criteria: field('criteria', criteriaReader(context)),
  })
  return (node, at) => {
    if (!isMap(node)) {
      const weightPercent = weight(node, at)
      return weightPercent === undefined ? undefined : { weightPercent, hold: undefined, approvals: 0, criteria: undefined }
    }
    const read = stepMapping(node, at)
    return read?.weightPercent === undefined ? undefined : { weightPercent: read.weightPercent, hold: read.hold, approvals: read.approvals ?? 0, criteria: read.criteria }
  }
}

const stepsReader = (context: CriteriaContext): Reader<Step[]> => {
  const stepList = list('steps', stepReader(context), { min: 1, max: 50 })
  return (node, at) => checkedSteps(stepList(node, at), at)
}

function checkedSteps(read: readonly StepRead[] | undefined, at: Reading): Step[] | undefined {
  if (!read) return undefined
  const placeOf = (index: number, key: string) => at.placeOf([...at.path, index, key])
  read.forEach(({ weightPercent }, index) => {
    const before = read[index - 1]
    if (before && weightPercent <= before.weightPercent) {
      at.problems.report(placeOf(index, 'weightPercent'), `weight ${weightPercent} follows weight ${before.weightPercent}`, 'weights that grow from step to step')
    }
  })
  const end = read.length - 1
  const last = read[end]
  if (last && last.weightPercent !== 100) {
    at.problems.report(placeOf(end, 'weightPercent'), `the last step has weight ${last.weightPercent}`, 'a last step with weight 100')
  } else if (last?.hold) {
    at.problems.report(placeOf(end, 'hold'), 'the step with weight 100 has a hold', 'no hold at 100: `bake` says how long to watch before the release is done')
  }
  return read.map((one, index) => ({
    weightPercent: one.weightPercent,
    hold: index === end ? NO_HOLD : (one.hold ?? { kind: 'manual' }),
    approvals: one.approvals,
    ...(one.criteria ? { criteria: one.criteria } : {}),
  }))
}

const PATH = { pattern: /^\/[^\s]*$/, expected: 'a path that begins with `/`, as `/health`', maxLength: 2000 }
const METHODS = ['get', 'head', 'post'] as const

const gateMapping = mapping('a smoke test', {
  name: field('name', text({ expected: 'a name for screens and the journal', maxLength: 100 })),
  get: field('get', text(PATH)),
  head: field('head', text(PATH)),
  post: field('post', text(PATH)),
  status: field('status', integer({ min: 100, max: 599, expected: 'an HTTP status from 100 to 599' })),
  body: field('body', text({ expected: 'text that the body must contain' })),
  header: field(
    'header',
    record('headers', { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, expected: 'a header name' }, () => text({ expected: 'the value the header must have', empty: true })),
  ),
  within: field('within', duration()),
  times: field('times', integer({ min: 1, max: 1000, expected: 'how many times to ask, 1 to 1000; each must pass' })),
  run: field('run', text({ expected: 'a command line; exit code 0 passes' })),
  timeout: field('timeout', duration({ minMs: 1, maxMs: 3_600_000 })),
})

const gate: Reader<Gate> = (node, at) => {
  const oneOf = 'one of `get: /path`, `head: /path`, `post: /path`, `run: command`'
  if (!isMap(node)) {
    const path = text({ ...PATH, expected: `a path that begins with \`/\`, or a mapping with ${oneOf}` })(node, at)
    return path === undefined ? undefined : { kind: 'http', name: `GET ${path}`, method: 'GET', path, ...HTTP_GATE_DEFAULTS }
  }
  const read = gateMapping(node, at)
  if (!read) return undefined
  const asked = [...METHODS, 'run' as const].filter((key) => at.has([...at.path, key]))
  if (asked.length !== 1) {
    const message = asked.length === 0 ? 'a smoke test that asks nothing' : `a smoke test with ${asked.map((key) => `\`${key}\``).join(' and ')}`
    at.problems.report(at.owner, message, `exactly ${oneOf}`)
    return undefined
  }
  if (asked[0] === 'run') {
    for (const key of ['status', 'body', 'header', 'within', 'times']) {
      if (at.has([...at.path, key])) at.problems.report(at.placeOf([...at.path, key]), `\`${key}\` beside \`run\``, 'only `name` and `timeout` beside `run`; the command itself decides')
    }
    if (read.run === undefined) return undefined
    return { kind: 'command', name: read.name ?? read.run.slice(0, 100), command: read.run, timeoutMs: read.timeout ?? COMMAND_GATE_TIMEOUT_MS }
  }
  const method = METHODS.find((candidate) => candidate === asked[0])
  const path = method && read[method]
  if (method === undefined || path === undefined) return undefined
  return {
    kind: 'http',
    name: read.name ?? `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    expectStatus: read.status ?? HTTP_GATE_DEFAULTS.expectStatus,
    expectBody: read.body ?? HTTP_GATE_DEFAULTS.expectBody,
    expectHeaders: Object.fromEntries(Object.entries(read.header ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    maxLatencyMs: read.within ?? HTTP_GATE_DEFAULTS.maxLatencyMs,
    timeoutMs: read.timeout ?? Math.max(HTTP_GATE_DEFAULTS.timeoutMs, read.within ?? 0),
    times: read.times ?? HTTP_GATE_DEFAULTS.times,
  }
}

/** A plan as far as it is written; what is missing comes from the tier's defaults. */
export type PlanRead = Partial<Omit<Plan, 'lease'>> & { readonly lease?: Partial<Plan['lease']> }

export function planReader(context: CriteriaContext): Reader<PlanRead> {
  return mapping(
    'a plan',
    {
      steps: field('steps', stepsReader(context)),
      smoke: field('gates', list('smoke tests', gate, { max: 50 })),
      criteria: field('criteria', criteriaReader(context)),
      bake: field('bakeMs', duration()),
      drain: field('drainMs', duration()),
      'rollback-window': field('rollbackWindowMs', duration()),
      lease: field(
        'lease',
        mapping('a lease', {
          ttl: field('ttlMs', duration({ minMs: 1000, maxMs: 3_600_000 })),
          'on-expiry': field('onExpiry', word(['hold', 'revert'])),
        }),
      ),
    },
    { gates: 'smoke tests are given under `smoke`.', 'smoke-tests': 'smoke tests are given under `smoke`.' },
  )
}

export function completePlan(read: PlanRead, tier: Tier): Plan {
  const defaults = PLAN_DEFAULTS[tier]
  return { ...defaults, gates: [], ...read, lease: { ...defaults.lease, ...read.lease } }
}

/** Keys of a plan whose mappings are completed key by key from the plan below. */
export const PLAN_DEEP_KEYS = ['lease'] as const
