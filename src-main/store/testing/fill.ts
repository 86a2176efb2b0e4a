import type { JournalEntry } from '../../contract/journal.ts'
import { openStore } from '../store.ts'
import { batch, storeOptions, variedDrafts } from './fixtures.ts'

/** A data folder with a journal of `count` varied entries, closed. `keep`: share of the entries handed back. */
export async function fillJournal(folder: string, count: number, keep = 1): Promise<JournalEntry[]> {
  const store = openStore(storeOptions(folder))
  const kept: JournalEntry[] = []
  let drafts = []
  let seen = 0
  for (const one of variedDrafts(count)) {
    drafts.push(one)
    if (drafts.length < 5000 && seen + drafts.length < count) continue
    const entries = await store.commit(batch({ entries: drafts }))
    for (const entry of entries) if (keep === 1 || entry.seq % Math.round(1 / keep) === 0) kept.push(entry)
    seen += drafts.length
    drafts = []
  }
  await store.close()
  return kept
}
