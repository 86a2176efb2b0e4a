import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { FlagRollout, RolloutPhase } from '../contract/flag.ts'
import { sampleRollout } from '../core/flags/rollout/exploration.ts'
import { dataFolderFiles } from './data-folder.ts'
import { rowReader } from './rows.ts'
import { MIGRATIONS, migrate } from './schema.ts'
import { type DataStore, openStore } from './store.ts'
import { batch, draft, storeOptions, temporaryFolder } from './testing/fixtures.ts'

let folder: ReturnType<typeof temporaryFolder>
let store: DataStore
beforeEach(() => {
  folder = temporaryFolder()
  store = openStore(storeOptions(folder.path))
})
afterEach(async () => {
  await store.close()
  folder.dispose()
})

const rollout = (id: string, phase: RolloutPhase, more: Partial<FlagRollout> = {}): FlagRollout => ({ ...sampleRollout(), id, phase, ...more })

async function reopen(): Promise<void> {
  await store.close()
  store = openStore(storeOptions(folder.path))
}

it('keeps rollouts over a restart: the newest of each flag and what has not ended are loaded, the rest is found', async () => {
  await store.commit(batch({ entries: [draft()], rollouts: [rollout('r1', 'finished'), rollout('r2', 'rolledBack', { number: 2 }), rollout('other', 'finished', { flag: 'banner' })] }))
  await store.commit(batch({ rollouts: [rollout('r3', 'holding', { number: 3 })], operation: { id: 'operation-1', releaseId: 'rollout:r3' } }))
  await reopen()
  expect(store.load().rollouts.map(({ id }) => id)).toEqual(['other', 'r3'])
  expect(store.rolloutsOf('shop', 'new-checkout', 2).map(({ id }) => id)).toEqual(['r3', 'r2'])
  expect(store.rollout('r1')).toEqual(rollout('r1', 'finished'))
  expect(store.rollout('nobody')).toBeNull()
  expect(store.findOperation('operation-1')).toEqual({ releaseId: 'rollout:r3' })
})

it('refuses a row that was decided on an older one, with everything that came with it', async () => {
  await store.commit(batch({ rollouts: [rollout('r1', 'holding', { revision: 3 })] }))
  await expect(store.commit(batch({ entries: [draft()], rollouts: [rollout('r1', 'exposing', { revision: 2 })] }))).rejects.toThrow('has moved on from revision 2')
  expect(store.rollout('r1')?.phase).toBe('holding')
  expect(store.checkpoint().count).toBe(0)
  await store.commit(batch({ entries: [draft()], rollouts: [rollout('r1', 'exposing', { revision: 4 })] }))
  expect(store.rollout('r1')?.phase).toBe('exposing')
})

it('takes rollouts over from the emergency file, and shows them before that', async () => {
  await store.commit(batch({ rollouts: [rollout('r1', 'holding')] }))
  await store.commitEmergency(batch({ entries: [draft()], rollouts: [rollout('r1', 'rollingBack', { revision: 2 })], operation: { id: 'operation-2', releaseId: 'rollout:r1' } }))
  expect(store.rollout('r1')?.phase).toBe('rollingBack')
  expect(store.load().rollouts.map(({ phase }) => phase)).toEqual(['rollingBack'])
  expect(store.rolloutsOf('shop', 'new-checkout', 5).map(({ phase }) => phase)).toEqual(['rollingBack'])
  await reopen()
  expect(store.stats().emergencyEntries).toBe(0)
  expect(store.rollout('r1')).toMatchObject({ phase: 'rollingBack', revision: 2 })
})

it('reads a journal of before there were rollouts that cannot be migrated now, and migrates it when it can', async () => {
  await store.close()
  folder.dispose()
  folder = temporaryFolder()
  const { journal } = dataFolderFiles(folder.path)
  const old = new Database(journal)
  old.pragma('journal_mode = WAL')
  migrate(old, MIGRATIONS.slice(0, 1))
  expect(rowReader(old).load().rollouts).toEqual([])
  expect(rowReader(old).rolloutsOf('shop', 'new-checkout', 5)).toEqual([])
  old.close()
  store = openStore(storeOptions(folder.path))
  expect(store.problem()).toBe('')
  await store.commit(batch({ rollouts: [rollout('r1', 'holding')] }))
  expect(store.rollout('r1')?.phase).toBe('holding')
})
