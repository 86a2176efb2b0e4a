import type { Fault } from '../contract/fault.ts'
import type { JournalReaderClient } from '../store/reader-client.ts'

/** Stands for a journal that cannot be read: whoever asks is told why, and the console opens all the same. */
export function unreadableJournal(fault: Fault): JournalReaderClient {
  const fail = () => Promise.reject(fault)
  // oxlint-disable-next-line require-yield -- it has nothing to give
  async function* failing(): AsyncGenerator<never> {
    throw fault
  }
  return { source: 'database', search: fail, get: fail, entriesOfRelease: fail, checkpoint: fail, verify: failing, export: failing, indexProgress: fail, close: async () => {} }
}
