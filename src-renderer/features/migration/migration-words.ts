import type { Json } from '../../../src-main/contract/journal.ts'
import { MIGRATION_PHASES, MIGRATION_STAGES, MISMATCH_CLASSES, type MigrationPhase, type MigrationReading, type MigrationStage, type MigrationView, type MigrationWork, type Mismatch, type MismatchClass, type Verification } from '../../../src-main/contract/migration.ts'
import type { MarkState } from '../../components/state-mark.tsx'

const PHASES: Readonly<Record<MigrationPhase, string>> = {
  planned: 'planned',
  shadowReads: 'shadow reads',
  backfilling: 'dual writes',
  verifying: 'dual writes',
  dualWrites: 'dual writes',
  switchingReads: 'switching',
  switchedWrites: 'switching',
  tombstoned: 'cleanup',
  completed: 'completed',
  rollingBack: 'rolling back',
  rolledBack: 'rolled back',
}

export const STAGE_TITLES: Readonly<Record<MigrationStage, string>> = { shadowReads: 'Shadow reads', dualWrites: 'Dual writes', switching: 'Switching', cleanup: 'Cleanup' }

/** "dual writes", "25 % of reads new", "writes new": a step as a mark on an axis of time; null for what changes nothing for users. */
export function stepWords(before: Json, after: Json): string | null {
  const [was, is] = [portraitOf(before), portraitOf(after)]
  if (!is) return null
  if (is.phase === 'rollingBack') return was?.phase === is.phase ? null : PHASES[is.phase]
  if (is.phase === 'switchingReads' && is.writes === 'old') return was?.readsPercent === is.readsPercent && was.phase === is.phase ? null : `${is.readsPercent} % of reads new`
  if (was && was.writes !== is.writes) return `writes ${is.writes}`
  return was?.phase === is.phase ? null : PHASES[is.phase]
}

function portraitOf(value: Json): { readonly phase: MigrationPhase; readonly readsPercent: number; readonly writes: string } | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { phase, readsPercent, writes } = value
  const known = MIGRATION_PHASES.find((each) => each === phase)
  return known === undefined || typeof readsPercent !== 'number' || typeof writes !== 'string' ? null : { phase: known, readsPercent, writes }
}

/** "phase 2 of 4, dual writes": where it is. */
export function phaseLine({ phase, stage }: Pick<MigrationView, 'phase' | 'stage'>): string {
  return stage === null ? PHASES[phase] : `phase ${MIGRATION_STAGES.indexOf(stage) + 1} of ${MIGRATION_STAGES.length}, ${PHASES[phase]}`
}

export const WORK_WORDS: Readonly<Record<MigrationWork, { readonly title: string; readonly done: string }>> = {
  shadowScan: { title: 'Shadow scan', done: 'read' },
  backfill: { title: 'Backfill', done: 'copied' },
  validate: { title: 'Validation', done: 'validated' },
  fullPass: { title: 'Full pass', done: 'compared' },
}

export const CLASS_WORDS: Readonly<Record<MismatchClass, { readonly word: string; readonly means: string }>> = {
  missing: { word: 'missing', means: 'row only on the authoritative side' },
  extra: { word: 'extra', means: 'row only on the other side' },
  differs: { word: 'differs', means: 'a column is not what it should be' },
  rejected: { word: 'rejected', means: '`up` or a constraint failed on it' },
  lossy: { word: 'lossy', means: 'down(up(x)) is not x' },
  conflict: { word: 'conflict', means: 'both sides written, authority decided' },
  textOnly: { word: 'text only', means: 'equal value, other text' },
  unverifiable: { word: 'unverifiable', means: 'no answer, or no key to ask by' },
}

export const FOUND_BY: Readonly<Record<Mismatch['foundBy'], string>> = {
  fullPass: 'a full pass',
  sample: 'a sampled read',
  writtenKey: 're-reading a written key',
  application: 'the application',
  mirror: 'the mirror, which could not write it',
  shadowScan: 'the shadow scan',
}

/** Rows that keep it from going on. Text that differs while its value is equal keeps nothing. */
export function openTotal({ open }: Verification): number {
  return MISMATCH_CLASSES.reduce((sum, kind) => (kind === 'textOnly' ? sum : sum + open[kind]), 0)
}

/** What needs eyes first: a stop, then doubt, then a wait. Fine is not said. */
export function attentionOf(view: MigrationView, reading: MigrationReading | null): MarkState {
  if (view.observed.kind === 'unknown') return 'unknown'
  if (reading?.state.failure) return 'fail'
  if (view.preflight?.ok === false && view.phase === 'planned') return 'watch'
  if (!reading || isOver(view.phase)) return 'fine'
  const { state, verification, progress, drift } = reading
  return (state.paused && state.paused.why !== '') || openTotal(verification) > 0 || drift.length > 0 || (progress?.waitsFor ?? '') !== '' ? 'watch' : 'fine'
}

/** One word for a list: what it does, or what it asks for. What can be pressed is the core's word. */
export function stateWord(view: MigrationView, reading: MigrationReading | null): string {
  const state = attentionOf(view, reading)
  if (state === 'fail') return 'stopped'
  if (state === 'unknown') return 'unknown'
  if (state === 'watch') return reading?.state.paused ? 'paused' : view.phase === 'planned' ? 'blocked' : 'watch'
  if (view.phase === 'planned' || isOver(view.phase)) return PHASES[view.phase]
  const asks = view.actions.some(({ command, blocks }) => (command === 'advance' || command === 'approve' || command === 'resume') && blocks.length === 0)
  return asks ? 'waits for you' : 'runs'
}

/** Ended, until somebody starts it again. */
export function isOver(phase: MigrationPhase): boolean {
  return phase === 'completed' || phase === 'rolledBack'
}

/** "customers", or "sales.customers" outside of public. */
export function tableWords({ schema, table }: { readonly schema: string; readonly table: string }): string {
  return schema === 'public' ? table : `${schema}.${table}`
}

/** A key as people say it: "id 4118204", "tenant 7, id 12". */
export function keyWords(key: Mismatch['key']): string {
  return Object.entries(key)
    .map(([column, value]) => `${column} ${value ?? 'null'}`)
    .join(', ')
}

/** What the title has said already is not said again: "phase 2 of 4, dual writes, 14 open mismatches". */
export function headlineRest(view: MigrationView): string {
  const rest = view.headline
    .replace(/\.$/, '')
    .replace(/^phase \d of \d, (shadow reads|dual writes|switching|cleanup)(, )?/, '')
  return rest === PHASES[view.phase] || rest === 'planned' ? '' : rest.charAt(0).toUpperCase() + rest.slice(1)
}

/** What happens without anybody: "If you do nothing: it goes on by itself." Where nothing does, it says so by itself. */
export function ifNothing(next: string): string {
  const waits = /^It waits: (.+)\. It goes on by itself\.$/.exec(next)
  if (waits) return `It waits: ${waits[1]}. If you do nothing: it goes on by itself.`
  return /^(It waits|It goes|It stays|When|The structure)\b/.test(next) ? `If you do nothing: ${next.charAt(0).toLowerCase()}${next.slice(1)}` : next
}
