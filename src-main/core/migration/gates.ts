import type { MigrationGate, MigrationReading, MismatchClass } from '../../contract/migration.ts'
import { timeLeft } from '../release/words.ts'
import { approvableOf, missingApprovals, workLeft } from './state.ts'
import { classWords } from './words.ts'

/** Classes that stop nothing: seen, counted, explained by themselves. */
const HARMLESS: readonly MismatchClass[] = ['textOnly']
/** A key that was written waits at most so long for its second look. */
const WRITTEN_LAG_MS = 5_000

type Gate = (reading: MigrationReading, now: number) => MigrationGate | null

const gate = (name: string, state: MigrationGate['state'], detail: string): MigrationGate => ({ name, state, detail })

const counted = new Intl.NumberFormat('en-US')
export const count = (value: number): string => counted.format(value)

/** Mismatches that keep anything from going on. */
export function openMismatches(reading: MigrationReading): number {
  return Object.entries(reading.verification.open).reduce((sum, [kind, open]) => ((HARMLESS as readonly string[]).includes(kind) ? sum : sum + open), 0)
}

function byClass(reading: MigrationReading): string {
  const parts = Object.entries(reading.verification.open).flatMap(([kind, open]) => (open > 0 ? [`${count(open)} ${classWords(kind as MismatchClass)}`] : []))
  return parts.join(', ')
}

const workDone: Gate = ({ state, progress }) => {
  const left = workLeft(state)
  const done = progress && progress.rowsTotal > 0 ? `${Math.min(100, (100 * progress.rowsDone) / progress.rowsTotal).toFixed(1)} %, ${count(progress.rowsDone)} of ${count(progress.rowsTotal)} rows` : 'not begun'
  const name = state.phase === 'shadowReads' ? 'every row read through the new shape' : 'every row on the new side'
  return left.length === 0 ? gate(name, 'passed', 'Done.') : gate(name, state.failure ? 'failed' : 'waiting', state.failure?.fault.message ?? `${done}.`)
}

const noMismatches: Gate = (reading) => {
  const open = openMismatches(reading)
  return open === 0 ? gate('no open mismatch', 'passed', byClass(reading) || 'None.') : gate('no open mismatch', 'failed', `${byClass(reading)}.`)
}

const quarantineEmpty: Gate = ({ quarantined }) =>
  quarantined === 0 ? gate('quarantine empty', 'passed', 'Every write could be mirrored.') : gate('quarantine empty', 'failed', `${count(quarantined)} rows could not be mirrored.`)

const enoughReads: Gate = ({ state, verification: { reads } }) => {
  const { minReads } = state.definition.verify
  const compared = reads.same + reads.different
  return gate('compared reads', compared >= minReads ? 'passed' : 'waiting', `${count(compared)} of ${count(minReads)}; ${count(reads.different)} different, ${count(reads.unverifiable)} without answer.`)
}

const latency: Gate = ({ state, verification: { reads } }) => {
  const { maxLatencyRatio } = state.definition.verify
  if (reads.oldP50Ms === null || reads.newP50Ms === null) return state.definition.verify.readsPerSecond === 0 ? null : gate('read latency', 'waiting', 'No read was compared yet.')
  const ratio = reads.newP50Ms / Math.max(reads.oldP50Ms, 0.01)
  // Below a millisecond a ratio tells of the clock, not of the read.
  const fine = ratio <= maxLatencyRatio || reads.newP50Ms < 1
  return gate('read latency', fine ? 'passed' : 'failed', `median ${reads.newP50Ms.toFixed(2)} ms against ${reads.oldP50Ms.toFixed(2)} ms, ${ratio.toFixed(1)} ×, limit ${maxLatencyRatio} ×.`)
}

