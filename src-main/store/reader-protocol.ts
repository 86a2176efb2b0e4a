import type { FaultData } from '../contract/fault.ts'
import type { Checkpoint, JournalEntry, JournalFilter, JournalPage, VerifyProgress } from '../contract/journal.ts'
import type { ExportFormat, ExportPiece } from './export-lines.ts'
import type { IndexProgress } from './journal-reader.ts'

/** What the reader's thread is started with. */
export interface ReaderWorkerData {
  readonly file: string
  readonly indexFile: string | null
  /** Moves the writer's log into the database in the background. Only for the owner of the data folder. */
  readonly checkpointLog: boolean
}

/** Questions with one answer. */
export interface ReaderCalls {
  search: { readonly input: { readonly filter: JournalFilter; readonly beforeSeq: number | undefined; readonly limit: number }; readonly output: JournalPage }
  get: { readonly input: { readonly seq: number }; readonly output: JournalEntry | null }
  entriesOfRelease: { readonly input: { readonly releaseId: string }; readonly output: readonly JournalEntry[] }
  checkpoint: { readonly input: null; readonly output: Checkpoint }
  indexProgress: { readonly input: null; readonly output: IndexProgress }
}

/** Questions with many answers. */
export interface ReaderStreams {
  verify: { readonly input: { readonly checkpoint: Checkpoint | null }; readonly item: VerifyProgress }
  exportLines: {
    readonly input: { readonly format: ExportFormat; readonly filter: JournalFilter | null; readonly checkpoint: Checkpoint; readonly nowMs: number }
    readonly item: ExportPiece
  }
}

export type ToReader =
  | { readonly id: number; readonly kind: 'call'; readonly name: keyof ReaderCalls; readonly input: unknown }
  | { readonly id: number; readonly kind: 'stream'; readonly name: keyof ReaderStreams; readonly input: unknown }
  /** One more item may be sent: the receiver sets the pace. */
  | { readonly id: number; readonly kind: 'more' }
  | { readonly id: number; readonly kind: 'stop' }
  | { readonly id: 0; readonly kind: 'close' }

export type FromReader =
  | { readonly id: 0; readonly kind: 'ready'; readonly source: 'database' | 'export' }
  | { readonly id: number; readonly kind: 'answer'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'item'; readonly value: unknown }
  | { readonly id: number; readonly kind: 'end' }
  | { readonly id: number; readonly kind: 'fault'; readonly fault: FaultData }
