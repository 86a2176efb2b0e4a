import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagRolloutPlan } from '../../../contract/flag-definition.ts'
import { bucketOf } from '../../../core/analysis/latency-histogram.ts'
import { emptyDocument, putFlag, writeDocument } from '../../../core/flags/flag-set.ts'
import { booleanFlag } from '../../../core/flags/testing/flags.ts'
import { flagSourceContext, openFlagSource } from '../../flag-sources.ts'
import { publishFlagFile } from '../flag-files.ts'
import { seedFlagFolder } from '../seed-flag-folder.ts'
import { eventually, type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { countOutcomes, OUTCOMES_KEPT_MS } from './outcome-counts.ts'
import { type FlagServer, startFlagServer } from './start-flag-server.ts'

const T = 1_700_000_000_000
const one = (count: number, errors = 0, ...latency: [number, number][]) => ({ count, errors, latency })

describe('counting outcomes', () => {
  it('keeps seconds apart, and says zero where another variant was reported', () => {
    let now = T
    const counts = countOutcomes(() => now)
    counts.add('s', 'f', 'off', null, one(10, 1, [5, 9], [7, 1]))
    now = T + 2_300
    counts.add('s', 'f', 'on', null, one(2, 2))
    counts.add('s', 'f', 'off', null, one(8))
    now = T + 4_100
    const { on, off } = counts.list('s', 'f', ['on', 'off'], 0)
    expect(off).toEqual({ at: [T + 1000, T + 3000], requests: [10, 8], errors: [1, 0], latency: [[[bucketOf(5), 9], [bucketOf(7), 1]], []], values: [null, null] })
    expect(on).toEqual({ at: [T + 1000, T + 3000], requests: [0, 2], errors: [0, 2], latency: [[], []], values: [null, null] })
    expect(counts.list('s', 'f', ['on'], T + 1000)['on']?.at).toEqual([T + 3000])
    expect(counts.list('t', 'f', ['on'], 0)['on']?.at).toEqual([])
  })

  it('tells a second once and for all: late reports count into one that was not told', () => {
    let now = T + 500
    const counts = countOutcomes(() => now)
    counts.add('s', 'f', 'on', null, one(1))
    now = T + 2_000
    expect(counts.list('s', 'f', ['on'], 0)['on']).toMatchObject({ at: [T + 1000], requests: [1] })
    counts.add('s', 'f', 'on', T + 100, one(5))
    counts.add('s', 'f', 'on', T + 900_000, one(7))
    now = T - 60_000
    counts.add('s', 'f', 'on', null, one(3))
    now = T + 4_000
    const told = counts.list('s', 'f', ['on'], 0)['on']
    expect(told).toMatchObject({ at: [T + 1000, T + 2000, T + 3000] })
    expect(told?.requests[0]).toBe(1)
    expect(told?.requests.reduce((sum, count) => sum + count)).toBe(16)
  })

  it('forgets after half an hour, and is bounded in flags and memory', () => {
    let now = T
    const counts = countOutcomes(() => now, 50)
    for (let second = 0; second < 100; second += 1) {
      now = T + second * 1000
      counts.add('s', 'f', 'on', null, one(10, 0, ...Array.from({ length: 10 }, (_, index): [number, number] => [2 ** index, 1])))
    }
    now += 2000
    expect(counts.list('s', 'f', ['on'], 0)['on']?.at).toHaveLength(5)
    for (let index = 0; index < 199; index += 1) expect(counts.add('s', `flag-${index}`, 'on', null, one(1))).toBe(true)
    expect(counts.add('s', 'one-more', 'on', null, one(1))).toBe(false)
    now += OUTCOMES_KEPT_MS + 2000
    expect(counts.list('s', 'f', ['on'], 0)['on']?.at).toEqual([])
    expect(counts.add('s', 'one-more', 'on', null, one(1))).toBe(true)
  })
})

describe('outcomes over the server', () => {
  let folder: TemporaryFolder
  let server: FlagServer
  const start = () => startFlagServer({ folder: join(folder.path, 'flags'), host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'dev', keepFolder: join(folder.path, 'kept') })
  const file = () => join(folder.path, 'flags', 'dev.json')
  const source = () =>
    openFlagSource(
      { name: 'shop', kind: 'file', sets: [{ tier: 'dev', set: 'dev' }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { folder: join(folder.path, 'flags'), seed: join(folder.path, 'seed'), defaultSet: 'dev' } },
      flagSourceContext(join(folder.path, 'data'), { start: async () => ({ httpPort: server.httpPort, syncPort: server.syncPort }) }),
    )
  beforeEach(async () => {
    folder = await temporaryFolder()
    await mkdir(join(folder.path, 'seed'))
    await writeFile(join(folder.path, 'seed', 'dev.json'), writeDocument(putFlag(emptyDocument(), booleanFlag('new-checkout'))))
    seedFlagFolder(join(folder.path, 'flags'), join(folder.path, 'seed'))
    server = await start()
  })
  afterEach(async () => {
    await server.close()
    await folder.remove()
  })
  const post = async (events: unknown[]) => (await (await fetch(`http://127.0.0.1:${server.httpPort}/signalbox/v1/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ events }) })).json()) as { accepted: number; rejected: { index: number; why: string }[] }
  const requests = (more: object) => ({ kind: 'requests', flag: 'new-checkout', variant: 'on', count: 4, ...more })

  it('takes requests by variant, refuses what cannot be, and answers them to the source', async () => {
    const answer = await post([
      requests({ errors: 1, latencyMs: [1, 2, [40, 2]] }),
      requests({ variant: 'off', count: 0 }),
      requests({ errors: 5 }),
      requests({ latencyMs: [1, [2, 4]] }),
      requests({ latencyMs: [-1] }),
      requests({ variant: 'blue' }),
      requests({ flag: 'nowhere' }),
      requests({ count: 1.5 }),
      requests({ count: -1 }),
      requests({ more: true }),
    ])
    expect(answer.accepted).toBe(2)
    expect(answer.rejected.map(({ index }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    const outcomes = await eventually(() => source().outcomes('dev', 'new-checkout', 0), (found) => (found?.get('on')?.at.length ?? 0) > 0)
    expect(outcomes?.get('on')).toMatchObject({ requests: [4], errors: [1], latency: [[[bucketOf(1), 1], [bucketOf(2), 1], [bucketOf(40), 2]]] })
    expect(outcomes?.get('off')).toMatchObject({ requests: [0], errors: [0], latency: [[]] })
    await expect(source().outcomes('dev', 'nowhere', 0)).rejects.toMatchObject({ code: 'notFound' })
    // Only while there is something to compare.
    await post([{ kind: 'exposure', flag: 'new-checkout', variant: 'off', targetingKey: 'b' }])
    expect(await source().experiments('dev')).toEqual([])
    const plan: FlagRolloutPlan = { flag: 'new-checkout', variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [{ audience: { kind: 'everyone' }, percent: 50, holdMs: 0, approval: false, criteria: null }] }
    const before = await source().observe('dev', 'new-checkout')
    await source().apply({ set: 'dev', key: 'new-checkout', change: { kind: 'expose', before: before.definition, plan, stage: 0 }, expect: before.version, comment: '' })
    await eventually(async () => (await source().read('dev')).digest, (digest) => server.status().sets[0]?.digest === digest)
    await post([{ kind: 'evaluations', flag: 'new-checkout', variant: 'on', count: 7 }, { kind: 'exposure', flag: 'new-checkout', variant: 'on', targetingKey: 'a' }])
    expect((await source().evaluations('dev'))?.variants).toMatchObject([{ flag: 'new-checkout', variant: 'on', total: 7 }])
    expect(await source().experiments('dev')).toMatchObject([{ flag: 'new-checkout', variants: [{ variant: 'on', users: 1 }] }])
    const exposed = await source().observe('dev', 'new-checkout')
    expect(exposed.definition.metadata['signalbox.experiment']).toMatch(/^\d+$/)
    await source().apply({ set: 'dev', key: 'new-checkout', change: { kind: 'finish', variant: 'on' }, expect: exposed.version, comment: '' })
    await eventually(async () => (await source().read('dev')).digest, (digest) => server.status().sets[0]?.digest === digest)
    await post([{ kind: 'exposure', flag: 'new-checkout', variant: 'on', targetingKey: 'c' }, { kind: 'conversion', metric: 'order', targetingKey: 'a' }])
    expect(await source().experiments('dev')).toMatchObject([{ variants: [{ variant: 'on', users: 1, metrics: {} }] }])
    expect((await source().test()).map(({ ok }) => ok)).toEqual([true, true])
    expect((await source().read('dev')).addresses.map(({ address }) => address)).toEqual([`127.0.0.1:${server.syncPort}`, `http://127.0.0.1:${server.httpPort}`, file()])
  })

  it('serves the last good version after a restart over a broken file, and knows it for a source that never saw one', async () => {
    const good = writeDocument(putFlag(emptyDocument(), { ...booleanFlag('new-checkout'), defaultVariant: 'on' }))
    const { digest } = server.status().sets[0] ?? { digest: null }
    await publishFlagFile(file(), good, 'any')
    await eventually(() => server.status().sets[0]?.digest, (now) => now !== digest)
    await server.close()
    await writeFile(file(), good.slice(0, 100))
    server = await start()
    expect(server.status().sets).toMatchObject([{ name: 'dev', flags: 1, broken: { why: expect.stringContaining('dev.json:') } }])
    const evaluated = await fetch(`http://127.0.0.1:${server.httpPort}/ofrep/v1/evaluate/flags/new-checkout`, { method: 'POST', body: '{}' })
    expect(await evaluated.json()).toMatchObject({ value: true })
    const late = source()
    expect(await late.read('dev')).toMatchObject({ broken: { why: expect.stringContaining('dev.json:') }, flagSet: { flags: [{ key: 'new-checkout', defaultVariant: 'on' }] } })
    await late.apply({ set: 'dev', key: 'new-checkout', change: { kind: 'kill', variant: 'off' }, expect: null, comment: '' })
    await eventually(() => server.status().sets[0]?.broken, (broken) => broken === null)
    expect((await late.observe('dev', 'new-checkout')).definition.defaultVariant).toBe('off')
  })
})
