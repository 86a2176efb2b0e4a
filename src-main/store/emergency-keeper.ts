import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Fault } from '../contract/fault.ts'
import type { CommitBatch } from '../core/ports.ts'
import { type EmergencyFile, openEmergencyFile } from './emergency-file.ts'
import { fitRecords, headAfter, parseRecord, type EmergencyRecord, recordText, sealRecord } from './emergency-records.ts'
import type { Head } from './journal-format.ts'
import type { JournalWriter, MergeItem, Stamp } from './journal-writer.ts'
import type { BatchRows } from './rows.ts'

/** The batches that went to the emergency file and have not reached the journal. */
export interface EmergencyKeeper {
  /** True when something waits to be merged. */
  isWaiting(): boolean
  entries(): number
  freeBytes(): number
  pendingRows(): readonly BatchRows[]
  /** Durable when it returns. Faults: `journalUnavailable`. */
  append(journalHead: Head, batch: CommitBatch): void
  /** What to write to the journal, fitted to its head. */
  toMerge(writer: JournalWriter): readonly MergeItem[]
  /** They are in the journal, durably. */
  merged(): void
  close(): void
}

const SECOND_BYTES = 256 * 1024

/**
 * Opens the reserved file in the data folder. When that folder cannot be written at all (remounted read-only, a
 * failing disk), a file in the temporary folder takes its place.
 */
export function openEmergencyKeeper(file: string, folder: string, stamp: Stamp): EmergencyKeeper {
  const second = secondPlace(folder)
  const places = [
    { isExpected: true, open: () => openEmergencyFile(file) },
    {
      // Left by the last run if it needed it; otherwise made only when the first place fails.
      isExpected: existsSync(second),
      open: () => {
        mkdirSync(dirname(second), { recursive: true, mode: 0o700 })
        return openEmergencyFile(second, SECOND_BYTES)
      },
    },
  ]
  const open = new Map<number, EmergencyFile>()
  const records: EmergencyRecord[] = []

  const at = (place: number): EmergencyFile => {
    const there = open.get(place) ?? places[place]?.open()
    if (!there) throw new Error(`no emergency file ${place}`)
    open.set(place, there)
    return there
  }
  for (const [place, { isExpected }] of places.entries()) {
    try {
      if (!isExpected) continue
      for (const text of at(place).records) records.push(parseRecord(text))
    } catch {
      // Tried again when it is needed.
    }
  }

  return {
    isWaiting: () => records.length > 0,
    entries: () => records.reduce((sum, record) => sum + record.stored.length, 0),
    freeBytes: () => open.get(0)?.freeBytes ?? 0,
    pendingRows: () => records.map((record) => record.rows),
    append(journalHead, batch) {
      const record = sealRecord(headAfter(journalHead, records), batch, stamp)
      const text = recordText(record)
      let firstFault: unknown
      for (const place of places.keys()) {
        try {
          at(place).append(text)
          records.push(record)
          return
        } catch (error) {
          firstFault ??= error
        }
      }
      throw firstFault instanceof Fault ? firstFault : noPlace(file, firstFault)
    },
    toMerge(writer) {
      const hashAt = writer.db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck()
      return fitRecords(writer.head(), records, stamp, (entry) => hashAt.get(entry.seq)?.equals(entry.hash) ?? false)
    },
    merged() {
      records.length = 0
      try {
        for (const opened of open.values()) opened.clear()
        open.get(1)?.close()
        if (open.delete(1)) {
          rmSync(second, { force: true })
          rmdirSync(dirname(second))
        }
      } catch {
        // What is left in a file is in the journal too, and known by its hashes; a folder others still use stays.
      }
    },
    close() {
      for (const opened of open.values()) opened.close()
    },
  }
}

function secondPlace(folder: string): string {
  const name = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 16)
  return join(tmpdir(), `signalbox-emergency-${process.getuid?.() ?? 'user'}`, `${name}.journal`)
}

function noPlace(file: string, error: unknown): Fault {
  return new Fault(
    'journalUnavailable',
    `Neither the journal nor the emergency file ${file} can be written (${error instanceof Error ? error.message : String(error)}). Traffic stays as it is.`,
    'Mend the disk that holds the data folder.',
    { cause: error },
  )
}
