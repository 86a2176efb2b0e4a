import { Fault } from '../contract/fault.ts'
import type { SystemStatus } from '../contract/system.ts'
import { PROTOCOL_VERSION } from '../contract/wire.ts'
import type { ComposeOptions, Core, CoreApi } from '../rpc/core-api.ts'
import { createWatchBroadcast } from '../rpc/watch.ts'
import { openReaderClient } from '../store/reader-client.ts'
import { openIdentity } from './identity.ts'
import { createJournalApi } from './journal-api.ts'
import { APP_VERSION } from './version.ts'

/** A journal opened read-only, from anywhere: nothing is locked, written or started. */
export async function composeAudit(options: ComposeOptions & { readonly auditFile: string }): Promise<Core> {
  const reader = await openReaderClient({ file: options.auditFile, wallMs: Date.now })
  const startedAt = Date.now()
  const checkpoint = await reader.checkpoint()
  const identity = openIdentity(options.dataFolder)
  const refuse = async (): Promise<never> => {
    throw new Fault('readOnly', 'This console was opened on a journal to read it; it controls nothing.', 'Start Signalbox without --audit to act.')
  }
  const workspace = { name: 'audit', tier: 'prod' as const, file: options.auditFile, digest: '', demo: false, problems: [], commands: [], commandsDigest: '', trusted: false, connections: [], text: '' }
  const status = (): SystemStatus => ({
    protocol: PROTOCOL_VERSION,
    appVersion: APP_VERSION,
    host: options.host,
    mode: 'audit',
    modeReason: `Reading ${options.auditFile}. Nothing is controlled from here.`,
    operator: identity.operator(),
    role: 'viewer',
    identityNeeded: false,
    workspace,
    journal: { count: checkpoint.count, head: checkpoint.head, writable: false, problem: 'Opened for reading.' },
    providers: [],
    dataFolder: options.dataFolder,
    startedAt,
    now: Date.now(),
  })
  const watch = createWatchBroadcast(() => [
    { kind: 'status', status: status() },
    { kind: 'waiting', items: [] },
  ])
  const dispatch: CoreApi = {
    system: { status: async () => status(), watch: (_input, { signal }) => watch.subscribe(signal), identify: refuse, testConnection: refuse, upgrade: refuse, stopAll: refuse },
    workspace: { get: async () => workspace, trust: refuse, reload: refuse },
    service: { list: async () => [], get: refuse, startAgain: refuse, versions: refuse, metrics: refuse, verdicts: refuse, tryCriterion: refuse, tailLogs: () => refuseStream() },
    release: { create: refuse, command: refuse, explain: refuse, foresee: refuse, get: refuse, list: async () => [] },
    migration: { list: async () => [], get: refuse, command: refuse, preflight: refuse, sql: refuse, rehearse: refuse, mismatches: refuse, repair: refuse, samples: refuse, events: refuse },
    flag: { sources: async () => [], list: async () => [], get: refuse, preview: refuse, check: refuse, define: refuse, defineSegments: refuse, foresee: refuse, startRollout: refuse, command: refuse, kill: refuse, archive: refuse, compareTiers: refuse, copyTier: refuse, guardSeries: refuse, comparison: refuse, references: refuse },
    pair: { get: refuse, check: refuse, compare: refuse, act: refuse },
    journal: createJournalApi(reader, { checkpoint: () => null, note: async () => {} }),
  }
  return {
    dispatch,
    async close() {
      watch.close()
      await reader.close()
    },
  }

  // eslint-disable-next-line require-yield
  async function* refuseStream(): AsyncGenerator<never> {
    await refuse()
  }
}
