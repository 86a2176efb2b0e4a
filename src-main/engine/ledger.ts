import { Fault } from '../contract/fault.ts'
import type { FrozenBaseline } from '../contract/analysis.ts'
import type { JournalDraft, JournalEntry } from '../contract/journal.ts'
import type { Release } from '../contract/release.ts'
import { type Input, transition } from '../core/release/machine.ts'
import type { CommitBatch, Effect, OutboxItem, ServiceRecord } from '../core/ports.ts'
import { takenBackByGuard } from '../core/release/state.ts'
import type { EngineDeps } from './deps.ts'
import type { Memory } from './memory.ts'

export interface Applied {
  readonly before: Release
  readonly next: Release
  readonly queued: readonly OutboxItem[]
}

export interface ApplyOptions {
  readonly releaseId: string
  readonly input: Input
  readonly operationId: string
  /** Runs inside the service's turn, on the state the move is made on; throws to refuse. */
  readonly check?: (release: Release) => void
  /** Changes the release before the move, in the same commit. */
  readonly prepare?: (release: Release) => Release
  readonly entries: (applied: Applied) => readonly JournalDraft[]
  /** The outbox item this input is the outcome of. */
  readonly done?: OutboxItem
  /** Roll back and its outcomes: goes on through the emergency file when the journal cannot commit. */
  readonly emergency: boolean
  readonly remember: boolean
}

/**
 * Load, decide, persist, publish: the only way a release changes. One change of a service at a time; nothing of a change
 * is visible before it is durable.
 */
export function createLedger(deps: EngineDeps, memory: Memory, freeze: (release: Release) => FrozenBaseline | null, onChange: (applied: Applied) => void) {
  const turns = new Map<string, Promise<unknown>>()

  /** Runs acts on one service one after the other. A turn never waits for the world, only for the store. */
  function inTurn<T>(service: string, act: () => Promise<T>): Promise<T> {
    const turn = (turns.get(service) ?? Promise.resolve()).then(act, act)
    turns.set(
      service,
      turn.catch(() => {}),
    )
    return turn
  }

  function serviceOf(releaseId: string): string {
    const release = memory.release(releaseId)
    if (!release) throw new Fault('notFound', `There is no release ${releaseId}.`, 'List the releases of the service.')
    return release.service
  }

  /** Commits, then tells of every entry: what is in the journal is on the screens. */
  async function persist(batch: CommitBatch, emergency: boolean): Promise<void> {
    deps.crashPoint('commit.before')
    let entries: readonly JournalEntry[] = []
    try {
      entries = await deps.store.commit(batch)
    } catch (error) {
      // Fail closed: without a durable intent nothing happens. Only the way back has a second durable place.
      if (!emergency) throw error
      // The record to compare with is of no use to a release that goes back, and there is room for few of its size.
      await deps.store.commitEmergency({ ...batch, releases: batch.releases.map((release) => ({ ...release, baseline: null })) })
    }
    deps.crashPoint('commit.after')
    for (const entry of entries) deps.publish({ kind: 'journal', entry })
  }

  /** Null: the phase had no use for the signal, and its outbox item (if any) is closed as superseded. */
  function apply(options: ApplyOptions): Promise<Applied | null> {
    const service = serviceOf(options.releaseId)
    return inTurn(service, async () => {
      const found = memory.release(options.releaseId)
      if (!found) return null
      options.check?.(found)
      const before = options.prepare?.(found) ?? found
      // What the old version did so far is kept by the move that gives the candidate its first traffic.
      const input = before.stepIndex === -1 ? { ...options.input, baseline: freeze(before) } : options.input
      const move = transition(before, input)
      const outboxRemove = options.done ? [options.done.id] : []
      if (!move) {
        if (options.done) await persist(batchOf({ entries: options.entries({ before, next: before, queued: [] }), outboxRemove }), options.emergency)
        return null
      }
      const record = memory.record(service)
      const queued = queue(record, move.next, move.effects, options.operationId, deps.clock.wallMs())
      const nextRecord = follow({ ...record, fence: queued.at(-1)?.fence ?? record.fence, revision: record.revision + 1 }, move.next)
      const applied = { before, next: move.next, queued }
      // Whoever takes traffic back, a verdict no less than a person, does so also when the journal cannot commit.
      const goesBack = move.next.phase === 'rollingBack'
      await persist(
        batchOf({
          entries: options.entries(applied),
          releases: [move.next],
          services: [nextRecord],
          outboxAdd: queued,
          outboxRemove,
          operation: options.remember ? { id: options.operationId, releaseId: before.id } : null,
        }),
        options.emergency || goesBack,
      )
      adopt([move.next], nextRecord, applied)
      return applied
    })
  }

  /** Takes committed rows into memory and tells the rest. */
  function adopt(rows: readonly Release[], record: ServiceRecord, applied: Applied): void {
    for (const release of rows) memory.setRelease(release)
    memory.setRecord(record)
    onChange(applied)
  }

  return { apply, inTurn, persist, adopt }
}
export type Ledger = ReturnType<typeof createLedger>

/**
 * Effects as the outbox keeps them. Fences grow with every effect of a service, and with time: a journal restored from
 * an old backup must not hand out tokens that the provider has seen already.
 */
export function queue(record: ServiceRecord, release: Release, effects: readonly Effect[], operationId: string, nowMs: number, part = String(release.revision)): readonly OutboxItem[] {
  const first = Math.max(record.fence + 1, Math.floor(nowMs / 1000))
  return effects.map((effect, index) => ({ id: `${release.id}:${part}:${index}`, releaseId: release.id, service: release.service, fence: first + index, effect, operationId, attempts: 0 }))
}

export function batchOf(parts: Partial<CommitBatch>): CommitBatch {
  return { entries: [], releases: [], services: [], outboxAdd: [], outboxRemove: [], operation: null, ...parts }
}

/** What a service's record becomes when one of its releases does. */
function follow(record: ServiceRecord, release: Release): ServiceRecord {
  const candidate = { environment: release.candidateEnvironment, deployed: release.candidate }
  switch (release.phase) {
    case 'planned':
    case 'deploying':
    case 'verifying':
    case 'abandoned':
      return record
    case 'completed':
    case 'retired':
      return { ...record, desiredWeights: release.desiredWeights, stable: candidate, rejected: null }
    case 'rolledBack': {
      const environment = release.candidateEnvironment === 'blue' ? 'green' : 'blue'
      // What the guard took back by itself goes nowhere by itself again.
      const rejected = takenBackByGuard(release) ? { deployed: release.candidate, releaseId: release.id, why: release.rollback?.reason ?? '' } : record.rejected
      return { ...record, desiredWeights: release.desiredWeights, stable: release.stable && { environment, deployed: release.stable }, rejected }
    }
    case 'awaitingApproval':
    case 'shifting':
    case 'baking':
    case 'rollingBack':
    case 'failed':
      return { ...record, desiredWeights: release.desiredWeights }
  }
}
