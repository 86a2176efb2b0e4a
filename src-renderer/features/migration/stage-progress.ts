import type { MigrationReading, MigrationStage } from '../../../src-main/contract/migration.ts'

/** Share of the dual writes' stretch that copying takes on the line; the rest is verifying and watching. */
const COPIED = 0.61
const VERIFIED = 0.8
const READ = 0.5

/** How far along the phase under way is, 0 to 1: where the train stands on the line. */
export function stageFraction(stage: MigrationStage, reading: MigrationReading | null, now: number): number {
  if (!reading) return 0.1
  const { state, progress, verification } = reading
  const work = progress && progress.rowsTotal > 0 ? Math.min(1, progress.rowsDone / progress.rowsTotal) : 0
  const hold = state.dueAt === null || state.dueAt <= state.phaseSince ? 0.5 : Math.min(1, Math.max(0, (now - state.phaseSince) / (state.dueAt - state.phaseSince)))
  const shown = () => {
    switch (state.phase) {
      case 'shadowReads':
        return progress ? work : 1
      case 'backfilling':
        return work * COPIED
      case 'verifying':
        return COPIED + (VERIFIED - COPIED) * (progress ? work : (verification.passProgress ?? 0))
      case 'dualWrites':
        return VERIFIED + (1 - VERIFIED) * hold
      case 'switchingReads':
        return (state.readsPercent / 100) * READ
      case 'switchedWrites':
        return READ + (1 - READ) * hold
      case 'tombstoned':
        return hold
      default:
        return stage === 'cleanup' ? 1 : 0
    }
  }
  return Math.min(0.96, Math.max(0.1, shown()))
}
