import { afterEach, describe, expect, it } from 'vitest'
import type { Criterion, Series } from '../../contract/analysis.ts'
import { Fault } from '../../contract/fault.ts'
import type { MetricsProviderConfig } from '../../contract/workspace.ts'
import { judgeCriterion } from '../../core/analysis/judge.ts'
import type { MetricReading } from '../../core/ports.ts'
import { createMetricsSource, type ConfiguredMetricsSource } from '../metrics-source.ts'
import { matrixOf, openTestServer, type Asked, type TestServer } from './testing/lying-server.ts'

const SECRET = 'hunter2-hunter2'
const target = { service: 'checkout', environment: 'green', version: '1.8.0', windowMs: 10_000 } as const
const metric = { source: 'query', provider: 'prom', query: 'sum(orders{environment="${environment}"})', unit: '' } as const
const configOf = (url: string, change: Partial<MetricsProviderConfig> = {}): MetricsProviderConfig => ({ name: 'prom', kind: 'prometheus', url, timeoutMs: 400, intervalMs: 1000, headers: {}, basic: null, bearer: '${env:TOKEN}', tls: null, ...change })

const open: (TestServer | ConfiguredMetricsSource)[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()))
})

type Answer = Parameters<typeof openTestServer>[0]
const queriesOf = (server: TestServer) => server.asked.filter(({ parameters }) => parameters.get('query') !== 'max(timestamp(up))')
async function sourceOf(answer: Answer, change: Partial<MetricsProviderConfig> = {}, answersHeartbeat = true) {
  // The question when anything was last scraped is answered as somebody would who scrapes nothing himself.
  const server = await openTestServer((asked, response) => (asked.parameters.get('query') === 'max(timestamp(up))' && answersHeartbeat ? void response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}') : answer(asked, response)))
  const source = createMetricsSource({ providers: [configOf(server.url, change)], prober: null, readSecret: (name) => (name === 'TOKEN' ? `${SECRET}\n` : null) })
  open.push(server, source)
  return { server, source, read: (fromAt = Date.now() - 20_000) => source.read(metric, target, fromAt) }
}
const says =
  (values: readonly string[], extra: object = {}): Answer =>
  (asked, response) => void response.end(matrixOf(asked, values, extra))
const status =
  (code: number, body = ''): Answer =>
  (_asked, response) => {
    response.statusCode = code
    response.end(body)
  }

const GOOD = Array.from({ length: 10 }, () => '3')
const refused = (errorType: string) => JSON.stringify({ status: 'error', errorType, error: `parse error: Bearer ${SECRET}` })

/** What a plain limit says of a reading, as the engine would ask it: breached only by real numbers. */
function verdictOf(reading: MetricReading, limit: number): string {
  const now = Date.now()
  const criterion: Criterion = { name: 'orders', metric, judge: { kind: 'threshold', limit, harm: 'above', windowMs: 10_000, minRequests: 3, consecutive: 1 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 0 } }
  const column = reading.points.map(() => 0)
  const series: Series = { at: reading.points.map(({ at }) => at), requests: column, errors: column, latency: reading.points.map(() => []), values: reading.points.map(({ value }) => value) }
  const empty: Series = { at: [], requests: [], errors: [], latency: [], values: [] }
  const result = judgeCriterion(criterion, { now, candidate: series, baseline: empty, frozen: null, candidateSince: now - 60_000, stepSince: now - 60_000, weightPercent: 50, crashes: [] })
  return `${result.verdict}${result.absentSince === null ? '' : ', absent'}`
}

describe('a server that answers', () => {
  it('is believed when it makes sense: the control arm', async () => {
    const { read, server } = await sourceOf(says(GOOD))
    const reading = await read()
    expect(reading).toMatchObject({ query: 'sum(orders{environment="green"})', notes: [] })
    expect(reading.points).toHaveLength(10)
    expect(reading.points.every(({ value, requests, errors, latencyMs }) => value === 3 && requests === 0 && errors === 0 && latencyMs === null)).toBe(true)
    expect([verdictOf(reading, 2), verdictOf(reading, 4)]).toEqual(['fail', 'pass'])
    const asked = queriesOf(server)[0]
    expect(asked).toMatchObject({ method: 'POST', path: '/api/v1/query_range', headers: { authorization: `Bearer ${SECRET}` } })
    expect(Object.fromEntries(asked?.parameters ?? [])).toMatchObject({ query: reading.query, step: '1.000', lookback_delta: '3.000', timeout: '400ms' })
  })

  const later = (seconds: number) => (asked: Asked) => String(Number(asked.parameters.get('end')) + seconds)
  const points = (asked: Asked, pairs: readonly [seconds: number, value: string][]) => JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: [{ metric: {}, values: pairs.map(([seconds, value]) => [Number(later(seconds)(asked)), value]) }] } })

  it.each<[row: string, answer: Answer, values: (number | null)[], note: RegExp | null]>([
    ['NaN', says(Array<string>(10).fill('NaN')), Array<null>(10).fill(null), /^10 of 10 points are no finite number/],
    ['+Inf', says(Array<string>(10).fill('+Inf')), Array<null>(10).fill(null), /no finite number/],
    ['-Inf', says(Array<string>(10).fill('-Inf')), Array<null>(10).fill(null), /no finite number/],
    ['an empty value', says(Array<string>(10).fill('')), Array<null>(10).fill(null), /no finite number/],
    ['a number that is none', says(['0x10', '1e999', '1,5', ' 3', '1_0']), [null, null, null, null, null], /no finite number/],
    ['an empty result', (_asked, response) => void response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}'), [], null],
    ['warnings: a part is missing', says(GOOD, { warnings: ['store 10.0.0.7 is away'] }), Array<null>(10).fill(null), /^Warning of prom: store 10\.0\.0\.7 is away$/],
    ['points from long ago', (asked, response) => void response.end(points(asked, [[-900, '9'], [-800, '9']])), [], /^2 points were not of the time asked for/],
    ['points from the future', (asked, response) => void response.end(points(asked, [[60, '9'], [3600, '9']])), [], /^2 points were not of the time asked for/],
    ['points twice, with different values', (asked, response) => void response.end(points(asked, [[-2, '9'], [-2, '1'], [-2, '9'], [-1, '9'], [-1, '1'], [0, '9'], [0, '1']])), [null, null, null], /^3 points came twice with different values/],
  ])('%s is no data: never a pass, never a fail', async (_row, answer, values, note) => {
    const { read } = await sourceOf(answer)
    const reading = await read()
    expect(reading.points.map(({ value }) => value)).toEqual(values)
    if (note) expect(reading.notes[0]).toMatch(note)
    expect([verdictOf(reading, 0.5), verdictOf(reading, 100)]).toEqual(['inconclusive, absent', 'inconclusive, absent'])
  })

  it('in the wrong order, and twice, is put in order', async () => {
    const { read } = await sourceOf((asked, response) => void response.end(points(asked, [[0, '5'], [-2, '3'], [-1, '4'], [-2, '3'], [0, '5']])))
    const reading = await read()
    expect(reading.points.map(({ value }) => value)).toEqual([3, 4, 5])
    expect(reading.notes).toEqual([])
  })

  it('with infos is believed, and the infos are shown', async () => {
    const { read } = await sourceOf(says(GOOD, { infos: ['metric might not be a counter\nreally'] }))
    const reading = await read()
    expect(reading.points.every(({ value }) => value === 3)).toBe(true)
    expect(reading.notes).toEqual(['prom: metric might not be a counter really'])
  })

  it.each([
    ['ahead', 60_000],
    ['behind', -60_000],
  ])('with a clock a minute %s is not believed', async (word, skewMs) => {
    const { read } = await sourceOf((asked, response) => {
      response.setHeader('date', new Date(Date.now() + skewMs).toUTCString())
      response.end(matrixOf(asked, GOOD))
    })
    const reading = await read()
    expect(reading.notes[0]).toMatch(new RegExp(`^The clock of prom is (59|60|61) s ${word}; its answers count as no data\\.$`))
    expect([verdictOf(reading, 0.5), verdictOf(reading, 100)]).toEqual(['inconclusive, absent', 'inconclusive, absent'])
  })

  it('is asked once for one moment, and not before the next is due', async () => {
    const { read, server } = await sourceOf(says(GOOD), { intervalMs: 60_000 })
    await Promise.all([read(0), read(0), read(0)])
    const { points: newest } = await read(0)
    expect(queriesOf(server).length).toBeLessThanOrEqual(2)
    const before = server.asked.length
    expect((await read(newest.at(-1)?.at)).points).toEqual([])
    expect(server.asked).toHaveLength(before)
  })

  it('that scraped nothing lately repeats what it knew, which is no data', async () => {
    const { read } = await sourceOf((asked, response) => {
      const end = Number(asked.parameters.get('end'))
      const isHeartbeat = asked.parameters.get('query') === 'max(timestamp(up))'
      // Nothing was scraped in the last six seconds.
      response.end(isHeartbeat ? matrixOf(asked, Array.from({ length: 10 }, (_, index) => String(Math.min(end - 6, end - 9 + index)))) : matrixOf(asked, GOOD))
    }, {}, false)
    const reading = await read()
    expect(reading.points.map(({ value }) => value)).toEqual([3, 3, 3, 3, 3, 3, 3, null, null, null])
    expect(reading.notes).toEqual(['3 points repeat older data, since prom scraped nothing for more than 3 s before, and count as no data.'])
  })

  it('without that function is believed as it is', async () => {
    const { read } = await sourceOf((asked, response) => {
      if (asked.parameters.get('query') !== 'max(timestamp(up))') return void response.end(matrixOf(asked, GOOD))
      response.statusCode = 400
      response.end(JSON.stringify({ status: 'error', errorType: 'bad_data', error: 'unknown function timestamp' }))
    }, {}, false)
    expect((await read()).points.every(({ value }) => value === 3)).toBe(true)
  })

  it('asks for no more than an hour', async () => {
    const { read, server } = await sourceOf(says(GOOD))
    await read(0)
    const { start, end } = Object.fromEntries(queriesOf(server)[0]?.parameters ?? []) as { start: string; end: string }
    expect(Number(end) - Number(start)).toBe(3600)
  })
})

