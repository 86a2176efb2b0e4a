import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../contract/fault.ts'
import { openStore, type DataStore } from './store.ts'
import { openReader } from './sqlite.ts'
import { verifyChain } from './verify-chain.ts'
import { readCheckpointFile } from './checkpoint-file.ts'
import { batch, draft, release, storeOptions, temporaryFolder } from './testing/fixtures.ts'

describe('store', { timeout: 120_000 }, () => {
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
  const file = () => join(folder.path, 'journal.db')
  const verify = async () => {
    const reader = openReader(file())
    const result = await verifyChain(reader.db, null)
    reader.close()
    return result
  }

  it('commits entries, rows and outbox together and gives them back after a restart', async () => {
    const item = { id: 'o1', releaseId: 'rel-1', service: 'payments', fence: 1, effect: { type: 'runGates' as const }, operationId: 'operation-1', attempts: 0 }
    const service = { name: 'payments', fence: 1, desiredWeights: null, stable: null, rejected: null, revision: 1, releases: 1 }
    const entries = await store.commit(
      batch({ entries: [draft(), draft({ kind: 'outcome', outcome: 'verified' })], releases: [release({ id: 'rel-1' })], services: [service], outboxAdd: [item], operation: { id: 'operation-1', releaseId: 'rel-1' } }),
    )
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2])
    expect(entries[1]!.previousHash).toBe(entries[0]!.hash)
    expect(store.checkpoint()).toMatchObject({ count: 2, head: entries[1]!.hash })
    expect(store.problem()).toBe('')
    await store.close()
    store = openStore(storeOptions(folder.path))
    expect(store.load()).toEqual({ releases: [release({ id: 'rel-1' })], services: [service], outbox: [item], rollouts: [] })
    expect(store.findOperation('operation-1')).toEqual({ releaseId: 'rel-1' })
    expect(store.findOperation('other')).toBeNull()
    await store.commit(batch({ outboxRemove: ['o1'], releases: [release({ id: 'rel-1', revision: 2, phase: 'deploying' })] }))
    expect(store.load().outbox).toEqual([])
    expect(store.release('rel-1')?.phase).toBe('deploying')
    expect(await verify()).toMatchObject({ count: 2, problem: null })
  })

  it('puts batches of one turn into one transaction, in order', async () => {
    const before = store.stats().transactions
    const all = await Promise.all(Array.from({ length: 100 }, (_, i) => store.commit(batch({ entries: [draft({ summary: `entry ${i}` })] }))))
    expect(store.stats().transactions - before).toBe(1)
    expect(all.map(([entry]) => entry!.seq)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    expect(await verify()).toMatchObject({ count: 100, problem: null })
  })

  it('rejects a batch that breaks a rule without losing its neighbours', async () => {
    await store.commit(batch({ releases: [release({ id: 'rel-1', revision: 4 })], operation: { id: 'op', releaseId: 'rel-1' } }))
    const results = await Promise.allSettled([
      store.commit(batch({ entries: [draft({ summary: 'first' })] })),
      store.commit(batch({ entries: [draft({ summary: 'stale' })], releases: [release({ id: 'rel-1', revision: 4, phase: 'failed' })] })),
      store.commit(batch({ entries: [draft({ summary: 'twice' })], operation: { id: 'op', releaseId: 'rel-2' } })),
      store.commit(batch({ entries: [draft({ summary: 'last' })] })),
    ])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    for (const result of results) if (result.status === 'rejected') expect((result.reason as Fault).code).toBe('staleRevision')
    expect(store.release('rel-1')?.phase).toBe('planned')
    expect(store.problem()).toBe('')
    expect(await verify()).toMatchObject({ count: 2, problem: null })
  })

  it('refuses to change, remove, replace or misplace entries', async () => {
    await store.commit(batch({ entries: [draft(), draft()] }))
    const db = new Database(file())
    try {
      const h = Buffer.alloc(32)
      expect(() => db.prepare("UPDATE journal SET body = 'x' WHERE seq = 1").run()).toThrow('append-only')
      expect(() => db.prepare('DELETE FROM journal WHERE seq = 2').run()).toThrow('append-only')
      expect(() => db.prepare('INSERT OR REPLACE INTO journal VALUES (2, ?, ?, ?, ?, ?)').run('', '', h, h, h)).toThrow('only grows at its end')
      expect(() => db.prepare('INSERT INTO journal VALUES (4, ?, ?, ?, ?, ?)').run('', '', h, h, h)).toThrow('only grows at its end')
      expect(() => db.prepare('INSERT INTO journal VALUES (3, ?, ?, ?, ?, ?)').run('', '', h, h, h)).toThrow('hash of the one before')
    } finally {
      db.close()
    }
  })

  it('bears a wall clock that jumps back', async () => {
    await store.close()
    const times = [5000, 3000, 4000]
    store = openStore({ ...storeOptions(folder.path), wallMs: () => times.shift() ?? 10 })
    const entries = await store.commit(batch({ entries: [draft(), draft(), draft()] }))
    expect(entries.map((entry) => entry.seq)).toEqual([1, 2, 3])
    expect(await verify()).toMatchObject({ count: 3, problem: null })
  })

  it('stamps entries with the workspace they ran under', async () => {
    await store.commit(batch({ entries: [draft()] }))
    store.setWorkspaceDigest('e'.repeat(64))
    const [entry] = await store.commit(batch({ entries: [draft()] }))
    expect(entry!.workspaceDigest).toBe('e'.repeat(64))
  })

  it('keeps a checkpoint in a file of its own, and puts it on record when the journal does not bear it out', async () => {
    await store.commit(batch({ entries: [draft(), draft(), draft()] }))
    const { count, head } = store.checkpoint()
    await store.close()
    expect(readCheckpointFile(join(folder.path, 'checkpoint.json'))).toMatchObject({ count, head })
    const db = new Database(file())
    db.exec('DROP TRIGGER journal_no_delete; DELETE FROM journal WHERE seq = 3')
    db.close()
    store = openStore(storeOptions(folder.path))
    const reader = openReader(file())
    const last = reader.db.prepare('SELECT seq, body FROM journal ORDER BY seq DESC LIMIT 1').get() as { seq: number; body: string }
    reader.close()
    expect(last.seq).toBe(3)
    expect(JSON.parse(last.body)).toMatchObject({ action: 'journal.checkpointUnmet', before: { count: 3, head } })
    expect(existsSync(join(folder.path, 'checkpoint.unmet-3.json'))).toBe(true)
  })

  it('keeps the owner of the folder to itself and reads beside it', async () => {
    await store.commit(batch({ releases: [release({ id: 'rel-1' })], entries: [draft()] }))
    const second = openStore({ ...storeOptions(folder.path), readOnly: true })
    expect(second.problem()).toContain('only reads')
    expect(second.release('rel-1')?.id).toBe('rel-1')
    await expect(second.commit(batch({ entries: [draft()] }))).rejects.toMatchObject({ data: { code: 'journalUnavailable' } })
    await expect(second.commitEmergency(batch({ entries: [draft()] }))).rejects.toMatchObject({ data: { code: 'journalUnavailable' } })
    await second.close()
    expect(JSON.parse(readFileSync(join(folder.path, 'lock.json'), 'utf8'))).toMatchObject({ pid: process.pid })
    await store.close()
    expect(readdirSync(folder.path)).not.toContain('lock.json')
  })
})
