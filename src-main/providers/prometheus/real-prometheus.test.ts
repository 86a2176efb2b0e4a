import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { MetricsProviderConfig } from '../../contract/workspace.ts'
import type { EnvironmentName } from '../../contract/vocabulary.ts'
import { createMetricsSource, type ConfiguredMetricsSource } from '../metrics-source.ts'
import { hasOpenssl, hasPrometheus, openScrapedProgram, preparePrometheus, type RunningPrometheus, type ScrapedProgram, sleep } from './testing/run-prometheus.ts'

const canRun = hasPrometheus()
const configOf = (url: string, change: Partial<MetricsProviderConfig> = {}): MetricsProviderConfig => ({ name: 'prom', kind: 'prometheus', url, timeoutMs: 3000, intervalMs: 1000, headers: {}, basic: null, bearer: null, tls: null, ...change })
const query = (text: string) => ({ source: 'query', provider: 'prom', query: text, unit: '' }) as const
const of = (environment: EnvironmentName, version = '1.8.0') => ({ service: 'checkout', environment, version, windowMs: 5000 })

const RATE = query('sum(rate(requests_total{service="${service}", environment="${environment}"}[${window}]))')
const ERROR_RATIO = query('sum(rate(errors_total{environment="${environment}"}[${window}])) / sum(rate(requests_total{environment="${environment}"}[${window}]))')
const isUp = async (url: string) => (await fetch(`${url}/-/ready`)).ok

