import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { MigrationPhase, MigrationStage, MigrationState, MigrationWork } from '../../contract/migration.ts'
import type { Operator } from '../../contract/release.ts'

export interface NewMigration {
  readonly definition: MigrationDefinition
  readonly digest: string
  readonly by: Operator
  readonly reason: string
  readonly at: number
  /** How often it was started here before. */
  readonly attempts: number
  /** Revision of the row an earlier attempt left; 0 when there is none. */
  readonly revision: number
}

/** A migration that is declared and nothing else: its database does not know of it. */
export function planMigration(input: NewMigration): MigrationState {
  return {
    id: input.definition.id,
    revision: Math.max(1, input.revision),
    phase: 'planned',
    definition: input.definition,
    digest: input.digest,
    readsPercent: 0,
    writes: 'old',
    paused: null,
    failure: null,
    phaseSince: input.at,
    dueAt: null,
    done: [],
    approvals: [],
    rollback: null,
    attempt: input.attempts + 1,
    startedBy: input.by,
    startedAt: input.at,
    endedAt: null,
    reason: input.reason,
    analysis: [],
  }
}

/** Which of the four phases people know it belongs to; null before and after them. */
export function stageOf(phase: MigrationPhase): MigrationStage | null {
  switch (phase) {
    case 'shadowReads':
      return 'shadowReads'
    case 'backfilling':
    case 'verifying':
    case 'dualWrites':
      return 'dualWrites'
    case 'switchingReads':
    case 'switchedWrites':
      return 'switching'
    case 'tombstoned':
      return 'cleanup'
    case 'planned':
    case 'completed':
    case 'rollingBack':
    case 'rolledBack':
      return null
  }
}

/** Nothing follows by itself or by command but a new start. */
export function hasEnded(phase: MigrationPhase): boolean {
  return phase === 'completed' || phase === 'rolledBack'
}

/** A step of reads, writes or cleanup that policy may want approved. */
export type Approvable = MigrationState['approvals'][number]['of']

/** What the next advance is, as far as approvals are concerned. */
export function approvableOf(state: MigrationState): Approvable | null {
  if (state.phase === 'dualWrites') return 'switchReads'
  if (state.phase === 'switchingReads' && nextReads(state) === null) return 'switchWrites'
  return state.phase === 'tombstoned' ? 'drop' : null
}

export function missingApprovals(state: MigrationState): number {
  const of = approvableOf(state)
  if (of === null) return 0
  return Math.max(0, state.definition.policy.approvals[of] - state.approvals.filter((approval) => approval.of === of).length)
}

/** The share of reads the next advance would set, or null when all are there. */
export function nextReads(state: MigrationState): number | null {
  return state.definition.policy.readSteps.find((percent) => percent > state.readsPercent) ?? null
}

/** Work of the phase that is still to be done, in its order. */
export function workLeft(state: MigrationState): readonly MigrationWork[] {
  const all = WORK[state.phase] ?? []
  return all.filter((work) => !state.done.includes(work))
}

const WORK: { readonly [P in MigrationPhase]?: readonly MigrationWork[] } = {
  shadowReads: ['shadowScan'],
  backfilling: ['backfill'],
  verifying: ['validate', 'fullPass'],
}

/** Both structures are there and kept equal. */
export function bothSidesExist(phase: MigrationPhase): boolean {
  return ['backfilling', 'verifying', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned'].includes(phase)
}

/** Every row of the new side is there and compared: a version may rely on it. */
export function newShapeReady(phase: MigrationPhase): boolean {
  return ['dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned', 'completed'].includes(phase)
}

/** Tables under their own names have the old shape, whole and current. */
export function oldShapeThere(phase: MigrationPhase): boolean {
  return phase !== 'tombstoned' && phase !== 'completed'
}
