import { type Operator, type ReleaseView, SYSTEM_OPERATOR } from '../contract/release.ts'
import type { ServiceView } from '../contract/service.ts'
import type { EnvironmentSeries } from '../contract/traffic.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { WatchItem } from '../contract/system.ts'
import type { OutboxItem } from '../core/ports.ts'
import type { Criterion, CriterionTrial, Foresight, VerdictChange } from '../contract/analysis.ts'
import { createAnalyst } from './analyst.ts'
import { type CommandRequest, type CreateRequest, createCommands } from './commands.ts'
import type { EngineDeps } from './deps.ts'
import { createPerformer } from './effects.ts'
import { type Applied, createLedger } from './ledger.ts'
import type { Plan } from '../contract/plan.ts'
import { foresee } from './foresight.ts'
import { createMemory } from './memory.ts'
import { createRunner } from './runner.ts'
import { startAgain, stoppedLive } from './start-again.ts'
import { tryCriterion } from './try-criterion.ts'
import { createViews } from './views.ts'
import { createWatcher } from './world.ts'

/** How long the inbox may lag behind, milliseconds. */
const WAITING_MS = 100

/** Drives every release of a workspace: takes commands, performs effects, watches the world, survives its own death. */
export interface Engine {
  /** Goes on with whatever was under way, and begins to watch. */
  start(): void
  command(request: CommandRequest, operator: Operator): Promise<ReleaseView>
  create(request: CreateRequest, operator: Operator): Promise<ReleaseView>
  explain(releaseId: string, reason: string, operator: Operator, operationId: string): Promise<ReleaseView>
  /** Starts again what carries live traffic and was stopped. Faults: `illegalCommand` when nothing is. */
  startAgain(request: { service: string; reason: string; operationId: string }, operator: Operator): Promise<ServiceView>
  services(): readonly ServiceView[]
  service(name: string): ServiceView | null
  /** A release in memory or in the store. */
  release(id: string): ReleaseView | null
  releasesOf(service: string, limit: number): readonly ReleaseView[]
  /** How verdicts changed, oldest first. */
  verdicts(service: string, fromAt: number, toAt: number): readonly VerdictChange[]
  /** What a criterion would say now of an environment. Acts on nothing. */
  tryCriterion(service: string, criterion: Criterion, environment: EnvironmentName): Promise<CriterionTrial>
  /** What the analysis would find in time. Acts on nothing. */
  foresee(service: string, plan: Plan | undefined): Promise<Foresight>
  snapshot(): readonly WatchItem[]
  /** The last two minutes, second by second. */
  samples(service: string): EnvironmentSeries
  /** True while an effect has no committed outcome. */
  busy(): boolean
  /** Something besides releases may wait now. */
  lookAtWaiting(): void
  /** Reads the world now, rather than at the next notice. */
  refresh(service: string): Promise<void>
  /** Everything was stopped on purpose: watching must not start it again. The next release does. */
  halt(): void
  /** Reads the store's rows again: for a console that only reads while another one acts. */
  reload(): void
  /** Stops acting and watching. Effects without outcome stay in the outbox. */
  stop(): void
}

