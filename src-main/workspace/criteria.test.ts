import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Criterion } from '../contract/analysis.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-criteria-')))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
  for (const name of ['ca.pem', 'client.pem', 'client.key']) writeFileSync(join(folder, name), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

const VARIABLES = { TOKEN: 'hunter2', PASSWORD: 'hunter2', SLACK: 'https://hooks.slack.com/services/hunter2' }

function load(content: string) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: VARIABLES })
}

const PROMETHEUS = 'metrics: {prom: {prometheus: http://127.0.0.1:9090, queries: {orders: "sum(rate(orders[${window}]))", pool: {query: pool_used, unit: ratio}}}}'
/** Line 2 is the metrics provider, line 9 the probes, line 10 the plan; criteria begin in column 23. */
const withCriteria = (criteria: string, metrics = PROMETHEUS) => `workspace: shop
${metrics}
tier: dev
services:
  checkout:
    run: node server.js
    versions: ./releases
    port: 8080
    probes: {home: /, slow: {get: /cart, every: 10s}}
    plan: {criteria: [${criteria}]}
`

function criteriaOf(criteria: string): readonly Criterion[] {
  const result = load(withCriteria(criteria))
  if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 1))
  return result.workspace.services[0]?.plan.criteria ?? []
}

function problemsOf(content: string): readonly string[] {
  const result = load(content)
  return 'problems' in result ? result.problems.map(({ place, message, expected }) => `${place.line}:${place.column} ${message} => ${expected}`.replaceAll(folder, 'FOLDER')) : []
}

const ERRORS = { source: 'router', of: 'errorRatio' }

