import { availableParallelism } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { KeyPlace } from './find-keys.ts'
import { listFiles } from './list-files.ts'
import type { WorkerAnswer } from './scan-worker.ts'

export interface FlagReference extends KeyPlace {
  /** Absolute. */
  readonly file: string
}

export interface FlagScan {
  /** By key, every key asked for included; by file and line. */
  readonly references: ReadonlyMap<string, readonly FlagReference[]>
  readonly files: number
  readonly bytes: number
  readonly lines: number
  readonly binary: number
  /** What was not looked at, so that nobody takes "none found" for more than it is. */
  readonly tooLarge: readonly string[]
  readonly unreadable: readonly string[]
  /** More than the bound were found; what is shown is a part. */
  readonly truncated: boolean
  readonly tookMs: number
}

export interface ScanOptions {
  readonly signal?: AbortSignal
  readonly threads?: number
  readonly maxReferences?: number
}

const FILES_PER_BATCH = 64
/** What one thread reads in about the time another takes to start. */
const FILES_PER_THREAD = 5000
/** Batches a thread has besides the one it works on, so that it never waits. */
const AHEAD = 2

/**
 * Looks for flag keys in the string literals of every file below these folders, in threads of their own; `.gitignore` is
 * respected. Cancelled by the signal: rejects with its reason, threads ended.
 */
export async function scanFlagReferences(folders: readonly string[], keys: readonly string[], { signal, threads = Math.min(8, availableParallelism()), maxReferences = 100_000 }: ScanOptions = {}): Promise<FlagScan> {
  signal?.throwIfAborted()
  const startedAt = performance.now()
  const references = new Map<string, FlagReference[]>([...new Set(keys)].map((key) => [key, []]))
  const scan = { files: 0, bytes: 0, lines: 0, binary: 0, tooLarge: new Array<string>(), unreadable: new Array<string>(), truncated: false }
  let count = 0
  const take = (answer: WorkerAnswer): void => {
    scan.bytes += answer.bytes
    scan.lines += answer.lines
    scan.binary += answer.binary
    scan.tooLarge.push(...answer.tooLarge)
    scan.unreadable.push(...answer.unreadable)
    for (const { file, places } of answer.found) {
      for (const place of places) {
        if (count >= maxReferences) scan.truncated = true
        else references.get(place.key)?.push({ file, ...place })
        count += 1
      }
    }
  }
  const start = (): Worker => new Worker(new URL('./scan-worker.ts', import.meta.url), { workerData: { keys: [...references.keys()] }, trackUnmanagedFds: false })
  // The first thread starts while files are listed; more of them only where there is enough to read for their start to pay.
  const workers = [start()]
  try {
    const listed = [...batches(folders, scan)]
    while (workers.length < Math.min(threads, scan.files / FILES_PER_THREAD)) workers.push(start())
    await feed(workers, listed[Symbol.iterator](), take, signal)
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
  for (const list of references.values()) list.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column))
  return { references, ...scan, tookMs: performance.now() - startedAt }
}

function* batches(folders: readonly string[], scan: { files: number; readonly unreadable: string[] }): Generator<readonly string[]> {
  let batch: string[] = []
  // One folder inside another would be read twice.
  const roots = [...new Set(folders.map((folder) => (isAbsolute(folder) ? folder : resolve(folder))))]
  for (const root of roots.filter((one) => !roots.some((other) => other !== one && one.startsWith(`${other}/`)))) {
    for (const { files, unreadable } of listFiles(root)) {
      scan.unreadable.push(...unreadable)
      for (const file of files) {
        scan.files += 1
        batch.push(file)
        if (batch.length < FILES_PER_BATCH) continue
        yield batch
        batch = []
      }
    }
  }
  if (batch.length > 0) yield batch
}

/** Gives each thread the next batch as it answers. */
function feed(workers: readonly Worker[], source: Iterator<readonly string[]>, take: (answer: WorkerAnswer) => void, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    let pending = 0
    let ended = false
    let id = 0
    const stop = (): void => fail(signal?.reason instanceof Error ? signal.reason : new Error('cancelled'))
    const give = (worker: Worker): void => {
      if (ended) return
      const next = source.next()
      if (next.done) {
        ended = true
        return
      }
      id += 1
      pending += 1
      worker.postMessage({ id, files: next.value })
    }
    const finish = (): void => {
      if (!ended || pending > 0) return
      signal?.removeEventListener('abort', stop)
      done()
    }
    signal?.addEventListener('abort', stop, { once: true })
    for (const worker of workers) {
      worker.on('error', fail)
      worker.on('message', (answer: WorkerAnswer) => {
        if (signal?.aborted) return
        pending -= 1
        take(answer)
        give(worker)
        finish()
      })
    }
    for (let round = 0; round <= AHEAD; round += 1) for (const worker of workers) give(worker)
    finish()
  })
}