describe('a server that fails', () => {
  it.each<[row: string, answer: Answer, code: string, message: RegExp]>([
    ['a query it cannot parse', status(400, refused('bad_data')), 'invalidInput', /^Metrics provider prom refused the query: parse error/],
    ['a query it cannot run', status(422, refused('execution')), 'invalidInput', /refused the query/],
    ['its own timeout', status(503, refused('timeout')), 'timeout', /gave up on the query/],
    ['401', status(401), 'providerUnavailable', /does not let Signalbox in \(401\)/],
    ['403', status(403, 'no'), 'providerUnavailable', /does not let Signalbox in \(403\)/],
    ['404', status(404, '404 page not found'), 'providerUnavailable', /no Prometheus API under/],
    ['400 of somebody else', status(400, '<html>'), 'providerUnavailable', /answered 400\./],
    ['429', status(429, refused('unavailable')), 'providerUnavailable', /answered 429: parse error/],
    ['500', status(500, refused('internal')), 'providerUnavailable', /answered 500: parse error/],
    ['502', status(502, '<html>bad gateway</html>'), 'providerUnavailable', /answered 502\./],
    ['an error that says success', status(200, refused('internal')), 'providerUnavailable', /answered with an error: parse error/],
    ['truncated JSON', (asked, response) => void response.end(matrixOf(asked, GOOD).slice(0, -20)), 'providerUnavailable', /something that is not the JSON/],
    ['a body cut off', (asked, response) => {
      response.setHeader('content-length', '100000')
      response.write(matrixOf(asked, GOOD))
      setTimeout(() => response.destroy(), 20)
    }, 'providerUnavailable', /cannot be reached at .* \(UND_ERR_SOCKET|no answer\)/],
    ['an empty body', status(200), 'providerUnavailable', /an empty body/],
    ['HTML', status(200, '<html>sign in</html>'), 'providerUnavailable', /something that is not the JSON/],
    ['another shape', status(200, '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[["now",3]]}]}}'), 'providerUnavailable', /a result of unknown shape/],
    ['a redirect', (_asked, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(), 'providerUnavailable', /redirect \(307\), which is not followed/],
    ['no answer', () => {}, 'timeout', /did not answer within 400 ms/],
    ['half an answer', (asked, response) => void response.write(matrixOf(asked, GOOD).slice(0, 40)), 'timeout', /did not answer within 400 ms/],
    ['an endless answer', (_asked, response) => {
      const pour = () => {
        while (response.write(Buffer.alloc(1024 * 1024, 32)));
        response.once('drain', pour)
      }
      pour()
    }, 'providerUnavailable', /ANSWER_TOO_LARGE/],
    ['several series', (_asked, response) => void response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result: ['a', 'b', 'c', 'd'].map((instance) => ({ metric: { instance }, values: [[1, '1']] })) } })), 'invalidInput', /answers 4 series, where one is needed: \{instance="a"\}, \{instance="b"\}, \{instance="c"\}, …\./],
    ['a native histogram', (_asked, response) => void response.end('{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[]}]}}'), 'invalidInput', /a native histogram/],
    ['a text', (_asked, response) => void response.end('{"status":"success","data":{"resultType":"string","result":[1,"x"]}}'), 'invalidInput', /answers a text/],
  ])('by %s', async (_row, answer, code, message) => {
    const { read, source } = await sourceOf(answer, code === 'providerUnavailable' && message.source.includes('TOO_LARGE') ? { timeoutMs: 20_000 } : {})
    const error = await read().then(
      () => null,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(Fault)
    if (!(error instanceof Fault)) return
    expect(error.code).toBe(code)
    expect(error.message).toMatch(message)
    expect(error.data.next.length).toBeGreaterThan(10)
    // Not the token, in no form, not in the cause, not in what Settings shows.
    const trial = await source.tryQuery(metric, target, Date.now() - 20_000)
    const everything = JSON.stringify([error.data, error.stack, String(error.cause), trial])
    expect(everything).not.toContain(SECRET)
    expect(everything).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 12))
    expect(trial).toMatchObject({ query: 'sum(orders{environment="green"})', samples: [] })
    expect(trial.notes[0]).toMatch(message)
    expect([verdictOf(trial.reading, 0.5), verdictOf(trial.reading, 100)]).toEqual(['inconclusive, absent', 'inconclusive, absent'])
  })

  it('by refusing connections', async () => {
    const { server, read } = await sourceOf(says(GOOD))
    await read()
    await server.close()
    await expect(read()).rejects.toMatchObject({ code: 'providerUnavailable', message: expect.stringMatching(/cannot be reached at http:\/\/127\.0\.0\.1:\d+ \((ECONNREFUSED|UND_ERR_SOCKET|ECONNRESET)\)/) as string })
    await expect(read()).rejects.toMatchObject({ code: 'providerUnavailable', message: expect.stringContaining('ECONNREFUSED') as string })
  })

  it('by hanging costs no more than a few connections, however often it is asked', async () => {
    const { read, server } = await sourceOf(() => {})
    const all = await Promise.allSettled(Array.from({ length: 100 }, (_, index) => read(Date.now() - 20_000 - index * 1000)))
    expect(all.every(({ status: outcome }) => outcome === 'rejected')).toBe(true)
    expect(server.asked.length).toBeLessThanOrEqual(8)
  })
})

