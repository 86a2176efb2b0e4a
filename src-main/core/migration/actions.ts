import type { MigrationAction, MigrationCommand, MigrationPhase, MigrationReading, MigrationStage, MigrationState, MigrationView } from '../../contract/migration.ts'
import { MIGRATION_STAGES } from '../../contract/migration.ts'
import type { MigrationDefinition, TableName } from '../../contract/migration-definition.ts'
import { type MigrationFacts, blocksForLook, blocksForMigration, keepsNewShape, shapesOf } from '../interlocks/migration-rules.ts'
import { timeLeft } from '../release/words.ts'
import { count, gatesOf, openMismatches } from './gates.ts'
import { MIGRATION_MACHINE, legalCommands } from './machine.ts'
import { hasEnded, missingApprovals, nextReads, stageOf } from './state.ts'
import { phaseWords, stageWords } from './words.ts'

type Words = Pick<MigrationAction, 'label' | 'effect' | 'weight'>

/** The next step forward in the words of its result. */
function advanceWords(state: MigrationState): Words {
  switch (state.phase) {
    case 'shadowReads':
      return { label: 'Start dual writes', effect: 'Adds the new structure and triggers, then copies every row.', weight: 'forward' }
    case 'dualWrites':
    case 'switchingReads': {
      const percent = nextReads(state)
      return percent === null
        ? { label: 'Switch writes to new', effect: 'New decides from then on; old is kept equal.', weight: 'forward' }
        : { label: `Read ${percent} % from new`, effect: state.phase === 'dualWrites' ? 'Sticky by entity; old stays right.' : `${state.readsPercent} % now.`, weight: 'forward' }
    }
    case 'switchedWrites':
      return { label: 'Begin cleanup', effect: `Old is renamed away and kept equal for ${timeLeft(state.definition.policy.tombstoneMs)}.`, weight: 'forward' }
    case 'tombstoned':
      return { label: 'Drop the old structure', effect: 'There is no way back from it.', weight: 'irreversible' }
    case 'planned':
    case 'backfilling':
    case 'verifying':
    case 'completed':
    case 'rollingBack':
    case 'rolledBack':
      return { label: 'Go on', effect: '', weight: 'forward' }
  }
}

/** The command in the words of its result. Also the journal's summary of it. */
export function describe(state: MigrationState, command: MigrationCommand): Words {
  switch (command) {
    case 'start':
      return { label: 'Start shadow reads', effect: 'Reads only. Nothing of yours is changed.', weight: 'forward' }
    case 'advance':
      return advanceWords(state)
    case 'approve':
      return { label: `Approve: ${advanceWords(state).label.toLowerCase()}`, effect: `${missingApprovals(state)} approval missing.`, weight: 'forward' }
    case 'pause':
      return { label: state.phase === 'backfilling' ? 'Pause backfill' : 'Pause', effect: state.phase === 'shadowReads' ? 'Comparing stops.' : 'Dual writes go on.', weight: 'quiet' }
    case 'resume':
      return { label: 'Resume', effect: 'It goes on where it stopped.', weight: 'quiet' }
    case 'retry':
      return { label: 'Try again', effect: 'Does again what failed, from its last checkpoint.', weight: 'forward' }
    case 'stepBack':
      return stepBackWords(state)
    case 'rollBack':
      return { label: 'Roll back migration', effect: rollBackShort(state.phase), weight: 'back' }
  }
}

function stepBackWords(state: MigrationState): Words {
  if (state.phase === 'tombstoned') return { label: 'Bring the old structure back', effect: 'Renamed back; new stays in charge.', weight: 'quiet' }
  if (state.phase === 'switchedWrites') return { label: 'Switch writes back to old', effect: 'Old was kept equal: nothing is lost.', weight: 'quiet' }
  return { label: 'Read all from old', effect: 'At once. Dual writes go on.', weight: 'quiet' }
}

function rollBackShort(phase: MigrationPhase): string {
  return phase === 'shadowReads' ? 'Stops comparing; nothing else is there.' : 'To before dual writes; loses nothing.'
}

function spoken(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => (schema === 'public' ? table : `${schema}.${table}`)).join(', ')
}

export function tablesOf(definition: MigrationDefinition): readonly TableName[] {
  const { change } = definition
  return change.kind === 'columns' ? [change.table] : [...change.old, ...change.new.map(({ name }) => name)]
}