describe('a criterion', () => {
  it.each<[written: string, name: string, metric: object, judge: object]>([
    ['{metric: error-ratio, limit: 1%}', 'Error ratio', ERRORS, { kind: 'threshold', limit: 0.01, harm: 'above', windowMs: 30_000, minRequests: 20, consecutive: 3 }],
    ['{metric: error-ratio, against: other, harm: 2%}', 'Errors', ERRORS, { kind: 'errors', harm: 0.02 }],
    ['error-rate', 'Errors', ERRORS, { kind: 'errors', harm: 0.02 }],
    ['{metric: latency, against: other, harm: 20%, quantile: p99}', 'Latency p99', { source: 'router', of: 'latency', quantile: 'p99' }, { kind: 'latency', harm: 0.2 }],
    ['{metric: p50, against: other, harm: 250%}', 'Latency p50', { source: 'router', of: 'latency', quantile: 'p50' }, { kind: 'latency', harm: 2.5 }],
    ['{metric: latency, limit: 400ms}', 'Latency p95', { source: 'router', of: 'latency', quantile: 'p95' }, { kind: 'threshold', limit: 400, harm: 'above', windowMs: 30_000, minRequests: 20, consecutive: 3 }],
    ['{metric: cpu, limit: 250%}', 'CPU', { source: 'process', of: 'cpuPercent' }, { kind: 'threshold', limit: 250, harm: 'above', windowMs: 30_000, minRequests: 5, consecutive: 3 }],
    ['{metric: memory, limit: 512MiB, min-points: 9}', 'Memory', { source: 'process', of: 'memoryBytes' }, { kind: 'threshold', limit: 512 * 1024 * 1024, harm: 'above', windowMs: 30_000, minRequests: 9, consecutive: 3 }],
    ['{metric: in-flight, limit: 200}', 'Requests in flight', { source: 'process', of: 'inFlight' }, { kind: 'threshold', limit: 200, harm: 'above', windowMs: 30_000, minRequests: 5, consecutive: 3 }],
    ['{metric: restarts, limit: 0}', 'Restarts', { source: 'process', of: 'restarts' }, { kind: 'threshold', limit: 0, harm: 'above', windowMs: 60_000, minRequests: 1, consecutive: 1 }],
    ['{burn-rate: 99.9%}', 'Burn rate', ERRORS, { kind: 'burnRate', objective: 0.999, minRequests: 100, windows: [{ longMs: 3_600_000, shortMs: 300_000, factor: 14.4 }, { longMs: 21_600_000, shortMs: 1_800_000, factor: 6 }] }],
    ['{burn-rate: {objective: 99%, windows: [{long: 10m, short: 50s, factor: 10}]}, min-requests: 5}', 'Burn rate', ERRORS, { kind: 'burnRate', objective: 0.99, minRequests: 5, windows: [{ longMs: 600_000, shortMs: 50_000, factor: 10 }] }],
    ['{probe: home, burn-rate: 99%}', 'Burn rate of probe home', { source: 'probe', of: 'failureRatio', probe: 'home' }, { kind: 'burnRate', objective: 0.99, minRequests: 100 }],
    ['{query: orders, at-least: 5}', 'orders', { source: 'query', provider: 'prom', query: 'sum(rate(orders[${window}]))', unit: '' }, { kind: 'threshold', limit: 5, harm: 'below', windowMs: 60_000, minRequests: 2, consecutive: 1 }],
    ['{query: pool, provider: prom, limit: 80%, window: 2m, min-points: 4}', 'pool', { source: 'query', provider: 'prom', query: 'pool_used', unit: 'ratio' }, { kind: 'threshold', limit: 0.8, harm: 'above', windowMs: 120_000, minRequests: 4, consecutive: 1 }],
    ['{query: "max(up{version=~\\"${version}\\"})", limit: -1.5, unit: °C}', 'Query', { source: 'query', provider: 'prom', query: 'max(up{version=~"${version}"})', unit: '°C' }, { kind: 'threshold', limit: -1.5, harm: 'above' }],
    ['{query: orders, against: other, mann-whitney: true}', 'orders', { source: 'query', provider: 'prom', query: 'sum(rate(orders[${window}]))', unit: '' }, { kind: 'mannWhitney', windowMs: 900_000, minPoints: 50, tolerance: 0.25, confidence: 0.98, harm: 'above' }],
    ['{metric: memory, against: other, mann-whitney: {tolerance: 50%, confidence: 99%, min-points: 30, window: 1m, worse: either}}', 'Memory', { source: 'process', of: 'memoryBytes' }, { kind: 'mannWhitney', windowMs: 60_000, minPoints: 30, tolerance: 0.5, confidence: 0.99, harm: 'either' }],
    ['{probe: home, limit: 1%}', 'Failures of probe home', { source: 'probe', of: 'failureRatio', probe: 'home' }, { kind: 'threshold', limit: 0.01, harm: 'above', windowMs: 30_000, minRequests: 15, consecutive: 3 }],
    ['{probe: home, against: other, harm: 10%}', 'Failures of probe home', { source: 'probe', of: 'failureRatio', probe: 'home' }, { kind: 'errors', harm: 0.1 }],
    ['{probe: slow, of: latency, limit: 300ms}', 'Latency of probe slow', { source: 'probe', of: 'latency', probe: 'slow' }, { kind: 'threshold', limit: 300, harm: 'above', windowMs: 40_000, minRequests: 2, consecutive: 3 }],
  ])('%s', (written, name, metric, judge) => {
    const [criterion, ...more] = criteriaOf(written)
    expect(more).toEqual([])
    expect(criterion).toMatchObject({ name, metric, judge, severity: 'fail', absence: { action: 'hold', afterMs: 60_000 } })
    expect(Object.keys(criterion?.metric ?? {}).toSorted()).toEqual(Object.keys(metric).toSorted())
    const rule = criterion?.judge
    const ofQuery = rule?.kind === 'threshold' ? rule.windowMs : 60_000
    expect(criterion?.graceMs).toBe(criterion?.metric.source === 'query' ? ofQuery : rule?.kind === 'latency' ? 10_000 : 0)
  })

  it('says what a breach does', () => {
    const [a, b, c, d] = criteriaOf('{metric: p99, limit: 1s, name: tail, severity: warn, grace: 20s, no-data: {pause: 2m}}, {metric: p50, limit: 1s, no-data: {roll-back: 5m}}, {metric: p95, limit: 1s, no-data: {hold: 0s}}, {metric: cpu, limit: 1%, no-data: hold}')
    expect(a).toMatchObject({ name: 'tail', severity: 'warn', graceMs: 20_000, absence: { action: 'pause', afterMs: 120_000 } })
    expect([b, c, d].map((each) => each?.absence)).toEqual([{ action: 'rollBack', afterMs: 300_000 }, { action: 'hold', afterMs: 0 }, { action: 'hold', afterMs: 60_000 }])
  })

  it('has a name of its own', () => {
    expect(criteriaOf('error-rate, latency, p95, {metric: error-ratio, limit: 1%}, {metric: error-ratio, limit: 5%}, {metric: cpu, limit: 5%, name: Errors}, resources, crashes, burn-rate').map(({ name }) => name)).toEqual(['Errors 2', 'Latency p95', 'Latency p95 2', 'Error ratio', 'Error ratio 2', 'Errors', 'CPU', 'Memory', 'Crashes', 'Burn rate'])
  })

  it('may be of one step', () => {
    const result = load(withCriteria('error-rate').replace('plan: {', 'plan: {steps: [{weight: 50, criteria: [crashes]}, {weight: 60, criteria: []}, 100], '))
    const plan = 'workspace' in result ? result.workspace.services[0]?.plan : undefined
    expect(plan?.steps.map((step) => step.criteria?.map(({ name }) => name))).toEqual([['Crashes'], [], undefined])
    expect(plan?.criteria.map(({ name }) => name)).toEqual(['Errors'])
  })

  it('guards a service that says nothing, in every tier, and not one that says none', () => {
    const guards = ['dev', 'staging', 'prod'].map((tier) => {
      const result = load(withCriteria('').replace('tier: dev', `tier: ${tier}`).replace(/ {4}plan.*\n/, ''))
      return 'workspace' in result ? result.workspace.services[0]?.plan.criteria.length : 0
    })
    expect(Math.min(...guards.map((count) => count ?? 0))).toBeGreaterThanOrEqual(2)
    expect(criteriaOf('')).toEqual([])
  })
})

