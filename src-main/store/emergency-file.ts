import { closeSync, constants, fdatasyncSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '../contract/fault.ts'
import { sha256 } from './journal-format.ts'

/**
 * A file reserved in advance, written and synced, so that recording in it needs no free disk and no database.
 *
 *     64 bytes   "signalbox-emergency 1\n", zero padded
 *     records    u32 length (little endian) | SHA-256(previous record's digest || payload) | payload (UTF-8 JSON)
 *     zeros      a length of 0 ends the list
 *
 * The digests chain, so a record that was half written, or is left over from before the last `clear`, is never
 * mistaken for a whole new one. (On copy-on-write file systems overwriting may still need space.)
 */
export interface EmergencyFile {
  /** Payloads in order of writing. */
  readonly records: readonly string[]
  /** True when something unreadable followed the last whole record: a write that was never acknowledged. */
  readonly torn: boolean
  readonly freeBytes: number
  /** Durable when it returns. Faults: `journalUnavailable` when the file is full or the disk fails. */
  append(payload: string): void
  /** Forgets the records, once they are in the journal. */
  clear(): void
  close(): void
}

const START = 64
const FRAME = 4 + 32
const FIRST = Buffer.concat([Buffer.from('signalbox-emergency 1\n'), Buffer.alloc(START)], START)

/** Opens or reserves the file. Throws the system's error when it can be neither read nor written. */
export function openEmergencyFile(file: string, sizeBytes = 1024 * 1024): EmergencyFile {
  const fd = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    const shortfall = reserve(fd, file, sizeBytes)
    return overDescriptor(fd, file, shortfall)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function overDescriptor(fd: number, file: string, shortfall: unknown): EmergencyFile {
  const size = fstatSync(fd).size
  const { payloads, end, digest, torn } = readRecords(fd, size)
  const records = [...payloads]
  let offset = end
  let previous = digest
  return {
    records,
    torn,
    get freeBytes() {
      return Math.max(0, size - offset - FRAME)
    },
    append(payload) {
      const bytes = Buffer.from(payload, 'utf8')
      if (offset + FRAME + bytes.length + 4 > size) throw full(file, shortfall)
      const next = sha256(Buffer.concat([previous, bytes]))
      const frame = Buffer.alloc(FRAME + bytes.length + 4)
      frame.writeUInt32LE(bytes.length, 0)
      next.copy(frame, 4)
      bytes.copy(frame, FRAME)
      try {
        writeAll(fd, frame, offset)
        fdatasyncSync(fd)
      } catch (error) {
        throw failed(file, error)
      }
      offset += FRAME + bytes.length
      previous = next
      records.push(payload)
    },
    clear() {
      if (offset === START) return
      // The first length alone ends the list; the rest is zeroed so that no old record can follow a new one.
      writeAll(fd, Buffer.alloc(4), START)
      fdatasyncSync(fd)
      writeAll(fd, Buffer.alloc(offset - START), START)
      fdatasyncSync(fd)
      offset = START
      previous = sha256(FIRST)
      records.length = 0
    },
    close: () => closeSync(fd),
  }
}

/** Fills the file with zeros up to its size. Returns why it is shorter than wanted, if it is. */
function reserve(fd: number, file: string, sizeBytes: number): unknown {
  let size = fstatSync(fd).size
  if (size >= sizeBytes) return undefined
  let problem: unknown
  try {
    if (size < START) {
      writeAll(fd, FIRST, 0)
      size = START
    }
    const zeros = Buffer.alloc(64 * 1024)
    while (size < sizeBytes) {
      const part = zeros.subarray(0, Math.min(zeros.length, sizeBytes - size))
      writeAll(fd, part, size)
      size += part.length
    }
  } catch (error) {
    problem = error
  }
  fsyncSync(fd)
  syncFolder(dirname(file))
  return problem
}

function readRecords(fd: number, size: number): { payloads: string[]; end: number; digest: Buffer; torn: boolean } {
  const bytes = Buffer.alloc(size)
  let read = 0
  while (read < size) {
    const count = readSync(fd, bytes, read, size - read, read)
    if (count === 0) break
    read += count
  }
  const payloads: string[] = []
  let digest: Buffer = sha256(FIRST)
  let end = START
  while (end + FRAME <= size) {
    const length = bytes.readUInt32LE(end)
    if (length === 0) return { payloads, end, digest, torn: false }
    const payload = bytes.subarray(end + FRAME, end + FRAME + length)
    const next = sha256(Buffer.concat([digest, payload]))
    if (payload.length !== length || !next.equals(bytes.subarray(end + 4, end + FRAME))) return { payloads, end, digest, torn: true }
    payloads.push(payload.toString('utf8'))
    digest = next
    end += FRAME + length
  }
  return { payloads, end, digest, torn: false }
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  let written = 0
  while (written < bytes.length) written += writeSync(fd, bytes, written, bytes.length - written, position + written)
}

/** Makes a rename or a new file in a folder durable. Windows has no such call and needs none. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(folder, constants.O_RDONLY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function full(file: string, shortfall: unknown): Fault {
  return new Fault(
    'journalUnavailable',
    `The emergency file ${file} is full, so nothing more can be recorded. Traffic stays as it is.`,
    'Mend the journal (its problem is shown beside this one); the emergency file empties itself then.',
    shortfall === undefined ? {} : { cause: shortfall },
  )
}

function failed(file: string, error: unknown): Fault {
  return new Fault(
    'journalUnavailable',
    `The emergency file ${file} cannot be written either (${error instanceof Error ? error.message : String(error)}). Traffic stays as it is.`,
    'Mend the disk that holds the data folder.',
    { cause: error },
  )
}
