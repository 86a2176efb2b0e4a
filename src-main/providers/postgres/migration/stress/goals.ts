import type { MigrationPhase } from '../../../../contract/migration.ts'
import type { Goal } from './driver-protocol.ts'

/** Every phase, and every way back within switching and cleanup, to the end. */
export const BOTH_SIDES: readonly Goal[] = [
  { to: 'shadowReads' },
  { to: 'backfilling' },
  { to: 'dualWrites' },
  { to: 'switchingReads' },
  { stepBackTo: 'dualWrites' },
  { to: 'switchedWrites' },
  { stepBackTo: 'switchingReads' },
  { to: 'tombstoned' },
  { stepBackTo: 'switchedWrites' },
  { to: 'completed' },
]

export const ROLLED_BACK_FROM = (phase: MigrationPhase): readonly Goal[] => [{ to: phase }, { rollBack: true }]
