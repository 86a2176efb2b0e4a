import type { FaultData } from '../../src-main/contract/fault.ts'
import type { RolloutCommand, RolloutPhase, RolloutView } from '../../src-main/contract/flag.ts'
import type { JournalEntry } from '../../src-main/contract/journal.ts'
import { flagId } from './live-flags.ts'
import { newOperationId } from './operation-id.ts'
import { toFault } from './session.ts'
import { createValueStore, type ValueStore } from './value-store.ts'

export type FlagCommand = RolloutCommand | 'startRollout' | 'define' | 'archive' | 'defineSegments' | 'copyTier'
export type FlagActStage = 'sending' | 'sent' | 'accepted' | 'verified' | 'failed'

/** One press on a flag, followed until the flag was read back from its source. */
export interface FlagAct {
  readonly operationId: string
  readonly source: string
  /** Empty: it is about the whole source. */
  readonly key: string
  readonly command: FlagCommand
  readonly label: string
  readonly stage: FlagActStage
  readonly startedAt: number
  readonly stageAt: number
  /** The rollout it acts on, once answered. */
  readonly rollout: string | null
  readonly fault: FaultData | null
  /** By the journal's clock: sent, and read back. Null: not heard of yet. */
  readonly sentAt: number | null
  readonly seenAt: number | null
}

export interface FlagActRequest {
  readonly source: string
  readonly key: string
  readonly command: FlagCommand
  readonly label: string
  /** Does it. Answers the rollout, where it is about one. */
  readonly send: (operationId: string) => Promise<RolloutView | null>
}

export interface FlagActs {
  /** The newest act of each flag, by `flagId`. */
  readonly state: ValueStore<ReadonlyMap<string, FlagAct>>
  /** Sends it unless the same flag already waits for an answer. Kill and roll back wait for nothing but themselves. */
  press(request: FlagActRequest): Promise<boolean>
  dismiss(source: string, key: string): void
  onEntry(entry: JournalEntry): void
  onRollout(view: RolloutView): void
}

const ORDER: readonly FlagActStage[] = ['sending', 'sent', 'accepted', 'verified']
const BACK: ReadonlySet<FlagCommand> = new Set<FlagCommand>(['kill', 'rollBack'])
/** The flag is being changed and has not been read back. */
const UNDER_WAY: ReadonlySet<RolloutPhase> = new Set<RolloutPhase>(['exposing', 'finishing', 'rollingBack'])

/** Nothing of the rollout is on its way any more. */
function isReadBack(view: RolloutView): boolean {
  return view.acting === null && !UNDER_WAY.has(view.rollout.phase)
}

export function createFlagActs(wallMs: () => number = Date.now): FlagActs {
  const state = createValueStore<ReadonlyMap<string, FlagAct>>(new Map())

  function update(id: string, operationId: string, change: (act: FlagAct) => Partial<FlagAct>) {
    state.set((before) => {
      const act = before.get(id)
      // Kill may have been pressed over it: what is newer stays.
      return act?.operationId === operationId ? new Map(before).set(id, { ...act, ...change(act) }) : before
    })
  }
  function advance(id: string, operationId: string, stage: FlagActStage) {
    update(id, operationId, (act) => (act.stage === 'failed' || ORDER.indexOf(stage) <= ORDER.indexOf(act.stage) ? {} : { stage, stageAt: wallMs() }))
  }

  return {
    state,
    async press({ source, key, command, label, send }) {
      const id = flagId(source, key)
      const before = state.get().get(id)
      if (before?.stage === 'sending' && (!BACK.has(command) || before.command === command)) return false
      const operationId = newOperationId()
      const at = wallMs()
      state.set((all) => new Map(all).set(id, { operationId, source, key, command, label, stage: 'sending', startedAt: at, stageAt: at, rollout: null, fault: null, sentAt: null, seenAt: null }))
      try {
        const view = await send(operationId)
        update(id, operationId, () => ({ rollout: view?.rollout.id ?? null }))
        advance(id, operationId, view === null || isReadBack(view) ? 'verified' : 'accepted')
        return true
      } catch (error) {
        update(id, operationId, () => ({ stage: 'failed', stageAt: wallMs(), fault: toFault(error) }))
        return false
      }
    },
    dismiss(source, key) {
      state.set((before) => {
        const after = new Map(before)
        after.delete(flagId(source, key))
        return after
      })
    },
    onEntry(entry) {
      for (const [id, act] of state.get()) {
        if (act.operationId !== entry.operationId) continue
        if (entry.kind === 'intent') update(id, act.operationId, ({ sentAt }) => ({ sentAt: sentAt ?? entry.at }))
        if (entry.outcome === 'verified') update(id, act.operationId, ({ seenAt }) => ({ seenAt: seenAt ?? entry.at }))
        if (entry.outcome === 'sent' || entry.outcome === 'accepted' || entry.outcome === 'verified') advance(id, act.operationId, entry.outcome)
      }
    },
    onRollout(view) {
      const id = flagId(view.rollout.source, view.rollout.flag)
      const act = state.get().get(id)
      if (!act || (act.stage !== 'sent' && act.stage !== 'accepted')) return
      if (view.rollout.phase === 'failed') update(id, act.operationId, () => ({ stage: 'failed', stageAt: wallMs(), fault: view.rollout.failure?.fault ?? null }))
      else if (act.rollout === view.rollout.id && isReadBack(view)) advance(id, act.operationId, 'verified')
    },
  }
}