describe('every slip in a criterion has its place', () => {
  it.each<[title: string, criteria: string, problem: string | RegExp]>([
    ['a word that is none', 'error-rat', /^10:23 there is no usual criterion `error-rat` => .*did you mean `error-rate`\?$/],
    ['a list', '[a]', /^10:23 a list where a criterion is needed =>/],
    ['nothing measured', '{limit: 1s}', /^10:23 a criterion that measures nothing => what to judge: `metric:` with one of error-ratio/],
    ['nothing judged', '{metric: p99}', /^10:23 a criterion without a limit => `limit: ...`/],
    ['two subjects', '{metric: p99, query: up, limit: 1s}', /^10:44 a criterion with `metric` and `query` => exactly one/],
    ['two rules', '{metric: p99, limit: 1s, burn-rate: 99%}', /^10:59 a criterion with `limit` and `burn-rate` =>/],
    ['harm without against', '{metric: p99, harm: 20%}', '10:43 `harm` without `against` => `against: other` beside it: the other environment over the same time'],
    ['against without harm', '{metric: p99, against: other}', /^10:46 `against` without `harm` =>/],
    ['against with a limit', '{metric: p99, against: other, limit: 1s}', /^10:46 `against` beside `limit` =>/],
    ['against something else', '{metric: p99, against: blue, harm: 20%}', '10:46 unknown value `blue` => one of other'],
    ['harm of memory', '{metric: memory, against: other, harm: 20%}', /^10:62 `harm` of something that is not counted per request =>/],
    ['no harm', '{metric: error-ratio, against: other, harm: 0%}', /^10:67 `0%` is out of range =>/],
    ['harm without a sign', '{metric: p99, against: other, harm: 0.2}', '10:59 `0.2` has no unit => a percentage with its sign, as `0.2%`'],
    ['a window beside harm', '{metric: p99, against: other, harm: 20%, window: 1m}', /^10:72 `window` beside `harm` => nothing: the test looks/],
    ['an objective of everything', '{burn-rate: 100%}', /^10:35 `100%` leaves no budget =>/],
    ['a burn rate of latency', '{metric: p99, burn-rate: 99%}', /^10:48 `burn-rate` of something that is no ratio/],
    ['windows the wrong way round', '{burn-rate: {objective: 99%, windows: [{long: 5m, short: 5m, factor: 2}]}}', '10:80 the short window is not shorter than the long one => less than 5m; the workbook takes a twelfth'],
    ['a pair without a factor', '{burn-rate: {objective: 99%, windows: [{long: 5m, short: 1m}]}}', /^10:62 `factor` is missing in a pair of windows =>/],
    ['a query nobody knows', '{query: order-s, limit: 5}', '10:31 there is no query `order-s` => did you mean `orders`?'],
    ['a query for nobody', '{query: up, provider: pro, limit: 5}', '10:45 there is no metrics provider `pro` => did you mean `prom`?'],
    ['a place that is not replaced', '{query: "up{a=\\"${env}\\"}", limit: 5}', /^10:31 `\$\{env\}` is not replaced in a query =>/],
    ['a secret in a query', '{query: "up{a=\\"${env:TOKEN}\\"}", limit: 5}', /^10:31 `\$\{env:TOKEN\}` is not replaced in a query =>/],
    ['a provider without a query', '{metric: p99, provider: prom, limit: 1s}', '10:47 `provider` without `query` => `provider` only beside `query`'],
    ['requests of a query', '{query: orders, limit: 5, min-requests: 3}', /^10:63 `min-requests` of something that has none => `min-points`/],
    ['points of the router', '{metric: p99, limit: 5s, min-points: 3}', /^10:60 `min-points` of what is counted per request/],
    ['more points than a window can hold', '{query: orders, limit: 5, window: 30s, min-points: 3}', '10:74 30s hold at most 2 of its readings, one in 15s => a longer `window`, or fewer'],
    ['a window without a reading', '{query: orders, limit: 5, window: 10s}', /^10:57 10s hold at most 0 of its readings/],
    ['a probe nobody knows', '{probe: hom, limit: 1%}', '10:31 service `checkout` has no probe `hom` => did you mean `home`?'],
    ['a probe’s share as a duration', '{probe: home, limit: 300ms}', /^10:44 `300ms` is not a percentage/],
    ['a quantile of everything', '{metric: p99, quantile: p50, limit: 1s}', /^10:47 `quantile` without `metric: latency`/],
    ['a name twice', '{metric: p99, limit: 1s, name: x}, {metric: p50, limit: 1s, name: x}', '10:89 the name `x` is taken by the criterion on line 10 => a name of its own for each criterion'],
    ['a severity that is none', '{metric: p99, limit: 1s, severity: page}', '10:58 unknown value `page` => one of fail, warn'],
    ['no data, and no time', '{metric: p99, limit: 1s, no-data: roll-back}', /^10:57 `roll-back` is nothing to do about missing data => .*: how long it may be missing before that$/],
    ['no data, two ways', '{metric: p99, limit: 1s, no-data: {pause: 1m, roll-back: 5m}}', /^10:48 `no-data` with two actions =>/],
    ['an equal never tested', '{metric: p99, against: other, mann-whitney: false}', /^10:67 `mann-whitney: false` judges nothing/],
    ['a window too short for its points', '{metric: p99, against: other, mann-whitney: {window: 30s}}', /^10:67 30s hold at most 30 of its readings/],
  ])('%s', (_title, criteria, problem) => {
    const found = problemsOf(withCriteria(criteria))
    expect(found).toHaveLength(1)
    if (typeof problem === 'string') expect(found[0]).toBe(problem)
    else expect(found[0]).toMatch(problem)
  })

  it('without any provider', () => {
    expect(problemsOf(withCriteria('{query: up, limit: 5}', '#'))[0]).toMatch(/^10:31 `query` without a provider => a provider under the top level’s `metrics`/)
    expect(problemsOf(withCriteria('{query: up, limit: 5}', 'metrics: {a: {prometheus: http://a}, b: {prometheus: http://b}}'))[0]).toBe('10:31 `query` without a provider => `provider:` with one of a, b')
  })

  it('once, where a provider or probe has a problem of its own', () => {
    expect(problemsOf(withCriteria('{query: up, provider: prom, limit: 5}', 'metrics: {prom: {prometheus: 9090}}'))).toHaveLength(1)
    expect(problemsOf(withCriteria('{query: orders, limit: 5}', 'metrics: {prom: {prometheus: http://a, queries: {orders: "${x}"}}}'))).toHaveLength(1)
    expect(problemsOf(withCriteria('{probe: slow, limit: 5%}').replace('every: 10s', 'every: 10'))).toHaveLength(1)
  })

  it('in a shared plan only for the service that lacks the probe', () => {
    const found = problemsOf(`${withCriteria('').replace('plan: {criteria: []}', 'plan: probed')}  search: {run: x, versions: ./releases, plan: probed}\nplans: {probed: {criteria: [{probe: home, limit: 1%}]}}\n`)
    expect(found).toEqual([expect.stringMatching(/^12:37 service `search` has no probe `home` => a name under `probes` of the service, which has none$/)])
  })
})

