import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-fuzz-'))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

const FULL = `workspace: shop
tier: staging
idle-stop: 10m
roles: {ada: admin}
metrics: {prom: {prometheus: http://a:9090, headers: {a: b}, queries: {orders: 'x[\${window}]'}}}
notify: {hook: {url: https://a/b, on: [held]}}
databases: {shop: {practice: true, rehearsal: other}, other: {url: 'postgres://a@b/c'}}
migrations:
  split:
    database: shop
    table: customers
    columns: {first: {type: 'varchar(20)', up: "split_part(name, ' ', 1)", not-null: true, default: "'x'", unique: true}}
    replaces: {name: {down: "first || ' x'"}}
    checks: {short: length(first) < 9}
    entity: [id]
    services: {checkout: {old-versions: [1.*], new-versions: [2.*]}}
    verify: {queries: {q: {old: 'SELECT a FROM b WHERE c = $1', new: 'SELECT $1'}}, ignore: {i: {when: old = new, reason: r, until: 2030-01-01}}}
    throttle: {max-replica-lag: none, max-wal-backlog: 1GiB, hours: 22:00-06:00}
    policy: {read-steps: [5, 100], approvals: {drop: 1}}
  orders:
    database: other
    old: [orders]
    drop-old: true
    tables: {s.orders2: {columns: {id: bigint, t: {type: numeric, default: 0}}, primary-key: id, unique: [[t, id]], checks: {c: t > 0}}}
    up: [{key: {id: id}, set: {t: amount}}]
    down: [{from: s.orders2, to: orders, key: {id: id}, copy: t, existence: true}]
flags:
  shop:
    file: ./flags
    sets: {staging: live}
    http-port: 8016
    services: [checkout]
    criteria: [error-rate]
    stages: [{percent: 100, audience: internal, hold: 1m, approval: true}, {percent: 1, criteria: [Errors]}, 5%]
    needs: [{flag: x, above: 5, migration: split, phase: completed}]
    code: .
    stale: {settled: 7d}
  cloud: {unleash: {url: 'https://u', token: '\${env:T}', environments: {staging: s}}}
defaults:
  run: node server.js
  env: {LEVEL: info}
plans:
  careful:
    steps:
      - {weight: 10, hold: {analysis: 1m}}
      - {weight: 50%, hold: manual}
      - 100
    smoke: [/health, {get: /, status: 200, header: {a: b}, within: 300ms}, {run: ./smoke.sh}]
    criteria: [error-rate, {metric: error-ratio, limit: 1%}, {metric: p99, limit: 400ms, window: 30s, no-data: {pause: 2m}}, {query: orders, at-least: 5}, {burn-rate: 99.9%}, {metric: p95, against: other, harm: 20%}, {metric: memory, against: other, mann-whitney: {tolerance: 50%}}]
    lease: {ttl: 30s, on-expiry: revert}
services:
  checkout:
    folder: ./releases/\${version}
    versions: ./releases
    initial: 1.8.0
    port: 8080
    ready: {get: /healthz, within: 30s}
    plan: careful
    sticky: true
    live: {every: 5s}
    data: {per-environment: {sync: {url: http://127.0.0.1:9/lag}, max-lag: 2s}}
  search:
    versions: [1, 2]
    port: 8081
    blue: {env: {A: b}}
    probes: {home: /, cart: {get: /cart, every: 5s}}
    memory-limit: 64MiB
`

/** Pieces that mean something to YAML or to the readers, so that mutations reach deep. */
const PIECES = ['\t', '&a ', '*a', '!!int ', '\u0000', '\uFEFF', '\r', '\n', '---\n', '{', '}', '[', ']', ': ', '- ', '? ', '|', '>', '"', "'", '#', '%', '@', '~', 'null', '<<: ', '__proto__: ', 'constructor: ', '1e999', '-1', '101', '0x10', '🙂', '\uD800', '${', '${env:X}', '\u2028', 'hasOwnProperty', 'on-expiry', '99999999999999999999d']

