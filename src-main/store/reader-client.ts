import { Worker } from 'node:worker_threads'
import { Fault, faultFromData } from '../contract/fault.ts'
import type { Checkpoint, ExportProgress, JournalEntry, JournalFilter, JournalPage, VerifyProgress } from '../contract/journal.ts'
import type { ExportFormat } from './export-lines.ts'
import type { IndexProgress } from './journal-reader.ts'
import type { FromReader, ReaderCalls, ReaderStreams, ReaderWorkerData, ToReader } from './reader-protocol.ts'

export interface OpenReaderClientOptions {
  /** journal.db of a data folder, a journal database anywhere, or a JSONL export. */
  readonly file: string
  /** Only for the owner of the data folder: where the search index is kept between runs. */
  readonly indexFile?: string | null
  /** Only for the owner of the data folder: moves the writer's log into the database in the background. */
  readonly checkpointLog?: boolean
  /** Names exports and times them. */
  readonly wallMs: () => number
  /** Where the thread's program is, when it is not beside this file. */
  readonly workerFile?: URL
}

/** The journal as screens, reports and auditors read it: from a thread of its own, never in the way of an act. */
export interface JournalReaderClient {
  readonly source: 'database' | 'export'
  search(filter: JournalFilter, beforeSeq: number | undefined, limit: number): Promise<JournalPage>
  /** Faults: `notFound`. */
  get(seq: number): Promise<JournalEntry>
  /** Oldest first. */
  entriesOfRelease(releaseId: string): Promise<readonly JournalEntry[]>
  /** Where the journal stands; for an export, what its first line states. */
  checkpoint(): Promise<Checkpoint>
  verify(checkpoint: Checkpoint | null, signal?: AbortSignal): AsyncGenerator<VerifyProgress>
  export(format: ExportFormat, filter: JournalFilter | undefined, signal?: AbortSignal): AsyncGenerator<ExportProgress>
  indexProgress(): Promise<IndexProgress>
  close(): Promise<void>
}

/** A piece of an export crosses to the screen when it is this long, characters. */
const CHUNK_CHARACTERS = 256 * 1024

/** Starts the thread and opens the journal. Faults: `notFound`, `invalidInput`, `journalUnavailable`. */
export async function openReaderClient(options: OpenReaderClientOptions): Promise<JournalReaderClient> {
  const { file, indexFile = null, checkpointLog = false, wallMs } = options
  const workerData: ReaderWorkerData = { file, indexFile, checkpointLog }
  const worker = new Worker(options.workerFile ?? besideThisFile('reader-worker'), { workerData })
  const waiting = new Map<number, { onMessage(message: FromReader): void; onLost(fault: Fault): void }>()
  let ids = 0
  let lost: Fault | null = null
  const post = (message: ToReader) => worker.postMessage(message)

  const lose = (why: string) => {
    lost ??= new Fault('journalUnavailable', `The journal's reader stopped (${why}). Acting and recording go on.`, 'Start the console again to search the journal.')
    for (const waiter of waiting.values()) waiter.onLost(lost)
    waiting.clear()
  }
  worker.on('error', (error) => lose(error instanceof Error ? error.message : String(error)))
  worker.on('exit', () => lose('it was closed'))

  const source = await new Promise<'database' | 'export'>((resolve, reject) => {
    waiting.set(0, {
      onMessage: (message) => {
        if (message.kind === 'ready') resolve(message.source)
        else if (message.kind === 'fault') reject(faultFromData(message.fault))
      },
      onLost: reject,
    })
    worker.on('message', (message: FromReader) => waiting.get(message.id)?.onMessage(message))
  }).catch(async (error: unknown) => {
    await worker.terminate()
    throw error
  })
  waiting.delete(0)
  // Reading must not keep a finished program alive.
  worker.unref()

  const call = <K extends keyof ReaderCalls>(name: K, input: ReaderCalls[K]['input']): Promise<ReaderCalls[K]['output']> =>
    new Promise((resolve, reject) => {
      if (lost) {
        reject(lost)
        return
      }
      const id = (ids += 1)
      worker.ref()
      const settle = () => {
        waiting.delete(id)
        if (waiting.size === 0) worker.unref()
      }
      waiting.set(id, {
        onMessage: (message) => {
          settle()
          // Same build at both ends; see reader-protocol.ts.
          if (message.kind === 'answer') resolve(message.value as ReaderCalls[K]['output'])
          else if (message.kind === 'fault') reject(faultFromData(message.fault))
        },
        onLost: reject,
      })
      post({ id, kind: 'call', name, input })
    })

  async function* stream<K extends keyof ReaderStreams>(name: K, input: ReaderStreams[K]['input'], signal?: AbortSignal): AsyncGenerator<ReaderStreams[K]['item']> {
    if (lost) throw lost
    const id = (ids += 1)
    const items: FromReader[] = []
    let fault: Fault | null = null
    let wake = () => {}
    const onAbort = () => wake()
    waiting.set(id, {
      onMessage: (message) => {
        items.push(message)
        wake()
      },
      onLost: (why) => {
        fault = why
        wake()
      },
    })
    worker.ref()
    signal?.addEventListener('abort', onAbort)
    post({ id, kind: 'stream', name, input })
    try {
      for (;;) {
        if (signal?.aborted) return
        const message = items.shift()
        if (!message) {
          if (fault) throw fault
          await new Promise<void>((resolve) => (wake = resolve))
          continue
        }
        if (message.kind === 'end') return
        if (message.kind === 'fault') throw faultFromData(message.fault)
        if (message.kind === 'item') {
          post({ id, kind: 'more' })
          yield message.value as ReaderStreams[K]['item']
        }
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      waiting.delete(id)
      if (!lost) post({ id, kind: 'stop' })
      if (waiting.size === 0) worker.unref()
    }
  }

  return {
    source,
    search: (filter, beforeSeq, limit) => call('search', { filter, beforeSeq, limit }),
    async get(seq) {
      const entry = await call('get', { seq })
      if (!entry) throw new Fault('notFound', `The journal has no entry ${seq}.`, 'Search for the entry you mean.')
      return entry
    },
    entriesOfRelease: (releaseId) => call('entriesOfRelease', { releaseId }),
    checkpoint: () => call('checkpoint', null),
    verify: (checkpoint, signal) => stream('verify', { checkpoint }, signal),
    async *export(format, filter, signal) {
      const checkpoint = await call('checkpoint', null)
      const nowMs = wallMs()
      let text = ''
      for await (const piece of stream('exportLines', { format, filter: filter ?? null, checkpoint, nowMs }, signal)) {
        text += piece.text
        if (text.length < CHUNK_CHARACTERS) continue
        yield { kind: 'chunk', text }
        yield { kind: 'progress', done: piece.done, total: checkpoint.count }
        text = ''
      }
      if (signal?.aborted) return
      if (text !== '') yield { kind: 'chunk', text }
      const day = new Date(nowMs).toISOString().slice(0, 10)
      yield { kind: 'result', count: checkpoint.count, checkpoint, fileName: `signalbox-journal-${day}-${checkpoint.count}.${format}` }
    },
    indexProgress: () => call('indexProgress', null),
    async close() {
      if (lost) return
      const gone = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
      worker.ref()
      post({ id: 0, kind: 'close' })
      await gone
    },
  }
}

/** Sources run as they are (.ts); a build puts the thread's program beside the bundle (.js). */
function besideThisFile(name: string): URL {
  return new URL(`./${name}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
}
