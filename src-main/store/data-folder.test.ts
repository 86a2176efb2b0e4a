import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { backupJournal, restoreJournal } from './backup.ts'
import { acquireDataFolder, dataFolderFiles } from './data-folder.ts'
import { openReader } from './sqlite.ts'
import { openStore } from './store.ts'
import { batch, draft, release, storeOptions, temporaryFolder } from './testing/fixtures.ts'
import { fillJournal } from './testing/fill.ts'
import { verifyChain } from './verify-chain.ts'

const child = join(import.meta.dirname, 'testing/store-child.ts')

describe('data folder', { timeout: 120_000 }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(() => folder.dispose())

  it('belongs to one process, says to whom, and is free when that one was killed', async () => {
    const data = join(folder.path, 'data')
    const holder = spawn(process.execPath, [child, 'write', data], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      await new Promise((resolve) => holder.stdout.once('data', resolve))
      holder.stdout.resume()
      expect(() => acquireDataFolder(data)).toThrowError(expect.objectContaining({ data: expect.objectContaining({ code: 'dataFolderBusy', message: expect.stringContaining(`process ${holder.pid}`) }) }))
      expect(() => openStore(storeOptions(data))).toThrow('in use')
      const beside = openStore({ ...storeOptions(data), readOnly: true })
      expect(beside.problem()).toContain('only reads')
      await beside.close()
    } finally {
      holder.kill('SIGKILL')
      await new Promise((resolve) => holder.on('close', resolve))
    }
    const lock = acquireDataFolder(data)
    lock.release()
    expect(existsSync(dataFolderFiles(data).holder)).toBe(false)
    expect(statSync(data).mode & 0o777).toBe(0o700)
  })

  it('is shared inside a process and freed with the last user', async () => {
    const lock = acquireDataFolder(folder.path)
    const store = openStore(storeOptions(folder.path))
    lock.release()
    lock.release()
    expect(existsSync(dataFolderFiles(folder.path).holder)).toBe(true)
    await store.close()
    expect(existsSync(dataFolderFiles(folder.path).holder)).toBe(false)
  })

  it('comes back whole from a backup made while it was in use', async () => {
    await fillJournal(folder.path, 3000)
    const store = openStore(storeOptions(folder.path))
    const backup = join(folder.path, 'backups', 'one.db')
    const making = store.backup(backup)
    const during = await store.commit(batch({ entries: [draft({ summary: 'during' })], releases: [release({ id: 'rel-during' })] }))
    const { checkpoint } = await making
    expect(checkpoint.count).toBeGreaterThanOrEqual(3000)
    await expect(store.backup(backup)).rejects.toMatchObject({ data: { code: 'invalidInput' } })
    await store.commit(batch({ entries: [draft({ summary: 'after' })] }))
    await store.close()
    expect(during[0]!.seq).toBe(3001)

    const { keptAs, checkpoint: restored } = await restoreJournal(backup, folder.path, Date.UTC(2026, 0, 1))
    expect(restored).toEqual(checkpoint)
    expect(keptAs).toContain('journal.replaced-2026-01-01')
    const kept = openReader(keptAs!)
    expect(await verifyChain(kept.db, null)).toMatchObject({ count: 3002, problem: null })
    kept.close()
    const again = openStore(storeOptions(folder.path))
    expect(again.problem()).toBe('')
    expect(again.checkpoint().count).toBe(checkpoint.count)
    await again.close()
    expect(readdirSync(folder.path).filter((name) => name.includes('restoring') || name.endsWith('.part'))).toEqual([])
  })

  it('is not replaced by what is no whole journal, nor while it is in use', async () => {
    await fillJournal(folder.path, 50)
    const bad = join(folder.path, 'bad.db')
    const store = openStore(storeOptions(folder.path))
    await store.backup(bad)
    await expect(restoreJournal(join(folder.path, 'nowhere.db'), folder.path, 0)).rejects.toMatchObject({ data: { code: 'invalidInput' } })
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(bad)
    db.exec("DROP TRIGGER journal_no_update; UPDATE journal SET body = replace(body, 'Send', 'Sent') WHERE seq = 30")
    await expect(backupJournal(db, join(folder.path, 'worse.db'))).rejects.toMatchObject({ data: { message: expect.stringContaining('entry 30') } })
    db.close()
    await store.close()
    await expect(restoreJournal(bad, folder.path, 0)).rejects.toMatchObject({ data: { code: 'invalidInput', message: expect.stringContaining('entry 30') } })
    const again = openStore(storeOptions(folder.path))
    expect(again.checkpoint().count).toBe(50)
    await again.close()

    const holder = spawn(process.execPath, [child, 'write', folder.path], { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    await expect(restoreJournal(bad, folder.path, 0)).rejects.toMatchObject({ data: { code: 'dataFolderBusy' } })
    holder.kill('SIGKILL')
    await new Promise((resolve) => holder.on('close', resolve))
  })
})
