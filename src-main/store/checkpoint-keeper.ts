import { renameSync } from 'node:fs'
import type { Checkpoint, JournalDraft } from '../contract/journal.ts'
import { SYSTEM_OPERATOR } from '../contract/release.ts'
import { readCheckpointFile, writeCheckpointFile, writeCheckpointFileNow } from './checkpoint-file.ts'
import type { JournalWriter } from './journal-writer.ts'

/** Keeps the checkpoint file up to date, off the path of acts: at most once a second, and at closing. */
export interface CheckpointKeeper {
  /** What the file said when the store was opened, until it was compared with the journal. */
  readonly beforeOpening: Checkpoint | null
  /** The journal was compared with it. */
  accepted(): void
  /** Moves a checkpoint that the journal does not bear out to a name of its own: it is evidence. */
  keepAside(): void
  /** Entries were committed; `checkpoint` is asked when it is time to write. */
  changed(checkpoint: () => Checkpoint): void
  close(last: Checkpoint | null): Promise<void>
}

const EVERY_MS = 1000

export function keepCheckpoint(file: string): CheckpointKeeper {
  let beforeOpening = readCheckpointFile(file)
  let latest: (() => Checkpoint) | null = null
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> = Promise.resolve()

  const write = () => {
    timer = null
    const checkpoint = latest?.()
    latest = null
    if (!checkpoint) return
    // A full disk must not become an unhandled rejection; the next change tries again.
    writing = writing.then(() => writeCheckpointFile(file, checkpoint)).catch(() => undefined)
  }

  return {
    get beforeOpening() {
      return beforeOpening
    },
    accepted() {
      beforeOpening = null
    },
    keepAside() {
      if (!beforeOpening) return
      try {
        renameSync(file, file.replace(/\.json$/, `.unmet-${beforeOpening.count}.json`))
      } catch {
        // The entry that tells of it carries the checkpoint too.
      }
    },
    changed(checkpoint) {
      latest = checkpoint
      timer ??= setTimeout(write, EVERY_MS).unref()
    },
    async close(last) {
      if (timer) clearTimeout(timer)
      await writing
      if (!last || last.count === 0) return
      try {
        writeCheckpointFileNow(file, last)
      } catch {
        // Stale is honest: it vouches for less, never for more.
      }
    },
  }
}

/** Whether the journal bears out a checkpoint; if not, the entry that puts it on record. */
export function missingTail(checkpoint: Checkpoint, writer: JournalWriter): JournalDraft | null {
  const { count, head } = checkpoint
  if (count === 0) return null
  const there = writer.db.prepare<[number], Buffer>('SELECT hash FROM journal WHERE seq = ?').pluck().get(count)
  if (there?.toString('hex') === head) return null
  const now = writer.head()
  const summary = there
    ? `Entry ${count} is not the one the last checkpoint vouches for: this is another journal, or a rewritten one`
    : `The journal ends at entry ${now.count}, but the last checkpoint vouches for ${count}: ${count - now.count} are missing`
  return {
    kind: 'event',
    action: 'journal.checkpointUnmet',
    operator: SYSTEM_OPERATOR,
    target: {},
    summary,
    reason: '',
    ticket: '',
    before: { count, head, at: checkpoint.at },
    after: { count: now.count, head: now.hash.toString('hex') },
    operationId: '',
    outcome: 'recorded',
    evidence: null,
  }
}
