import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { defaultStages } from './flag-defaults.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-flags-')))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(content: string) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: { UNLEASH_TOKEN: 'hunter2', LD: 'hunter2' } })
}

const head = `workspace: shop
tier: dev
metrics: {prom: {prometheus: http://127.0.0.1:9090}}
services:
  checkout: {run: node server.js, versions: ./releases}
`
/** The source's own keys are on line 8 and below, from column 5. */
const withSource = (lines: string) => `${head}flags:
  shop:
    ${lines.trim().replaceAll('\n', '\n    ')}
`
function workspaceOf(content: string) {
  const result = load(content)
  if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 1))
  return result.workspace
}
const sourceOf = (lines: string) => workspaceOf(withSource(lines)).flags[0]
function problemsOf(content: string): readonly string[] {
  const result = load(content)
  return 'problems' in result ? result.problems.map(({ place, message, expected }) => `${place.line}:${place.column} ${message} => ${expected}`.replaceAll(folder, 'FOLDER')) : []
}

describe('flag sources', () => {
  it('need no more than a folder', () => {
    expect(sourceOf('file: ./flags')).toEqual({
      name: 'shop',
      kind: 'file',
      sets: [{ tier: 'dev', set: 'dev' }, { tier: 'staging', set: 'staging' }, { tier: 'prod', set: 'prod' }],
      services: [],
      criteria: [...DEFAULT_CRITERIA],
      stages: defaultStages('dev'),
      needs: [],
      code: [],
      settledForMs: 30 * 86_400_000,
      silentForMs: 14 * 86_400_000,
      settings: { folder: join(folder, 'flags'), seed: null, httpPort: 0, syncPort: 0, defaultSet: 'dev' },
    })
  })

  it('say all there is to say', () => {
    const source = sourceOf(`
file: ./flags
copied: true
sets: {dev: play, prod: live}
http-port: 8016
sync-port: 8015
services: checkout
criteria: [error-rate, {name: Orders, query: 'sum(rate(orders[\${window}]))', at-least: 5}]
stages:
  - {percent: 100, audience: internal, hold: 10m}
  - {percent: 5, hold: 30m, approval: true, criteria: [Orders]}
  - 12.5%
  - {percent: 100, audience: everyone}
needs:
  - {flag: new-checkout, above: 12.5%, service: checkout, versions: [1.9.*, 2.0.0], why: it needs the new cart}
code: [., releases]
stale: {settled: 7d, silent: 12h}`)
    expect(source).toMatchObject({
      sets: [{ tier: 'dev', set: 'play' }, { tier: 'prod', set: 'live' }],
      services: ['checkout'],
      criteria: [{ name: 'Errors' }, { name: 'Orders', metric: { source: 'query', provider: 'prom' } }],
      stages: [
        { audience: { kind: 'segments', anyOf: ['internal'] }, percent: 100, holdMs: 600_000, approval: false, criteria: null },
        { audience: { kind: 'everyone' }, percent: 5, holdMs: 1_800_000, approval: true, criteria: ['Orders'] },
        { percent: 12.5, holdMs: 60_000 },
        { percent: 100, audience: { kind: 'everyone' } },
      ],
      needs: [{ flag: 'new-checkout', abovePercent: 12.5, migration: null, versions: { service: 'checkout', anyOf: ['1.9.*', '2.0.0'] }, why: 'it needs the new cart' }],
      code: [folder, join(folder, 'releases')],
      settledForMs: 7 * 86_400_000,
      silentForMs: 43_200_000,
      settings: { folder: null, seed: join(folder, 'flags'), httpPort: 8016, syncPort: 8015, defaultSet: 'play' },
    })
  })

  it('may be elsewhere, with secrets as references alone', () => {
    const lines = 'unleash: {url: "https://u.example.com", token: "${env:UNLEASH_TOKEN}", project: shop, environments: {dev: development, prod: production}, every: 10s}'
    const source = sourceOf(lines)
    expect(source).toMatchObject({ kind: 'unleash', sets: [{ tier: 'dev', set: 'development' }, { tier: 'prod', set: 'production' }], settings: { url: 'https://u.example.com', token: '${env:UNLEASH_TOKEN}', project: 'shop', pollMs: 10_000 } })
    const { commands, commandsDigest } = workspaceOf(withSource(lines))
    expect(commands.find(({ purpose }) => purpose.includes('flags of shop'))?.command).toContain('https://u.example.com')
    expect(workspaceOf(withSource(lines.replace('u.example', 'v.example'))).commandsDigest).not.toBe(commandsDigest)
    expect(sourceOf('launchdarkly: {token: "${env:LD}", project: shop, environments: {dev: test}}')).toMatchObject({ kind: 'launchdarkly', settings: { token: '${env:LD}', project: 'shop' } })
    expect(sourceOf('statsig: {token: "${env:LD}", environments: {dev: development}}')).toMatchObject({ kind: 'statsig' })
  })

  it('give services the addresses of their server', () => {
    const content = (value: string, source = 'file: ./flags') => `${head.trimEnd().replace('}}', '}}').replace('versions: ./releases}', `versions: ./releases, env: {FLAGS: "${value}"}}`)}\nflags:\n  shop:\n    ${source}\n`
    const { services, flags } = workspaceOf(content('${flags-sync:shop} ${flags-http:shop}'))
    expect(services[0]?.settings).toMatchObject({ flags: { shop: flags[0]?.settings }, env: { FLAGS: '${flags-sync:shop} ${flags-http:shop}' } })
    expect(workspaceOf(content('x')).services[0]?.settings).toMatchObject({ flags: {} })
    expect(problemsOf(content('${flags-sync:shopp}'))).toEqual(['5:70 there is no flag source `shopp` => did you mean `${flags-sync:shop}`?'])
    expect(problemsOf(content('${flags-http:shop}', 'statsig: {token: "${env:LD}", environments: {dev: x}}'))).toEqual(['5:70 `shop` is kept in statsig, which has an address of its own => that system’s address'])
  })

  it('wait for migrations of the file', () => {
    const migrations = `databases: {db: {practice: true}}
migrations:
  split: {database: db, table: customers, columns: {a: {type: text, up: "b"}}}
`
    expect(workspaceOf(`${withSource('file: f\nneeds: [{flag: x, migration: split, phase: switched-writes}]')}${migrations}`).flags[0]?.needs).toEqual([{ flag: 'x', abovePercent: 0, migration: { id: 'split', phase: 'switchedWrites' }, versions: null, why: '' }])
    expect(problemsOf(`${withSource('file: f\nneeds: [{flag: x, migration: splitt, phase: completed}]')}${migrations}`)).toEqual(['9:34 there is no migration `splitt` => did you mean `split`?'])
  })

  it.each<[string, string, string[]]>([
    ['nowhere', 'services: [checkout]', ['7:3 a flag source that is kept nowhere => exactly one of `file: ./flags`, `unleash: {...}`, `launchdarkly: {...}`, `statsig: {...}`']],
    ['two places', 'file: f\nstatsig: {token: "${env:LD}", environments: {dev: x}}', ['9:14 a flag source with `file` and `statsig` => exactly one of `file: ./flags`, `unleash: {...}`, `launchdarkly: {...}`, `statsig: {...}`']],
    ['an unknown key', 'file: f\nport: 1', ['9:5 unknown key `port` in flag source `shop` => Keys here: file, copied, sets, http-port, sync-port, unleash, launchdarkly, statsig, services, criteria, stages, needs, code, stale']],
    ['a secret in the file', 'unleash: {url: "https://u", token: hunter2, environments: {dev: x}}', ['8:40 `token` holds a secret in the file => a reference: `${env:UNLEASH_TOKEN}`, with the value in the environment Signalbox runs in']],
    ['no token', 'statsig: {environments: {dev: x}}', ['8:5 `token` is missing in `statsig` => a reference: `token: ${env:STATSIG_CONSOLE_KEY}`']],
    ['no address', 'unleash: {token: "${env:LD}", environments: {dev: x}}', ['8:5 `url` is missing in `unleash` => where it is, without `/api`: `url: https://unleash.example.com`']],
    ['no environment for the tier', 'statsig: {token: "${env:LD}", environments: {prod: x}}', ['8:14 nothing for dev, the tier of this workspace => `dev:` with its name there: rollouts act on it']],
    ['a port beside a vendor', 'statsig: {token: "${env:LD}", environments: {dev: x}}\nhttp-port: 1', ['9:16 `http-port` beside `statsig` => `http-port` only beside `file`']],
    ['a port twice', 'file: f\nhttp-port: 1\nsync-port: 1', ['10:16 port 1 twice => a port of its own for each']],
    ['a set that is no file', 'file: f\nsets: {dev: a/b}', ['9:17 `a/b` does not fit => the name of a file without `.json`: letters, digits, `.`, `_` and `-`']],
    ['no set for the tier', 'file: f\nsets: {prod: prod}', ['9:11 nothing for dev, the tier of this workspace => `dev:` with its name there: rollouts act on it']],
    ['an unknown service', 'file: f\nservices: [chekout]', ['9:15 there is no service `chekout` => did you mean `checkout`?']],
    ['a stage that narrows', 'file: f\nstages: [5, 1]', ['9:17 this stage does not widen: its audience is at 5 % already => stages that widen: an audience that had it never loses it by going on']],
    ['a share above 100', 'file: f\nstages: [101]', ['9:14 `101` is out of range => a share of users from 0 to 100 with at most two decimals: 5, 12.5%']],
    ['a share that is none', 'file: f\nstages: [{percent: lots}]', ['9:24 `lots` is not a number => a share of users from 0 to 100 with at most two decimals: 5, 12.5%']],
    ['a stage without a share', 'file: f\nstages: [{hold: 1m}]', ['9:14 `percent` is missing in a stage => the share of users: `percent: 5`']],
    ['a hold without a unit', 'file: f\nstages: [{percent: 1, hold: 5}]', ['9:33 `5` has no unit => a duration with its unit: 250ms, 90s, 5m, 1h30m; perhaps 5s']],
    ['an unknown criterion of a stage', 'file: f\nstages: [{percent: 1, criteria: [Error]}]', ['9:37 there is no criterion `Error` => did you mean `Errors`?']],
    ['a criterion on processes', 'file: f\ncriteria: [error-rate, crashes]', ['9:28 a criterion on processes or probes, which users of one variant have none of => `metric:` with error-ratio or a latency, or `query:`']],
    ['a need for nothing', 'file: f\nneeds: [{flag: x}]', ['9:13 a need that asks for nothing => `migration:` with `phase:`, or `service:` with `versions:`']],
    ['half a need', 'file: f\nneeds: [{flag: x, service: checkout}]', ['9:32 `service` without `versions` => `service:` and `versions:` together']],
    ['code that is not there', 'file: f\ncode: nowhere', ['9:11 there is no folder FOLDER/nowhere => a folder with code that reads flags: absolute, or from where this file is']],
    ['a list', '- file: f', ['8:5 a list where flag source `shop` is needed => a mapping. Keys here: file, copied, sets, http-port, sync-port, unleash, launchdarkly, statsig, services, criteria, stages, needs, code, stale']],
  ])('%s', (_what, lines, problems) => {
    expect(problemsOf(withSource(lines))).toEqual(problems)
  })

  const examples = [...readFileSync(new URL('../../docs/flags-app.md', import.meta.url), 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example)
  it('are declared as docs/flags-app.md says', () => {
    expect(examples.map((example) => [problemsOf(example), workspaceOf(example).flags.length])).toEqual([[[], 1], [[], 1]])
  })

  it('make a workspace of their own', () => {
    expect(workspaceOf('workspace: flags\ntier: prod\nflags:\n  shop: {file: f}\n').flags[0]).toMatchObject({ stages: defaultStages('prod'), settings: { defaultSet: 'prod' } })
  })
})
