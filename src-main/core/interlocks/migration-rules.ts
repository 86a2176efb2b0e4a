import type { MigrationCommand, MigrationReading, MigrationState } from '../../contract/migration.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { Block } from '../../contract/release.ts'
import type { EnvironmentName, Role } from '../../contract/vocabulary.ts'
import { gatesOf } from '../migration/gates.ts'
import { approvableOf, nextReads, newShapeReady, oldShapeThere } from '../migration/state.ts'

/** A version of a service that runs, is kept as the way back, or gets traffic. */
export interface VersionInUse {
  readonly service: string
  readonly environment: EnvironmentName
  readonly version: string
  /** `live` has traffic; `idle` runs without; `wayBack` would be started by a roll back. */
  readonly as: 'live' | 'idle' | 'wayBack'
}

/** Whom the flag that a migration's reads follow gives the new side. */
export interface FlagReads {
  readonly given: 'everyone' | 'some' | 'nobody' | 'unknown'
  /** "25 %", or why nobody knows. */
  readonly words: string
}

/** A flag that users have now and that needs a migration's new shape. `percent` null: segments only, or nobody can say. */
export interface NeedingFlag {
  readonly flag: string
  readonly percent: number | null
}

export interface MigrationFacts {
  readonly now: number
  readonly role: Role
  readonly operatorId: string
  readonly readOnly: string | null
  readonly journalWritable: boolean
  /** Null: the database cannot be read, with why in `unreachable`. */
  readonly reading: MigrationReading | null
  readonly unreachable: string
  readonly versions: readonly VersionInUse[]
  /** Services of the workspace that cannot be observed now. */
  readonly unknownServices: readonly string[]
  readonly preflight: { readonly ok: boolean; readonly blockers: number } | null
  readonly rehearsed: boolean
  /** The id as typed, for what cannot be undone. */
  readonly typed: string | null
  /** Where it can be rehearsed, or null. */
  readonly rehearsalDatabase: string | null
  /** Null: its reads follow no flag. */
  readonly readsFlag: FlagReads | null
  readonly neededByFlags: readonly NeedingFlag[]
}

type Rule = (state: MigrationState, command: MigrationCommand, facts: MigrationFacts) => Block | null

/** `1.*` matches every version beginning with `1.`; without a star it is one version. */
export function matchesVersion(pattern: string, version: string): boolean {
  const parts = pattern.split('*')
  const [first = ''] = parts
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return pattern === version
  return version.length >= first.length + last.length && version.startsWith(first) && version.endsWith(last)
}

function works(versions: readonly string[] | null, version: string): boolean {
  return versions === null || versions.some((pattern) => matchesVersion(pattern, version))
}

/** What of a migration a version of a service can work with. */
export function shapesOf(definition: MigrationDefinition, service: string, version: string): { readonly old: boolean; readonly new: boolean } {
  const declared = definition.services.find((each) => each.service === service)
  return declared ? { old: works(declared.oldVersions, version), new: works(declared.newVersions, version) } : { old: true, new: true }
}

const FORWARD: readonly MigrationCommand[] = ['start', 'advance', 'approve']

const roleMayAct: Rule = (_state, _command, facts) =>
  facts.role === 'viewer' ? { rule: 'role', reason: 'Your role is viewer, which reads and does nothing else.', unblocks: 'An admin gives you the role operator in the workspace file.' } : null

const consoleMayAct: Rule = (_state, _command, facts) => (facts.readOnly === null ? null : { rule: 'readOnly', reason: facts.readOnly, unblocks: 'Use the console that controls this data folder.' })

const databaseAnswers: Rule = (_state, _command, facts) =>
  facts.unreachable === '' ? null : { rule: 'databaseUnreachable', reason: `The database cannot be read: ${facts.unreachable}`, unblocks: 'When it answers again.' }

const drivenHere: Rule = (_state, _command, { reading }) =>
  reading?.owner && !reading.owner.isThis ? { rule: 'drivenElsewhere', reason: `${reading.owner.name} drives it.`, unblocks: 'Use that console, or close it: this one takes over then.' } : null

const journalMustCommit: Rule = (_state, _command, facts) => (facts.journalWritable ? null : { rule: 'journal', reason: 'The journal cannot be written, so nothing but a way back may act.', unblocks: 'Free the disk or restore the journal.' })

const notPaused: Rule = (state, command) =>
  command === 'advance' && state.paused ? { rule: 'paused', reason: state.paused.why === '' ? `Paused by ${state.paused.by.name}.` : `Paused: ${state.paused.why}`, unblocks: 'Resume it first.' } : null

