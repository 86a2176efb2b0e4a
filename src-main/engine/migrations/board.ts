import type { MigrationReading, MigrationSample, MigrationState, MigrationView, PreflightReport } from '../../contract/migration.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import type { Observed } from '../../contract/traffic.ts'
import type { MigrationFacts } from '../../core/interlocks/migration-rules.ts'
import { tablesOf, viewMigration } from '../../core/migration/actions.ts'
import type { Rehearsal } from '../../core/migration/ports.ts'
import { hasEnded, planMigration } from '../../core/migration/state.ts'
import type { MigrationsDeps } from './deps.ts'

const KEEP_SAMPLES = 1800
/** A reading older than this is not fresh. */
const STALE_MS = 15_000

/** A rehearsal as the journal keeps it. */
export interface Rehearsed extends Omit<Rehearsal, 'evidence'> {
  readonly at: number
  readonly database: string
}

interface Seat {
  readonly definition: MigrationDefinition
  observed: Observed<MigrationReading | null>
  /** What was last read, for as long as nothing newer is known. Null: nothing yet. */
  lastState: MigrationState | null
  preflight: PreflightReport | null
  rehearsal: Rehearsed | null
  acting: MigrationView['acting']
  samples: readonly MigrationSample[]
  /** What each step and work took in this attempt, ms. */
  readonly ran: Map<string, number>
  published: string
}

/** Of a migration whose database was not read since this console opened nothing is claimed. */
const NEVER_READ = (why: string): Pick<MigrationView, 'headline' | 'next' | 'actions' | 'rollBackWords'> => ({ headline: 'unknown', next: `Its database cannot be read: ${why}`, actions: [], rollBackWords: 'What it made is not known before its database can be read.' })

/** What this console knows of each migration, and how it shows it. Truth is the database; this is its last reading. */
export function createBoard(deps: MigrationsDeps) {
  const seats = new Map<string, Seat>()
  for (const definition of deps.definitions) {
    seats.set(definition.id, { definition, observed: { kind: 'unknown', since: deps.clock.wallMs(), why: 'It was not read yet.' }, lastState: null, preflight: null, rehearsal: null, acting: null, samples: [], ran: new Map(), published: '' })
  }

  function seat(id: string): Seat | null {
    return seats.get(id) ?? null
  }

  function readingOf(found: Seat): MigrationReading | null {
    return found.observed.kind === 'known' ? found.observed.value : null
  }

  /** The state as last read, also while the database does not answer; planned where it knows of none. */
  function stateOf(found: Seat): MigrationState {
    return found.lastState ?? planned(found.definition, 0, 0)
  }

  function planned(definition: MigrationDefinition, attempts: number, revision: number, digest = ''): MigrationState {
    return planMigration({ definition, digest, by: SYSTEM_OPERATOR, reason: '', at: deps.clock.wallMs(), attempts, revision })
  }

  function facts(found: Seat, typed: string | null = null): MigrationFacts {
    const { operator, role } = deps.operator()
    const { inUse, unknown } = deps.versions(found.definition.services.map(({ service }) => service))
    const followed = stateOf(found).definition.readsFlag
    return {
      now: deps.clock.wallMs(),
      role,
      operatorId: operator.id,
      readOnly: deps.readOnly(),
      journalWritable: deps.store.problem() === '',
      reading: readingOf(found),
      unreachable: found.observed.kind === 'unknown' ? found.observed.why : '',
      versions: inUse,
      unknownServices: unknown,
      preflight: found.preflight && { ok: found.preflight.ok, blockers: found.preflight.checks.filter(({ state }) => state === 'blocker').length },
      rehearsed: found.rehearsal !== null && (found.preflight === null || found.rehearsal.digest === found.preflight.digest),
      typed,
      rehearsalDatabase: deps.rehearsalOf(found.definition.database),
      neededByFlags: deps.readsFlags.needing(found.definition.id),
      readsFlag: followed ? deps.readsFlags.given(followed) : null,
    }
  }

  function view(id: string): MigrationView | null {
    const found = seats.get(id)
    if (!found) return null
    const state = stateOf(found)
    const known = facts(found)
    const isStale = found.observed.kind === 'known' && deps.clock.wallMs() - found.observed.observedAt > STALE_MS
    const observed: Seat['observed'] = isStale && found.observed.kind === 'known' ? { kind: 'unknown', since: found.observed.observedAt, why: 'The database has not answered since.' } : found.observed
    const started = found.lastState !== null && !hasEnded(state.phase)
    // What it was started with counts until it is over.
    const definition = started ? state.definition : found.definition
    const digest = found.preflight?.digest ?? (started ? state.digest : '')
    return {
      id,
      title: definition.title || id,
      database: definition.database,
      definition,
      tables: [...tablesOf(definition)],
      observed,
      preflight: found.preflight,
      rehearsal: found.rehearsal && rehearsalView(found, found.rehearsal, digest),
      ...viewMigration(state, known),
      ...(found.lastState === null && found.observed.kind === 'unknown' ? NEVER_READ(found.observed.why) : {}),
      acting: found.acting,
      definitionChanged: started && JSON.stringify(state.definition.change) !== JSON.stringify(found.definition.change),
    }
  }

  /** The rehearsal beside the real run. Without a digest to compare with, nothing matches. */
  function rehearsalView(found: Seat, { at, database, summary, mismatches, steps, digest }: Rehearsed, now: string): MigrationView['rehearsal'] {
    return { at, database, summary, mismatches: { ...mismatches }, digest, matches: now !== '' && digest === now, steps: steps.map((step) => ({ ...step, ranMs: found.ran.get(step.step) ?? null })) }
  }

  /** Publishes what changed; the age of a reading alone is no change. */
  function publish(id: string): void {
    const found = seats.get(id)
    const shown = view(id)
    if (!found || !shown) return
    const text = JSON.stringify({ ...shown, observed: { ...shown.observed, observedAt: 0 } })
    if (text === found.published) return
    found.published = text
    deps.publish({ kind: 'migration', migration: shown })
  }

  return {
    ids: (): readonly string[] => [...seats.keys()],
    seat,
    stateOf,
    readingOf,
    planned,
    facts,
    view,
    publish,
    observe(id: string, observed: Seat['observed']): void {
      const found = seats.get(id)
      if (!found) return
      const before = found.observed
      if (observed.kind === 'known') found.lastState = observed.value?.state ?? null
      found.observed = observed.kind === 'unknown' && before.kind === 'unknown' && before.since > 0 ? { ...observed, since: before.since } : observed
      publish(id)
    },
    addSample(id: string, sample: MigrationSample): void {
      const found = seats.get(id)
      if (!found) return
      found.samples = [...found.samples.slice(-KEEP_SAMPLES + 1), sample]
      deps.publish({ kind: 'migrationSample', migration: id, sample })
    },
  }
}
export type Board = ReturnType<typeof createBoard>
