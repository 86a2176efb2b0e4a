import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, chownSync, closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../bench/measure.ts'
import type { Fault } from '../contract/fault.ts'
import { restoreJournal } from './backup.ts'
import { dataFolderFiles } from './data-folder.ts'
import { openReaderClient } from './reader-client.ts'
import { openReader } from './sqlite.ts'
import { openStore, type DataStore } from './store.ts'
import { batch, draft, release, storeOptions, temporaryFolder } from './testing/fixtures.ts'
import { fillJournal } from './testing/fill.ts'
import { verifyChain } from './verify-chain.ts'

const child = join(import.meta.dirname, 'testing/store-child.ts')
const isRoot = process.getuid?.() === 0
const NOBODY = 65_534

interface Probe {
  readonly openProblem: string
  readonly problem: string
  readonly entriesBefore: number
  readonly acknowledged: number
  readonly refused: string
  readonly emergency: string
  readonly emergencyRow: string
}

const intent = (summary: string) => batch({ entries: [draft({ summary })], releases: [release({ id: `rel-${summary}` })] })
const rollBack = (id: string) => batch({ entries: [draft({ action: 'release.rollBack', summary: `Roll back ${id}` })], releases: [release({ id, revision: 9, phase: 'rollingBack' })] })

async function refusal(store: DataStore, summary = 'refused'): Promise<Fault> {
  return store.commit(intent(summary)).then(
    () => expect.fail('it was committed'),
    (fault: Fault) => fault,
  )
}

/** The journal afterwards, read by a stranger. */
async function journalOf(folder: string): Promise<{ readonly count: number; readonly problem: unknown; readonly emergencies: number; readonly summaries: readonly string[] }> {
  const { db, ...reader } = openReader(dataFolderFiles(folder).journal)
  try {
    const { count, problem } = await verifyChain(db, null)
    const emergencies = Number(db.prepare("SELECT count(*) FROM journal WHERE json_extract(header, '$.emergency')").pluck().get())
    return { count, problem, emergencies, summaries: db.prepare<[], string>("SELECT json_extract(body, '$.summary') FROM journal ORDER BY seq").pluck().all() }
  } finally {
    reader.close()
  }
}

