import { type FSWatcher, statSync, watch } from 'node:fs'
import { join } from 'node:path'

/** Finds what the file system does not tell: network drives, and a folder that is made later. */
const POLL_MS = 2000

export interface SetFilesWatcher {
  /** Calls back when the file may have changed. Returns the stop function. */
  subscribe(file: string, onChange: () => void): () => void
  close(): void
}

/** Watches files of one folder for as long as anyone wants to know. */
export function watchSetFiles(folder: string): SetFilesWatcher {
  const wanted = new Map<() => void, { readonly file: string; mark: string }>()
  let watcher: FSWatcher | null = null
  let timer: NodeJS.Timeout | null = null

  const markOf = (file: string): string => {
    const found = statSync(join(folder, file), { throwIfNoEntry: false, bigint: true })
    return found ? `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}` : 'none'
  }
  const look = (only: string | null): void => {
    for (const [onChange, one] of wanted) {
      if (only !== null && one.file !== only) continue
      const mark = markOf(one.file)
      if (mark === one.mark) continue
      one.mark = mark
      onChange()
    }
  }
  const begin = (): void => {
    if (watcher) return
    try {
      watcher = watch(folder, { persistent: false }, (_event, file) => look(file))
      watcher.on('error', end)
    } catch {
      // The poll tries again.
    }
  }
  const end = (): void => {
    watcher?.close()
    watcher = null
  }
  return {
    subscribe(file, onChange) {
      const own = () => onChange()
      wanted.set(own, { file, mark: markOf(file) })
      begin()
      timer ??= setInterval(() => {
        begin()
        look(null)
      }, POLL_MS).unref()
      return () => {
        wanted.delete(own)
        if (wanted.size > 0) return
        if (timer) clearInterval(timer)
        timer = null
        end()
      }
    },
    close() {
      wanted.clear()
      if (timer) clearInterval(timer)
      timer = null
      end()
    },
  }
}
