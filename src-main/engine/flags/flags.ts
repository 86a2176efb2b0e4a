import { Fault } from '../../contract/fault.ts'
import type { FlagComparison, FlagGuardSeries, FlagPreview, FlagReferencesReport, FlagRollout, FlagSourceView, FlagSummary, FlagView, RolloutCommand, RolloutForesight, RolloutView, TierDifference } from '../../contract/flag.ts'
import type { FlagDefinition, FlagProblem, FlagRolloutPlan, JsonObject, Segment } from '../../contract/flag-definition.ts'
import type { Operator } from '../../contract/release.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { Tier } from '../../contract/vocabulary.ts'
import type { ExposedFlag } from '../../core/interlocks/exposed-flags.ts'
import type { NeedingFlag } from '../../core/interlocks/migration-rules.ts'
import { rolloutEnded } from '../../core/flags/rollout/state.ts'
import { exposureWords } from '../../core/flags/rollout/words.ts'
import { createActs } from './acts.ts'
import { createBoard } from './board.ts'
import { createCommands } from './commands.ts'
import { createComparisons } from './comparisons.ts'
import type { FlagsDeps } from './deps.ts'
import { createDriver } from './driver.ts'
import { createEditing } from './editing.ts'
import { exposedNeeds, exposedOnMigration } from './exposed.ts'
import { createForesight } from './foresight.ts'
import { createGuard } from './guard.ts'
import { createReports } from './reports.ts'
import { createRollouts, toFault } from './rollouts.ts'
import { createTelling } from './telling.ts'
import { createTiers } from './tiers.ts'
import { createViews } from './views.ts'

export interface StartRequest {
  readonly source: string
  readonly flag: string
  readonly plan: FlagRolloutPlan
  readonly expectedVersion: string
  readonly reason: string
  readonly operationId: string
}

export interface RolloutCommandRequest {
  readonly rollout: string
  readonly command: RolloutCommand
  readonly variant?: string | undefined
  readonly expectedRevision?: number | undefined
  readonly reason: string
  readonly operationId: string
}

export interface FlagRequest {
  readonly source: string
  readonly flag: string
  readonly reason: string
  readonly operationId: string
}

/** Drives every rollout of a workspace, and changes its flags. What a flag is, its source knows; this keeps what it last read. */
export interface Flags {
  start(): void
  sources(): Promise<readonly FlagSourceView[]>
  list(source: string): Promise<readonly FlagSummary[]>
  get(source: string, flag: string): Promise<FlagView>
  preview(request: { readonly source: string; readonly flag: string; readonly context: JsonObject; readonly definition?: FlagDefinition | undefined }): Promise<FlagPreview>
  check(source: string, flag: string, definition: FlagDefinition): Promise<readonly FlagProblem[]>
  define(request: FlagRequest & { readonly definition: FlagDefinition; readonly expectedVersion: string | null }, operator: Operator): Promise<FlagView>
  defineSegments(request: { readonly source: string; readonly segments: readonly Segment[]; readonly expectedDigest: string; readonly reason: string; readonly operationId: string }, operator: Operator): Promise<FlagSourceView>
  /** What a rollout with this plan would come to. Acts on nothing. */
  foresee(source: string, flag: string, plan: FlagRolloutPlan): Promise<RolloutForesight>
  startRollout(request: StartRequest, operator: Operator): Promise<RolloutView>
  command(request: RolloutCommandRequest, operator: Operator): Promise<RolloutView>
  kill(request: FlagRequest, operator: Operator): Promise<FlagView>
  archive(request: FlagRequest, operator: Operator): Promise<FlagView>
  compareTiers(source: string, from: Tier, to: Tier): Promise<readonly TierDifference[]>
  copyTier(request: { readonly source: string; readonly from: Tier; readonly to: Tier; readonly flags: readonly string[]; readonly reason: string; readonly operationId: string }, operator: Operator): Promise<readonly TierDifference[]>
  guardSeries(source: string, flag: string, fromAt: number): Promise<FlagGuardSeries>
  comparison(source: string, flag: string): Promise<FlagComparison>
  references(source: string): Promise<FlagReferencesReport>
  /** Everything that could be missing between console and one source. Faults: `notFound`. */
  test(source: string): Promise<{ name: string; ok: boolean; detail: string; next: string }[]>
  /** What releases must know: flags that users have now and that need certain versions of a service. */
  exposed(service: string): readonly ExposedFlag[]
  /** What migrations must know: flags that users have now and that need its new shape. */
  exposedOn(migration: string): readonly NeedingFlag[]
  waiting(): readonly WaitingItem[]
  snapshot(): readonly WatchItem[]
  names(): readonly string[]
  /** Reads the store's rows again: for a console that only reads while another one acts. */
  reload(): void
  stop(): Promise<void>
}

