import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JournalDraft, JournalEntry } from '../../../contract/journal.ts'
import { SYSTEM_OPERATOR } from '../../../contract/release.ts'
import type { Webhook } from '../../../contract/workspace.ts'
import { batchOf } from '../../../engine/ledger.ts'
import { openReaderClient } from '../../../store/reader-client.ts'
import { openStore } from '../../../store/store.ts'
import { SYSTEM_CLOCK, SYSTEM_IDS } from '../../system-ports.ts'
import { createNotifier, type Notifier, type NotifierParts } from '../notifier.ts'

export function webhook(name: string, url: string, change: Partial<Webhook> = {}): Webhook {
  return { name, url, format: 'json', secret: null, on: ['rolledBack', 'held', 'warned', 'waiting', 'failed', 'completed', 'guardSuspended', 'metricsLost'], ...change }
}

const draft = (change: Partial<JournalDraft>): JournalDraft => ({ kind: 'event', action: 'console.noted', operator: SYSTEM_OPERATOR, target: {}, summary: '', reason: '', ticket: '', before: null, after: null, operationId: SYSTEM_IDS.next(), outcome: 'recorded', evidence: null, ...change })

const ROLL_BACK: Partial<JournalDraft> = { kind: 'intent', outcome: 'sent', action: 'release.rollBack', target: { service: 'checkout', releaseId: 'checkout-2' }, summary: 'Roll back to blue (1.8.0)', before: { phase: 'shifting' }, after: { phase: 'rollingBack' } }

/** A notifier on a real journal on disk. `open` again is a console that starts anew on the same folder. */
export async function openHarness(webhooks: readonly Webhook[]) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-notify-'))
  const store = openStore({ folder, appVersion: '', hostId: '', workspaceDigest: '', wallMs: Date.now, nextId: () => SYSTEM_IDS.next(), retryMs: 0 })
  const reader = await openReaderClient({ file: join(folder, 'journal.db'), wallMs: Date.now })
  const log: string[] = []
  const variables = new Map<string, string>()
  let declared: readonly Webhook[] | null = webhooks
  let journalFails = false
  let notifier: Notifier | null = null

  async function commit(change: Partial<JournalDraft>, tell = true): Promise<JournalEntry> {
    const [entry] = await store.commit(batchOf({ entries: [draft(change)] }))
    if (!entry) throw new Error('nothing was committed')
    if (tell) notifier?.see({ kind: 'journal', entry })
    return entry
  }

  return {
    folder,
    store,
    log,
    variables,
    commit,
    declare: (next: readonly Webhook[] | null) => (declared = next),
    failJournal: (on: boolean) => (journalFails = on),
    emergencyRollBack: () => store.commitEmergency(batchOf({ entries: [draft(ROLL_BACK)] })),
    /** A roll back by the guard. `tell` false: the journal has it, and the console died before it told anybody. */
    rollBack: (service = 'checkout', reason = 'Error ratio 12 %, limit 1 %.', tell = true) =>
      commit({ ...ROLL_BACK, target: { service, releaseId: `${service}-2` }, reason }, tell),
    open(change: Partial<NotifierParts> = {}): Notifier {
      const opened = createNotifier({
        clock: SYSTEM_CLOCK,
        ids: { random: () => 0.5 },
        file: join(folder, 'notifications.json'),
        reader,
        count: () => store.checkpoint().count,
        webhooks: () => declared,
        workspace: () => ({ workspace: 'shop', tier: 'prod' }),
        find: () => ({ candidate: { version: '1.9.0', configDigest: '' }, guardSuspended: null }),
        readVariable: (name) => variables.get(name),
        async journal(outcome) {
          if (journalFails) throw new Error('the journal is full')
          await commit(outcome)
        },
        log: (line) => log.push(line),
        crashPoint: () => {},
        timeoutMs: 400,
        retryDelaysMs: [20, 20, 20, 20, 20, 20, 20],
        lingerMs: 300,
        ...change,
      })
      notifier = opened
      opened.start()
      return opened
    },
    async entries(action?: string): Promise<readonly JournalEntry[]> {
      const { entries } = await reader.search({ text: '' }, undefined, 500)
      return entries.filter((entry) => action === undefined || entry.action === action).toReversed()
    },
    async until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
      const deadline = performance.now() + timeoutMs
      while (!(await holds())) {
        if (performance.now() > deadline) throw new Error(`never happened: ${what}\n${log.join('\n')}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    async dispose(): Promise<void> {
      await notifier?.close()
      await reader.close()
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export type Harness = Awaited<ReturnType<typeof openHarness>>
