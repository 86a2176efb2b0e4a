import type { FlagNeed, FlagRollout, RolloutCommand } from '../../contract/flag.ts'
import { MIGRATION_PHASES, type MigrationPhase } from '../../contract/migration.ts'
import type { Block } from '../../contract/release.ts'
import type { Role } from '../../contract/vocabulary.ts'
import { nextStage, percentAt, rolloutEnded } from '../flags/rollout/state.ts'
import { percentWords } from '../flags/rollout/words.ts'
import { phaseWords as migrationWords } from '../migration/words.ts'
import { matchesVersion } from './migration-rules.ts'

/** What the rules look at. All of it is data; nothing is fetched here. */
export interface RolloutFacts {
  readonly role: Role
  readonly readOnly: string | null
  readonly journalWritable: boolean
  /** Needs of this flag, as the workspace declares them. */
  readonly needs: readonly FlagNeed[]
  /** Phase of a migration; null: not declared, or its database cannot be read. */
  readonly migrationPhase: (id: string) => MigrationPhase | null
  /** Versions of a service with live traffic; null: they cannot be observed. */
  readonly liveVersions: (service: string) => readonly string[] | null
  /** The flag's newest rollout. */
  readonly newestId: string | null
  /** Why the source cannot be read now; empty when it can. */
  readonly unreachable: string
}

type Rule = (rollout: FlagRollout, command: RolloutCommand, facts: RolloutFacts) => Block | null

/** Commands that expose more people. */
const FORWARD: readonly RolloutCommand[] = ['start', 'advance', 'approve', 'finish', 'resume', 'retry']
/** Ways back: interlocks never block them. */
const BACK: readonly RolloutCommand[] = ['rollBack', 'kill']

export function roleBlock(role: Role): Block | null {
  return role === 'viewer' ? { rule: 'role', reason: 'Your role is viewer, which reads and does nothing else.', unblocks: 'An admin gives you the role operator in the workspace file.' } : null
}

export function readOnlyBlock(readOnly: string | null): Block | null {
  return readOnly === null ? null : { rule: 'readOnly', reason: readOnly, unblocks: 'Use the console that controls this data folder.' }
}

export function journalBlock(journalWritable: boolean): Block | null {
  return journalWritable ? null : { rule: 'journal', reason: 'The journal cannot be written, so nothing but roll back and kill may act.', unblocks: 'Free the disk or restore the journal.' }
}

const newestOnly: Rule = (rollout, _command, facts) =>
  rolloutEnded(rollout.phase) && facts.newestId !== null && facts.newestId !== rollout.id
    ? { rule: 'superseded', reason: 'A later rollout of this flag decides what it is.', unblocks: 'Act on the later one.' }
    : null

const notPaused: Rule = (rollout, command) =>
  rollout.paused && !rollout.drift && ['advance', 'approve', 'finish'].includes(command)
    ? { rule: 'paused', reason: rollout.paused.why === '' ? `Paused by ${rollout.paused.by.name}.` : `Paused: ${rollout.paused.why}`, unblocks: 'Resume it first.' }
    : null

const notDrifted: Rule = (rollout, command) =>
  rollout.drift && ['advance', 'approve', 'finish', 'retry'].includes(command)
    ? { rule: 'drift', reason: 'Somebody changed the flag elsewhere.', unblocks: 'Resume, which writes the stage again, or abandon.' }
    : null

const sourceAnswers: Rule = (_rollout, command, facts) =>
  facts.unreachable !== '' && FORWARD.includes(command) ? { rule: 'sourceUnreachable', reason: `The source of the flag cannot be read: ${facts.unreachable}`, unblocks: 'When it answers again.' } : null

/** How many of everyone a command would expose; null where it exposes nobody more. */
export function percentAfter(rollout: FlagRollout, command: RolloutCommand): number | null {
  const stage = command === 'start' ? 0 : command === 'resume' || command === 'retry' ? Math.max(rollout.stageIndex, 0) : nextStage(rollout)
  if (!FORWARD.includes(command)) return null
  return command === 'finish' || stage === null ? 100 : percentAt(rollout.plan, stage)
}