describe.skipIf(!canRun)('a real Prometheus, scraping each second', () => {
  let prometheus: RunningPrometheus
  let source: ConfiguredMetricsSource
  const programs: { blue: ScrapedProgram; green: ScrapedProgram } = {} as never

  beforeAll(async () => {
    programs.blue = await openScrapedProgram({ requests: 90, errors: 0.9, memory: 100, version: '1.8.0' })
    programs.green = await openScrapedProgram({ requests: 10, errors: 2, memory: 250, version: '1x8x0' })
    prometheus = await preparePrometheus([
      { port: programs.blue.port, labels: { service: 'checkout', environment: 'blue' } },
      { port: programs.green.port, labels: { service: 'checkout', environment: 'green' } },
    ])
    source = createMetricsSource({ providers: [configOf(prometheus.url)], prober: null })
    await prometheus.start(isUp)
    // Its first scrape comes after five seconds; then a window must fill.
    const scrapes = async () => (await source.read(query('sum(count_over_time(memory_bytes[6s]))'), of('blue'), Date.now() - 3000)).points.at(-1)?.value ?? 0
    await vi.waitFor(async () => expect(await scrapes()).toBeGreaterThanOrEqual(12), { timeout: 25_000, interval: 300 })
  })
  afterAll(async () => {
    await source.close()
    await prometheus.remove()
    await Promise.all([programs.blue.close(), programs.green.close()])
  })

  const newest = async (metric: ReturnType<typeof query>, target = of('blue')) => (await source.read(metric, target, Date.now() - 20_000)).points.at(-1)?.value ?? null

  it('says what answers there', async () => {
    expect(await source.check()).toEqual([{ name: 'prom', ok: true, detail: expect.stringMatching(/^Prometheus \d+\.\d+.* answers\.$/) as string, next: '' }])
  })

  it('gives each environment its own rates', async () => {
    const rates = await Promise.all((['blue', 'green'] as const).map((side) => newest(RATE, of(side))))
    expect(rates[0]).toBeGreaterThan(80)
    expect(rates[0]).toBeLessThan(100)
    expect(rates[1]).toBeGreaterThan(8.5)
    expect(rates[1]).toBeLessThan(11.5)
    expect(await newest(ERROR_RATIO, of('blue'))).toBeCloseTo(0.01, 3)
    expect(await newest(ERROR_RATIO, of('green'))).toBeCloseTo(0.2, 2)
  })

  it('gives a point for each second, newest last and fresh', async () => {
    const { points, notes } = await source.read(query('sum(memory_bytes{environment="${environment}"})'), of('green'), Date.now() - 5000)
    expect(notes).toEqual([])
    expect(points.length).toBeGreaterThanOrEqual(4)
    expect(points.every(({ value }) => value === 250)).toBe(true)
    expect(Date.now() - (points.at(-1)?.at ?? 0)).toBeLessThan(3000)
    expect(new Set(points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? 0)))).toEqual(new Set([1000]))
  })

  it('matches a version as it is written, also in a regular expression', async () => {
    // The control: unescaped, 1.8.0 also matches 1x8x0, which is why it is escaped.
    expect(await newest(query('sum(memory_bytes{version=~"1.8.0"})'))).toBe(350)
    expect(await newest(query('sum(memory_bytes{version=~"${version}"})'))).toBe(100)
    expect(await newest(query('sum(memory_bytes{version=~`${version}`})'))).toBe(100)
  })

  it('parses what a hostile version becomes, and finds nothing', async () => {
    const version = `"} or vector(1) #\\'\n\`é🙂`
    for (const text of ['sum(memory_bytes{version="${version}"})', "sum(memory_bytes{version=~'${version}'})"]) {
      expect(await source.read(query(text), of('blue', version), Date.now() - 5000)).toMatchObject({ points: [], notes: [] })
    }
  })

  it('answers NaN as no number', async () => {
    const { points } = await source.read(query('0 * sum(memory_bytes) / 0'), of('blue'), Date.now() - 5000)
    expect(points.length).toBeGreaterThanOrEqual(3)
    expect(points.every(({ value }) => value === null)).toBe(true)
    expect(await newest(query('sum(memory_bytes) / 0'))).toBeNull()
    expect(await newest(query('scalar(sum(memory_bytes{environment="blue"}))'))).toBe(100)
  })

  it('says what is wrong with a query', async () => {
    await expect(newest(query('sum(memory_bytes'))).rejects.toMatchObject({ code: 'invalidInput', message: expect.stringMatching(/^Metrics provider prom refused the query: .*parse error/) as string })
    await expect(newest(query('memory_bytes'))).rejects.toMatchObject({ code: 'invalidInput', message: expect.stringContaining('2 series, where one is needed') as string })
    await expect(newest(query('"text"'))).rejects.toMatchObject({ code: 'invalidInput' })
    const trial = await source.tryQuery(query('memory_bytes{environment="${environment}"} * on() group_left() foo{'), of('blue'), Date.now() - 5000)
    expect(trial).toMatchObject({ query: 'memory_bytes{environment="blue"} * on() group_left() foo{', samples: [] })
    expect(trial.notes[0]).toContain('parse error')
    expect((await source.tryQuery(RATE, of('blue'), Date.now() - 5000)).samples.length).toBeGreaterThanOrEqual(3)
    expect((await source.tryQuery(query('no_such_metric'), of('blue'), Date.now() - 5000)).notes).toEqual(['There is no data for this time.'])
  })

  it('does not make a reset counter negative; and a target that fails ends within seconds', async () => {
    const memory = query('sum(memory_bytes{environment="green"})')
    expect(await newest(memory)).toBe(250)
    programs.blue.reset()
    programs.green.fail()
    const since = Date.now()
    await sleep(4500)
    const { points } = await source.read(RATE, of('blue'), since - 2000)
    expect(points.length).toBeGreaterThanOrEqual(4)
    expect(points.every(({ value }) => value !== null && value >= 0 && value < 200)).toBe(true)
    const ended = (await source.read(memory, of('green'), since - 5000)).points
    expect(ended.length).toBeGreaterThan(0)
    expect((ended.at(-1)?.at ?? 0) - since).toBeLessThanOrEqual(2500)
  })

  it('killed: says so; started again: goes on, and nothing fills the gap', async () => {
    const memory = query('sum(memory_bytes{environment="blue"})')
    expect(await newest(memory)).toBe(100)
    await prometheus.kill()
    const killedAt = Date.now()
    await expect(newest(memory)).rejects.toMatchObject({ code: 'providerUnavailable', message: expect.stringContaining('ECONNREFUSED') as string })
    expect(await source.check()).toMatchObject([{ ok: false }])
    await prometheus.start(isUp)
    // Alive, but scraping nothing yet: it repeats what it knew, and that is no data.
    let sawRepeated = false
    await expect
      .poll(
        async () => {
          const { points, notes } = await source.read(memory, of('blue'), killedAt + 4000)
          sawRepeated ||= notes.some((note) => note.includes('older data'))
          return points.at(-1)?.value ?? null
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe(100)
    const { points } = await source.read(memory, of('blue'), killedAt - 2000)
    const firstBack = points.find(({ at, value }) => at > killedAt + 3500 && value !== null)?.at ?? 0
    // Five seconds pass before a restarted Prometheus scrapes.
    expect(firstBack - killedAt).toBeGreaterThan(4500)
    expect(sawRepeated || points.every(({ at }) => at < killedAt + 3500 || at >= firstBack)).toBe(true)
  })
})