const notFailed: Rule = (state, command) => (command === 'advance' && state.failure ? { rule: 'failed', reason: state.failure.fault.message, unblocks: state.failure.fault.next || 'Retry it.' } : null)

const preflightPassed: Rule = (_state, command, { preflight }) =>
  command === 'start' && preflight && !preflight.ok ? { rule: 'preflight', reason: `Preflight found ${preflight.blockers} ${preflight.blockers === 1 ? 'reason' : 'reasons'} why it could fail.`, unblocks: 'Mend what the list names, then run preflight again.' } : null

const rehearsalDone: Rule = (state, command, facts) =>
  command === 'start' && state.definition.policy.rehearsal === 'required' && !facts.rehearsed
    ? { rule: 'rehearsal', reason: 'This SQL was not rehearsed.', unblocks: 'Rehearse it on the rehearsal database first.' }
    : null

/** One block per gate that does not pass, so that each says what it waits for. */
const gatesPass = (state: MigrationState, command: MigrationCommand, facts: MigrationFacts): readonly Block[] =>
  command !== 'advance' || !facts.reading
    ? []
    : gatesOf({ ...facts.reading, state }, facts.now)
        .filter((gate) => gate.state !== 'passed')
        .map((gate) => ({ rule: `gate:${gate.name}`, reason: `${gate.name[0]?.toUpperCase() ?? ''}${gate.name.slice(1)}: ${gate.detail}`, unblocks: gate.state === 'failed' ? 'When that is mended.' : 'When that is so.' }))

const approverIsAnother: Rule = (state, command, facts) => {
  if (command !== 'approve') return null
  const of = approvableOf(state)
  if (of === null || state.definition.policy.approvals[of] === 0) return { rule: 'fourEyes', reason: 'No approval is asked for here.', unblocks: 'Nothing is needed.' }
  if (state.startedBy.id === facts.operatorId) return { rule: 'fourEyes', reason: 'You started this migration; someone else approves it.', unblocks: 'When another operator approves.' }
  return state.approvals.some((approval) => approval.of === of && approval.by.id === facts.operatorId) ? { rule: 'fourEyes', reason: 'You approved this already.', unblocks: 'When another operator approves too.' } : null
}

const AS_WORDS = { live: 'is live', idle: 'runs, idle', wayBack: 'is the way back of a release' } as const

/** Writes are switched only when everything with traffic can read the new shape. */
const liveReadsNew: Rule = (state, command, facts) => {
  if (command !== 'advance' || state.phase !== 'switchingReads' || nextReads(state) !== null) return null
  const unknown = unknownService(state, facts)
  if (unknown) return unknown
  const blind = facts.versions.find((version) => version.as === 'live' && !shapesOf(state.definition, version.service, version.version).new)
  return !blind ? null : { rule: 'versionNeedsOld', reason: `${blind.service} ${blind.environment} ${blind.version} is live and cannot read the new shape.`, unblocks: `When ${blind.service} has no traffic on ${blind.version}.` }
}

/** Where a flag decides where code reads, everyone reads new before writes are switched. */
const flagReadsNew: Rule = (state, command, { readsFlag }) => {
  const follows = state.definition.readsFlag
  if (!follows || command !== 'advance' || state.phase !== 'switchingReads' || nextReads(state) !== null) return null
  if (readsFlag?.given === 'everyone') return null
  return { rule: 'flagReadsOld', reason: `The flag ${follows.flag} of ${follows.source} does not give ${follows.variant} to everyone: ${readsFlag?.words ?? 'it was not read yet'}.`, unblocks: `When its rollout of ${follows.variant} has finished.` }
}

/** Old is taken away only when nobody runs, stands by or would be started that needs it. */
const nobodyNeedsOld: Rule = (state, command, facts) => {
  if (command !== 'advance' || (state.phase !== 'switchedWrites' && state.phase !== 'tombstoned')) return null
  const unknown = unknownService(state, facts)
  if (unknown) return unknown
  const needs = facts.versions.find((version) => !shapesOf(state.definition, version.service, version.version).new)
  return !needs ? null : { rule: 'versionNeedsOld', reason: `${needs.service} ${needs.environment} ${needs.version} ${AS_WORDS[needs.as]} and needs the old shape.`, unblocks: `When no environment runs ${needs.version} and no roll back leads to it.` }
}

