import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { countLines } from './count-lines.ts'
import { createKeyFinder, type KeyPlace } from './find-keys.ts'

/** Larger files are made by machines. */
export const MAX_FILE_BYTES = 4 * 1024 * 1024
/** As git tells binary files: a zero byte among the first. */
const SNIFFED_BYTES = 8000

export interface WorkerAnswer {
  readonly id: number
  readonly found: readonly { readonly file: string; readonly places: readonly KeyPlace[] }[]
  readonly bytes: number
  readonly lines: number
  readonly binary: number
  readonly tooLarge: readonly string[]
  readonly unreadable: readonly string[]
}

const { keys } = workerData as { keys: readonly string[] }
const finder = createKeyFinder(keys)
// One buffer for every file: no allocation, and no zeroing of it.
const space = Buffer.allocUnsafeSlow(MAX_FILE_BYTES + 1)

parentPort?.on('message', ({ id, files }: { id: number; files: readonly string[] }) => {
  const found: { file: string; places: readonly KeyPlace[] }[] = []
  const tooLarge: string[] = []
  const unreadable: string[] = []
  let bytes = 0
  let lines = 0
  let binary = 0
  for (const file of files) {
    const length = readInto(file)
    if (length === null) unreadable.push(file)
    else if (length > MAX_FILE_BYTES) tooLarge.push(file)
    else {
      const content = space.subarray(0, length)
      const zero = content.indexOf(0)
      if (zero !== -1 && zero < SNIFFED_BYTES) binary += 1
      else {
        bytes += length
        lines += countLines(space, length)
        const places = finder.find(content)
        if (places.length > 0) found.push({ file, places })
      }
    }
  }
  parentPort?.postMessage({ id, found, bytes, lines, binary, tooLarge, unreadable } satisfies WorkerAnswer)
})

function readInto(file: string): number | null {
  try {
    const fd = openSync(file, 'r')
    try {
      let length = 0
      for (;;) {
        const read = readSync(fd, space, length, space.length - length, null)
        length += read
        if (read === 0 || length === space.length) return length
      }
    } finally {
      closeSync(fd)
    }
  } catch {
    return null
  }
}
