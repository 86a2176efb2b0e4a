import type { JournalDraft, JournalEntry } from '../../contract/journal.ts'
import { type Operator, SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { Webhook } from '../../contract/workspace.ts'
import type { Envelope } from './payload.ts'

export type OutcomeDraft = Pick<JournalDraft, 'action' | 'summary' | 'evidence'> & Partial<JournalDraft>

export interface Ended {
  readonly webhook: Pick<Webhook, 'name'> & Partial<Pick<Webhook, 'format'>>
  readonly envelope: Envelope
  readonly sent: boolean
  readonly why: string
  readonly attempts: number
  readonly status: number | null
  /** Never more of the address. */
  readonly host: string
}

/** What came of telling a webhook: never its address, its secret, or what it answered. */
export function outcomeOf({ webhook, envelope, sent, why, attempts, status, host }: Ended, operator: Operator = SYSTEM_OPERATOR): OutcomeDraft {
  const { id, event, service, releaseId, title, entrySeq } = envelope
  const where = host === '' ? webhook.name : `${webhook.name} (${host})`
  return {
    kind: 'outcome',
    action: sent ? 'notification.sent' : 'notification.failed',
    operator,
    target: { ...(service === '' ? {} : { service }), ...(releaseId === null ? {} : { releaseId }) },
    summary: sent ? `${where} was told: ${title}` : `${where} could not be told: ${title}. ${why}`,
    operationId: `notification:${id}`,
    outcome: sent ? 'accepted' : 'failed',
    evidence: { id, webhook: webhook.name, host, format: webhook.format ?? null, event, attempts, status, entrySeq },
  }
}

/** Which delivery an entry says the end of, or null. */
export function endedIn(entry: JournalEntry): { readonly webhook: string; readonly id: string } | null {
  if (!entry.action.startsWith('notification.')) return null
  const { evidence } = entry
  if (typeof evidence !== 'object' || evidence === null || Array.isArray(evidence)) return null
  const { webhook, id } = evidence
  return typeof webhook === 'string' && typeof id === 'string' ? { webhook, id } : null
}
