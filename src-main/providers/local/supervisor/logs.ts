import { spawn } from 'node:child_process'
import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, readSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLine } from '../../../contract/service.ts'

const RING_LINES = 2_000
const MAX_LINE_CHARS = 8_192
const ROTATE_BYTES = 5 << 20
const POLL_MS = 150
const REPLAY_BYTES = 64 << 10
/** Set aside for each file when a process is started, so that what it writes fits whatever the disk does. */
const RESERVED_BYTES = 256 << 10
/** With less than this free, files are cut at half of what is set aside. */
const SCARCE_BYTES = 16 << 20
const LOOK_MS = 1000

/** Whether the disk of a folder is nearly full; looked at once a second, for all logs in it. */
const scarcity = new Map<string, { lookedAt: number; scarce: boolean }>()
function isScarce(folder: string): boolean {
  const known = scarcity.get(folder)
  const now = performance.now()
  if (known && now - known.lookedAt < LOOK_MS) return known.scarce
  let scarce = false
  try {
    const { bavail, bsize } = statfsSync(folder)
    scarce = bavail * bsize < SCARCE_BYTES
  } catch {
    // Not a reason to cut anything.
  }
  scarcity.set(folder, { lookedAt: now, scarce })
  return scarce
}

/** Sets blocks aside beyond the end of a file without lengthening it (fallocate(1), Linux). Elsewhere, or without it, nothing happens. */
function setAside(file: string): void {
  if (process.platform !== 'linux') return
  spawn('fallocate', ['--keep-size', '--length', String(RESERVED_BYTES), file], { stdio: 'ignore' }).on('error', () => undefined)
}

/**
 * Output of one environment. The process writes straight into files, so that it neither blocks nor dies when the
 * supervisor does; the supervisor reads along and keeps the newest lines in memory. The time of a line is when it
 * was read. Files are rotated once at 5 MiB (copied, then cut: the process keeps its descriptor).
 *
 * A full disk must not become a service that fails because it cannot write its log: room is set aside for each file, and
 * when the disk is nearly full files are cut early. What is lost then is old output, never a request.
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
  /** Before a process is started: room for its output. */
  reserve(): void
  close(): void
}

interface Follower {
  poll(): void
  close(): void
  readonly fd: number
}

function follow(folder: string, file: string, fromEnd: boolean, onLine: (text: string) => void): Follower {
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
    const scarce = size > RESERVED_BYTES / 2 && isScarce(folder)
    if (size <= ROTATE_BYTES && !scarce) return
    if (!scarce) keepCopy()
    ftruncateSync(fd, 0)
    offset = 0
    setAside(file)
  }

  function keepCopy(): void {
    try {
      copyFileSync(file, `${file}.1`)
    } catch {
      // Old output is losable; the supervisor is not.
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

  const out = follow(folder, `${base}.stdout.log`, !replay, (text) => add('stdout', text))
  const err = follow(folder, `${base}.stderr.log`, !replay, (text) => add('stderr', text))
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
      try {
        if (fstatSync(own).size > ROTATE_BYTES) ftruncateSync(own, 0)
        writeSync(own, `${new Date().toISOString()} ${text}\n`)
      } catch {
        // A full disk: it is still in memory, and shown.
      }
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
    reserve() {
      setAside(`${base}.stdout.log`)
      setAside(`${base}.stderr.log`)
    },
    close() {
      clearInterval(timer)
      for (const fd of [out.fd, err.fd, own]) closeSync(fd)
    },
  }
}