describe('a journal that cannot be written', { timeout: 120_000 }, () => {
  let folder: ReturnType<typeof temporaryFolder>
  let store: DataStore | null = null
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(async () => {
    await store?.close()
    store = null
    folder.dispose()
  })

  it('emergency: state is seen at once, survives a restart, and reaches the journal in order', async () => {
    store = openStore(storeOptions(folder.path))
    await store.commit(intent('one'))
    await store.commitEmergency(rollBack('rel-a'))
    await store.commitEmergency(batch({ ...rollBack('rel-b'), operation: { id: 'op-b', releaseId: 'rel-b' } }))
    expect(store.release('rel-a')?.phase).toBe('rollingBack')
    expect(store.findOperation('op-b')).toEqual({ releaseId: 'rel-b' })
    expect(store.load().releases.map((row) => row.id)).toEqual(['rel-one', 'rel-a', 'rel-b'])
    expect(store.releasesOf('payments', 2).map((row) => row.id)).toEqual(['rel-b', 'rel-a'])
    expect(store.stats().emergencyEntries).toBe(2)
    expect((await journalOf(folder.path)).count).toBe(1)
    const [after] = await store.commit(intent('two'))
    expect(after!.seq).toBe(4)
    expect(store.stats().emergencyEntries).toBe(0)
    await store.commitEmergency(rollBack('rel-c'))
    await store.close()
    store = openStore(storeOptions(folder.path))
    expect(store.stats().emergencyEntries).toBe(0)
    expect(await journalOf(folder.path)).toMatchObject({ count: 5, problem: null, emergencies: 3, summaries: ['one', 'Roll back rel-a', 'Roll back rel-b', 'two', 'Roll back rel-c'] })
  })

  it('emergency: a merge that died before clearing the file is not repeated; a torn record is passed over', async () => {
    store = openStore(storeOptions(folder.path))
    await store.commitEmergency(rollBack('rel-a'))
    const { emergency } = dataFolderFiles(folder.path)
    const before = readFileSync(emergency)
    await store.commit(intent('one'))
    await store.close()
    writeFileSync(emergency, before)
    store = openStore(storeOptions(folder.path))
    expect(await journalOf(folder.path)).toMatchObject({ count: 2, problem: null, emergencies: 1 })
    await store.commitEmergency(rollBack('rel-b'))
    await store.commitEmergency(rollBack('rel-c'))
    await store.close()
    store = openStore({ ...storeOptions(folder.path), readOnly: true })
    await store.close()
    // Merged at closing time only by the next opening, so the file still has both; tear the second one.
    const bytes = readFileSync(emergency)
    const end = bytes.lastIndexOf('}') + 1
    bytes.fill(0, end - 40, end)
    writeFileSync(emergency, bytes)
    store = openStore(storeOptions(folder.path))
    expect(await journalOf(folder.path)).toMatchObject({ count: 3, problem: null, summaries: ['Roll back rel-a', 'one', 'Roll back rel-b'] })
    expect(store.problem()).toBe('')
  })

  it('emergency: a full file says so, and what was recorded stays', async () => {
    store = openStore(storeOptions(folder.path))
    const big = batch({ entries: [draft({ evidence: 'x'.repeat(200_000) })] })
    for (let i = 0; i < 5; i++) await store.commitEmergency(big)
    // The reserved file is full; the second place takes some more, then that is full too.
    let fault: Fault | null = null
    for (let i = 0; i < 5 && !fault; i++) await store.commitEmergency(big).catch((error: Fault) => (fault = error))
    expect(fault).toMatchObject({ data: { code: 'journalUnavailable', message: expect.stringContaining('full') } })
    const waiting = store.stats().emergencyEntries
    expect(waiting).toBeGreaterThanOrEqual(5)
    await store.commit(intent('mended'))
    expect(await journalOf(folder.path)).toMatchObject({ count: waiting + 1, problem: null, emergencies: waiting })
  })

  it('file size limit: refuses, records the emergency, and merges when there is room again', async () => {
    // In a process of its own, under a limit that a growing log hits (1,500 KiB; the reserved file fits).
    const { stdout } = spawnSync('bash', ['-c', `ulimit -f 1500; exec "${process.execPath}" "${child}" fill "${folder.path}"`], { encoding: 'utf8' })
    const probe = JSON.parse(stdout) as Probe
    expect(probe).toMatchObject({ openProblem: '', refused: 'journalUnavailable', emergency: 'recorded', emergencyRow: 'rollingBack' })
    expect(probe.problem).not.toBe('')
    expect(probe.acknowledged).toBeGreaterThan(10)
    store = openStore(storeOptions(folder.path))
    expect(store.release('rel-e')?.phase).toBe('rollingBack')
    expect(await journalOf(folder.path)).toMatchObject({ count: probe.acknowledged + 1, problem: null, emergencies: 1 })
  })

  it.skipIf(!canMount())('disk full: refuses, records the emergency, resumes by itself when space is freed', async () => {
    const mount = join(folder.path, 'small')
    mountTmpfs(mount)
    try {
      store = openStore({ ...storeOptions(mount), retryMs: 50 })
      await store.commit(intent('before'))
      fillUp(join(mount, 'ballast'))
      let acknowledged = 1
      let fault: Fault | null = null
      for (let i = 0; i < 200 && !fault; i++) {
        await store.commit(intent(`filling ${i}`)).then(
          () => (acknowledged += 1),
          (error: Fault) => (fault = error),
        )
      }
      expect(fault).toMatchObject({ data: { code: 'journalUnavailable', message: expect.stringContaining('full') } })
      expect(store.problem()).toContain('full')
      await store.commitEmergency(rollBack('rel-x'))
      expect(await refusal(store)).toMatchObject({ data: { code: 'journalUnavailable' } })
      rmSync(join(mount, 'ballast'))
      await expect.poll(() => store?.problem(), { timeout: 5000 }).toBe('')
      await store.commit(intent('after'))
      expect(await journalOf(mount)).toMatchObject({ count: acknowledged + 2, problem: null, emergencies: 1 })
      expect((await journalOf(mount)).summaries).not.toContain('refused')
      await store.close()
      // And with a disk that is full from the start.
      fillUp(join(mount, 'ballast'))
      store = openStore(storeOptions(mount))
      await store.commitEmergency(rollBack('rel-y'))
      expect(store.release('rel-x')?.phase).toBe('rollingBack')
      expect(store.release('rel-y')?.phase).toBe('rollingBack')
      await store.close()
      store = null
    } finally {
      await store?.close()
      store = null
      spawnSync('umount', [mount])
    }
  })

  it.skipIf(!canMount())('read-only disk: opens for reading, records the emergency elsewhere, merges it later', async () => {
    const mount = join(folder.path, 'disc')
    mountTmpfs(mount)
    try {
      store = openStore(storeOptions(mount))
      await store.commit(intent('before'))
      await store.close()
      expect(spawnSync('mount', ['-o', 'remount,ro', mount]).status).toBe(0)
      store = openStore(storeOptions(mount))
      expect(store.problem()).toContain('cannot be written')
      expect(store.release('rel-before')?.id).toBe('rel-before')
      expect(await refusal(store)).toMatchObject({ data: { code: 'journalUnavailable' } })
      await store.commitEmergency(rollBack('rel-x'))
      await store.close()
      const audit = await openReaderClient({ file: dataFolderFiles(mount).journal, wallMs: () => 0 })
      expect((await audit.search({ text: 'before' }, undefined, 10)).total).toBe(1)
      expect(spawnSync('mount', ['-o', 'remount,rw', mount]).status).toBe(0)
      store = openStore(storeOptions(mount))
      expect(store.problem()).toBe('')
      expect(await journalOf(mount)).toMatchObject({ count: 2, problem: null, emergencies: 1 })
      // Who read a copy meanwhile reads the journal itself again.
      await expect.poll(async () => (await audit.search({ text: 'roll' }, undefined, 10)).total, { timeout: 20_000, interval: 100 }).toBe(2)
      await audit.close()
    } finally {
      await store?.close()
      store = null
      spawnSync('umount', [mount])
    }
  })

  it('read-only file: opens for reading, refuses, records the emergency; mended by making it writable', async () => {
    await fillJournal(folder.path, 3)
    const files = dataFolderFiles(folder.path)
    chmodSync(files.journal, 0o444)
    // Permissions do not bind root, so a stranger to it tries.
    if (isRoot) for (const file of [folder.path, ...Object.values(files)]) if (existsSync(file)) chownSync(file, NOBODY, NOBODY)
    const run = spawn(process.execPath, [child, 'probe', folder.path], { stdio: ['ignore', 'pipe', 'inherit'], ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}) })
    let stdout = ''
    run.stdout.on('data', (part) => (stdout += part))
    await new Promise((resolve) => run.on('close', resolve))
    const probe = JSON.parse(stdout) as Probe
    expect(probe).toMatchObject({ openProblem: expect.stringContaining('cannot be written'), entriesBefore: 3, acknowledged: 0, refused: 'journalUnavailable', emergency: 'recorded', emergencyRow: 'rollingBack' })
    chmodSync(files.journal, 0o644)
    store = openStore(storeOptions(folder.path))
    expect(await journalOf(folder.path)).toMatchObject({ count: 4, problem: null, emergencies: 1 })
  })

  it('locked by a stranger: refuses soon, records the emergency, resumes', async () => {
    store = openStore(storeOptions(folder.path))
    await store.commit(intent('before'))
    const stranger = new Database(dataFolderFiles(folder.path).journal)
    stranger.exec('BEGIN IMMEDIATE')
    const start = performance.now()
    expect(await refusal(store)).toMatchObject({ data: { code: 'journalUnavailable', message: expect.stringContaining('locked') } })
    expect(performance.now() - start).toBeLessThan(3000)
    await store.commitEmergency(rollBack('rel-x'))
    stranger.exec('ROLLBACK')
    stranger.close()
    await store.commit(intent('after'))
    expect(store.problem()).toBe('')
    expect(await journalOf(folder.path)).toMatchObject({ count: 3, problem: null, emergencies: 1 })
  })

  it('damaged, foreign, newer or no database: nothing is destroyed, the emergency works, a backup brings all back', async () => {
    await fillJournal(folder.path, 200)
    const files = dataFolderFiles(folder.path)
    const backup = join(folder.path, 'backup.db')
    store = openStore(storeOptions(folder.path))
    await store.backup(backup)
    await store.close()
    const size = statSync(files.journal).size
    const damages: Record<string, () => void> = {
      'not a database': () => writeFileSync(files.journal, 'no database at all '.repeat(1000)),
      'cut in half': () => truncateSync(files.journal, Math.floor(size / 2 / 4096) * 4096),
      'first page gone': () => overwrite(files.journal, 0, Buffer.alloc(4096, 7)),
      'all but the name gone': () => overwrite(files.journal, 100, Buffer.alloc(size - 100, 7)),
      'another program’s': () => {
        rmSync(files.journal)
        const db = new Database(files.journal)
        db.exec('CREATE TABLE mine (x)')
        db.close()
      },
      'a newer Signalbox’s': () => {
        const db = new Database(files.journal)
        db.pragma('user_version=99')
        db.close()
      },
    }
    for (const [name, damage] of Object.entries(damages)) {
      copyFileSync(backup, files.journal)
      damage()
      const before = digest(files.journal)
      store = openStore(storeOptions(folder.path))
      expect(store.problem(), name).not.toBe('')
      expect(() => store?.load(), name).not.toThrow()
      expect(await refusal(store), name).toMatchObject({ data: { code: 'journalUnavailable' } })
      await store.commitEmergency(rollBack('rel-x'))
      expect(store.release('rel-x')?.phase, name).toBe('rollingBack')
      await store.close()
      expect(digest(files.journal), name).toBe(before)

      const restored = await restoreJournal(backup, folder.path, Date.now())
      expect(digest(restored.keptAs!), name).toBe(before)
      store = openStore(storeOptions(folder.path))
      expect(store.problem(), name).toBe('')
      expect(store.release('rel-x')?.phase, name).toBe('rollingBack')
      const after = await journalOf(folder.path)
      expect(after, name).toMatchObject({ problem: null, emergencies: 1 })
      await store.close()
    }
  })

  it('pages damaged at random: what is acknowledged is there, what is not is refused; never a crash', async () => {
    await fillJournal(folder.path, 300)
    const files = dataFolderFiles(folder.path)
    const pristine = readFileSync(files.journal)
    const random = seededRandom(5)
    const outcomes = { acknowledged: 0, refused: 0 }
    for (let i = 0; i < 60; i++) {
      const bytes = Buffer.from(pristine)
      for (let hits = 0; hits < 1 + i; hits++) {
        const at = Math.floor(random() * (bytes.length - 64))
        bytes.fill(Math.floor(random() * 256), at, at + 64)
      }
      for (const suffix of ['-wal', '-shm']) rmSync(files.journal + suffix, { force: true })
      writeFileSync(files.journal, bytes)
      store = openStore(storeOptions(folder.path))
      const [entry] = await store.commit(intent('maybe')).catch(async (fault: Fault) => {
        expect(fault.code).toBe('journalUnavailable')
        await store?.commitEmergency(rollBack('rel-x'))
        return []
      })
      if (entry) {
        const { db, ...reader } = openReader(files.journal)
        expect(db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck().get(entry.seq)?.toString('hex')).toBe(entry.hash)
        reader.close()
      }
      outcomes[entry ? 'acknowledged' : 'refused'] += 1
      await store.close()
      rmSync(files.emergency)
    }
    expect(outcomes.refused).toBeGreaterThan(5)
    expect(outcomes.acknowledged).toBeGreaterThan(5)
  })
})

function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function overwrite(file: string, at: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+')
  writeSync(fd, bytes, 0, bytes.length, at)
  closeSync(fd)
}

function mountTmpfs(folder: string): void {
  mkdirSync(folder)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]).status !== 0) throw new Error('mount failed')
}

function canMount(): boolean {
  const place = temporaryFolder()
  const isAble = isRoot && spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', place.path]).status === 0
  if (isAble) spawnSync('umount', [place.path])
  else console.warn('SKIPPED: a really full and a read-only disk need the right to mount one; the file size limit and file permissions are tried instead')
  place.dispose()
  return isAble
}

function fillUp(file: string): void {
  const fd = openSync(file, 'w')
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096))
  } catch {
    // Full.
  } finally {
    closeSync(fd)
  }
}
