import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLine } from '../../../contract/service.ts'

const RING_LINES = 2_000
const MAX_LINE_CHARS = 8_192
const ROTATE_BYTES = 5 << 20
const POLL_MS = 150
const REPLAY_BYTES = 64 << 10

/**
 * Output of one environment. The process writes straight into files, so that it neither blocks nor dies when the
 * supervisor does; the supervisor reads along and keeps the newest lines in memory. The time of a line is when it
 * was read. Files are rotated once at 5 MiB (copied, then cut: the process keeps its descriptor).
 */
export interface EnvironmentLog {
  /** Descriptors to start a process with. */
  readonly stdoutFd: number
  readonly stderrFd: number
  note(text: string): void
  recent(lines: number): readonly LogLine[]
  /** Newest lines of stderr, oldest first, for telling why something ended. */
  lastErrors(lines: number): readonly string[]
  subscribe(onLines: (lines: readonly LogLine[]) => void): () => void
  /** Reads what was written up to now. */
  poll(): void
  close(): void
}

interface Follower {
  poll(): void
  close(): void
  readonly fd: number
}

function follow(file: string, fromEnd: boolean, onLine: (text: string) => void): Follower {
  const fd = openSync(file, 'a+', 0o600)
  const size = fstatSync(fd).size
  let offset = fromEnd ? size : Math.max(0, size - REPLAY_BYTES)
  // The first line of a replay is most likely cut; it is dropped below by starting in "skip" then.
  let skip = !fromEnd && offset > 0
  let rest: Buffer = Buffer.alloc(0)
  const chunk = Buffer.alloc(64 << 10)

  function poll(): void {
    const { size } = fstatSync(fd)
    if (size < offset) offset = 0
    while (offset < size) {
      const count = readSync(fd, chunk, 0, Math.min(chunk.length, size - offset), offset)
      if (count === 0) break
      offset += count
      take(chunk.subarray(0, count))
    }
    if (size > ROTATE_BYTES) {
      copyFileSync(file, `${file}.1`)
      ftruncateSync(fd, 0)
      offset = 0
    }
  }

  function take(bytes: Buffer): void {
    let start = 0
    for (;;) {
      const end = bytes.indexOf(10, start)
      if (end < 0) break
      const whole = Buffer.concat([rest, bytes.subarray(start, end)])
      rest = Buffer.alloc(0)
      start = end + 1
      if (skip) skip = false
      else onLine(whole.toString('utf8').replace(/\r$/, '').slice(0, MAX_LINE_CHARS))
    }
    rest = Buffer.concat([rest, bytes.subarray(start)])
    if (rest.length > MAX_LINE_CHARS * 4) {
      onLine(rest.toString('utf8').slice(0, MAX_LINE_CHARS))
      rest = Buffer.alloc(0)
      skip = true
    }
  }

  return { fd, poll, close: () => closeSync(fd) }
}

/** `replay`: read back the end of what an earlier supervisor saw (it is given the time of reading). */
export function openEnvironmentLog(folder: string, service: string, environment: string, replay: boolean): EnvironmentLog {
  const base = join(folder, `${encodeURIComponent(service)}.${environment}`)
  const ring: LogLine[] = []
  const subscribers = new Set<(lines: readonly LogLine[]) => void>()
  let fresh: LogLine[] = []

  function add(stream: LogLine['stream'], text: string): void {
    const entry: LogLine = { at: Date.now(), stream, text }
    ring.push(entry)
    if (ring.length > RING_LINES * 1.5) ring.splice(0, ring.length - RING_LINES)
    fresh.push(entry)
  }

  function flush(): void {
    if (fresh.length === 0) return
    const lines = fresh
    fresh = []
    for (const onLines of subscribers) onLines(lines)
  }

  const out = follow(`${base}.stdout.log`, !replay, (text) => add('stdout', text))
  const err = follow(`${base}.stderr.log`, !replay, (text) => add('stderr', text))
  const own = openSync(`${base}.supervisor.log`, 'a', 0o600)
  function poll(): void {
    out.poll()
    err.poll()
    flush()
  }
  const timer = setInterval(poll, POLL_MS)
  timer.unref()

  return {
    stdoutFd: out.fd,
    stderrFd: err.fd,
    note(text) {
      // What the process said before comes first.
      poll()
      add('supervisor', text)
      if (fstatSync(own).size > ROTATE_BYTES) ftruncateSync(own, 0)
      writeSync(own, `${new Date().toISOString()} ${text}\n`)
      flush()
    },
    recent: (lines) => ring.slice(-Math.min(lines, RING_LINES)),
    lastErrors(lines) {
      poll()
      return ring.filter((line) => line.stream === 'stderr' && line.text.trim() !== '').slice(-lines).map((line) => line.text)
    },
    subscribe(onLines) {
      subscribers.add(onLines)
      return () => subscribers.delete(onLines)
    },
    poll,
    close() {
      clearInterval(timer)
      for (const fd of [out.fd, err.fd, own]) closeSync(fd)
    },
  }
}