export function createEngine(deps: EngineDeps): Engine {
  const memory = createMemory(deps)
  const views = createViews(deps, memory)
  let lastWaiting = ''
  let waitingQueued = false

  function publishService(name: string): void {
    const view = views.service(name)
    if (view) deps.publish({ kind: 'service', service: view })
    lookAtWaiting()
  }

  function lookAtWaiting(): void {
    if (waitingQueued) return
    // What waits depends on every service: looked at once for many changes.
    waitingQueued = true
    deps.clock.setTimer(WAITING_MS, publishWaiting)
  }

  function publishWaiting(): void {
    waitingQueued = false
    const items = [...views.waiting(), ...deps.otherWaiting()]
    const text = JSON.stringify(items)
    if (text === lastWaiting) return
    lastWaiting = text
    deps.publish({ kind: 'waiting', items })
  }

  function onChange(applied: Applied): void {
    // Effects first: the screen can wait for the world, not the other way round.
    for (const item of applied.queued) runner.run(item)
    watcher.schedule(applied.next)
    watcher.record(applied.next)
    publishService(applied.next.service)
    const queued = commands.startQueued(applied.next.service)
    queued?.catch((error: unknown) => deps.log(`the queued release did not start: ${String(error)}`))
  }

  const analyst = createAnalyst(deps)
  const ledger = createLedger(deps, memory, (release) => analyst.freeze(release), onChange)
  const performer = createPerformer(deps, memory)
  const runner = createRunner(deps, memory, ledger, performer)
  const watcher = createWatcher(deps, memory, ledger, runner, analyst, onReading)
  const commands = createCommands(deps, memory, ledger)

  /** Services whose stopped live side was looked at, once, after the console opened. */
  const resumed = new Set<string>()

  function onReading(name: string): void {
    publishService(name)
    if (!deps.resumesStopped || resumed.has(name) || memory.observed(name).kind === 'unknown') return
    resumed.add(name)
    if (stoppedLive(memory, name).length === 0) return
    const request = { service: name, reason: 'Everything was stopped while no console was open.', operationId: `resume-${deps.ids.next()}` }
    startAgain(deps, memory, ledger, request, SYSTEM_OPERATOR).catch((error: unknown) => deps.log(`${name} was not started again: ${String(error)}`))
  }

  /** Services that never had a release get the version their workspace names, so that there is something to release against. */
  function bootstrap(): void {
    for (const config of deps.services) {
      const record = memory.record(config.name)
      if (config.initialVersion === null || record.releases > 0 || deps.readOnly() !== null) continue
      const last = config.plan.steps.at(-1)
      if (!last) continue
      const plan = { ...config.plan, steps: [{ ...last, hold: { kind: 'timed' as const, ms: 0 }, approvals: 0 }], gates: [], bakeMs: 0 }
      const request = { service: config.name, version: config.initialVersion, reason: 'Initial version named in the workspace.', ticket: '', notes: '', plan, start: true, queue: false, endRollbackWindow: false, operationId: `initial:${config.name}` }
      const created = memory.whenRegistered(config.name).then(() => commands.create(request, SYSTEM_OPERATOR))
      created.catch((error: unknown) => deps.log(`the initial version of ${config.name} was not released: ${String(error)}`))
    }
  }

  const view = (id: string): ReleaseView | null => {
    const found = memory.release(id) ?? deps.store.release(id)
    return found && views.release(found)
  }
  const viewOf = (id: string): ReleaseView => {
    const found = view(id)
    if (!found) throw new Error(`release ${id} vanished`)
    return found
  }

  return {
    start() {
      watcher.start()
      if (deps.readOnly() !== null) return
      const outbox: readonly OutboxItem[] = deps.store.load().outbox
      for (const item of outbox) runner.run(item)
      bootstrap()
      for (const config of deps.services) commands.startQueued(config.name)?.catch((error: unknown) => deps.log(String(error)))
    },
    command: async (request, operator) => viewOf((await commands.command(request, operator)).id),
    create: async (request, operator) => viewOf((await commands.create(request, operator)).id),
    explain: async (releaseId, reason, operator, operationId) => viewOf((await commands.explain(releaseId, reason, operator, operationId)).id),
    async startAgain(request, operator) {
      await startAgain(deps, memory, ledger, request, operator)
      const found = views.service(request.service)
      if (!found) throw new Error(`service ${request.service} vanished`)
      return found
    },
    services: () => views.names().flatMap((name) => views.service(name) ?? []),
    service: views.service,
    release: view,
    releasesOf: (service, limit) => deps.store.releasesOf(service, limit).map((found) => views.release(memory.release(found.id) ?? found)),
    verdicts: (service, fromAt, toAt) => analyst.verdicts(service, fromAt, toAt),
    tryCriterion: (service, criterion, environment) => tryCriterion(deps, memory, service, criterion, environment),
    foresee: (service, plan) => foresee(deps, memory, service, plan),
    snapshot: () => [...views.names().flatMap((name): WatchItem[] => {
      const service = views.service(name)
      return service ? [{ kind: 'service', service }] : []
    }), { kind: 'waiting', items: [...views.waiting(), ...deps.otherWaiting()] }],
    samples: (service) => memory.samples(service),
    busy: () => runner.busy > 0,
    lookAtWaiting,
    async refresh(service) {
      await performer.observe(service)
    },
    halt: () => watcher.halt(),
    reload() {
      memory.reload()
      for (const config of deps.services) publishService(config.name)
    },
    stop() {
      runner.stop()
      watcher.stop()
    },
  }
}
