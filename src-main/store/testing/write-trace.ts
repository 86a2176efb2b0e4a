import { basename } from 'node:path'

/** What a traced process did to its files, and what it acknowledged on stdout, in order. */
export type TraceEvent =
  | { readonly kind: 'write'; readonly file: string; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'sync'; readonly file: string }
  | { readonly kind: 'truncate'; readonly file: string; readonly size: number }
  | { readonly kind: 'unlink'; readonly file: string }
  | { readonly kind: 'said'; readonly line: string }

export const STRACE_ARGUMENTS = ['-f', '-y', '-xx', '-s', '4000000', '-e', 'trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink']

/** Reads `strace -f -y -xx`. Calls that another thread interrupted in the log count when they end; writes when they begin. */
export function parseTrace(log: string): readonly TraceEvent[] {
  const events: TraceEvent[] = []
  const unfinished = new Map<string, string>()
  for (const raw of log.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(raw) ?? []
    if (rest.endsWith('<unfinished ...>')) {
      const call = rest.slice(0, -'<unfinished ...>'.length)
      if (/^f(data)?sync/.test(call)) unfinished.set(pid, call)
      else push(events, call)
    } else if (rest.startsWith('<... ')) {
      const call = unfinished.get(pid)
      unfinished.delete(pid)
      if (call && rest.endsWith(' = 0')) push(events, call)
    } else if (!rest.includes(' = -1 ')) {
      push(events, rest)
    }
  }
  return events
}

function push(events: TraceEvent[], call: string): void {
  const [, name = '', args = ''] = /^(\w+)\((.*)$/.exec(call) ?? []
  const [, fd = '', path = ''] = /^(\d+)<([^>]*)>/.exec(args) ?? []
  const file = basename(unhex(path).toString())
  const [, data = ''] = /"((?:\\x[0-9a-f]{2})*)"/.exec(args) ?? []
  if (name === 'pwrite64') {
    const [, offset = '0'] = /", \d+, (\d+)/.exec(args) ?? []
    events.push({ kind: 'write', file, offset: Number(offset), bytes: unhex(data) })
  } else if (name === 'write' && fd === '1') {
    for (const line of unhex(data).toString().trimEnd().split('\n')) events.push({ kind: 'said', line })
  } else if (name === 'fsync' || name === 'fdatasync') {
    events.push({ kind: 'sync', file })
  } else if (name === 'ftruncate') {
    const [, size = '0'] = /, (\d+)/.exec(args) ?? []
    events.push({ kind: 'truncate', file, size: Number(size) })
  } else if (name === 'unlink') {
    events.push({ kind: 'unlink', file: basename(unhex(data).toString()) })
  }
}

function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex')
}

/**
 * A disk that loses power: what was synced is there; of what was written since, each 512-byte sector is there or not.
 * (Making, naming and deleting files is taken to be durable at once, as on a journaling file system after the
 * directory syncs that SQLite does.)
 */
export interface Disk {
  apply(event: TraceEvent): void
  /** Contents of the files after a power cut now. `keep` decides for each unsynced sector. */
  afterPowerCut(keep: () => boolean): ReadonlyMap<string, Buffer>
}

const SECTOR = 512

export function disk(): Disk {
  const synced = new Map<string, Buffer>()
  const pending = new Map<string, TraceEvent[]>()
  return {
    apply(event) {
      if (event.kind === 'said') return
      if (event.kind === 'unlink') {
        synced.delete(event.file)
        pending.delete(event.file)
        return
      }
      if (!synced.has(event.file)) synced.set(event.file, Buffer.alloc(0))
      const waiting = pending.get(event.file) ?? []
      if (event.kind === 'sync') {
        synced.set(event.file, replay(synced.get(event.file) ?? Buffer.alloc(0), waiting, () => true))
        pending.delete(event.file)
      } else {
        pending.set(event.file, [...waiting, event])
      }
    },
    afterPowerCut: (keep) => new Map([...synced].map(([file, bytes]) => [file, replay(bytes, pending.get(file) ?? [], keep)])),
  }
}

function replay(from: Buffer, events: readonly TraceEvent[], keep: () => boolean): Buffer {
  let bytes = Buffer.from(from)
  for (const event of events) {
    if (event.kind === 'truncate' && keep()) {
      const next = Buffer.alloc(event.size)
      bytes.copy(next, 0, 0, event.size)
      bytes = next
    }
    if (event.kind !== 'write') continue
    let at = 0
    while (at < event.bytes.length) {
      const place = event.offset + at
      const length = Math.min(SECTOR - (place % SECTOR), event.bytes.length - at)
      if (keep()) {
        if (bytes.length < place + length) bytes = Buffer.concat([bytes, Buffer.alloc(place + length - bytes.length)])
        event.bytes.copy(bytes, place, at, at + length)
      }
      at += length
    }
  }
  return bytes
}
