import type { JournalEntry } from '../../contract/journal.ts'
import type { JournalReaderClient } from '../../store/reader-client.ts'

/** Entries come to the main thread so many at a time: with their evidence they may be large. */
const PAGE = 100
/** No more than this is looked at after a long absence. */
const MOST = 20_000

/** Entries after one and up to another, oldest first. Ends early where the journal cannot be read so far yet. */
export async function entriesAfter(reader: Pick<JournalReaderClient, 'search'>, afterSeq: number, untilSeq: number, visit: (entry: JournalEntry) => void): Promise<void> {
  // Page by page upwards, so that what was looked at is remembered in order even when the next page cannot be read.
  for (let from = Math.max(afterSeq, untilSeq - MOST); from < untilSeq; from += PAGE) {
    const upTo = Math.min(from + PAGE, untilSeq)
    const { entries } = await reader.search({ text: '' }, upTo + 1, upTo - from)
    if (entries.length === 0) return
    for (const entry of entries.toReversed()) if (entry.seq > from && entry.seq <= upTo) visit(entry)
  }
}
