import type { JournalReaderClient } from '../store/reader-client.ts'
import type { CoreApi } from '../rpc/core-api.ts'
import type { Checkpoint, JournalDraft } from '../contract/journal.ts'

/** The journal's part of the core's interface, for a live console and for `--audit` alike. */
export function createJournalApi(reader: JournalReaderClient, options: { readonly checkpoint: () => Checkpoint | null; readonly note: (action: JournalDraft['action'], summary: string, evidence: JournalDraft['evidence']) => Promise<void> }): CoreApi['journal'] {
  return {
    search: ({ filter, beforeSeq, limit }) => reader.search(filter, beforeSeq, limit),
    get: ({ seq }) => reader.get(seq),
    checkpoint: async () => options.checkpoint() ?? (await reader.checkpoint()),
    async *verify(_input, { signal }) {
      yield* reader.verify(options.checkpoint(), signal)
    },
    async *export({ format, filter }, { signal }) {
      // Exports are entries themselves: who took what out, before it is taken.
      await options.note('journal.exported', `Export the journal as ${format}${filter ? ', filtered' : ''}`, JSON.parse(JSON.stringify({ format, filter: filter ?? null })) as JournalDraft['evidence'])
      yield* reader.export(format, filter, signal)
    },
    report: async ({ releaseId }) => ({ releaseId, entries: [...(await reader.entriesOfRelease(releaseId))], checkpoint: options.checkpoint() ?? (await reader.checkpoint()) }),
  }
}