const freshPass: Gate = ({ state, verification: { lastPass } }, now) => {
  const { maxPassAgeMs } = state.definition.policy
  const wanted = state.writes === 'old' ? 'oldToNew' : 'newToOld'
  // A rename or a constraint alone has nothing to compare the other way.
  const name = 'every row compared'
  if (!lastPass || lastPass.direction !== wanted || lastPass.startedAt < (state.writes === 'new' ? state.phaseSince : 0)) {
    return gate(name, 'waiting', wanted === 'newToOld' ? 'No pass has ended since writes were switched.' : 'No pass has ended yet.')
  }
  const age = now - lastPass.endedAt
  if (age > maxPassAgeMs) return gate(name, 'waiting', `The last pass ended ${timeLeft(age)} ago; at most ${timeLeft(maxPassAgeMs)}.`)
  return gate(name, lastPass.mismatches === 0 ? 'passed' : 'failed', `${count(lastPass.rows)} rows, ${count(lastPass.mismatches)} ${lastPass.mismatches === 1 ? 'mismatch' : 'mismatches'}${lastPass.textOnly ? `, ${count(lastPass.textOnly)} different as text only` : ''}, ${timeLeft(age)} ago.`)
}

const held: Gate = ({ state }, now) => {
  if (state.dueAt === null) return null
  const left = state.dueAt - now
  return left <= 0 ? gate('watched long enough', 'passed', `Since ${timeLeft(now - state.phaseSince)}.`) : gate('watched long enough', 'waiting', `${timeLeft(left)} left.`)
}

const writtenKept: Gate = ({ verification: { written } }) =>
  written.oldestMs === null || written.oldestMs <= WRITTEN_LAG_MS
    ? gate('written keys read again', 'passed', `${count(written.checked)} read again, ${count(written.queued)} waiting${written.sampledShare < 1 ? `; ${(written.sampledShare * 100).toFixed(1)} % of all are sampled` : ''}.`)
    : gate('written keys read again', 'waiting', `The oldest of ${count(written.queued)} waits for ${timeLeft(written.oldestMs)}; at most 5 s.`)

const readsAgree: Gate = ({ verification: { reported } }) => (reported.different > 0 ? gate('the application’s own comparisons', 'failed', `${count(reported.different)} of ${count(reported.same + reported.different)} differ.`) : null)

const approved: Gate = ({ state }) => {
  const of = approvableOf(state)
  if (of === null || state.definition.policy.approvals[of] === 0) return null
  const missing = missingApprovals(state)
  return gate('approval', missing === 0 ? 'passed' : 'waiting', missing === 0 ? 'Given.' : `${missing} missing.`)
}

const noDrift: Gate = ({ drift }) => (drift.length === 0 ? null : gate('structure as it was', 'failed', drift.join(' ')))

const criteria: Gate = ({ state }) => {
  const bad = state.analysis.find(({ verdict }) => verdict === 'fail')
  return bad ? gate('the services’ criteria', 'failed', bad.why) : null
}

/** What must hold before the next `advance`, with what was seen; empty in phases that advance by themselves or not at all. */
export function gatesOf(reading: MigrationReading, now: number): readonly MigrationGate[] {
  const rules = GATES[reading.state.phase] ?? []
  return [...rules, noDrift].flatMap((rule) => rule(reading, now) ?? [])
}

const GATES: { readonly [phase: string]: readonly Gate[] } = {
  shadowReads: [workDone, enoughReads, latency, noMismatches],
  backfilling: [workDone, noMismatches, quarantineEmpty, criteria],
  verifying: [workDone, noMismatches, quarantineEmpty, criteria],
  dualWrites: [held, freshPass, noMismatches, quarantineEmpty, writtenKept, readsAgree, criteria, approved],
  switchingReads: [held, freshPass, noMismatches, quarantineEmpty, writtenKept, readsAgree, criteria, approved],
  switchedWrites: [held, freshPass, noMismatches, quarantineEmpty, writtenKept, readsAgree, criteria],
  tombstoned: [held, noMismatches, quarantineEmpty, approved],
}
