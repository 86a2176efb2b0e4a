import type { MigrationReading, MigrationState, MigrationView } from '../../../src-main/contract/migration.ts'
import { formatAge, formatClock, formatCount, formatCountdown, formatDuration, formatMs, plural } from '../../lib/format.ts'
import { STAGE_TITLES, WORK_WORDS } from './migration-words.ts'

export interface BandBar {
  readonly label: string
  readonly fraction: number
  readonly text: string
  /** Where the steps of reads are, 0 to 1. */
  readonly ticks?: readonly number[]
}
export interface BandFact {
  readonly label: string
  readonly value: string
  readonly unit: string
}
/** What the band under the phases says: one big figure, up to two bars, one line, up to four facts. */
export interface BandFacts {
  readonly title: string
  readonly big: string
  readonly unit: string
  readonly under: string
  readonly bars: readonly BandBar[]
  readonly line: string
  /** That it stands still and why, with value and limit, and since when. */
  readonly waits: { readonly why: string; readonly since: number | null } | null
  readonly facts: readonly BandFact[]
}

const NOTHING = { unit: '', under: '', bars: [], line: '', waits: null, facts: [] } as const
const percent = (fraction: number) => `${(fraction * 100).toFixed(1)} %`
const fact = (label: string, value: string, unit = ''): BandFact => ({ label, value, unit })
const orNone = (value: number | null, words: (value: number) => string) => (value === null ? 'unknown' : words(value))

/** The figures of the phase under way. */
export function bandFacts(view: MigrationView, reading: MigrationReading | null, now: number): BandFacts {
  if (!reading && view.observed.kind === 'unknown') return { ...NOTHING, title: 'Not read', big: 'unknown', under: `in ${view.database}`, line: 'Where it is stands in its database, and shows as soon as that answers.' }
  if (!reading) return { ...NOTHING, title: 'Not started', big: plural(view.tables.length, 'table'), under: `in ${view.database}`, line: PLANNED, facts: preflightFacts(view, now) }
  return reading.progress ? workFacts(reading, now) : holdFacts(view, reading, now)
}

const PLANNED = 'Starting creates a view over the old data and compares reads. Nothing is written, and it can be taken back at once.'

function preflightFacts({ preflight }: MigrationView, now: number): readonly BandFact[] {
  if (!preflight) return [fact('preflight', 'not run')]
  const count = (state: string) => preflight.checks.filter((check) => check.state === state).length
  return [fact('rows read', formatCount(preflight.rowsScanned)), fact('blockers', formatCount(count('blocker'))), fact('preflight', formatAge(now - preflight.at), 'ago'), fact('warnings', formatCount(count('warning')))]
}

/** What the guard saw stands in its own banner. */
function pausedWords({ paused }: MigrationState): BandFacts['waits'] {
  return paused && { why: paused.why === '' ? `paused by ${paused.by.name}` : 'paused by the guard', since: paused.at }
}

function workFacts(reading: MigrationReading, now: number): BandFacts {
  const { verification, state } = reading
  const progress = reading.progress
  if (!progress) return { ...NOTHING, title: '', big: '' }
  const done = progress.rowsTotal === 0 ? 1 : Math.min(1, progress.rowsDone / progress.rowsTotal)
  const words = WORK_WORDS[progress.work]
  const second = progress.work === 'fullPass' || progress.work === 'shadowScan' ? null : verification.passProgress
  const waits = pausedWords(state) ?? (progress.waitsFor === '' ? null : { why: `waiting: ${progress.waitsFor}`, since: progress.waitingSince })
  const waited = progress.waits === 0 ? 'It has not waited yet.' : `${plural(progress.waits, 'wait')} so far, ${formatCountdown(progress.waitedMs + (progress.waitingSince === null || waits === null ? 0 : now - progress.waitingSince))} in all.`
  return {
    title: words.title,
    big: (done * 100).toFixed(1),
    unit: '%',
    under: `${formatCount(progress.rowsDone)} of ${formatCount(progress.rowsTotal)} rows`,
    bars: [{ label: words.done, fraction: done, text: percent(done) }, ...(second === null ? [] : [{ label: 'verified', fraction: second, text: percent(second) }])],
    line: waited,
    waits,
    facts: [
      fact('rate, 1 min mean', formatCount(Math.round(progress.rowsPerSecond)), 'rows/s'),
      fact('ETA', progress.etaMs === null ? 'unknown' : formatCountdown(progress.etaMs)),
      fact('batch p90', orNone(progress.batchP90Ms, formatMs), progress.batchP90Ms === null ? '' : 'ms'),
      fact('batch', formatCount(progress.batchRows), 'rows'),
    ],
  }
}

/** Median of a compared read: what reading the new shape costs. */
function latencyFacts({ verification: { reads, written } }: MigrationReading): readonly BandFact[] {
  const ms = (value: number | null) => (value === null ? '' : 'ms')
  return [
    fact('old read, p50', orNone(reads.oldP50Ms, (value) => value.toFixed(2)), ms(reads.oldP50Ms)),
    fact('written, to re-read', formatCount(written.queued), 'keys'),
    fact('new read, p50', orNone(reads.newP50Ms, (value) => value.toFixed(2)), ms(reads.newP50Ms)),
    fact('oldest', written.oldestMs === null ? 'none' : formatAge(written.oldestMs)),
  ]
}

