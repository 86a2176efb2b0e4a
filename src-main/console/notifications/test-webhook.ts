import type { Operator } from '../../contract/release.ts'
import type { Webhook, Workspace } from '../../contract/workspace.ts'
import { Fault } from '../../contract/fault.ts'
import { SYSTEM_IDS } from '../system-ports.ts'
import type { ConnectionCheck } from '../test-connection.ts'
import { outcomeOf, type OutcomeDraft } from './journal-words.ts'
import { TIMEOUT_MS } from './notifier.ts'
import type { Envelope } from './payload.ts'
import { hostOf, type ReadVariable, targetOf } from './references.ts'
import { nextOf } from './retry.ts'
import { send } from './send.ts'

export interface TestWebhookParts {
  readonly webhook: Webhook
  readonly workspace: string
  readonly tier: string
  readonly operator: Operator
  /** Names the test, as ids name notifications. */
  readonly id: string
  readonly readVariable: ReadVariable
  readonly nowMs: () => number
  readonly journal: (draft: OutcomeDraft) => Promise<void>
  readonly timeoutMs?: number
}

/** Sends one notification of the event `test`, once, and says what came of it. Journaled like any other. */
export async function testWebhook(parts: TestWebhookParts): Promise<ConnectionCheck[]> {
  const { webhook, readVariable, nowMs } = parts
  const target = targetOf(webhook, readVariable)
  if ('problem' in target) return [{ name: 'address', ok: false, detail: target.problem, next: 'Set it where Signalbox is started, and start it again.' }]
  const host = hostOf(webhook, readVariable)
  const signed = target.secret === null ? 'not signed' : 'signed'
  const address: ConnectionCheck = { name: 'address', ok: true, detail: `${target.url.protocol}//${host}, ${webhook.format}, ${signed}`, next: '' }
  const envelope: Envelope = { id: `test:${parts.id}`, event: 'test', workspace: parts.workspace, tier: parts.tier, service: '', releaseId: null, version: '', title: `Test from ${parts.workspace}`, detail: `${parts.operator.name} tests whether notifications arrive here. Nothing happened.`, at: nowMs(), entrySeq: null, entryHash: null }
  const answer = await send({ webhook, envelope, attempt: 1, timeoutMs: parts.timeoutMs ?? TIMEOUT_MS, signal: new AbortController().signal, readVariable, nowMs })
  // Nobody waits for a second try of a test.
  const next = answer.kind === 'problem' ? { kind: 'failed' as const, why: answer.why } : nextOf(answer, 1, 0)
  const sent = next.kind === 'sent'
  const why = next.kind === 'sent' ? '' : next.why
  const status = answer.kind === 'status' ? answer.status : null
  await parts.journal(outcomeOf({ webhook, envelope, sent, why, attempts: 1, status, host }, parts.operator))
  return [address, { name: 'answer', ok: sent, detail: sent ? `It answered ${status ?? ''}.` : why, next: sent ? '' : adviceOn(status) }]
}

/** The same for a webhook of a workspace by its name. Faults: `notFound`. */
export function testDeclaredWebhook(workspace: Workspace | null, name: string, operator: Operator, journal: TestWebhookParts['journal']): Promise<ConnectionCheck[]> {
  const webhook = workspace?.webhooks.find((declared) => declared.name === name)
  if (!workspace || !webhook) throw new Fault('notFound', `The workspace declares no webhook ${name}.`, `Choose one of: ${workspace?.webhooks.map((declared) => declared.name).join(', ') || 'none are declared'}.`)
  return testWebhook({ webhook, workspace: workspace.name, tier: workspace.tier, operator, id: SYSTEM_IDS.next(), readVariable: (variable) => process.env[variable], nowMs: Date.now, journal })
}

function adviceOn(status: number | null): string {
  if (status === null) return 'Look whether the receiver runs and can be reached from this machine.'
  if (status === 401 || status === 403) return 'Look whether the secret here and at the receiver are the same.'
  if (status === 404 || status === 410) return 'Look whether the address is still the right one; make a new one if it was revoked.'
  return "Look into the receiver's log."
}