export function createFlags(deps: FlagsDeps): Flags {
  const board = createBoard(deps)
  const guard = createGuard(deps, board)
  const views = createViews(deps, board, createForesight(deps, board, guard))
  const telling = createTelling(deps, board, views)
  const rollouts = createRollouts(deps, board, ({ before, next }) => {
    if (next.phase !== before.phase || next.revision !== before.revision) driver.wake(next)
    driver.schedule(next)
    telling.rollout(next)
  })
  const driver = createDriver(deps, board, rollouts, guard, views.factsOf, (source) => telling.source(source))
  const acts = createActs(deps, board, rollouts)
  const reports = createReports(deps, board, telling)
  const comparisons = createComparisons(deps, board)
  const commands = createCommands(deps, board, rollouts, acts, views)
  const editing = createEditing(deps, board, acts, views)
  const tiers = createTiers(deps, board, acts, rollouts, views)

  /** Whoever asks before the first reading gets a reading, not that there was none. */
  async function fresh(source: string) {
    const seat = board.seat(source)
    board.setOf(source)
    if (seat.reading === null) await driver.readSource(source)
    if (seat.reading === null) throw new Fault('providerUnavailable', `The flags of ${source} cannot be read: ${seat.problem}`, 'Nothing was changed. Try again when it answers.')
    return seat
  }

  async function get(source: string, key: string): Promise<FlagView> {
    const seat = await fresh(source)
    const set = board.setOf(source)
    const observed = await deps.source(source).observe(set, key).catch((error: unknown) => {
      // Gone under its rollout: what it was before is what a roll back brings back.
      const running = board.running(source, key)
      if (running && error instanceof Fault && error.code === 'notFound') return { definition: running.before.definition, native: null, version: '' }
      throw error
    })
    const others = await Promise.all(
      seat.config.sets.map(async (each) => {
        if (each.set === set) return { ...each, exposure: exposureWords(observed.definition).words, present: true }
        try {
          return { ...each, exposure: exposureWords((await deps.source(source).observe(each.set, key)).definition).words, present: true }
        } catch (error) {
          return { ...each, exposure: error instanceof Fault && error.code === 'notFound' ? '' : toFault(error).message, present: false }
        }
      }),
    )
    return views.flag(seat, observed, others)
  }

  const rolloutView = (id: string): RolloutView => views.rollout(commands.known(id))

  async function changed(source: string): Promise<void> {
    await driver.readSource(source)
    telling.source(source)
  }

  return {
    names: () => board.seats().map(({ config }) => config.name),
    start() {
      driver.start()
      reports.start()
      comparisons.start()
      telling.start()
    },
    async sources() {
      const unread = board.seats().filter(({ reading, set }) => reading === null && set !== null)
      await Promise.all(unread.map(({ config }) => driver.readSource(config.name)))
      return board.seats().map(views.source)
    },
    async list(source) {
      const seat = await fresh(source)
      return (seat.reading?.flagSet.flags ?? []).map((flag) => views.summary(seat, flag)).toSorted((a, b) => (a.key < b.key ? -1 : 1))
    },
    get,
    async preview(request) {
      return editing.preview(await fresh(request.source), request)
    },
    async check(source, flag, definition) {
      return editing.check(await fresh(source), flag, definition)
    },
    async define(request, operator) {
      await fresh(request.source)
      await editing.define(request, operator)
      await changed(request.source)
      return get(request.source, request.flag)
    },
    async defineSegments(request, operator) {
      await fresh(request.source)
      await tiers.defineSegments(request, operator)
      await changed(request.source)
      return views.source(board.seat(request.source))
    },
    async foresee(source, flag, plan) {
      await fresh(source)
      const { rollout, problems } = await commands.foresee(source, flag, plan)
      await guard.prime(rollout)
      const { stages } = views.rollout(rollout)
      guard.forget(rollout)
      return { stages: [...stages], problems: [...problems] }
    },
    async startRollout(request, operator) {
      await fresh(request.source)
      return rolloutView(await commands.start(request, operator))
    },
    command: async (request, operator) => rolloutView(await commands.command(request, operator)),
    async kill(request, operator) {
      await commands.kill(request, operator)
      try {
        if (!board.running(request.source, request.flag)) await changed(request.source)
        return await get(request.source, request.flag)
      } catch (error) {
        // It was asked for and goes on; that the flag cannot be read meanwhile is said in the view.
        const seat = board.seat(request.source)
        const definition = seat.byKey.get(request.flag)
        if (!definition || !board.running(request.source, request.flag)) throw error
        return views.flag(seat, { definition, native: null, version: '' }, [])
      }
    },
    async archive(request, operator) {
      const seat = await fresh(request.source)
      await reports.read(request.source)
      await editing.archive(seat, request, operator)
      await changed(request.source)
      return get(request.source, request.flag)
    },
    compareTiers: (source, from, to) => tiers.compare(source, from, to),
    async copyTier(request, operator) {
      const left = await tiers.copy(request, operator)
      await changed(request.source)
      return left
    },
    async guardSeries(source, flag, fromAt) {
      board.seat(source)
      const provider = deps.source(source)
      const absent = provider.capabilities.outcomes ?? ''
      const newest = board.newest(source, flag)
      // What took it back is looked at when it is over.
      const over = newest && rolloutEnded(newest.phase) && absent === '' ? await provider.outcomes(board.setOf(source), flag, fromAt) : null
      return guard.chart(newest, fromAt, absent, over)
    },
    async comparison(source, flag) {
      const seat = await fresh(source)
      await comparisons.read(source)
      return comparisons.of(seat, views.definitionOf(seat, flag))
    },
    async references(source) {
      const seat = await fresh(source)
      return reports.references(seat)
    },
    async test(source) {
      board.seat(source)
      return [...(await deps.source(source).test())]
    },
    exposed: (service) => exposedNeeds(board, service),
    exposedOn: (migration) => exposedOnMigration(board, migration),
    waiting: views.waiting,
    snapshot: () => [
      ...board.seats().map((seat): WatchItem => ({ kind: 'flagSource', source: views.source(seat) })),
      ...shown(board.seats().flatMap(({ config }) => board.newestOf(config.name))).map((rollout): WatchItem => ({ kind: 'rollout', rollout: views.rollout(rollout) })),
    ],
    reload() {
      const before = new Map(board.seats().flatMap(({ config }) => board.newestOf(config.name)).map((rollout) => [rollout.id, rollout.revision]))
      board.reload()
      for (const rollout of board.seats().flatMap(({ config }) => board.newestOf(config.name))) if (before.get(rollout.id) !== rollout.revision) telling.rollout(rollout)
    },
    async stop() {
      telling.stop()
      reports.stop()
      comparisons.stop()
      await driver.stop()
    },
  }
}

/** What is told to who just came: everything under way, and the newest of what is over. */
const SHOWN_ENDED = 50
function shown(all: readonly FlagRollout[]): readonly FlagRollout[] {
  const ended = all.filter(({ endedAt }) => endedAt !== null).toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
  return [...all.filter(({ endedAt }) => endedAt === null), ...ended.slice(0, SHOWN_ENDED)]
}
