import { join } from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import type { JournalReaderClient } from '../../store/reader-client.ts'
import type { DataStore } from '../../store/store.ts'
import { SYSTEM_CLOCK, SYSTEM_IDS } from '../system-ports.ts'
import type { WorkspaceSession } from '../workspace-session.ts'
import type { OutcomeDraft } from './journal-words.ts'
import { createNotifier, type Notifier } from './notifier.ts'

export interface OpenNotifierParts {
  readonly session: WorkspaceSession
  readonly store: DataStore
  readonly reader: JournalReaderClient
  readonly engine: () => Engine
  readonly note: (draft: OutcomeDraft) => Promise<void>
  readonly log: (line: string) => void
  readonly crashPoint: (name: string) => void
  /** False for a terminal that came for one act: what it knows of the inbox is not the whole. */
  readonly tellsInbox: boolean
}

/** The notifier of a console that controls its data folder. Nobody else may have one. */
export function openNotifier(parts: OpenNotifierParts): Notifier {
  const { session, store } = parts
  const notifier = createNotifier({
    clock: SYSTEM_CLOCK,
    ids: SYSTEM_IDS,
    file: join(store.folder, 'notifications.json'),
    reader: parts.reader,
    count: () => store.checkpoint().count,
    // What nobody trusts yet is told nothing.
    webhooks: () => session.inForce?.webhooks ?? null,
    workspace: () => ({ workspace: session.inForce?.name ?? '', tier: session.inForce?.tier ?? '' }),
    find: (releaseId) => parts.engine().release(releaseId)?.release ?? null,
    readVariable: (name) => process.env[name],
    journal: parts.note,
    log: parts.log,
    crashPoint: parts.crashPoint,
  })
  return { ...notifier, see: (item) => (item.kind === 'waiting' && !parts.tellsInbox ? undefined : notifier.see(item)) }
}
