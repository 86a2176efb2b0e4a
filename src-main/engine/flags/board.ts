import type { CriterionResult } from '../../contract/analysis.ts'
import { Fault } from '../../contract/fault.ts'
import type { FlagReferencesReport, FlagRollout, FlagSourceConfig, RolloutView } from '../../contract/flag.ts'
import type { FlagDefinition } from '../../contract/flag-definition.ts'
import { rolloutEnded } from '../../core/flags/rollout/state.ts'
import type { ExperimentCounts, SetReading, VariantEvaluations } from '../../core/flags/ports.ts'
import type { FlagsDeps } from './deps.ts'

/** What this console last read of one source, in the set of the workspace's own tier. */
export interface Seat {
  readonly config: FlagSourceConfig
  /** Of the workspace's own tier; null: the source has none for it. */
  readonly set: string | null
  reading: SetReading | null
  /** By key; made with the reading. */
  byKey: ReadonlyMap<string, FlagDefinition>
  readAt: number | null
  /** Why it cannot be read now; empty when it can. */
  problem: string
  evaluations: { readonly since: number; readonly byFlag: ReadonlyMap<string, readonly VariantEvaluations[]> } | null
  experiments: readonly ExperimentCounts[] | null
  references: FlagReferencesReport | null
}

/** The engine's memory of flags: rows of the store, and the newest readings. Changed only after a commit or a reading. */
export function createBoard(deps: FlagsDeps) {
  const seats = new Map<string, Seat>(
    deps.configs.map((config) => [
      config.name,
      { config, set: config.sets.find(({ tier }) => tier === deps.tier)?.set ?? null, reading: null, byKey: new Map(), readAt: null, problem: '', evaluations: null, experiments: null, references: null },
    ]),
  )
  const rollouts = new Map<string, FlagRollout>()
  const newest = new Map<string, FlagRollout>()
  /** Judged last, before it is part of any row. */
  const analysis = new Map<string, readonly CriterionResult[]>()
  const acting = new Map<string, NonNullable<RolloutView['acting']>>()
  /** Why the last try did not work, for what is tried again. */
  const trouble = new Map<string, string>()

  const keyOf = (source: string, flag: string) => `${source}/${flag}`

  function put(rollout: FlagRollout): void {
    const known = rollouts.get(rollout.id)
    if (known && known.revision > rollout.revision) return
    rollouts.set(rollout.id, rollout)
    const key = keyOf(rollout.source, rollout.flag)
    const last = newest.get(key)
    if (!last || last.id === rollout.id || last.number <= rollout.number) newest.set(key, rollout)
  }

  function reload(): void {
    for (const rollout of deps.store.load().rollouts) put(rollout)
  }
  reload()

  function seatOf(source: string): Seat {
    const seat = seats.get(source)
    if (!seat) throw new Fault('notFound', `The workspace declares no flag source ${source}.`, `Choose one of: ${[...seats.keys()].join(', ') || 'none is declared'}.`)
    return seat
  }

  return {
    seats: (): readonly Seat[] => [...seats.values()],
    seat: seatOf,
    find: (source: string): Seat | null => seats.get(source) ?? null,
    /** The set rollouts act on. Faults: `unsupported`. */
    setOf(source: string): string {
      const { set, config } = seatOf(source)
      if (set === null) throw new Fault('unsupported', `${config.name} has no set for the tier ${deps.tier} of this workspace.`, 'Name one under `sets` in the workspace file.')
      return set
    },
    reload,
    put,
    rollout: (id: string): FlagRollout | null => rollouts.get(id) ?? null,
    newest: (source: string, flag: string): FlagRollout | null => newest.get(keyOf(source, flag)) ?? null,
    /** The one that has not ended, if any. */
    running(source: string, flag: string): FlagRollout | null {
      const last = newest.get(keyOf(source, flag))
      return last && !rolloutEnded(last.phase) ? last : null
    },
    /** Of sources of this workspace; those of others rest. */
    unended: (): readonly FlagRollout[] => [...newest.values()].filter(({ phase, source }) => !rolloutEnded(phase) && seats.has(source)),
    newestOf: (source: string): readonly FlagRollout[] => [...newest.values()].filter((rollout) => rollout.source === source),
    analysis,
    acting,
    trouble,
    /** As the screen sees it: with what was judged last. */
    judged(rollout: FlagRollout): FlagRollout {
      const results = analysis.get(rollout.id)
      return results && !rolloutEnded(rollout.phase) && rollout.phase !== 'rollingBack' ? { ...rollout, analysis: [...results] } : rollout
    },
    observe(source: string, reading: SetReading): boolean {
      const seat = seatOf(source)
      const changed = seat.reading?.digest !== reading.digest || seat.reading.broken?.why !== reading.broken?.why || seat.problem !== ''
      if (seat.reading?.flagSet !== reading.flagSet) seat.byKey = new Map(reading.flagSet.flags.map((flag) => [flag.key, flag]))
      seat.reading = reading
      seat.readAt = deps.clock.wallMs()
      seat.problem = ''
      return changed
    },
  }
}
export type Board = ReturnType<typeof createBoard>
