import { Fault } from '../contract/fault.ts'
import { type GateResult, type Release, SYSTEM_OPERATOR } from '../contract/release.ts'
import type { EnvironmentName, Outcome } from '../contract/vocabulary.ts'
import type { Signal } from '../core/release/machine.ts'
import type { OutboxItem } from '../core/ports.ts'
import type { EngineDeps } from './deps.ts'
import { followUpDrafts, outcomeDraft } from './drafts.ts'
import type { Performer } from './effects.ts'
import type { Ledger } from './ledger.ts'
import { batchOf } from './ledger.ts'
import type { Memory } from './memory.ts'

/** Tries of a retryable effect before the release stops and asks. Roll back has no such limit: it never gives up. */
const MAX_ATTEMPTS = 5
/** How long after a shift its effect on users is noted. */
const AFTER_SHIFT_MS = 12_000
const BACKOFF_FIRST_MS = 250
const BACKOFF_MAX_MS = 5_000

/** Takes effects from the outbox to their committed outcome. */
export function createRunner(deps: EngineDeps, memory: Memory, ledger: Ledger, performer: Performer) {
  const { clock } = deps
  let stopped = false
  const running = new Set<string>()

  const sleep = (ms: number) => new Promise<void>((resolve) => clock.setTimer(ms, resolve))

  function backoffMs(attempt: number): number {
    return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(attempt, 10)) * (0.75 + deps.ids.random() / 2)
  }

  /** A newer effect of the service was queued since: this one must act no more. */
  function overtaken(item: OutboxItem): boolean {
    return stopped || item.fence < memory.record(item.service).fence
  }

  /** Part of a roll back: goes on through the emergency file, and is retried for ever. */
  function isBack(item: OutboxItem): boolean {
    return memory.release(item.releaseId)?.phase === 'rollingBack' || (item.effect.type === 'setWeights' && item.effect.back)
  }

  async function run(item: OutboxItem): Promise<void> {
    if (running.has(item.id)) return
    running.add(item.id)
    try {
      await attempt(item)
    } catch (error) {
      // Only a bug comes here: every expected error is a Fault and was handled. The outbox keeps the item for the next start.
      deps.log(`effect ${item.id} broke: ${error instanceof Error ? error.stack : String(error)}`)
    } finally {
      running.delete(item.id)
    }
  }

  async function attempt(item: OutboxItem): Promise<void> {
    for (let tries = 0; !stopped; tries += 1) {
      if (overtaken(item)) return finish(item, null, 'superseded', 'Overtaken by a newer act.', null)
      deps.crashPoint('effect.before')
      try {
        const evidence = await performer.perform(item, { overtaken: () => overtaken(item), onGates: (gates) => gateProgress(item, gates), back: isBack(item) })
        deps.crashPoint('effect.after')
        if (stopped) return
        if (overtaken(item) && item.effect.type !== 'setWeights') return await finish(item, null, 'superseded', 'Overtaken by a newer act.', evidence)
        return await finish(item, succeeded(item, evidence), 'verified', succeededWords(item, evidence), evidence)
      } catch (error) {
        const fault = toFault(error, deps)
        if (stopped) return
        if (overtaken(item)) return finish(item, null, 'superseded', 'Overtaken by a newer act.', fault.data)
        const back = isBack(item)
        const givesUp = back ? fault.code === 'environmentNotReady' : !fault.data.retryable || tries + 1 >= MAX_ATTEMPTS
        if (givesUp || (back && item.effect.type !== 'setWeights')) {
          // Starting the stable side again is itself retried, after a pause, through the table.
          if (back && fault.code !== 'environmentNotReady') await sleep(backoffMs(tries + 3))
          return finish(item, { type: 'effectFailed', effect: item.effect.type, fault: fault.data }, 'failed', fault.message, fault.data)
        }
        deps.log(`${item.effect.type} of ${item.releaseId} failed (try ${tries + 1}): ${fault.message}`)
        await sleep(backoffMs(tries))
      }
    }
  }

  function gateProgress(item: OutboxItem, gates: readonly GateResult[]): Promise<void> {
    return signal(item.releaseId, { type: 'gateProgress', gates }, item.operationId)
  }

  async function signal(releaseId: string, what: Signal, operationId: string): Promise<void> {
    await ledger.apply({
      releaseId,
      input: { kind: 'signal', signal: what, at: clock.wallMs() },
      operationId,
      entries: (applied) => followUpDrafts(applied, operationId),
      emergency: what.type === 'revertedElsewhere',
      remember: false,
    })
  }

  /** Commits the outcome together with what follows from it. Keeps trying while the journal cannot commit: an outcome is never lost. */
  async function finish(item: OutboxItem, what: Signal | null, outcome: Outcome, summary: string, evidence: unknown): Promise<void> {
    for (let tries = 0; !stopped; tries += 1) {
      try {
        const release = memory.release(item.releaseId)
        if (!release) return
        if (what === null) {
          await ledger.inTurn(item.service, () => ledger.persist(batchOf({ entries: [outcomeDraft(item, release, outcome, summary, evidence)], outboxRemove: [item.id] }), isBack(item)))
          return
        }
        await ledger.apply({
          releaseId: item.releaseId,
          input: { kind: 'signal', signal: what, at: clock.wallMs() },
          operationId: item.operationId,
          entries: (applied) => [outcomeDraft(item, applied.next, outcome, summary, evidence), ...(applied.before === applied.next ? [] : followUpDrafts(applied, item.operationId))],
          done: item,
          emergency: isBack(item),
          remember: false,
        })
        if (what.type === 'weightsVerified') clock.setTimer(AFTER_SHIFT_MS, () => void noteAfter(item))
        return
      } catch (error) {
        const fault = toFault(error, deps)
        if (fault.code !== 'journalUnavailable') throw error
        await sleep(backoffMs(tries))
      }
    }
  }

  /** What users saw after the shift, beside what they saw before it. Losable: nothing waits for it. */
  async function noteAfter(item: OutboxItem): Promise<void> {
    const release = memory.release(item.releaseId)
    if (stopped || !release) return
    const draft = outcomeDraft(item, release, 'recorded', 'Samples after the shift', { samplesAfter: performer.recentSamples(item.service) })
    await ledger.inTurn(item.service, () => ledger.persist(batchOf({ entries: [{ ...draft, kind: 'event', action: 'evidence.sampled' }] }), false)).catch((error: unknown) => deps.log(`samples after a shift were not kept: ${String(error)}`))
  }

  return {
    run: (item: OutboxItem): void => void run(item),
    signal,
    stop: (): void => {
      stopped = true
    },
    get busy() {
      return running.size
    },
  }
}
export type Runner = ReturnType<typeof createRunner>

