import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../contract/migration-definition.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { localSettingsSchema } from '../providers/local/config.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { USUAL_CRITERIA } from './criterion-defaults.ts'
import { loadWorkspace } from './load.ts'
import { PLAN_DEFAULTS } from './plan-defaults.ts'
import { formatDuration } from './units.ts'

const page = readFileSync(new URL('../../docs/workspace.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example)

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-docs-'))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(text: string) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, text)
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: { SHOP_DATABASE_URL: 'x', SLACK_WEBHOOK_URL: 'https://x', LEDGER_SECRET: 'x', SHOP_STAGING_PASSWORD: 'x' } })
}

describe('docs/workspace.md', () => {
  it('says of each usual criterion what it stands for', () => {
    const criteriaOf = (text: string) => {
      const result = load(`workspace: shop\ntier: dev\nservices: {a: {run: x, versions: ./releases, plan: {criteria: [${text}]}}}\n`)
      if ('problems' in result) throw new Error(JSON.stringify(result.problems))
      return result.workspace.services[0]?.plan.criteria.map(({ name: _name, ...rest }) => rest)
    }
    const rows = [...page.matchAll(/^\| `([a-z0-9-]+)`(?:, [^|]*)? \| (`\{[^|]*) \|$/gm)].filter(([, word = '']) => word in USUAL_CRITERIA)
    expect(rows.map(([, word]) => word)).toEqual(['error-rate', 'latency', 'resources', 'burn-rate', 'crashes'])
    for (const [, word = '', written = ''] of rows) expect(criteriaOf([...written.matchAll(/`(\{.*?\})`/g)].map(([, one]) => one).join(', '))).toEqual(criteriaOf(word))
  })

  it('has examples', () => expect(examples.length).toBeGreaterThanOrEqual(4))

  it.each(examples.map((example, index) => [index + 1, example] as const))('example %i is a workspace', (_number, example) => {
    const result = load(example)
    expect('problems' in result ? result.problems : []).toEqual([])
  })

  it('declares a service in ten lines', () => {
    expect(examples[0]?.trimEnd().split('\n').length).toBeLessThanOrEqual(10)
  })

  it('names every key there is', () => {
    const result = load('x: 1\nmetrics: {a: {x: 1, basic: {x: 1}, tls: {x: 1}, queries: {a: {x: 1}}}}\nnotify: {a: {x: 1}}\ndatabases: {a: {x: 1}}\nmigrations: {a: {x: 1, columns: {a: {x: 1}}, replaces: {a: {x: 1}}, tables: {a: {x: 1, columns: {a: {x: 1}}}}, up: [{x: 1}], services: {a: {x: 1}}, verify: {x: 1, queries: {a: {x: 1}}, ignore: {a: {x: 1}}}, throttle: {x: 1}, policy: {x: 1, approvals: {x: 1}}}, b: {file: a, x: 1}}\nflags: {a: {x: 1, stages: [{x: 1}], needs: [{x: 1}], stale: {x: 1}, sets: {x: 1}, unleash: {x: 1, environments: {x: 1}}, launchdarkly: {x: 1}, statsig: {x: 1}}}\ndefaults: {x: 1}\nservices: {a: {x: 1, probes: {a: {x: 1}}, plan: {x: 1, steps: [{x: 1}], smoke: [{x: 1}], criteria: [{x: 1, no-data: {x: 1}, mann-whitney: {x: 1}, burn-rate: {x: 1, windows: [{x: 1}]}}], lease: {x: 1}}, ready: {x: 1}, live: {x: 1}, sticky: {x: 1}, restart: {x: 1}, timeouts: {x: 1}, blue: {x: 1}, data: {per-environment: {x: 1, sync: {x: 1}}}}}\n')
    if (!('problems' in result)) throw new Error('every key was unknown')
    const keys = new Set(result.problems.flatMap(({ expected }) => /Keys here: (.*)$/.exec(expected)?.[1]?.split(', ') ?? []))
    expect(keys.size).toBeGreaterThan(130)
    expect([...keys].filter((key) => !new RegExp(`[\`{ ,]${key}[\`:, ]`).test(page))).toEqual([])
  })

  it('states the defaults that hold', () => {
    const row = (key: string) => (page.split('\n').find((line) => line.startsWith(`| \`${key}\` |`)) ?? '').split('|').map((cell) => cell.trim())
    for (const [column, tier] of [[3, 'dev'], [4, 'staging'], [5, 'prod']] as const) {
      const plan = PLAN_DEFAULTS[tier]
      expect(row('bake')[column]).toBe(formatDuration(plan.bakeMs))
      expect(row('drain')[column]).toBe(formatDuration(plan.drainMs))
      expect(row('rollback-window')[column]).toBe(formatDuration(plan.rollbackWindowMs))
      expect(plan.criteria).toEqual(DEFAULT_CRITERIA)
      for (const { weightPercent, hold } of plan.steps) {
        expect(row('steps')[column]).toMatch(new RegExp(`\\b${weightPercent}\\b`))
        if (hold.kind !== 'manual' && hold.ms > 0) expect(row('steps')[column]).toContain(formatDuration(hold.ms))
      }
    }
    for (const [key, value] of [
      ['target-batch', formatDuration(DEFAULT_THROTTLE.targetBatchMs)],
      ['max-batch-rows', String(DEFAULT_THROTTLE.maxBatchRows)],
      ['nice', String(DEFAULT_THROTTLE.niceRatio)],
      ['max-replica-lag', formatDuration(DEFAULT_THROTTLE.maxReplicaLagMs ?? 0)],
      ['max-wal-backlog', `${(DEFAULT_THROTTLE.maxWalBacklogBytes ?? 0) / 1024 ** 3}GiB`],
      ['max-lock-waiters', String(DEFAULT_THROTTLE.maxLockWaiters)],
      ['wait-for-autovacuum', String(DEFAULT_THROTTLE.waitForAutovacuum)],
      ['read-steps', `[${DEFAULT_POLICY.readSteps.join(', ')}]`],
      ['read-hold', formatDuration(DEFAULT_POLICY.readHoldMs)],
      ['soak', formatDuration(DEFAULT_POLICY.soakMs)],
      ['switch-soak', formatDuration(DEFAULT_POLICY.switchSoakMs)],
      ['tombstone', formatDuration(DEFAULT_POLICY.tombstoneMs)],
      ['max-pass-age', formatDuration(DEFAULT_POLICY.maxPassAgeMs)],
      ['lock-timeout', formatDuration(DEFAULT_POLICY.lockTimeoutMs)],
      ['statement-timeout', formatDuration(DEFAULT_POLICY.statementTimeoutMs)],
      ['chunk-rows', String(DEFAULT_VERIFY.chunkRows)],
      ['reads-per-second', String(DEFAULT_VERIFY.readsPerSecond)],
      ['written-keys-per-second', String(DEFAULT_VERIFY.writtenKeysPerSecond)],
      ['min-reads', String(DEFAULT_VERIFY.minReads)],
      ['max-latency-ratio', String(DEFAULT_VERIFY.maxLatencyRatio)],
    ] as const) {
      expect(row(key)[3], key).toBe(`\`${value}\``)
    }
    const settings = localSettingsSchema.parse({ run: 'x', folder: '/', versions: { kind: 'list', versions: ['1'] }, live: {}, sticky: {} })
    const { restart, timeouts, live, sticky } = settings
    expect(row('stop-grace')[3]).toBe(formatDuration(settings.stopGraceMs))
    expect(row('on-live-death')[3]).toBe(`\`${settings.onLiveDeath}\``)
    expect(row('restart')[2]).toContain(`{max: ${restart.maxInWindow}, window: ${formatDuration(restart.windowMs)}, pause: ${formatDuration(restart.backoffMs)}, longest-pause: ${formatDuration(restart.maxBackoffMs)}}`)
    expect(row('timeouts')[2]).toContain(`{connect: ${formatDuration(timeouts.connectMs)}, headers: ${formatDuration(timeouts.headersMs)}, idle: ${formatDuration(timeouts.idleMs)}}`)
    expect(row('live')[2]).toContain(`{every: ${formatDuration(live?.intervalMs ?? 0)}, timeout: ${formatDuration(live?.timeoutMs ?? 0)}, failures: ${live?.failures}}`)
    expect(row('sticky')[2]).toContain(`{cookie: ${sticky?.cookie}, for: ${formatDuration(sticky?.ttlMs ?? 0)}}`)
  })
})