/** What a roll back would undo now, exactly. */
export function rollBackWords(state: MigrationState, reading: MigrationReading | null): string {
  const { change } = state.definition
  const made =
    change.kind === 'columns'
      ? `${change.add.length} new ${change.add.length === 1 ? 'column' : 'columns'} of ${spoken([change.table])} and its trigger are dropped`
      : `${spoken(change.new.map(({ name }) => name))} and the triggers are dropped`
  const lock = `each lock is waited for at most ${state.definition.policy.lockTimeoutMs} ms`
  const copied = reading?.progress?.work === 'backfill' && reading.progress.rowsDone > 0 ? ` The ${count(reading.progress.rowsDone)} copied rows would be copied again.` : ''
  switch (state.phase) {
    case 'planned':
      return 'Nothing was begun.'
    case 'shadowReads':
      return 'Nothing is lost: the views that were compared with are dropped, and nothing else was made.'
    case 'backfilling':
    case 'verifying':
    case 'dualWrites':
      return `Nothing is lost: old was written all the time and is what users read. ${made}; ${lock}.${copied}`
    case 'switchingReads':
      return `Nothing is lost: ${state.readsPercent} % of reads go back to old at once, which was written all the time. Then ${made}; ${lock}.`
    case 'switchedWrites':
      return `Nothing is lost: reads and writes go back to old at once, which reverse sync kept equal. Then ${made}; ${lock}.`
    case 'tombstoned':
      return `Nothing is lost: the old structure gets its name back, then reads and writes, then ${made}; ${lock}.`
    case 'completed':
      return 'There is no way back: the old structure is gone.'
    case 'rollingBack':
      return 'It is being rolled back.'
    case 'rolledBack':
      return 'It was rolled back: the structure is as it was before.'
  }
}

const READS: { readonly [S in MigrationStage]: string } = { shadowReads: 'old; new shape compared', dualWrites: 'old', switching: 'new, by share of entities', cleanup: 'new' }
const WRITES: { readonly [S in MigrationStage]: string } = { shadowReads: 'old', dualWrites: 'old and new, one transaction', switching: 'new, old kept equal', cleanup: 'new' }
const BACK: { readonly [S in MigrationStage]: string } = { shadowReads: 'drop the views', dualWrites: 'drop triggers and new structure', switching: 'flip back, under 1 s', cleanup: 'while old is kept aside; then none' }

function stages(state: MigrationState, now: number): MigrationView['stages'] {
  const current = stageOf(state.phase === 'rollingBack' || state.phase === 'rolledBack' ? (state.rollback?.from ?? 'planned') : state.phase)
  const at = state.phase === 'completed' ? MIGRATION_STAGES.length : current === null ? -1 : MIGRATION_STAGES.indexOf(current)
  const isBack = state.phase === 'rollingBack' || state.phase === 'rolledBack'
  return MIGRATION_STAGES.map((stage, index) => ({
    stage,
    state: index < at ? 'done' : index === at && !isBack ? 'now' : 'todo',
    summary: index < at ? 'done' : index > at ? 'to come' : isBack ? phaseWords(state.phase) : `${phaseWords(state.phase)} for ${timeLeft(now - state.phaseSince)}`,
    reads: stage === 'switching' && index === at ? `new ${state.readsPercent} %, old ${100 - state.readsPercent} %` : READS[stage],
    writes: stage === 'switching' && index === at && state.writes === 'old' ? 'old and new; old decides' : WRITES[stage],
    rollBack: BACK[stage],
  }))
}

