import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { createMigrationMetrics } from '../providers/migration-metrics.ts'
import { loadWorkspace } from './load.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-migration-criteria-')))
mkdirSync(join(folder, 'releases', '1.0.0'), { recursive: true })
afterAll(() => rmSync(folder, { recursive: true }))

function load(criterion: string) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
databases:
  shop: {practice: true}
migrations:
  split:
    database: shop
    table: customers
    columns: {first_name: {type: text, up: "split_part(full_name, ' ', 1)"}}
services:
  customers:
    run: node server.js
    versions: ./releases
    plan:
      steps: [{weight: 100}]
      criteria: [${criterion}]
`,
  )
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: {} })
}

test('a criterion may ask what a migration measures, by its name', () => {
  const read = load('{query: split.openMismatches, provider: migrations, limit: 0}')
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  expect(read.workspace.services[0]?.plan.criteria[0]).toMatchObject({ metric: { source: 'query', provider: 'migrations', query: 'split.openMismatches' }, judge: { kind: 'threshold', limit: 0, harm: 'above' } })
})

test('a measure or migration that is not there is a problem at its place, with the nearest name', () => {
  const read = load('{query: split.openMismatch, provider: migrations, limit: 0}')
  expect('problems' in read && read.problems).toMatchObject([{ place: { line: 16 }, message: 'there is no measure `split.openMismatch`', expected: 'did you mean `split.openMismatches`?' }])
})

test('what is measured is answered as points; nothing measured is nothing, with why', async () => {
  const sample = { at: 1000, rowsPerSecond: 5, waiting: false, replicaLagMs: null, probeMs: 1.5, openMismatches: 3, lockWaitMs: 0 }
  const provider = createMigrationMetrics((migration) => (migration === 'split' ? [sample, { ...sample, at: 2000, openMismatches: 4 }] : []))
  const target = { service: 'customers', environment: 'blue' as const, version: '', windowMs: 1000 }
  expect((await provider.read('split.openMismatches', target, 1000)).points).toEqual([{ at: 2000, value: 4, requests: 0, errors: 0, latencyMs: null }])
  expect((await provider.read('split.replicaLagMs', target, 0)).points.map(({ value }) => value)).toEqual([null, null])
  expect(await provider.read('other.probeMs', target, 0)).toMatchObject({ points: [], notes: ['Migration other is compared by nobody now.'] })
  await expect(provider.read('split.rows', target, 0)).rejects.toMatchObject({ data: { code: 'invalidInput' } })
})
