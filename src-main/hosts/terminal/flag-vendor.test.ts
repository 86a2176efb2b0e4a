import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type FakeUnleash, startFakeUnleash } from '../../providers/unleash/testing/fake-unleash.ts'
import { linkTo } from './link.ts'
import { runTerminal } from './run.ts'

const PATIENCE_MS = 120_000
const KEY = 'new-checkout'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-vendor-'))
let unleash: FakeUnleash

async function terminal(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
  let out = ''
  let error = ''
  const streams = { out: { write: (text: string) => (out += text) }, error: { write: (text: string) => (error += text) }, columns: null }
  const code = await runTerminal([...args, '--workspace', join(folder, 'signalbox.yaml'), '--data', join(folder, 'data')], { streams, linkTo, ask: null })
  return { code, out, error }
}

const shares = async (): Promise<readonly string[]> => {
  const response = await fetch(`${unleash.url}/api/admin/projects/default/features/${KEY}`, { headers: { authorization: unleash.token } })
  const feature = (await response.json()) as { environments: { name: string; enabled: boolean; strategies: { parameters: { rollout: string } }[] }[] }
  const place = feature.environments.find(({ name }) => name === 'production')
  return place?.enabled === true ? place.strategies.map(({ parameters }) => parameters.rollout) : ['off']
}

beforeAll(async () => {
  unleash = await startFakeUnleash()
  process.env['SIGNALBOX_TEST_UNLEASH_TOKEN'] = unleash.token
  mkdirSync(join(folder, 'data'), { mode: 0o700 })
  writeFileSync(join(folder, 'signalbox.yaml'), `workspace: shop\ntier: prod\nflags:\n  web:\n    unleash: {url: "${unleash.url}", token: "\${env:SIGNALBOX_TEST_UNLEASH_TOKEN}", environments: {prod: production}}\n    stages: [{percent: 5, hold: 1h}, {percent: 50, hold: 1h}, 100]\n`)
  await fetch(`${unleash.url}/api/admin/projects/default/features`, { method: 'POST', headers: { authorization: unleash.token, 'content-type': 'application/json' }, body: JSON.stringify({ name: KEY }) })
  expect(await terminal('trust', '--yes')).toMatchObject({ code: 0 })
}, PATIENCE_MS)
afterAll(async () => {
  delete process.env['SIGNALBOX_TEST_UNLEASH_TOKEN']
  await unleash.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a flag of another system is rolled out, taken back and killed as one of our own', async () => {
  expect(await shares()).toEqual(['off'])
  expect(await terminal('rollout', KEY, 'start', '--reason', 'ready')).toMatchObject({ code: 0, out: expect.stringMatching(/5 % of users/) as unknown })
  expect(await shares()).toEqual(['5'])
  expect(await terminal('rollout', KEY, 'advance', '--reason', 'looks well')).toMatchObject({ code: 0 })
  expect(await shares()).toEqual(['50'])
  expect(await terminal('rollout', KEY, 'rollback', '--reason', 'enough')).toMatchObject({ code: 0 })
  expect(await shares()).toEqual(['off'])
  await terminal('rollout', KEY, 'start', '--reason', 'again')
  expect(await shares()).toEqual(['5'])
  expect(await terminal('kill', KEY, '--reason', 'orders fail')).toMatchObject({ code: 0, out: expect.stringMatching(/off, read back/) as unknown })
  expect(await shares()).toEqual(['off'])
}, PATIENCE_MS)

test('a change that has to be approved first is submitted, told, and not taken for done', async () => {
  await fetch(`${unleash.url}/api/admin/projects/default/features/${KEY}/environments/production/on`, { method: 'POST', headers: { authorization: unleash.token } })
  const before = await shares()
  unleash.approvals = { environments: ['production'], maySkip: true }
  const killed = await terminal('kill', KEY, '--reason', 'orders fail')
  unleash.approvals = { environments: [], maySkip: true }
  expect(killed).toMatchObject({ code: 1, error: expect.stringMatching(/waits for approval[\s\S]*change-requests\/1/) as unknown })
  expect(await shares()).toEqual(before)
  expect(before).not.toEqual(['off'])
  expect(unleash.submitted).toMatchObject([{ state: 'In review', changes: [{ feature: KEY, action: 'updateEnabled', payload: { enabled: false } }] }])
  expect((await terminal('audit')).out).toMatch(/submitted for approval, Change request 1/)
}, PATIENCE_MS)

test('so is the kill of a rollout, which goes on waiting for it', async () => {
  unleash.submitted.length = 0
  await terminal('kill', KEY, '--reason', 'a clean start')
  expect(await terminal('rollout', KEY, 'start', '--reason', 'ready')).toMatchObject({ code: 0 })
  expect(await shares()).toEqual(['5'])
  unleash.approvals = { environments: ['production'], maySkip: true }
  const killed = await terminal('kill', KEY, '--reason', 'orders fail')
  unleash.approvals = { environments: [], maySkip: true }
  expect(killed).toMatchObject({ code: 1, out: expect.stringMatching(/5 %.*still\. Change request 1.*change-requests\/1/) as unknown })
  expect(await shares()).toEqual(['5'])
}, PATIENCE_MS)

test('what a vendor says no to, and one that is away, are told with the next step', async () => {
  unleash.broken = true
  const away = await terminal('flags')
  unleash.broken = false
  expect(away.error).toMatch(/^web: .*Unleash \(web\) answered 503/)
  expect(await terminal('flag', 'ghost')).toMatchObject({ code: 1, error: expect.stringMatching(/no flag ghost[\s\S]*Next step/) as unknown })
}, PATIENCE_MS)
