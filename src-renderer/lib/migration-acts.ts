import type { FaultData } from '../../src-main/contract/fault.ts'
import type { MigrationAction } from '../../src-main/contract/migration.ts'
import { newOperationId } from './operation-id.ts'
import { toFault } from './session.ts'
import { createValueStore, type ValueStore } from './value-store.ts'

/** One press on a migration: sent, and answered or refused. What follows in the database is told by the view. */
export interface MigrationAct {
  readonly operationId: string
  readonly migration: string
  readonly command: MigrationAction['command']
  readonly label: string
  readonly stage: 'sending' | 'done' | 'failed'
  readonly startedAt: number
  /** What came of it, in words, where the answer says it. */
  readonly outcome: string
  readonly fault: FaultData | null
}

export interface MigrationActRequest {
  readonly migration: string
  readonly command: MigrationAct['command']
  readonly label: string
  /** Does it, and says what came of it. Gets the id that makes repeats harmless. */
  readonly send: (operationId: string) => Promise<string>
}

export interface MigrationActs {
  /** The newest act of each migration. */
  readonly state: ValueStore<ReadonlyMap<string, MigrationAct>>
  /** Sends it unless the same migration already waits for an answer. Roll back waits for nothing but another roll back. */
  press(request: MigrationActRequest): Promise<boolean>
  dismiss(migration: string): void
}

export function createMigrationActs(wallMs: () => number = Date.now): MigrationActs {
  const state = createValueStore<ReadonlyMap<string, MigrationAct>>(new Map())
  const settle = (migration: string, operationId: string, change: Partial<MigrationAct>) =>
    state.set((before) => {
      const act = before.get(migration)
      // A roll back may have been pressed over it: what is newer stays.
      return act?.operationId === operationId ? new Map(before).set(migration, { ...act, ...change }) : before
    })
  return {
    state,
    async press({ migration, command, label, send }) {
      const before = state.get().get(migration)
      if (before?.stage === 'sending' && (command !== 'rollBack' || before.command === 'rollBack')) return false
      const operationId = newOperationId()
      state.set((all) => new Map(all).set(migration, { operationId, migration, command, label, stage: 'sending', startedAt: wallMs(), outcome: '', fault: null }))
      try {
        settle(migration, operationId, { stage: 'done', outcome: await send(operationId) })
        return true
      } catch (error) {
        settle(migration, operationId, { stage: 'failed', fault: toFault(error) })
        return false
      }
    },
    dismiss(migration) {
      state.set((before) => {
        const after = new Map(before)
        after.delete(migration)
        return after
      })
    },
  }
}
