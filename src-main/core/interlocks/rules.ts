import type { Block, Release } from '../../contract/release.ts'
import type { DataMode } from '../../contract/service.ts'
import type { Observed, ObservedService } from '../../contract/traffic.ts'
import { type ReleaseCommand, type Role, otherEnvironment } from '../../contract/vocabulary.ts'
import { RELEASE_MACHINE } from '../release/machine.ts'
import { phaseWords, timeLeft } from '../release/words.ts'
import { blocksForExposed, type ExposedFlag } from './exposed-flags.ts'
import { blocksVersion, type SchemaPhase } from './migration-rules.ts'

/** What the rules look at. All of it is data; nothing is fetched here. */
export interface Facts {
  readonly now: number
  readonly role: Role
  /** False when the journal cannot commit. */
  readonly journalWritable: boolean
  /** Set when this console may only read, with why. */
  readonly readOnly: string | null
  readonly observed: Observed<ObservedService>
  readonly data: DataMode
  readonly dataLagMs: Observed<number> | null
  /** Another release of the service that is not over, if any. */
  readonly other: Release | null
  /** The newest release of the service. */
  readonly newestId: string | null
  readonly operatorId: string
  /** Migrations of tables the service uses. */
  readonly schema: readonly SchemaPhase[]
  /** Flags that users have now and that need certain versions of the service. */
  readonly exposed: readonly ExposedFlag[]
}

type Rule = (release: Release, command: ReleaseCommand, facts: Facts) => Block | null

/** Commands that take traffic further onto the candidate. */
const FORWARD: readonly ReleaseCommand[] = ['promote', 'promoteFully', 'approve']
/** Interlocks never block these: they are ways back, or stop things from moving. */
const ALWAYS: readonly ReleaseCommand[] = ['rollBack']

const roleMayAct: Rule = (_release, _command, facts) =>
  facts.role === 'viewer' ? { rule: 'role', reason: 'Your role is viewer, which reads and does nothing else.', unblocks: 'An admin gives you the role operator in the workspace file.' } : null

const consoleMayAct: Rule = (_release, _command, facts) =>
  facts.readOnly === null ? null : { rule: 'readOnly', reason: facts.readOnly, unblocks: 'Use the console that controls this data folder, or close it and start this one again.' }

const newestOnly: Rule = (release, command, facts) =>
  command === 'rollBack' && RELEASE_MACHINE[release.phase].ended && facts.newestId !== release.id
    ? { rule: 'superseded', reason: `${facts.newestId} came after it and decides where traffic is.`, unblocks: `Roll back ${facts.newestId} instead.` }
    : null

const journalMustCommit: Rule = (_release, _command, facts) =>
  facts.journalWritable ? null : { rule: 'journal', reason: 'The journal cannot be written, so nothing but roll back may act.', unblocks: 'Free the disk or restore the journal; the bar at the top says what is wrong.' }

const oneReleaseAtATime: Rule = (_release, command, facts) =>
  command === 'start' && facts.other
    ? { rule: 'releaseInProgress', reason: `${facts.other.id} is ${phaseWords(facts.other.phase)}.`, unblocks: `When ${facts.other.id} is over; roll it back, abandon it or let it finish.` }
    : null

const shiftMustBeVerified: Rule = (release, command) =>
  FORWARD.includes(command) && release.shiftPending
    ? { rule: 'shiftPending', reason: 'The current step has not been read back from the router yet.', unblocks: 'When the weights are verified, usually within a second.' }
    : null

const trafficMustBeKnown: Rule = (_release, command, facts) =>
  FORWARD.includes(command) && facts.observed.kind === 'unknown'
    ? { rule: 'trafficUnknown', reason: `Where traffic is cannot be read: ${facts.observed.why}`, unblocks: 'When the provider answers again.' }
    : null

const candidateMustBeReady: Rule = (release, command, facts) => {
  if (!FORWARD.includes(command) || facts.observed.kind === 'unknown') return null
  const candidate = facts.observed.value.environments[release.candidateEnvironment]
  return candidate.readiness === 'ready'
    ? null
    : { rule: 'candidateNotReady', reason: `${release.candidateEnvironment} (${release.candidate.version}) is ${candidate.readiness}. ${candidate.detail}`.trim(), unblocks: `When ${release.candidateEnvironment} is ready again, or roll back.` }
}

const dataMustKeepUp: Rule = (release, command, facts) => {
  if (!FORWARD.includes(command) || release.stable === null || facts.data.kind === 'shared' || !facts.dataLagMs) return null
  const max = facts.data.maxLagMs
  if (facts.dataLagMs.kind === 'unknown') return { rule: 'dataLag', reason: `How far the other environment's data is behind cannot be read: ${facts.dataLagMs.why}`, unblocks: `When the lag is known and at most ${max} ms.` }
  return facts.dataLagMs.value > max
    ? { rule: 'dataLag', reason: `The other environment's data is ${Math.round(facts.dataLagMs.value)} ms behind.`, unblocks: `When it is at most ${max} ms behind.` }
    : null
}

