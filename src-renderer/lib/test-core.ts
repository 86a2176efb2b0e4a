import { Fault } from '../../src-main/contract/fault.ts'
import type { Criterion, CriterionTrial, Foresight, VerdictChange } from '../../src-main/contract/analysis.ts'
import type { JournalEntry } from '../../src-main/contract/journal.ts'
import type { PairComparison, PairView } from '../../src-main/contract/pair.ts'
import type { MigrationEvent, MigrationSample, MigrationView, Mismatch, PreflightReport, SqlStep } from '../../src-main/contract/migration.ts'
import type { Plan } from '../../src-main/contract/plan.ts'
import type { ServiceView, VersionOption, WaitingItem } from '../../src-main/contract/service.ts'
import type { SystemStatus, WatchItem } from '../../src-main/contract/system.ts'
import type { MetricSample } from '../../src-main/contract/traffic.ts'
import type { EnvironmentName } from '../../src-main/contract/vocabulary.ts'
import type { CoreApi } from '../../src-main/rpc/core-api.ts'
import { testFlagApi, type TestFlags } from './test-flag-api.ts'

/** What a test, or the page without a core, starts from. */
export interface TestWorld {
  status: SystemStatus
  services: Map<string, ServiceView>
  waiting: readonly WaitingItem[]
  /** Oldest first. */
  entries: JournalEntry[]
  versions: readonly VersionOption[]
  history: (service: string, fromAt: number, toAt: number) => { readonly blue: MetricSample[]; readonly green: MetricSample[] }
  /** What a test of the connection finds. */
  checks?: { readonly name: string; readonly ok: boolean; readonly detail: string; readonly next: string }[]
  /** How verdicts changed, oldest first. */
  verdicts?: (service: string) => VerdictChange[]
  /** What trying a criterion answers. */
  trial?: (criterion: Criterion, environment: EnvironmentName) => CriterionTrial
  migrations?: readonly MigrationView[]
  mismatches?: (migration: string) => readonly Mismatch[]
  migrationSql?: readonly SqlStep[]
  migrationEvents?: readonly MigrationEvent[]
  migrationSamples?: (migration: string, fromAt: number) => MigrationSample[]
  pair?: { readonly view: PairView; readonly comparison: PairComparison }
  /** What a fresh preflight finds. */
  preflight?: (migration: string) => PreflightReport
  /** Runs on what acts on a migration; returns it as it is afterwards. Throw a Fault to refuse. */
  onMigration?: (name: string, input: { readonly migration: string }) => MigrationView | Promise<MigrationView>
  flags?: TestFlags
  /** Runs on `release.command` and `release.create`; returns the service as it is afterwards. Throw a Fault to refuse. */
  onCommand: (input: unknown) => ServiceView | Promise<ServiceView>
}

export interface TestCore {
  readonly api: CoreApi
  readonly world: TestWorld
  /** Every call that changes something, in order. */
  readonly calls: { readonly name: string; readonly input: unknown }[]
  push(item: WatchItem): void
  /** Ends every watch stream, as a core that goes away does. */
  endStreams(): void
}

/** As the core would with 400 requests per second: seconds at 5 %, fewer with more. */
function foresee(plan: Plan): Foresight {
  const detectionMs = (weightPercent: number) => Math.round(60_000 / weightPercent)
  return {
    requestsPerSecond: 412,
    errorRatio: 0.002,
    steps: plan.steps.map((step) => {
      const holdMs = step.weightPercent === 100 ? plan.bakeMs : step.hold.kind === 'manual' ? null : step.hold.ms
      const found = detectionMs(step.weightPercent)
      return { weightPercent: step.weightPercent, holdMs, criteria: (step.criteria ?? plan.criteria).map(({ name }) => ({ name, detectionMs: found, tooShort: holdMs !== null && found > holdMs })) }
    }),
  }
}

const notHere = (what: string) => new Fault('notFound', `There is no ${what}.`, 'Look at the list.')

