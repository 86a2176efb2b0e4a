import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

const MIN_SLOT_BYTES = 1 << 20

/**
 * Durable memory of the supervisor: records of which the last one per key wins.
 *
 * Two preallocated files take turns. Records are appended to one; when it is full, what still counts is written to the
 * other. Because no write ever needs new disk space, a full disk cannot stop a roll back, and because the size never
 * changes, one fdatasync is enough. Every line carries epoch, sequence and a checksum: a torn tail ends the replay.
 */
export interface StateLog {
  readonly entries: ReadonlyMap<string, unknown>
  /** Durable when it resolves. Concurrent calls share one fdatasync. All of a call's records hold, or none. */
  append(records: readonly (readonly [key: string, value: unknown])[]): Promise<void>
  close(): Promise<void>
}

interface Slot {
  readonly epoch: number
  readonly entries: Map<string, unknown>
  readonly sequence: number
  readonly offset: number
}

function line(epoch: number, sequence: number, payload: string): string {
  const head = `${epoch} ${sequence} `
  const sum = createHash('sha256').update(head).update(payload).digest('hex').slice(0, 16)
  return `${head}${sum} ${payload}\n`
}

/** The last value of a key wins; null forgets it. */
function applyTo(entries: Map<string, unknown>, records: readonly (readonly [string, unknown])[]): void {
  for (const [key, value] of records) {
    if (value === null) entries.delete(key)
    else entries.set(key, value)
  }
}

/** Reads as far as the lines are whole, in sequence and of one epoch. Null when there is no finished snapshot. */
function readSlot(file: string): Slot | null {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    return null
  }
  const entries = new Map<string, unknown>()
  let offset = 0
  let sequence = 0
  let epoch = -1
  let whole = false
  for (;;) {
    const end = bytes.indexOf(10, offset)
    if (end < 0) break
    const text = bytes.toString('utf8', offset, end)
    const match = /^(\d+) (\d+) ([0-9a-f]{16}) (.*)$/s.exec(text)
    if (!match?.[4]) break
    const lineEpoch = Number(match[1])
    if (epoch === -1) epoch = lineEpoch
    if (lineEpoch !== epoch || Number(match[2]) !== sequence || line(epoch, sequence, match[4]) !== `${text}\n`) break
    const records = JSON.parse(match[4]) as [string, unknown][] | 'snapshotEnd'
    if (records === 'snapshotEnd') whole = true
    else applyTo(entries, records)
    sequence += 1
    offset = end + 1
  }
  return whole ? { epoch, entries, sequence, offset } : null
}

/** Fills the file with zeros up to `bytes`, so that its blocks exist. Keeps what is there. */
function preallocate(file: string, bytes: number): void {
  const fd = openSync(file, 'a+', 0o600)
  try {
    let size = 0
    const probe = Buffer.alloc(1)
    if (readSync(fd, probe, 0, 1, bytes - 1) === 1) return
    size = readFileSync(file).length
    const zeros = Buffer.alloc(64 * 1024)
    while (size < bytes) size += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - size))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, 'r')
  fsyncSync(fd)
  closeSync(fd)
}

/** Opens the log of a folder, replaying what it holds. */
export async function openStateLog(folder: string, slotBytes = MIN_SLOT_BYTES): Promise<StateLog> {
  const files = [join(folder, 'state.0'), join(folder, 'state.1')] as const
  const slots = files.map(readSlot)
  const best = slots.reduce<Slot | null>((a, b) => (b && (!a || b.epoch > a.epoch) ? b : a), null)
  const entries = best?.entries ?? new Map<string, unknown>()
  let active: 0 | 1 = best && best === slots[1] ? 1 : 0
  let epoch = best?.epoch ?? 0
  let sequence = best?.sequence ?? 0
  let offset = best?.offset ?? 0
  let capacity = slotBytes
  for (const file of files) preallocate(file, slotBytes)
  const handles: [FileHandle, FileHandle] = [await open(files[0], 'r+'), await open(files[1], 'r+')]
  syncFolder(folder)

  async function compact(): Promise<void> {
    const target: 0 | 1 = active === 0 ? 1 : 0
    const next = epoch + 1
    let text = ''
    let count = 0
    for (const entry of entries) text += line(next, count++, JSON.stringify([entry]))
    const bytes = Buffer.from(text)
    if (bytes.length * 4 > capacity) capacity = bytes.length * 8
    if (capacity > slotBytes) preallocate(files[target], capacity)
    await handles[target].write(bytes, 0, bytes.length, 0)
    await handles[target].datasync()
    // Only a snapshot known to be whole counts; until this line is there the other file does.
    const end = Buffer.from(line(next, count, '"snapshotEnd"'))
    await handles[target].write(end, 0, end.length, bytes.length)
    await handles[target].datasync()
    active = target
    epoch = next
    sequence = count + 1
    offset = bytes.length + end.length
  }
  if (!best) await compact()

  type Pending = { readonly records: readonly (readonly [string, unknown])[]; resolve(): void; reject(error: unknown): void }
  let queue: Pending[] = []
  let running: Promise<void> | null = null

  async function writeGroup(group: readonly Pending[]): Promise<void> {
    let text = ''
    let count = sequence
    for (const { records } of group) text += line(epoch, count++, JSON.stringify(records))
    const bytes = Buffer.from(text)
    if (offset + bytes.length > capacity) {
      // The records are part of the snapshot then.
      for (const { records } of group) apply(records)
      await compact()
      return
    }
    await handles[active].write(bytes, 0, bytes.length, offset)
    await handles[active].datasync()
    offset += bytes.length
    sequence = count
    for (const { records } of group) apply(records)
  }

  function apply(records: readonly (readonly [string, unknown])[]): void {
    applyTo(entries, records)
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const group = queue
      queue = []
      try {
        await writeGroup(group)
        for (const item of group) item.resolve()
      } catch (error) {
        // Offset and sequence did not move: the next group overwrites what was half written.
        for (const item of group) item.reject(error)
      }
    }
    running = null
  }

  return {
    entries,
    append: (records) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ records, resolve, reject })
        running ??= run()
      }),
    async close() {
      while (running) await running
      await Promise.all(handles.map((handle) => handle.close()))
    },
  }
}