describe('credentials', () => {
  it('are sent as they are declared, and only to the one address', async () => {
    const other = await openTestServer((_asked, response) => void response.end())
    open.push(other)
    const { read, server } = await sourceOf((_asked, response) => void response.writeHead(302, { location: other.url }).end(), { bearer: null, basic: { user: 'me', password: '${env:TOKEN}' }, headers: { 'X-Scope-OrgID': 'shop', 'X-Api-Key': 'k ${env:TOKEN}' } })
    await expect(read()).rejects.toMatchObject({ code: 'providerUnavailable' })
    expect(server.asked[0]?.headers).toMatchObject({ 'x-scope-orgid': 'shop', 'x-api-key': `k ${SECRET}`, authorization: `Basic ${Buffer.from(`me:${SECRET}`).toString('base64')}` })
    expect(other.asked).toEqual([])
  })

  it('that are not set are named, and nothing is sent', async () => {
    const { read, server } = await sourceOf(says(GOOD), { bearer: '${env:NOT_SET}' })
    await expect(read()).rejects.toMatchObject({ code: 'providerUnavailable', message: 'Metrics provider prom needs the variable NOT_SET, which is not set.' })
    expect(server.asked).toEqual([])
  })

  it('that a server repeats to us go no further', async () => {
    const { read } = await sourceOf((asked, response) => void response.end(matrixOf(asked, GOOD, { warnings: [`you said ${asked.headers.authorization ?? ''}`], infos: [encodeURIComponent(SECRET)] })))
    const reading = await read()
    expect(reading.notes[0]).toBe('Warning of prom: you said Bearer •••')
    expect(JSON.stringify(reading)).not.toContain(SECRET)
  })
})

describe('a proxy that only lets GET through', () => {
  it('is asked with GET from then on', async () => {
    const { read, server } = await sourceOf((asked, response) => void (asked.method === 'POST' ? response.writeHead(405).end() : response.end(matrixOf(asked, GOOD))))
    expect((await read()).points).toHaveLength(10)
    expect((await read()).points).toHaveLength(10)
    expect(queriesOf(server).map(({ method }) => method)).toEqual(['POST', 'GET', 'GET'])
  })
})
