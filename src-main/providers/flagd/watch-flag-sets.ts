import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlagProblem, JsonObject } from '../../contract/flag-definition.ts'
import { Fault } from '../../contract/fault.ts'
import { readFlagFile } from './flag-files.ts'

/** Renames are seen at once; this finds what a network drive does not tell. */
const POLL_MS = 2000

/** One served set. What is served is always the last version without errors. */
export interface ServedSet {
  readonly name: string
  readonly digest: string
  readonly document: JsonObject
  /** Without white space: what subscribers get. */
  readonly text: string
  /** Wall clock ms. */
  readonly servedSince: number
  /** Of the file as it is now, when it cannot be served: the set above is older. */
  readonly broken: { readonly since: number; readonly why: string; readonly problems: readonly FlagProblem[] } | null
}

export interface WatchedSets {
  get(name: string): ServedSet | undefined
  list(): readonly ServedSet[]
  /** Files that never had a version without errors. */
  neverGood(): ReadonlyMap<string, string>
  close(): void
}

export interface WatchOptions {
  /** Last good versions of an earlier process, by name: they stand in for files that have none now. */
  readonly recall?: ReadonlyMap<string, ServedSet> | null
  readonly now?: () => number
}

/** `NAME.json` of the folder, hidden files left out. */
function setName(file: string): string | null {
  return file.endsWith('.json') && !file.startsWith('.') ? file.slice(0, -5) : null
}

/**
 * Watches the sets of a folder. `onChange` is called once for each version, never twice for the same bytes. A file that
 * goes away is served on, and said to be gone: deleting is not how flags are taken back.
 */
export async function watchFlagSets(folder: string, onChange: (set: ServedSet) => void, { recall = null, now = Date.now }: WatchOptions = {}): Promise<WatchedSets> {
  const served = new Map<string, ServedSet>()
  const neverGood = new Map<string, string>()
  /** One reading at a time per set; a change meanwhile leads to one more. */
  const reading = new Map<string, 'reading' | 'again'>()
  let closed = false

  const take = async (name: string): Promise<void> => {
    const before = served.get(name) ?? recall?.get(name)
    const fail = (why: string, problems: readonly FlagProblem[]): void => {
      if (!before) {
        neverGood.set(name, why)
        return
      }
      const stands = { ...before, broken: before.broken?.why === why ? before.broken : { since: now(), why, problems } }
      const known = served.has(name)
      served.set(name, stands)
      if (!known) onChange(stands)
    }
    try {
      const { digest, document, problems } = await readFlagFile(join(folder, `${name}.json`))
      if (closed) return
      if (digest === null) {
        if (before) fail('The file is gone.', [])
        else neverGood.delete(name)
      } else if (!document) {
        const [first] = problems
        fail(first ? `${name}.json:${first.line}:${first.column}: ${first.message}` : 'It has no flags.', problems)
      } else if (before?.digest === digest && served.has(name)) {
        if (before.broken) served.set(name, { ...before, broken: null })
      } else {
        neverGood.delete(name)
        const set: ServedSet = { name, digest, document, text: JSON.stringify(document), servedSince: now(), broken: null }
        served.set(name, set)
        onChange(set)
      }
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      fail(error.message, [])
    }
  }
  const look = async (name: string): Promise<void> => {
    if (reading.has(name)) {
      reading.set(name, 'again')
      return
    }
    do {
      reading.set(name, 'reading')
      await take(name)
    } while (reading.get(name) === 'again')
    reading.delete(name)
  }
  const lookAtAll = async (): Promise<void> => {
    const found = await readdir(folder).catch(() => [])
    const names = new Set([...found.flatMap((file) => setName(file) ?? []), ...served.keys(), ...(recall?.keys() ?? [])])
    for (const name of names) await look(name)
  }

  let watcher: FSWatcher | null = null
  try {
    watcher = watch(folder, (_event, file) => {
      const name = file === null ? null : setName(file)
      if (name !== null) void look(name)
    })
    watcher.on('error', () => watcher?.close())
  } catch {
    // Without notices there is still the poll.
  }
  await lookAtAll()
  const timer = setInterval(() => void lookAtAll(), POLL_MS)
  timer.unref()
  return {
    get: (name) => served.get(name),
    list: () => [...served.values()],
    neverGood: () => neverGood,
    close() {
      closed = true
      clearInterval(timer)
      watcher?.close()
    },
  }
}