function unknownService(state: MigrationState, facts: MigrationFacts): Block | null {
  const unknown = state.definition.services.find(({ service }) => facts.unknownServices.includes(service))
  return unknown ? { rule: 'trafficUnknown', reason: `What ${unknown.service} runs cannot be read.`, unblocks: 'When its provider answers again.' } : null
}

/** What cannot be undone is typed. */
const typedName: Rule = (state, command, facts) =>
  command === 'advance' && state.phase === 'tombstoned' && facts.typed !== null && facts.typed !== state.id
    ? { rule: 'typed', reason: 'Dropping the old structure cannot be undone.', unblocks: `Type ${state.id} to go on.` }
    : null

const WHO: readonly Rule[] = [roleMayAct, consoleMayAct, databaseAnswers, drivenHere]
const SAFETY: readonly Rule[] = [journalMustCommit, notPaused, notFailed, preflightPassed, rehearsalDone, approverIsAnother, liveReadsNew, flagReadsNew, nobodyNeedsOld, typedName]
/** Ways back, and what only stops or resumes work. */
const ALWAYS: readonly MigrationCommand[] = ['rollBack', 'stepBack']

/** Every reason why a command is not allowed now. Empty: allowed, if the table allows it too. */
export function blocksForMigration(state: MigrationState, command: MigrationCommand, facts: MigrationFacts): readonly Block[] {
  const rules = ALWAYS.includes(command) ? WHO : FORWARD.includes(command) ? [...WHO, ...SAFETY] : [...WHO, journalMustCommit]
  const blocks = rules.flatMap((rule) => rule(state, command, facts) ?? [])
  return ALWAYS.includes(command) ? blocks : [...blocks, ...gatesPass(state, command, facts)]
}

/** Why a look that costs the database something, or runs on another one, is not allowed now. */
export function blocksForLook(state: MigrationState, look: 'preflight' | 'rehearse', facts: MigrationFacts): readonly Block[] {
  const rules = look === 'preflight' ? [roleMayAct, consoleMayAct, databaseAnswers] : [roleMayAct, consoleMayAct, journalMustCommit]
  return rules.flatMap((rule) => rule(state, 'start', facts) ?? [])
}

/** Who still needs the new structure while it is being taken back, and what ends that, in words; null: nobody does. */
export function keepsNewShape({ definition }: Pick<MigrationState, 'definition'>, facts: Pick<MigrationFacts, 'versions' | 'readsFlag' | 'neededByFlags'>): string | null {
  const user = facts.versions.find((version) => version.as === 'live' && !shapesOf(definition, version.service, version.version).old)
  if (user) return `${user.service} ${user.environment} ${user.version} is live and needs it: roll ${user.service} back first`
  const [flag] = facts.neededByFlags
  if (flag) return `the flag ${flag.flag} is exposed to ${flag.percent === null ? 'some users' : `${flag.percent} % of users`} and needs it: take it back first`
  const follows = definition.readsFlag
  if (!follows || facts.readsFlag?.given === 'nobody') return null
  return `the flag ${follows.flag} of ${follows.source} may send readers there (${facts.readsFlag?.words ?? 'it was not read yet'}): it is being taken back`
}

/** Which phase a migration is in; null where its database cannot be read. */
export interface SchemaPhase {
  readonly definition: MigrationDefinition
  readonly phase: MigrationState['phase'] | null
}

/** What schema a version would find: the release's side of the same interlock. */
export function blocksVersion(service: string, version: string, migrations: readonly SchemaPhase[]): readonly Block[] {
  return migrations.flatMap(({ definition, phase }): Block[] => {
    const shapes = shapesOf(definition, service, version)
    if (shapes.old && shapes.new) return []
    if (phase === null) return [{ rule: 'schemaUnknown', reason: `${version} needs ${shapes.new ? 'the new' : 'the old'} shape of migration ${definition.id}, and its database cannot be read.`, unblocks: 'When the database answers again.' }]
    if (!shapes.old && !newShapeReady(phase)) return [{ rule: 'schemaMissing', reason: `${version} needs the new shape of migration ${definition.id}, which is not there yet.`, unblocks: `When ${definition.id} is in dual writes, with every row there and compared.` }]
    if (!shapes.new && !oldShapeThere(phase)) return [{ rule: 'schemaGone', reason: `${version} needs the old shape, which migration ${definition.id} has taken away.`, unblocks: phase === 'tombstoned' ? `Step ${definition.id} back first, or release a version that knows the new shape.` : 'Release a version that knows the new shape.' }]
    return []
  })
}