describe('metrics providers, probes and webhooks', () => {
  const workspaceOf = (top: string) => {
    const result = load(withCriteria('', top))
    if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 1))
    return { workspace: result.workspace, json: JSON.stringify(result.workspace) }
  }

  it('keep references, and no values', () => {
    const { workspace, json } = workspaceOf('metrics: {a: {prometheus: "https://m.example.com/prom/", timeout: 2s, interval: 30s, headers: {X-Scope-OrgID: shop, X-Api-Key: "k ${env:TOKEN}"}, bearer: "${env:TOKEN}", tls: {ca: ca.pem, cert: ./client.pem, key: client.key}}, b: {prometheus: "http://b", basic: {user: me, password: "${env:PASSWORD}"}}}\nnotify: {us: {url: "${env:SLACK}", format: slack, secret: "${env:TOKEN}", on: [rolled-back, guard-suspended]}, them: {url: "https://e.example.com/x"}}')
    expect(workspace.metricsProviders).toEqual([
      { name: 'a', kind: 'prometheus', url: 'https://m.example.com/prom/', timeoutMs: 2000, intervalMs: 30_000, headers: { 'X-Scope-OrgID': 'shop', 'X-Api-Key': 'k ${env:TOKEN}' }, basic: null, bearer: '${env:TOKEN}', tls: { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'client.pem'), keyFile: join(folder, 'client.key') } },
      { name: 'b', kind: 'prometheus', url: 'http://b', timeoutMs: 5000, intervalMs: 15_000, headers: {}, basic: { user: 'me', password: '${env:PASSWORD}' }, bearer: null, tls: null },
    ])
    expect(workspace.webhooks).toEqual([
      { name: 'us', url: '${env:SLACK}', format: 'slack', secret: '${env:TOKEN}', on: ['rolledBack', 'guardSuspended'] },
      { name: 'them', url: 'https://e.example.com/x', format: 'json', secret: null, on: ['rolledBack', 'held', 'warned', 'waiting', 'failed', 'guardSuspended', 'metricsLost'] },
    ])
    expect(json).not.toContain('hunter2')
    // Trusted like commands: an address may be made to carry a variable away.
    expect(workspace.commands.slice(1).map(({ command }) => command)).toEqual([
      expect.stringMatching(/^GET https:\/\/m\.example\.com\/prom\/ .*X-Api-Key: k \$\{env:TOKEN\} bearer \$\{env:TOKEN\} tls /),
      'GET http://b basic me:${env:PASSWORD}',
      'POST ${env:SLACK} signed with ${env:TOKEN}',
      'POST https://e.example.com/x',
    ])
    expect(workspace.services[0]?.probes).toEqual([
      { name: 'home', path: '/', everyMs: 1000, timeoutMs: 2000, expectStatus: 200, expectBody: null },
      { name: 'slow', path: '/cart', everyMs: 10_000, timeoutMs: 2000, expectStatus: 200, expectBody: null },
    ])
  })

  it.each<[title: string, top: string, problem: string | RegExp]>([
    ['no address', 'metrics: {a: {timeout: 1s}}', /^2:11 `prometheus` is missing in metrics provider `a` =>/],
    ['an address that is none', 'metrics: {a: {prometheus: "127.0.0.1:9090"}}', /^2:27 `127.0.0.1:9090` does not fit => an address that begins with http/],
    ['a password in the address', 'metrics: {a: {prometheus: "http://me:hunter2@a"}}', '2:27 an address with a name or password in it => `basic:` with the password as a reference, and the address without them'],
    ['a query in the address', 'metrics: {a: {prometheus: "http://a/?token=hunter2"}}', /^2:27 an address with `\?` or `#` =>/],
    ['the wrong key', 'metrics: {a: {prometheus: "http://a", url: "http://a"}}', /^2:39 unknown key `url` in metrics provider `a` => the key says what answers there/],
    ['a token in the file', 'metrics: {a: {prometheus: "http://a", bearer: hunter2}}', /^2:47 `bearer` holds a secret in the file => a reference/],
    ['a password in the file', 'metrics: {a: {prometheus: "http://a", basic: {user: me, password: hunter2}}}', /^2:67 `password` holds a secret in the file/],
    ['a secret header in the file', 'metrics: {a: {prometheus: "http://a", headers: {Authorization: hunter2}}}', /^2:64 header `Authorization` holds a secret in the file/],
    ['a variable that is not set', 'metrics: {a: {prometheus: "http://a", bearer: "${env:NOPE}"}}', '2:47 the variable NOPE is not set => NOPE in the environment Signalbox is started in'],
    ['two ways in', 'metrics: {a: {prometheus: "http://a", bearer: "${env:TOKEN}", basic: {user: a, password: "${env:TOKEN}"}}}', /two ways to authorize => one of `basic`/],
    ['tls without tls', 'metrics: {a: {prometheus: "http://a", tls: {ca: ca.pem}}}', /`tls` for an address with http:\/\/ =>/],
    ['half a certificate', 'metrics: {a: {prometheus: "https://a", tls: {cert: client.pem}}}', /`cert` without `key` =>/],
    ['a certificate that is not there', 'metrics: {a: {prometheus: "https://a", tls: {ca: nope.pem}}}', /there is no file FOLDER\/nope.pem =>/],
    ['an event that is none', 'notify: {a: {url: "https://a", on: [rolledback]}}', /^2:37 unknown value `rolledback` => one of rolled-back.*did you mean `rolled-back`\?/],
    ['Slack’s address in the file', 'notify: {a: {url: "https://hooks.slack.com/services/hunter2"}}', /^2:19 this address is a secret/],
    ['a secret in the file', 'notify: {a: {url: "https://a", secret: hunter2}}', /^2:40 `secret` holds a secret in the file/],
    ['a webhook without an address', 'notify: {a: {}}', /^2:10 `url` is missing in webhook `a` =>/],
  ])('%s', (_title, top, problem) => {
    const found = problemsOf(withCriteria('', top))
    expect(found).toHaveLength(1)
    if (typeof problem === 'string') expect(found[0]).toBe(problem)
    else expect(found[0]).toMatch(problem)
    expect(found.join('')).not.toContain('hunter2')
  })

  it.each<[written: string, problem: RegExp]>([
    ['{home: home}', /^9:20 `home` does not fit => a path that begins with `\/`/],
    ['{home: {every: 5s}}', /^9:14 `get` is missing in a probe =>/],
    ['{home: {get: /, every: 1ms}}', /^9:36 `1ms` is out of range => a duration from 250ms to 1h/],
  ])('probes %s', (probes, problem) => {
    expect(problemsOf(withCriteria('').replace(/probes: .*/, `probes: ${probes}`))[0]).toMatch(problem)
  })
})