/** Why this share may not be exposed yet, as the workspace declares. */
export function blocksForPercent(percent: number, facts: Pick<RolloutFacts, 'needs' | 'migrationPhase' | 'liveVersions'>): readonly Block[] {
  return facts.needs.flatMap((need): Block[] => {
    if (percent <= need.abovePercent) return []
    const why = need.why === '' ? '' : ` ${need.why}`
    const over = need.abovePercent <= 0 ? 'Exposing anybody' : `More than ${percentWords(need.abovePercent)}`
    const blocks: Block[] = []
    if (need.migration) {
      const { id, phase } = need.migration
      const is = facts.migrationPhase(id)
      if (is === null) blocks.push({ rule: 'needsMigration', reason: `${over} needs migration ${id} to be ${migrationWords(phase)}, and its database cannot be read.${why}`, unblocks: 'When the database answers again.' })
      else if (!reached(is, phase)) blocks.push({ rule: 'needsMigration', reason: `${over} needs migration ${id} to be ${migrationWords(phase)}; it is ${migrationWords(is)}.${why}`, unblocks: `When ${id} is ${migrationWords(phase)}.` })
    }
    if (need.versions) {
      const { service, anyOf } = need.versions
      const live = facts.liveVersions(service)
      const wanted = anyOf.join(' or ')
      const blind = live?.find((version) => !anyOf.some((pattern) => matchesVersion(pattern, version)))
      if (live === null) blocks.push({ rule: 'needsVersion', reason: `${over} needs ${service} ${wanted}, and what ${service} runs cannot be read.${why}`, unblocks: 'When its provider answers again.' })
      else if (blind !== undefined) blocks.push({ rule: 'needsVersion', reason: `${over} needs ${service} ${wanted}; ${blind} has live traffic.${why}`, unblocks: `When all live traffic of ${service} is on ${wanted}.` })
      else if (live.length === 0) blocks.push({ rule: 'needsVersion', reason: `${over} needs ${service} ${wanted}; nothing of it has live traffic.${why}`, unblocks: `When ${service} ${wanted} is live.` })
    }
    return blocks
  })
}

/** Phases in their order; one that is going back, or went, has reached nothing. */
const FORWARD_PHASES: readonly MigrationPhase[] = MIGRATION_PHASES.filter((phase) => phase !== 'rollingBack' && phase !== 'rolledBack')

function reached(is: MigrationPhase, wanted: MigrationPhase): boolean {
  return FORWARD_PHASES.includes(is) && FORWARD_PHASES.indexOf(is) >= FORWARD_PHASES.indexOf(wanted)
}

/** Rules for every command, ways back included: they say who may act, not what is safe. */
const WHO: readonly Rule[] = [(_r, _c, facts) => roleBlock(facts.role), (_r, _c, facts) => readOnlyBlock(facts.readOnly), newestOnly]
const SAFETY: readonly Rule[] = [(_r, _c, facts) => journalBlock(facts.journalWritable), sourceAnswers, notDrifted, notPaused]

/** Every reason why a command is not allowed now. Empty: allowed, if the table allows it too. */
export function blocksForRollout(rollout: FlagRollout, command: RolloutCommand, facts: RolloutFacts): readonly Block[] {
  if (BACK.includes(command)) return WHO.flatMap((rule) => rule(rollout, command, facts) ?? [])
  const percent = percentAfter(rollout, command)
  return [...[...WHO, ...SAFETY].flatMap((rule) => rule(rollout, command, facts) ?? []), ...(percent === null ? [] : blocksForPercent(percent, facts))]
}

/** Rules that also hold automatic advances back: the same as for a person's, save who is asking. */
export function blocksAutomatic(rollout: FlagRollout, facts: RolloutFacts): readonly Block[] {
  const percent = percentAfter(rollout, 'advance')
  return [...SAFETY.flatMap((rule) => rule(rollout, 'advance', facts) ?? []), ...(percent === null ? [] : blocksForPercent(percent, facts))]
}