/** One sentence: what happens if nobody does anything. */
export function whatHappensNext(state: MigrationState, reading: MigrationReading | null, facts: MigrationFacts): string {
  if (hasEnded(state.phase)) return state.phase === 'completed' ? 'It is over.' : 'Nothing: the structure is as it was. It can be started again.'
  if (state.failure) return `Stopped: ${state.failure.fault.message} ${state.failure.fault.next}`
  if (state.phase === 'rollingBack') {
    const user = keepsNewShape(state, facts)
    return user ? `Reads and writes are on old. The new structure stays while ${user}.` : 'The structure is taken away as soon as its locks can be had.'
  }
  if (state.paused) return state.paused.why === '' ? `Paused by ${state.paused.by.name}; both sides are kept equal.` : `Paused: ${state.paused.why} It waits for a person.`
  if (state.phase === 'planned') return 'Nothing: it is only declared.'
  const waits = reading?.progress?.waitsFor
  if (state.phase === 'backfilling' || state.phase === 'verifying') return waits ? `It waits: ${waits}. It goes on by itself.` : 'It goes on by itself until every row is there and was compared.'
  const blocked = reading ? gatesOf(reading, facts.now).filter((gate) => gate.state !== 'passed') : []
  return blocked.length > 0 ? `It waits for ${blocked.length === 1 ? 'a gate' : `${blocked.length} gates`} (${blocked.map(({ name }) => name).join(', ')}), then for a person.` : 'It waits for a person.'
}

function headline(state: MigrationState, reading: MigrationReading | null): string {
  const stage = stageOf(state.phase)
  const place = stage === null ? phaseWords(state.phase) : `phase ${MIGRATION_STAGES.indexOf(stage) + 1} of 4, ${stageWords(stage).toLowerCase()}`
  const open = reading ? openMismatches(reading) : 0
  return open > 0 ? `${place}, ${count(open)} open ${open === 1 ? 'mismatch' : 'mismatches'}` : place
}

/** Looks that are buttons too, where they make sense: before a start. */
function looks(state: MigrationState, facts: MigrationFacts): readonly MigrationAction[] {
  if (state.phase !== 'planned') return []
  const preflight: MigrationAction = { command: 'preflight', label: 'Run preflight', effect: 'Reads all rows; changes nothing.', blocks: [...blocksForLook(state, 'preflight', facts)], weight: 'quiet' }
  if (facts.rehearsalDatabase === null) return [preflight]
  return [preflight, { command: 'rehearse', label: 'Rehearse', effect: `All phases and back, on ${facts.rehearsalDatabase}.`, blocks: [...blocksForLook(state, 'rehearse', facts)], weight: 'quiet' }]
}

/** Everything of the view that follows from state, reading and facts. */
export function viewMigration(state: MigrationState, facts: MigrationFacts): Pick<MigrationView, 'phase' | 'stage' | 'stages' | 'gates' | 'actions' | 'rollBackWords' | 'next' | 'headline' | 'usedBy'> {
  const { reading } = facts
  // Where it starts anew, what it offers is a new start.
  const offered = hasEnded(state.phase) && state.phase !== 'completed' ? ({ ...state, phase: 'planned' } as const) : state
  const actions = legalCommands(offered)
    .filter((command) => command !== 'approve' || missingApprovals(offered) > 0)
    .map((command): MigrationAction => ({ command, ...describe(offered, command), blocks: [...blocksForMigration(offered, command, facts)] }))
  const open = reading ? openMismatches(reading) : 0
  const repair: MigrationAction[] =
    open > 0 && !MIGRATION_MACHINE[state.phase].ended
      ? [{ command: 'repair', label: `Repair ${count(open)} ${open === 1 ? 'row' : 'rows'}`, effect: `The ${state.writes} side wins, row by row.`, blocks: [...blocksForMigration(state, 'retry', facts)], weight: 'forward' }]
      : []
  return {
    phase: state.phase,
    stage: stageOf(state.phase),
    stages: stages(state, facts.now),
    gates: reading ? [...gatesOf(reading, facts.now)] : [],
    actions: [...repair, ...actions, ...looks(offered, facts)],
    rollBackWords: rollBackWords(state, reading),
    next: whatHappensNext(state, reading, facts),
    headline: headline(state, reading),
    usedBy: facts.versions.map((version) => {
      const shapes = shapesOf(state.definition, version.service, version.version)
      const needs = shapes.old && shapes.new ? 'works with both shapes' : shapes.old ? 'needs the old shape' : shapes.new ? 'needs the new shape' : 'is declared to work with neither'
      return { service: version.service, environment: version.environment, version: version.version, needs: `${needs}${version.as === 'live' ? '' : version.as === 'idle' ? ', idle' : ', kept as the way back'}`, blocks: shapes.new ? (shapes.old ? '' : 'taking the new structure back while it is live') : 'switching writes while it is live; cleanup' }
    }),
  }
}