const windowKeepsWayBack: Rule = (release, command, facts) =>
  command === 'retire' && release.dueAt !== null && facts.now < release.dueAt
    ? {
        rule: 'rollbackWindow',
        reason: `${otherEnvironment(release.candidateEnvironment)} is the way back until the rollback window ends.`,
        unblocks: `In ${timeLeft(release.dueAt - facts.now)}, or when a new release takes the environment.`,
      }
    : null

const approverIsAnother: Rule = (release, command, facts) => {
  if (command !== 'approve') return null
  if (release.createdBy.id === facts.operatorId) return { rule: 'fourEyes', reason: 'You asked for this release; someone else approves it.', unblocks: 'When another operator approves.' }
  const already = release.approvals.some((approval) => approval.by.id === facts.operatorId && approval.stepIndex === release.pendingStep)
  return already ? { rule: 'fourEyes', reason: 'You approved this step already.', unblocks: 'When another operator approves too.' } : null
}

/** No version gets users on a schema it cannot work with; and what was retired is not started again on one. */
const schemaMustFit: Rule = (release, command, facts) => {
  if (command === 'start' || FORWARD.includes(command)) return blocksVersion(release.service, release.candidate.version, facts.schema)[0] ?? null
  return null
}

/** No version gets users who have a flag that it does not know. */
const flagsMustFit: Rule = (release, command, facts) =>
  command === 'start' || FORWARD.includes(command) ? (blocksForExposed(release.service, release.candidate.version, facts.exposed)[0] ?? null) : null

/** Past a marked point of no return, what was retired cannot come back. Nothing else keeps a roll back. */
const retiredMustFit: Rule = (release, command, facts) =>
  command === 'rollBack' && release.phase === 'retired' && release.stable ? (blocksVersion(release.service, release.stable.version, facts.schema).find(({ rule }) => rule === 'schemaGone') ?? null) : null

/** Rules that hold for every command, roll back included: they say who may act, not what is safe. */
const WHO: readonly Rule[] = [roleMayAct, consoleMayAct, newestOnly, retiredMustFit]
const SAFETY: readonly Rule[] = [journalMustCommit, oneReleaseAtATime, shiftMustBeVerified, trafficMustBeKnown, candidateMustBeReady, dataMustKeepUp, schemaMustFit, flagsMustFit, windowKeepsWayBack, approverIsAnother]

/** Every reason why a command is not allowed now. Empty: allowed, if the table allows it too. */
export function blocksFor(release: Release, command: ReleaseCommand, facts: Facts): readonly Block[] {
  const rules = ALWAYS.includes(command) ? WHO : [...WHO, ...SAFETY]
  return rules.flatMap((rule) => rule(release, command, facts) ?? [])
}

/** Rules that also hold automatic advances back: the same as for a person's promote, save who is asking. */
export function blocksAutomaticAdvance(release: Release, facts: Facts): readonly Block[] {
  return SAFETY.flatMap((rule) => rule(release, 'promote', facts) ?? [])
}

/** Why a new release of the service cannot be started now. `rollbackWindow` can be overridden by saying so. */
export function blocksNewRelease(active: Release | null, facts: Facts): readonly Block[] {
  const blocks: Block[] = []
  const probe = active ?? null
  if (facts.role === 'viewer') blocks.push({ rule: 'role', reason: 'Your role is viewer, which reads and does nothing else.', unblocks: 'An admin gives you the role operator in the workspace file.' })
  if (facts.readOnly !== null) blocks.push({ rule: 'readOnly', reason: facts.readOnly, unblocks: 'Use the console that controls this data folder.' })
  if (!facts.journalWritable) blocks.push({ rule: 'journal', reason: 'The journal cannot be written, so nothing but roll back may act.', unblocks: 'Free the disk or restore the journal.' })
  if (!probe) return blocks
  if (probe.phase === 'completed') {
    const left = probe.dueAt === null ? 'while it is paused' : `for ${timeLeft(probe.dueAt - facts.now)} more`
    const back = probe.stable ? `${otherEnvironment(probe.candidateEnvironment)} (${probe.stable.version})` : 'the old environment'
    blocks.push({ rule: 'rollbackWindow', reason: `${back} is kept as the instant way back from ${probe.candidate.version} ${left}.`, unblocks: 'Wait for the window, or start the release and end it.' })
  } else if (!RELEASE_MACHINE[probe.phase].ended) {
    blocks.push({ rule: 'releaseInProgress', reason: `${probe.id} (${probe.candidate.version}) is ${phaseWords(probe.phase)}.`, unblocks: `When ${probe.id} is over, or queue this release behind it.` })
  }
  return blocks
}