function succeeded(item: OutboxItem, evidence: unknown): Signal {
  switch (item.effect.type) {
    case 'deploy':
      return { type: 'deployed' }
    case 'awaitReady':
      return { type: 'ready' }
    case 'runGates':
      return { type: 'gatesDone', gates: (evidence as { gates: readonly GateResult[] } | null)?.gates ?? [] }
    case 'setWeights':
      return { type: 'weightsVerified' }
    case 'stop':
      return { type: 'stopped' }
  }
}

function succeededWords(item: OutboxItem, evidence: unknown): string {
  const { effect } = item
  switch (effect.type) {
    case 'deploy':
      return `${effect.version.version} accepted on ${effect.environment}`
    case 'awaitReady':
      return `${effect.version.version} is ready on ${effect.environment}`
    case 'runGates': {
      const gates = (evidence as { gates: readonly GateResult[] } | null)?.gates ?? []
      return `${gates.filter((gate) => gate.state === 'passed').length} of ${gates.length} gates passed`
    }
    case 'setWeights':
      return effect.weights.blue + effect.weights.green === 0 ? 'Out of service, read back from the data plane' : `blue ${effect.weights.blue} %, green ${effect.weights.green} % read back from the data plane`
    case 'stop':
      return `${effect.environment satisfies EnvironmentName} stopped`
  }
}

export function toFault(error: unknown, deps: Pick<EngineDeps, 'log' | 'ids'>): Fault {
  if (error instanceof Fault) return error
  const traceId = deps.ids.next()
  deps.log(`${traceId}: ${error instanceof Error ? error.stack : String(error)}`)
  return new Fault('internal', 'Something broke inside Signalbox. Traffic stays as it was last read.', `Look for ${traceId} in the log.`, { traceId, cause: error })
}

/** The name under which the plan, not a person, moves a release on. */
export function planOperation(release: Release): string {
  return `plan:${release.id}:${release.revision}`
}
export const PLAN_OPERATOR = SYSTEM_OPERATOR
