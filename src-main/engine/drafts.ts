import type { Json, JournalDraft } from '../contract/journal.ts'
import { type Operator, type Release, SYSTEM_OPERATOR } from '../contract/release.ts'
import type { Outcome, ReleaseCommand } from '../contract/vocabulary.ts'
import { describe, whatHappensNext } from '../core/release/actions.ts'
import type { OutboxItem } from '../core/ports.ts'
import type { Applied } from './ledger.ts'

/** What of a release an auditor compares before and after. */
function portrait(release: Release): Json {
  return {
    phase: release.phase,
    step: release.stepIndex + 1,
    weights: { ...release.desiredWeights },
    paused: release.paused !== null,
    candidate: `${release.candidateEnvironment} ${release.candidate.version}`,
    stable: release.stable?.version ?? null,
    approvals: release.approvals.map((approval) => approval.by.name),
  }
}

function plainJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

function targetOf(release: Release) {
  return { service: release.service, environment: release.candidateEnvironment, releaseId: release.id }
}

interface Common {
  readonly operator: Operator
  readonly reason: string
  readonly operationId: string
}

/** An operator's command, or what the plan does by itself: the durable intent of every effect it queues. */
export function moveDraft(action: string, summary: string, applied: Applied, common: Common, evidence: Json = null): JournalDraft {
  return {
    kind: applied.queued.length > 0 ? 'intent' : 'event',
    action,
    operator: common.operator,
    target: targetOf(applied.next),
    summary,
    reason: common.reason,
    ticket: applied.next.ticket,
    before: portrait(applied.before),
    after: { ...(portrait(applied.next) as object), effects: plainJson(applied.queued.map(({ id, fence, effect }) => ({ id, fence, ...effect }))) },
    operationId: common.operationId,
    outcome: applied.queued.length > 0 ? 'sent' : 'recorded',
    evidence,
  }
}

export function commandDraft(command: ReleaseCommand, applied: Applied, common: Common): JournalDraft {
  const digest = command === 'approve' ? { approved: applied.next.approvals.at(-1)?.digest ?? '' } : null
  return moveDraft(`release.${command}`, describe(applied.before, command).label, applied, common, digest)
}

/** What came of an effect, as read back from the world. */
export function outcomeDraft(item: OutboxItem, release: Release, outcome: Outcome, summary: string, evidence: unknown): JournalDraft {
  return {
    kind: 'outcome',
    action: `effect.${item.effect.type}`,
    operator: SYSTEM_OPERATOR,
    target: { ...targetOf(release), ...('environment' in item.effect ? { environment: item.effect.environment } : {}) },
    summary,
    reason: '',
    ticket: release.ticket,
    before: null,
    after: plainJson({ id: item.id, fence: item.fence, effect: item.effect }),
    operationId: item.operationId,
    outcome,
    evidence: plainJson(evidence ?? null),
  }
}

/** What the release did because of an effect's outcome or of time: its own line only when it moves on. */
export function followUpDrafts(applied: Applied, operationId: string): readonly JournalDraft[] {
  const { before, next, queued } = applied
  if (before.phase === next.phase && before.stepIndex === next.stepIndex && queued.length === 0) return []
  const by: Common = { operator: SYSTEM_OPERATOR, reason: next.rollback && next.phase === 'rollingBack' ? next.rollback.reason : '', operationId }
  return [moveDraft(`release.${next.phase === 'rollingBack' ? 'rollBack' : 'advance'}`, summaryOf(next), applied, by)]
}

function summaryOf(next: Release): string {
  const { version } = next.candidate
  const percent = next.desiredWeights[next.candidateEnvironment]
  switch (next.phase) {
    case 'shifting':
      return `${next.shiftPending ? 'Send' : 'Hold at'} ${percent} % to ${next.candidateEnvironment} (${version})`
    case 'baking':
      return `Bake ${version} at 100 %`
    case 'completed':
      return `${version} is the stable version; rollback window open`
    case 'retired':
      return next.stable ? `Rollback window over; retire ${next.stable.version}` : `${version} is live and stable`
    case 'verifying':
      return `${version} is ready on ${next.candidateEnvironment}; test its gates`
    case 'failed':
      return `Stopped: ${next.failure?.fault.message ?? ''}`
    case 'rollingBack':
      return describe(next, 'rollBack').label
    case 'rolledBack':
      return next.stable ? `Rolled back to ${next.stable.version}` : `${next.service} is out of service`
    case 'awaitingApproval':
      return `Wait for approval. ${whatHappensNext(next)}`
    case 'deploying':
      return `Wait until ${version} is ready on ${next.candidateEnvironment}`
    case 'planned':
    case 'abandoned':
      return whatHappensNext(next)
  }
}
