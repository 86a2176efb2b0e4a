import type { JournalEntry } from '../../src-main/contract/journal.ts'

/** An entry's sentence for a list, where its outcome stands beside it: "blue 0 %, green 100 %", and "verified" says the rest. */
export function shortSummary(entry: Pick<JournalEntry, 'summary' | 'outcome'>): string {
  return entry.outcome === 'verified' ? entry.summary.replace(/ read back from the data plane$/, '') : entry.summary
}
