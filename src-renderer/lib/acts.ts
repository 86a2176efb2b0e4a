import type { FaultData } from '../../src-main/contract/fault.ts'
import type { JournalEntry } from '../../src-main/contract/journal.ts'
import type { ReleaseView } from '../../src-main/contract/release.ts'
import type { ServiceView } from '../../src-main/contract/service.ts'
import type { ReleaseCommand } from '../../src-main/contract/vocabulary.ts'
import { newOperationId } from './operation-id.ts'
import { toFault } from './session.ts'
import { createValueStore, type ValueStore } from './value-store.ts'

/** How far a press has come, in the order it happens; or how it ended. */
export type ActStage = 'sending' | 'sent' | 'accepted' | 'verified' | 'recorded' | 'failed'

/** One press of a button, followed until it was seen in the data plane. */
export interface Act {
  readonly operationId: string
  readonly service: string
  readonly command: ReleaseCommand | 'create' | 'startAgain'
  readonly label: string
  readonly stage: ActStage
  readonly startedAt: number
  /** When the last stage was reached. */
  readonly stageAt: number
  readonly fault: FaultData | null
  /** The release's revision that the act made; null until it is answered. Older views say nothing about it. */
  readonly revision: number | null
  /** By the journal's clock: when it was sent, and when the weights were read back. Null: not heard of yet. */
  readonly sentAt: number | null
  readonly seenAt: number | null
}

/** From sent to read back, milliseconds, as the journal has it: what every screen says of it. Null: not known yet. */
export function seenAfterMs(act: Act): number | null {
  return act.sentAt === null || act.seenAt === null ? null : act.seenAt - act.sentAt
}

export interface ActRequest {
  readonly service: string
  readonly command: ReleaseCommand | 'create' | 'startAgain'
  readonly label: string
  /** Does it. Gets the id that makes repeats harmless. */
  readonly send: (operationId: string) => Promise<ReleaseView>
}

export interface Acts {
  /** The newest act of each service. */
  readonly state: ValueStore<ReadonlyMap<string, Act>>
  /** Sends it unless the same service already waits for an answer. Roll back waits for nothing but another roll back. */
  press(request: ActRequest): Promise<ReleaseView | null>
  dismiss(service: string): void
  onEntry(entry: JournalEntry): void
  onService(view: ServiceView): void
}

const ORDER: readonly ActStage[] = ['sending', 'sent', 'accepted', 'verified']

export interface ActsOptions {
  readonly wallMs?: () => number
  /** The newest view of a service, to see whether what was asked for has been read back. */
  readonly service: (name: string) => ServiceView | null
}

export function createActs(options: ActsOptions): Acts {
  const wallMs = options.wallMs ?? Date.now
  const state = createValueStore<ReadonlyMap<string, Act>>(new Map())

  function update(service: string, operationId: string, change: (act: Act) => Partial<Act>) {
    state.set((before) => {
      const act = before.get(service)
      if (!act || act.operationId !== operationId) return before
      return new Map(before).set(service, { ...act, ...change(act) })
    })
  }

  function advance(service: string, operationId: string, stage: ActStage) {
    update(service, operationId, (act) => {
      const isLater = ORDER.indexOf(stage) > ORDER.indexOf(act.stage)
      return act.stage === 'failed' || !isLater ? {} : { stage, stageAt: wallMs() }
    })
  }

  return {
    state,
    async press(request) {
      const { service, command, label } = request
      const before = state.get().get(service)
      if (before?.stage === 'sending' && (command !== 'rollBack' || before.command === 'rollBack')) return null
      const operationId = newOperationId()
      const at = wallMs()
      const act: Act = { operationId, service, command, label, stage: 'sending', startedAt: at, stageAt: at, fault: null, revision: null, sentAt: null, seenAt: null }
      state.set((all) => new Map(all).set(service, act))
      try {
        const view = await request.send(operationId)
        update(service, operationId, () => ({ revision: view.release.revision }))
        advance(service, operationId, 'sent')
        settle(service, operationId, options.service(service))
        return view
      } catch (error) {
        update(service, operationId, () => ({ stage: 'failed', stageAt: wallMs(), fault: toFault(error) }))
        return null
      }
    },
    dismiss(service) {
      state.set((before) => {
        const after = new Map(before)
        after.delete(service)
        return after
      })
    },
    onEntry(entry) {
      const service = entry.target.service
      const act = service === undefined ? undefined : state.get().get(service)
      if (!act || act.operationId !== entry.operationId) return
      if (entry.kind === 'intent' && entry.action.startsWith('release.')) update(act.service, act.operationId, ({ sentAt }) => ({ sentAt: sentAt ?? entry.at }))
      if (entry.action === 'effect.setWeights' && entry.outcome === 'verified') update(act.service, act.operationId, ({ seenAt }) => ({ seenAt: seenAt ?? entry.at }))
      if (entry.outcome === 'failed') {
        update(act.service, act.operationId, () => ({ stage: 'failed', stageAt: wallMs() }))
      } else if (entry.outcome === 'sent' || entry.outcome === 'accepted' || entry.outcome === 'verified') {
        advance(act.service, act.operationId, entry.outcome)
      }
    },
    onService(view) {
      const act = state.get().get(view.name)
      if (!act || (act.stage !== 'sent' && act.stage !== 'accepted')) return
      settle(view.name, act.operationId, view)
    },
  }

  /** What moves no traffic is done when it is recorded; what does is done when the router was read back with the weights asked for. */
  function settle(service: string, operationId: string, view: ServiceView | null) {
    update(service, operationId, (act) => {
      if (act.stage !== 'sent' && act.stage !== 'accepted') return {}
      if (!MOVES_TRAFFIC.has(act.command)) return { stage: 'recorded', stageAt: wallMs() }
      return view && act.revision !== null && isReadBack(view, act.revision) ? { stage: 'verified', stageAt: wallMs() } : {}
    })
  }
}

const MOVES_TRAFFIC: ReadonlySet<string> = new Set<ReleaseCommand>(['promote', 'promoteFully', 'rollBack'])

function isReadBack(view: ServiceView, revision: number): boolean {
  const release = view.release?.release
  if (!release || release.revision < revision || release.shiftPending || release.rollback?.waitingForReady || view.observed.kind !== 'known') return false
  const { weights } = view.observed.value
  return weights.blue === release.desiredWeights.blue && weights.green === release.desiredWeights.green
}