function holdFacts(view: MigrationView, reading: MigrationReading, now: number): BandFacts {
  const { state, verification } = reading
  const { readSteps } = state.definition.policy
  const hold = state.dueAt === null ? null : Math.min(1, Math.max(0, (now - state.phaseSince) / Math.max(1, state.dueAt - state.phaseSince)))
  const left = state.dueAt === null ? '' : state.dueAt <= now ? 'over' : formatCountdown(state.dueAt - now)
  const watched: readonly BandBar[] = [
    ...(hold === null ? [] : [{ label: 'watched', fraction: hold, text: state.dueAt !== null && state.dueAt <= now ? 'over' : `${Math.floor(hold * 100)} %` }]),
    ...(verification.passProgress === null ? [] : [{ label: 'verified', fraction: verification.passProgress, text: percent(verification.passProgress) }]),
  ]
  const waits = pausedWords(state)
  const base = { ...NOTHING, waits, facts: latencyFacts(reading) }
  const inPhase = `for ${formatAge(Math.max(0, now - state.phaseSince))}`
  switch (state.phase) {
    case 'shadowReads':
      return { ...base, title: 'Compared reads', big: formatCount(verification.reads.same), under: `equal; ${formatCount(state.definition.verify.minReads)} needed`, bars: watched, line: 'Every row was read through the new shape once.' }
    case 'dualWrites':
      return { ...base, title: 'Watched', big: left || formatAge(Math.max(0, now - state.phaseSince)), under: left === 'over' ? `the hold of ${formatDuration(state.definition.policy.soakMs)} is over` : left ? 'until switching may begin' : inPhase, bars: watched, line: 'Both sides are written in one transaction and compared all the time.' }
    case 'switchingReads':
      return {
        ...base,
        title: 'Reads on new',
        big: String(state.readsPercent),
        unit: '%',
        under: left === 'over' ? 'more may be sent' : left ? `held for ${left}` : inPhase,
        bars: [{ label: 'reads', fraction: state.readsPercent / 100, text: `${state.readsPercent} %`, ticks: readSteps.map((step) => step / 100) }, ...watched.slice(-1)],
        line: `Steps ${readSteps.join(', ')} %, sticky per ${state.definition.entity.length === 0 ? 'row key' : state.definition.entity.join(', ')}. Writes: ${state.writes} is authoritative.`,
      }
    case 'switchedWrites':
      return { ...base, title: 'Authority', big: state.writes, under: left === 'over' ? 'cleanup may begin' : left ? `cleanup may begin in ${left}` : inPhase, bars: watched, line: 'Old is kept equal by reverse sync, so that going back loses nothing.' }
    case 'tombstoned':
      return { ...base, title: 'Set aside', big: left || formatAge(Math.max(0, now - state.phaseSince)), under: left === 'over' ? `the hold of ${formatDuration(state.definition.policy.tombstoneMs)} is over` : left ? 'until it may be dropped' : inPhase, bars: watched, line: 'The old structure is renamed away and still kept equal. Dropping it is the point of no return.' }
    case 'completed':
    case 'rolledBack':
      return { ...base, ...endFacts(view, reading) }
    case 'rollingBack':
      return { ...base, title: 'Rolling back', big: formatAge(Math.max(0, now - state.phaseSince)), under: state.rollback ? `by ${state.rollback.by.name}` : '', line: 'Readers and writers are back on old; structure is being taken away.' }
    default:
      return { ...base, title: STAGE_TITLES[view.stage ?? 'dualWrites'], big: state.failure ? 'stopped' : inPhase, under: state.failure ? `${inPhase}, ${state.done.length === 0 ? 'nothing done' : `done: ${state.done.map((work) => WORK_WORDS[work].title.toLowerCase()).join(', ')}`}` : '', bars: watched }
  }
}

function endFacts(view: MigrationView, { state, verification }: MigrationReading): Pick<BandFacts, 'title' | 'big' | 'under' | 'line' | 'facts'> {
  const isDone = state.phase === 'completed'
  const tookMs = (state.endedAt ?? state.phaseSince) - state.startedAt
  const { rollback } = state
  return {
    title: isDone ? 'Completed' : 'Rolled back',
    big: formatAge(tookMs),
    under: `from start to end, attempt ${state.attempt}`,
    line: isDone ? `Started by ${state.startedBy.name}. The old structure is gone; the record stays in ${view.database}.` : rollback ? `By ${rollback.by.name} at ${formatClock(rollback.at)} UTC${rollback.reason ? `: ${rollback.reason}` : '.'}` : '',
    facts: [fact('reads compared', formatCount(verification.reads.same)), fact('different', formatCount(verification.reads.different)), fact('keys re-read', formatCount(verification.written.checked)), fact('repairs', formatCount(verification.repairsAfterBackfill))],
  }
}