/** A core that holds what it is given. It decides nothing: views come from the test, as they come from the real core. */
export function createTestCore(world: TestWorld): TestCore {
  const calls: { name: string; input: unknown }[] = []
  const watchers = new Set<(item: WatchItem | null) => void>()
  const push = (item: WatchItem) => {
    if (item.kind === 'service') world.services.set(item.service.name, item.service)
    if (item.kind === 'status') world.status = item.status
    if (item.kind === 'migration') world.migrations = [...(world.migrations ?? []).filter(({ id }) => id !== item.migration.id), item.migration]
    if (item.kind === 'journal') world.entries.push(item.entry)
    for (const watcher of watchers) watcher(item)
  }
  const serviceOf = (name: string) => {
    const found = world.services.get(name)
    if (!found) throw notHere(`service ${name}`)
    return found
  }
  const act = async (name: string, input: unknown) => {
    calls.push({ name, input })
    const after = await world.onCommand(input)
    push({ kind: 'service', service: after })
    if (!after.release) throw notHere('release')
    return after.release
  }
  const releases = () => [...world.services.values()].flatMap((service) => (service.release ? [service.release] : []))
  const migrationOf = (id: string) => {
    const found = world.migrations?.find((migration) => migration.id === id)
    if (!found) throw notHere(`migration ${id}`)
    return found
  }
  const actOnMigration = async (name: string, input: { readonly migration: string }) => {
    calls.push({ name, input })
    const after = world.onMigration ? await world.onMigration(name, input) : migrationOf(input.migration)
    push({ kind: 'migration', migration: after })
    return after
  }
  async function* once<T>(items: readonly T[]) {
    for (const item of items) {
      await Promise.resolve()
      yield item
    }
  }

  async function* watch(signal: AbortSignal): AsyncIterable<WatchItem> {
    const queue: (WatchItem | null)[] = [
      { kind: 'status', status: world.status },
      ...[...world.services.values()].map((service) => ({ kind: 'service' as const, service })),
      ...(world.migrations ?? []).map((migration) => ({ kind: 'migration' as const, migration })),
      ...(world.flags?.sources ?? []).map((source) => ({ kind: 'flagSource' as const, source })),
      ...(world.flags?.views ?? []).flatMap(({ rollout }) => (rollout ? [{ kind: 'rollout' as const, rollout }] : [])),
      { kind: 'waiting', items: [...world.waiting] },
      { kind: 'ready' },
    ]
    let wake: () => void = () => undefined
    const listener = (item: WatchItem | null) => {
      queue.push(item)
      wake()
    }
    watchers.add(listener)
    signal.addEventListener('abort', () => listener(null))
    try {
      for (;;) {
        const item = queue.shift()
        if (item === null || signal.aborted) return
        if (item) yield item
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      watchers.delete(listener)
    }
  }

  const api: CoreApi = {
    system: {
      status: async () => world.status,
      watch: (_input, { signal }) => watch(signal),
      identify: async (input) => {
        calls.push({ name: 'system.identify', input })
        world.status = { ...world.status, identityNeeded: false, operator: { ...world.status.operator, ...input, known: 'selfDeclared' } }
        return world.status
      },
      testConnection: async () => ({ checks: world.checks ?? [{ name: 'supervisor', ok: true, detail: 'process 4711, protocol 1, 1 console connected', next: '' }] }),
      upgrade: async () => ({ supervisor: 1, routers: [] }),
      stopAll: async () => ({ stopped: [] }),
    },
    workspace: {
      get: async () => world.status.workspace,
      trust: async (input) => {
        calls.push({ name: 'workspace.trust', input })
        world.status = { ...world.status, workspace: { ...world.status.workspace, trusted: true } }
        return world.status.workspace
      },
      reload: async () => world.status.workspace,
    },
    service: {
      list: async () => [...world.services.values()],
      get: async ({ service }) => serviceOf(service),
      startAgain: async (input) => {
        calls.push({ name: 'service.startAgain', input })
        return serviceOf(input.service)
      },
      versions: async () => [...world.versions],
      metrics: async ({ service, fromAt, toAt }) => ({ resolutionMs: 1000, series: world.history(service, fromAt, toAt) }),
      verdicts: async ({ service, fromAt, toAt }) => (world.verdicts?.(service) ?? []).filter(({ at }) => at >= fromAt && at <= toAt),
      tryCriterion: async (input) => {
        calls.push({ name: 'service.tryCriterion', input })
        if (!world.trial) throw notHere('trial')
        return world.trial(input.criterion, input.environment)
      },
      tailLogs: ({ environment }) => once([{ at: world.status.now, stream: 'stdout' as const, text: `${environment} answers on its port` }]),
    },
    release: {
      create: (input) => act('release.create', input),
      command: (input) => act('release.command', input),
      explain: async (input) => {
        calls.push({ name: 'release.explain', input })
        const found = releases().find((view) => view.release.id === input.releaseId)
        if (!found) throw notHere('release')
        return found
      },
      foresee: async ({ service, plan }) => foresee(plan ?? serviceOf(service).plan),
      get: async ({ releaseId }) => {
        const found = releases().find((view) => view.release.id === releaseId)
        if (!found) throw notHere('release')
        return found
      },
      list: async ({ service }) => {
        const view = serviceOf(service).release
        return view ? [view] : []
      },
    },
    migration: {
      list: async () => [...(world.migrations ?? [])],
      get: async ({ migration }) => migrationOf(migration),
      command: (input) => actOnMigration('migration.command', input),
      preflight: async (input) => {
        calls.push({ name: 'migration.preflight', input })
        const report = world.preflight?.(input.migration) ?? migrationOf(input.migration).preflight
        if (!report) throw notHere('preflight report')
        return report
      },
      sql: async () => [...(world.migrationSql ?? [])],
      rehearse: (input) => actOnMigration('migration.rehearse', input),
      mismatches: async ({ migration, class: kind, status, limit }) => (world.mismatches?.(migration) ?? []).filter((each) => (kind === undefined || each.class === kind) && (status === undefined || each.status === status)).slice(0, limit),
      repair: async (input) => {
        await actOnMigration('migration.repair', input)
        const all = world.mismatches?.(input.migration) ?? []
        const repaired = input.ids === 'all' ? all.filter((each) => each.status === 'open' && each.repair !== '').length : input.ids.length
        return { repaired, left: all.filter((each) => each.status === 'open').length - repaired }
      },
      samples: async ({ migration, fromAt }) => world.migrationSamples?.(migration, fromAt) ?? [],
      events: async ({ migration, afterId, limit }) => (world.migrationEvents ?? []).filter((event) => event.migration === migration && event.id > afterId).slice(0, limit),
    },
    flag: testFlagApi(world.flags, calls, push, () => world.status.now),
    pair: {
      get: async () => world.pair?.view ?? Promise.reject(notHere('pair of databases')),
      check: async () => [],
      compare: async () => world.pair?.comparison ?? Promise.reject(notHere('pair of databases')),
      act: async () => {
        throw notHere('pair of databases')
      },
    },
    journal: {
      search: async ({ filter, beforeSeq, limit }) => {
        const words = filter.text.toLowerCase().split(' ').filter(Boolean)
        const found = world.entries
          .filter(
            (entry) =>
              (beforeSeq === undefined || entry.seq < beforeSeq) &&
              (filter.service === undefined || entry.target.service === filter.service) &&
              (filter.releaseId === undefined || entry.target.releaseId === filter.releaseId) &&
              (filter.migration === undefined || entry.target.migration === filter.migration) &&
              (filter.flag === undefined || entry.target.flag === filter.flag) &&
              (filter.operationId === undefined || entry.operationId === filter.operationId) &&
              (filter.operator === undefined || entry.operator.name === filter.operator) &&
              (filter.action === undefined || entry.action === filter.action) &&
              (filter.kind === undefined || entry.kind === filter.kind) &&
              (filter.outcome === undefined || entry.outcome === filter.outcome) &&
              (filter.fromAt === undefined || entry.at >= filter.fromAt) &&
              words.every((word) => `${entry.summary} ${entry.operator.name} ${entry.action}`.toLowerCase().includes(word)),
          )
          .toReversed()
        const page = found.slice(0, limit)
        return { entries: page, nextBeforeSeq: found.length > limit ? (page.at(-1)?.seq ?? null) : null, total: world.entries.at(-1)?.seq ?? 0, tookMs: 3 }
      },
      get: async ({ seq }) => {
        const found = world.entries.find((entry) => entry.seq === seq)
        if (!found) throw notHere(`entry ${seq}`)
        return found
      },
      checkpoint: async () => ({ count: world.status.journal.count, head: world.status.journal.head, at: world.status.now }),
      verify: () =>
        once([
          { kind: 'progress' as const, done: 20_000, total: world.status.journal.count, rowsPerSecond: 210_000 },
          { kind: 'result' as const, ok: true, count: world.status.journal.count, head: world.status.journal.head, problem: null, checkpoint: 'The kept checkpoint covers every entry.', tookMs: 231 },
        ]),
      export: ({ format }) =>
        once([
          { kind: 'chunk' as const, text: format === 'csv' ? 'seq\n1\n' : '{"seq":1}\n' },
          { kind: 'result' as const, count: 1, checkpoint: { count: 1, head: world.status.journal.head, at: world.status.now }, fileName: `journal.${format}` },
        ]),
      report: async ({ releaseId }) => ({
        releaseId,
        entries: world.entries.filter((entry) => entry.target.releaseId === releaseId),
        checkpoint: { count: world.status.journal.count, head: world.status.journal.head, at: world.status.now },
      }),
    },
  }
  return {
    api,
    world,
    calls,
    push,
    endStreams: () => {
      for (const watcher of watchers) watcher(null)
    },
  }
}