describe.skipIf(!canRun || !hasOpenssl())('a real Prometheus that asks for a client certificate and a password', () => {
  /** bcrypt of the password below. */
  const HASH = '$2b$04$abcdefghijklmnopqrstuuho/ppTcmsBIj2TNMdOGwEUcNR/Zfi5u'
  const PASSWORD = 'hunter2-hunter2'
  let prometheus: RunningPrometheus
  const at = (name: string) => join(prometheus.folder, name)

  beforeAll(async () => {
    prometheus = await preparePrometheus([], {
      webConfig: (folder) => {
        const run = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' })
        const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
        for (const [name, subject] of [['ca', '/CN=authority'], ['stranger', '/CN=stranger']] as const) run('req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2', '-subj', subject)
        writeFileSync(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1')
        for (const name of ['server', 'client']) {
          run('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
          run('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'san', '-out', `${name}.pem`)
        }
        return JSON.stringify({ tls_server_config: { cert_file: 'server.pem', key_file: 'server.key', client_ca_file: 'ca.pem', client_auth_type: 'RequireAndVerifyClientCert' }, basic_auth_users: { signalbox: HASH } })
      },
    })
    const ready = sourceWith({})
    await prometheus.start(async () => (await ready.check()).every(({ ok }) => ok))
    await ready.close()
  })
  afterAll(() => prometheus.remove())

  const sourceWith = (change: Partial<MetricsProviderConfig>, password = PASSWORD) =>
    createMetricsSource({
      providers: [configOf(prometheus.url, { basic: { user: 'signalbox', password: '${env:PASSWORD}' }, tls: { caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client.key') }, ...change })],
      prober: null,
      readSecret: () => password,
    })
  const checked = async (change: Partial<MetricsProviderConfig>, password?: string) => {
    const source = sourceWith(change, password)
    const [check] = await source.check()
    await source.close()
    return check
  }

  it('lets in who has both, and nobody else', async () => {
    expect(await checked({})).toMatchObject({ ok: true })
    const tls = { caFile: at('ca.pem'), certFile: at('client.pem'), keyFile: at('client.key') }
    const refusals = await Promise.all([
      checked({}, 'wrong'),
      checked({ basic: null }),
      checked({ tls: { ...tls, certFile: null, keyFile: null } }),
      checked({ tls: { ...tls, certFile: at('stranger.pem'), keyFile: at('stranger.key') } }),
      checked({ tls: { ...tls, caFile: null } }),
      checked({ tls: { ...tls, caFile: at('stranger.pem') } }),
      checked({ tls: { ...tls, certFile: at('nowhere.pem') } }),
    ])
    expect(refusals.map((check) => check?.ok)).toEqual(refusals.map(() => false))
    expect(refusals.slice(0, 2).map((check) => check?.detail)).toEqual([expect.stringContaining('(401)'), expect.stringContaining('(401)')])
    expect(refusals[4]?.next).toContain('`ca` in the workspace')
    expect(refusals[6]?.detail).toContain('nowhere.pem')
    expect(JSON.stringify(refusals)).not.toContain(PASSWORD)
  })
})
