import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import { journalFilterSchema, journalPageSchema, type JournalEntry, type JournalFilter } from '../contract/journal.ts'
import { openJournalReader } from './journal-reader.ts'
import { openReaderClient, type JournalReaderClient } from './reader-client.ts'
import { matches, parseQuery } from './search-words.ts'
import { openStore, type DataStore } from './store.ts'
import { fillJournal } from './testing/fill.ts'
import { batch, draft, storeOptions, temporaryFolder, variedDrafts } from './testing/fixtures.ts'

const COUNT = 40_000 // two whole blocks and a growing one

describe('journal reader', { timeout: 120_000 }, () => {
  const folder = temporaryFolder()
  let store: DataStore
  let reader: JournalReaderClient
  const entries: JournalEntry[] = []

  beforeAll(async () => {
    store = openStore(storeOptions(folder.path))
    const drafts = [...variedDrafts(COUNT)]
    for (let i = 0; i < COUNT; i += 5000) entries.push(...(await store.commit(batch({ entries: drafts.slice(i, i + 5000) }))))
    reader = await openReaderClient({ file: join(folder.path, 'journal.db'), indexFile: join(folder.path, 'search.db'), checkpointLog: true, wallMs: () => 0 })
  }, 90_000)
  afterAll(async () => {
    await reader.close()
    await store.close()
    folder.dispose()
  })

  const filter = (part: Partial<JournalFilter>): JournalFilter => journalFilterSchema.parse(part)
  const expected = (wanted: JournalFilter, limit: number) => {
    const query = parseQuery(wanted.text)
    const found: number[] = []
    for (let i = entries.length - 1; i >= 0 && found.length < limit; i--) if (matches(entries[i]!, wanted, query)) found.push(entries[i]!.seq)
    return found
  }

  it('finds exactly what a scan finds, newest first, for any mix of words, ids, filters and times', async () => {
    const some = entries[20_123]!
    const at = (i: number) => entries[i]!.at
    const filters: Partial<JournalFilter>[] = [
      {},
      { text: 'send' },
      { text: 'weekend pay' },
      { text: 'WEEKEND 25 %' },
      { text: 'nowhere-to-be-found' },
      { text: 'chg-1' },
      { text: some.operationId },
      { text: some.id.toUpperCase() },
      { text: some.target.releaseId!, kind: 'outcome' },
      { releaseId: some.target.releaseId! },
      { operationId: some.operationId },
      { service: 'ledger' },
      { operator: 'ada@box', outcome: 'refused' },
      { operator: 'Ada@Example.test', text: 'timeout' },
      { kind: 'refusal', text: 'send green' },
      { action: 'release.rollBack', service: 'mail', operator: 'grace', kind: 'intent', text: 'queue' },
      { kind: 'intent', outcome: 'verified' },
      { fromAt: at(16_000), toAt: at(17_000) },
      { fromAt: at(30_000), toAt: at(30_010), text: 'send' },
      { toAt: at(5), service: 'ledger' },
      { fromAt: at(COUNT - 1) + 1 },
    ]
    for (const part of filters) {
      const wanted = filter(part)
      const page = await reader.search(wanted, undefined, 50)
      expect(page.entries.map((entry) => entry.seq), JSON.stringify(part)).toEqual(expected(wanted, 50))
      journalPageSchema.parse(page)
    }
  })

  it('pages through everything once', async () => {
    const wanted = filter({ kind: 'refusal' })
    const seen: number[] = []
    let beforeSeq: number | undefined
    for (;;) {
      const page = await reader.search(wanted, beforeSeq, 7)
      seen.push(...page.entries.map((entry) => entry.seq))
      if (page.nextBeforeSeq === null) break
      beforeSeq = page.nextBeforeSeq
    }
    expect(seen).toEqual(expected(wanted, COUNT))
    expect(seen.length).toBeGreaterThan(50)
  })

  it('finds what was committed a moment ago', async () => {
    const [entry] = await store.commit(batch({ entries: [draft({ summary: 'Zanzibar is live' })] }))
    entries.push(entry!)
    const page = await reader.search(filter({ text: 'zanzi' }), undefined, 10)
    expect(page.entries).toEqual([entry])
    expect(page.total).toBe(COUNT + 1)
    expect(await reader.get(entry!.seq)).toEqual(entry)
    await expect(reader.get(COUNT + 100)).rejects.toMatchObject({ data: { code: 'notFound' } })
  })

  it('finds what was done on a migration, and nothing of another with its name in the text', async () => {
    const added = await store.commit(batch({ entries: [draft({ target: { migration: 'split_full_name' }, summary: 'Start shadow reads' }), draft({ target: { migration: 'other' }, summary: 'after split_full_name' })] }))
    entries.push(...added)
    const page = await reader.search(filter({ migration: 'split_full_name' }), undefined, 10)
    expect(page.entries.map((entry) => entry.seq)).toEqual([added[0]?.seq])
    expect((await reader.search(filter({ migration: 'nowhere' }), undefined, 10)).entries).toEqual([])
  })

  it('tells the story of a release, oldest first', async () => {
    const { releaseId } = entries[12_345]!.target
    const story = await reader.entriesOfRelease(releaseId!)
    expect(story.map((entry) => entry.seq)).toEqual(entries.filter((entry) => entry.target.releaseId === releaseId).map((entry) => entry.seq))
  })

  it('verifies in its own thread, against a checkpoint, while entries are written', async () => {
    const checkpoint = store.checkpoint()
    const items = []
    for await (const item of reader.verify(checkpoint)) {
      items.push(item)
      if (items.length === 2) entries.push(...(await store.commit(batch({ entries: [draft()] }))))
    }
    expect(items.at(-1)).toMatchObject({ kind: 'result', ok: true, problem: null })
    expect(items.filter((item) => item.kind === 'progress').length).toBeGreaterThan(1)
  })

  it('exports lines that open again as a journal; a filter leaves bodies out and keeps the chain', async () => {
    let text = ''
    let result: unknown
    for await (const item of reader.export('jsonl', filter({ service: 'ledger' }))) {
      if (item.kind === 'chunk') text += item.text
      if (item.kind === 'result') result = item
    }
    expect(result).toMatchObject({ count: entries.length })
    const file = join(folder.path, 'export.jsonl')
    writeFileSync(file, text)
    const audit = await openReaderClient({ file, wallMs: () => 0 })
    try {
      expect(audit.source).toBe('export')
      const page = await audit.search(filter({ service: 'ledger', text: 'timeout' }), undefined, 20)
      expect(page.entries.map((entry) => entry.seq)).toEqual(expected(filter({ service: 'ledger', text: 'timeout' }), 20))
      expect((await audit.search(filter({ service: 'mail' }), undefined, 20)).entries).toEqual([])
      for await (const item of audit.verify(store.checkpoint())) if (item.kind === 'result') expect(item).toMatchObject({ ok: true, count: entries.length })
    } finally {
      await audit.close()
    }
  })

  it('stops a stream when the receiver leaves or aborts', async () => {
    const abort = new AbortController()
    let pieces = 0
    for await (const item of reader.export('csv', undefined, abort.signal)) {
      if (item.kind === 'chunk' && ++pieces === 2) abort.abort()
    }
    expect(pieces).toBe(2)
    for await (const _ of reader.export('csv', undefined)) break
    expect((await reader.search(filter({}), undefined, 1)).entries).toHaveLength(1)
  })

  it('keeps its index between runs, and drops it when the journal is another one', async () => {
    await reader.search(filter({ text: 'send' }), 10, 5)
    await reader.close()
    reader = await openReaderClient({ file: join(folder.path, 'journal.db'), indexFile: join(folder.path, 'search.db'), wallMs: () => 0 })
    const { indexed, total } = await reader.indexProgress()
    expect(indexed).toBeGreaterThanOrEqual(2 * 16_384)
    expect(total).toBe(entries.length)
    await reader.close()
    writeFileSync(join(folder.path, 'search.db'), 'this is no database')
    reader = await openReaderClient({ file: join(folder.path, 'journal.db'), indexFile: join(folder.path, 'search.db'), wallMs: () => 0 })
    expect((await reader.search(filter({ kind: 'refusal' }), undefined, 3)).entries.map((entry) => entry.seq)).toEqual(expected(filter({ kind: 'refusal' }), 3))
  })

  it('searches an empty journal, and one with holes', async () => {
    const other = temporaryFolder()
    try {
      await openStore(storeOptions(other.path)).close()
      const file = join(other.path, 'journal.db')
      const empty = openJournalReader(file)
      expect(await empty.search(filter({ text: 'send' }), undefined, 10)).toMatchObject({ entries: [], total: 0 })
      expect(empty.indexWork(50)).toBe(false)
      empty.close()
      await fillJournal(other.path, 2000)
      const db = new Database(file)
      db.exec('DROP TRIGGER journal_no_delete; DELETE FROM journal WHERE seq BETWEEN 300 AND 1100')
      db.close()
      const holed = openJournalReader(file)
      expect((await holed.search(filter({ text: 'send' }), undefined, 5000)).entries).toHaveLength(2000 - 801)
      holed.close()
    } finally {
      other.dispose()
    }
  })
})