interface Edit {
  readonly at: number
  readonly cut: number
  readonly piece: string
}
const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat({ max: FULL.length }),
  cut: fc.oneof(fc.constant(0), fc.nat({ max: 3 }), fc.nat({ max: 80 })),
  piece: fc.oneof(fc.constant(''), fc.constantFrom(...PIECES), fc.string({ maxLength: 5 }), fc.nat({ max: FULL.length - 40 }).map((from) => FULL.slice(from, from + 40))),
})

function load(content: string | Uint8Array) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  return { file, result: loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: { T: 'x' } }) }
}

/** Either a workspace, or problems that each have a place an editor can go to. */
function expectPlaced({ file, result }: ReturnType<typeof load>): boolean {
  if ('workspace' in result) return true
  expect(result.problems.length).toBeGreaterThan(0)
  const lines = result.text.split('\n')
  // The break at the end of the last line opens no further line.
  const lineCount = result.text.endsWith('\n') && lines.length > 1 ? lines.length - 1 : lines.length
  for (const { place, message, expected } of result.problems) {
    expect(place.file).toBe(file)
    expect(place.line).toBeLessThanOrEqual(lineCount)
    expect(place.column).toBeLessThanOrEqual((lines[place.line - 1]?.length ?? 0) + 1)
    expect(message.length).toBeGreaterThan(3)
    expect(expected.length).toBeGreaterThan(3)
    // oxlint-disable-next-line no-control-regex -- a problem's text is one line
    expect(message).not.toMatch(/[\u0000-\u001F]/)
  }
  return false
}

describe('whatever the file holds', () => {
  it('mutations of a good file never throw, and every problem has its place', () => {
    let good = 0
    let bad = 0
    fc.assert(
      fc.property(fc.array(edit, { minLength: 0, maxLength: 4 }), (edits) => {
        const text = edits.reduce((content, { at, cut, piece }) => content.slice(0, at) + piece + content.slice(at + cut), FULL)
        if (expectPlaced(load(text))) good += 1
        else bad += 1
      }),
      { numRuns: 600 },
    )
    // The control: both kinds were met, so that the property was not about nothing.
    expect(good).toBeGreaterThan(20)
    expect(bad).toBeGreaterThan(100)
  }, 120_000)

  it('arbitrary bytes never throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void expectPlaced(load(bytes))), { numRuns: 200 })
  })

  it('any line left out, doubled, or moved in is a workspace or a placed problem', () => {
    const lines = FULL.split('\n')
    for (const index of lines.keys()) {
      expectPlaced(load(lines.toSpliced(index, 1).join('\n')))
      expectPlaced(load(lines.toSpliced(index, 0, lines[index] ?? '').join('\n')))
      expectPlaced(load(lines.with(index, `  ${lines[index]}`).join('\n')))
    }
  })

  it('a file made to be slow or deep costs seconds at most', () => {
    const bomb = `a0: &a0 [x]\n${Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n}, `.repeat(9)}*a${n}]`).join('\n')}\n`
    const hostile = [bomb, '['.repeat(100_000), '- '.repeat(50_000), '{a: '.repeat(50_000), '? '.repeat(50_000), Array.from({ length: 40_000 }, (_, n) => `k${n}: 1`).join('\n'), `services:\n${'  a: {}\n'.repeat(40_000)}`]
    for (const text of hostile) {
      const before = process.cpuUsage()
      expect(expectPlaced(load(text))).toBe(false)
      // Processor time, so that a busy machine does not count.
      const used = process.cpuUsage(before)
      expect((used.user + used.system) / 1e6).toBeLessThan(8)
    }
  }, 120_000)

  it('nothing in the file reaches an object’s prototype', () => {
    const { result } = load(`${FULL}  __proto__: {run: x, versions: [1], port: 8082}\n  constructor: {run: x, versions: [1]}\n`)
    expect('problems' in result && result.problems.map(({ message }) => message)).toEqual(['`__proto__` cannot be a name here'])
    expect(({} as Record<string, unknown>)['run']).toBeUndefined()
    expect(readFileSync(join(folder, 'signalbox.yaml'), 'utf8')).toContain('__proto__')
  })
})
