import { statSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../contract/fault.ts'
import { type JournalReader, openJournalReader } from './journal-reader.ts'
import type { FromReader, ReaderCalls, ReaderStreams, ReaderWorkerData, ToReader } from './reader-protocol.ts'
import { explainProblem } from './journal-problem.ts'
import { RESERVED_LOG_BYTES } from './journal-writer.ts'
import { openReader, openWriter, unfinishedLogBytes, type WritableDb } from './sqlite.ts'

/** Entry of the reading thread. Everything heavy about the journal happens here: search, index, verify, export, log checkpoints. */

/** Indexing and checkpointing wait this long between pieces of work, milliseconds. */
const PAUSE_MS = 200
const INDEX_SLICE_MS = 5
/** A copied journal is tried again every so many pauses. */
const COPY_TURNS = 10
const LOG_BYTES = RESERVED_LOG_BYTES / 2

const port = parentPort
if (!port) throw new Error('reader-worker runs as a worker thread')
const data: ReaderWorkerData = workerData
const send = (message: FromReader) => port.postMessage(message)

function faultOf(error: unknown): FromReader & { kind: 'fault' } {
  if (error instanceof Fault) return { id: 0, kind: 'fault', fault: error.data }
  const { what, next } = explainProblem(error, data.file)
  return { id: 0, kind: 'fault', fault: new Fault('journalUnavailable', `The journal could not be read. ${what}`, next).data }
}

function serve(first: JournalReader): void {
  let reader = first
  /** Questions being answered. */
  let active = 0
  /** Streams that wait for the receiver to ask for more. */
  const streams = new Map<number, { more(): void; stop(): void }>()
  let log: WritableDb | null = null
  let timer: NodeJS.Timeout | undefined
  let turnsOnCopy = 0

  const calls: { [K in keyof ReaderCalls]: (input: ReaderCalls[K]['input']) => unknown } = {
    search: ({ filter, beforeSeq, limit }) => reader.search(filter, beforeSeq, limit),
    get: ({ seq }) => reader.get(seq),
    entriesOfRelease: ({ releaseId }) => reader.entriesOfRelease(releaseId),
    checkpoint: () => reader.checkpoint(),
    indexProgress: () => reader.indexProgress(),
  }
  const sources: { [K in keyof ReaderStreams]: (input: ReaderStreams[K]['input']) => AsyncGenerator } = {
    verify: ({ checkpoint }) => reader.verify(checkpoint),
    exportLines: ({ format, filter, checkpoint, nowMs }) => reader.exportLines(format, filter, checkpoint, nowMs),
  }

  const stream = async (id: number, source: AsyncGenerator) => {
    let credit = 2
    let isStopped = false
    let wake = () => {}
    active += 1
    streams.set(id, {
      more: () => {
        credit += 1
        wake()
      },
      stop: () => {
        isStopped = true
        wake()
      },
    })
    try {
      for await (const value of source) {
        while (credit === 0 && !isStopped) await new Promise<void>((resolve) => (wake = resolve))
        if (isStopped) return
        credit -= 1
        send({ id, kind: 'item', value })
      }
      send({ id, kind: 'end' })
    } catch (error) {
      send({ ...faultOf(error), id })
    } finally {
      streams.delete(id)
      active -= 1
    }
  }

  /** A journal that had to be copied is read where it is as soon as that works again. */
  const leaveCopy = () => {
    const probe = openReader(data.file)
    probe.close()
    if (probe.isCopy) return
    reader.close()
    reader = openJournalReader(data.file, { indexFile: data.indexFile })
  }

  const housekeeping = () => {
    let isMore = false
    try {
      if (reader.isCopy && active === 0 && ++turnsOnCopy % COPY_TURNS === 0) leaveCopy()
      isMore = reader.indexWork(INDEX_SLICE_MS)
      if (data.checkpointLog && (statSync(`${data.file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > LOG_BYTES) {
        log ??= openWriter(data.file)
        if (unfinishedLogBytes(log) > LOG_BYTES) log.pragma('wal_checkpoint(PASSIVE)')
      }
    } catch {
      // Whoever searches is told; the log is moved by its writer in the end.
    }
    timer = setTimeout(housekeeping, isMore ? 0 : PAUSE_MS)
  }

  port?.on('message', (message: ToReader) => {
    switch (message.kind) {
      case 'call': {
        // The names and inputs are the client's, of the same build; see reader-protocol.ts.
        const call = calls[message.name] as (input: unknown) => unknown
        active += 1
        void (async () => {
          try {
            send({ id: message.id, kind: 'answer', value: await call(message.input) })
          } catch (error) {
            send({ ...faultOf(error), id: message.id })
          } finally {
            active -= 1
          }
        })()
        return
      }
      case 'stream': {
        const open = sources[message.name] as (input: unknown) => AsyncGenerator
        void stream(message.id, open(message.input))
        return
      }
      case 'more':
        streams.get(message.id)?.more()
        return
      case 'stop':
        streams.get(message.id)?.stop()
        return
      case 'close':
        clearTimeout(timer)
        for (const running of streams.values()) running.stop()
        log?.close()
        reader.close()
        port.close()
        return
      default:
        message satisfies never
    }
  })
  send({ id: 0, kind: 'ready', source: reader.kind })
  timer = setTimeout(housekeeping, 0)
}

try {
  serve(openJournalReader(data.file, { indexFile: data.indexFile }))
} catch (error) {
  send(faultOf(error))
}
