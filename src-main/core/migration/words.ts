import type { MigrationCommand, MigrationPhase, MigrationStage, MismatchClass } from '../../contract/migration.ts'

const PHASE_WORDS: { readonly [P in MigrationPhase]: string } = {
  planned: 'planned',
  shadowReads: 'in shadow reads',
  backfilling: 'backfilling',
  verifying: 'verifying',
  dualWrites: 'in dual writes',
  switchingReads: 'switching reads',
  switchedWrites: 'switched, old kept equal',
  tombstoned: 'in cleanup, old kept aside',
  completed: 'completed',
  rollingBack: 'rolling back',
  rolledBack: 'rolled back',
}

/** Completes "the migration is …". */
export function phaseWords(phase: MigrationPhase): string {
  return PHASE_WORDS[phase]
}

const COMMAND_WORDS: { readonly [C in MigrationCommand]: string } = {
  start: 'start',
  advance: 'advance',
  approve: 'approve',
  pause: 'pause',
  resume: 'resume',
  stepBack: 'step back',
  rollBack: 'roll back',
  retry: 'retry',
}

export function commandWords(command: MigrationCommand): string {
  return COMMAND_WORDS[command]
}

const STAGE_WORDS: { readonly [S in MigrationStage]: string } = { shadowReads: 'Shadow reads', dualWrites: 'Dual writes', switching: 'Switching', cleanup: 'Cleanup' }

export function stageWords(stage: MigrationStage): string {
  return STAGE_WORDS[stage]
}

const CLASS_WORDS: { readonly [C in MismatchClass]: string } = {
  missing: 'missing',
  extra: 'extra',
  differs: 'different',
  rejected: 'rejected',
  lossy: 'lossy',
  conflict: 'in conflict',
  textOnly: 'different as text only',
  unverifiable: 'unverifiable',
}

export function classWords(kind: MismatchClass): string {
  return CLASS_WORDS[kind]
}
