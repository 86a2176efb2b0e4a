import { readCheckpointFile } from '../store/checkpoint-file.ts'
import { restoreJournal, type RestoreResult } from '../store/backup.ts'
import { dataFolderFiles } from '../store/data-folder.ts'
import { openStore } from '../store/store.ts'
import { openIdentity } from './identity.ts'
import { SYSTEM_IDS } from './system-ports.ts'
import { APP_VERSION } from './version.ts'

/**
 * Restores a backup and says so in the restored journal itself: who, from which file, which end it had and which end the
 * replaced one had. Faults: those of `restoreJournal`; `journalUnavailable` when it was restored but cannot be written.
 */
export async function restoreWithEntry(fromFile: string, dataFolder: string): Promise<RestoreResult> {
  const replaced = readCheckpointFile(dataFolderFiles(dataFolder).checkpoint)
  const result = await restoreJournal(fromFile, dataFolder, Date.now())
  const identity = openIdentity(dataFolder)
  const store = openStore({ folder: dataFolder, appVersion: APP_VERSION, hostId: identity.hostId, workspaceDigest: '', wallMs: Date.now, nextId: () => SYSTEM_IDS.next() })
  try {
    const { checkpoint, keptAs } = result
    const entry = {
      kind: 'event' as const,
      action: 'journal.restored',
      operator: identity.operator(),
      target: {},
      summary: `Journal restored from a backup of ${checkpoint.count} entries${replaced ? `; the one it replaces had ${replaced.count} at its last checkpoint` : ''}`,
      reason: '',
      ticket: '',
      before: replaced && { count: replaced.count, head: replaced.head, at: replaced.at },
      after: { count: checkpoint.count, head: checkpoint.head, at: checkpoint.at },
      operationId: SYSTEM_IDS.next(),
      outcome: 'recorded' as const,
      evidence: { from: fromFile, keptAs },
    }
    await store.commit({ entries: [entry], releases: [], services: [], outboxAdd: [], outboxRemove: [], operation: null })
  } finally {
    await store.close()
  }
  return result
}
