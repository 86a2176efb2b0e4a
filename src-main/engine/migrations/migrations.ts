import { Fault } from '../../contract/fault.ts'
import type { Mismatch, MismatchClass, MigrationEvent, MigrationSample, MigrationView, PreflightReport, SqlStep } from '../../contract/migration.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { Operator } from '../../contract/release.ts'
import type { WaitingItem } from '../../contract/service.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { Rehearse } from '../../core/migration/ports.ts'
import { blocksForMigration, type SchemaPhase } from '../../core/interlocks/migration-rules.ts'
import { waitingFor } from '../../core/migration/waiting.ts'
import { createActs, type MigrationCommandRequest } from './acts.ts'
import { type Board, createBoard, type Rehearsed } from './board.ts'
import type { MigrationsDeps } from './deps.ts'
import { createDriver } from './driver.ts'
import { createMirror } from './mirror.ts'

export interface RepairRequest {
  readonly migration: string
  readonly ids: readonly string[] | 'all'
  readonly reason: string
  readonly operationId: string
}

/** Drives every migration of a workspace. Their state is in their databases; what this keeps is what it last read. */
export interface Migrations {
  start(): void
  ids(): readonly string[]
  list(): Promise<readonly MigrationView[]>
  get(migration: string): Promise<MigrationView>
  command(request: MigrationCommandRequest, operator: Operator): Promise<MigrationView>
  preflight(migration: string, signal: AbortSignal): Promise<PreflightReport>
  sql(migration: string): Promise<readonly SqlStep[]>
  rehearse(migration: string, operator: Operator, operationId: string): Promise<MigrationView>
  mismatches(migration: string, filter: { readonly class?: MismatchClass | undefined; readonly status?: Mismatch['status'] | undefined; readonly limit: number }): Promise<readonly Mismatch[]>
  repair(request: RepairRequest, operator: Operator): Promise<{ readonly repaired: number; readonly left: number }>
  samples(migration: string, fromAt: number): readonly MigrationSample[]
  events(migration: string, afterId: number, limit: number): Promise<readonly MigrationEvent[]>
  /** What releases must know: each migration's phase, null where it cannot be read. */
  schema(service: string): readonly SchemaPhase[]
  /** Of one migration; null: not declared, or its database cannot be read. */
  phase(migration: string): SchemaPhase['phase']
  waiting(): readonly WaitingItem[]
  snapshot(): readonly WatchItem[]
  stop(): Promise<void>
}

export function createMigrations(deps: MigrationsDeps, rehearse: Rehearse): Migrations {
  const board: Board = createBoard(deps)
  const driver = createDriver(deps, board, () => acts, createMirror(deps))
  const acts = createActs(deps, board, { own: driver.own, quiet: driver.quiet, refresh: driver.refresh })

  function viewOf(id: string): MigrationView {
    const view = board.view(id)
    if (!view) throw new Fault('notFound', `The workspace declares no migration ${id}.`, `Choose one of: ${board.ids().join(', ') || 'none is declared'}.`)
    return view
  }

  function definitionOf(id: string): MigrationDefinition {
    return viewOf(id).definition
  }

  /** Whoever asks before the first reading gets a reading, not that there was none. */
  async function fresh(id: string): Promise<void> {
    if (board.seat(id)?.observed.kind !== 'known') await driver.refresh(id)
  }

  const targetOf = (id: string) => deps.target(definitionOf(id).database)

  return {
    start() {
      driver.start()
      // What was rehearsed before this console opened is in the journal.
      deps.rehearsed().then(
        (found) => {
          for (const { migration, ...rehearsed } of found) {
            const seat = board.seat(migration)
            if (seat && seat.rehearsal === null) seat.rehearsal = rehearsed
            board.publish(migration)
          }
        },
        (error: unknown) => deps.log(`rehearsals could not be read from the journal: ${String(error)}`),
      )
    },
    ids: () => board.ids(),
    async list() {
      await Promise.all(board.ids().map(fresh))
      return board.ids().flatMap((id) => board.view(id) ?? [])
    },
    async get(id) {
      viewOf(id)
      await fresh(id)
      return viewOf(id)
    },
    async command(request, operator) {
      viewOf(request.migration)
      await acts.command(request, operator)
      return viewOf(request.migration)
    },
    async preflight(id, signal) {
      const report = await targetOf(id).preflight(definitionOf(id), signal)
      const seat = board.seat(id)
      if (seat) seat.preflight = report
      board.publish(id)
      return report
    },
    sql: async (id) => targetOf(id).sql(definitionOf(id)),
    async rehearse(id, operator, operationId) {
      const definition = definitionOf(id)
      const name = deps.rehearsalOf(definition.database)
      if (deps.readOnly() !== null) throw new Fault('readOnly', deps.readOnly() ?? '', 'Use the console that controls this data folder.')
      if (name === null) throw new Fault('unsupported', `No rehearsal database is declared for ${definition.database}.`, 'Name one with `rehearsal` under the database in the workspace file.')
      const seat = board.seat(id)
      if (!seat) throw new Fault('notFound', `There is no migration ${id}.`, 'Look at the workspace.')
      seat.acting = { command: 'rehearse', since: deps.clock.wallMs(), detail: `Rehearse on ${name}` }
      board.publish(id)
      try {
        await acts.commit([acts.draft({ kind: 'intent', action: 'migration.rehearse', operator, summary: `Rehearse ${id} on ${name}`, operationId, outcome: 'sent' }, id)], { id: operationId, releaseId: `migration:${id}` }, false)
        const report = await rehearse(deps.target(name), definition)
        const { evidence, ...kept } = report
        const rehearsed: Rehearsed = { ...kept, at: deps.clock.wallMs(), database: name }
        seat.rehearsal = rehearsed
        await acts.settled(acts.draft({ kind: 'outcome', action: 'migration.rehearse', operator, summary: `Rehearsed ${id} on ${name}: ${report.summary}`, operationId, outcome: 'verified', evidence: JSON.parse(JSON.stringify(evidence)) as null, after: JSON.parse(JSON.stringify(rehearsed)) as null }, id), false)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        await acts.settled(acts.draft({ kind: 'outcome', action: 'migration.rehearse', operator, summary: `Rehearsal of ${id} on ${name} failed: ${text}`, operationId, outcome: 'failed' }, id), false)
        throw error
      } finally {
        seat.acting = null
        board.publish(id)
      }
      return viewOf(id)
    },
    mismatches: async (id, filter) => targetOf(id).mismatches(id, filter),
    repair: (request, operator) =>
      acts.inTurn(request.migration, async () => {
        const { migration, operationId } = request
        const seat = board.seat(migration)
        const view = viewOf(migration)
        const summary = request.ids === 'all' ? 'Repair every open mismatch' : `Repair ${request.ids.length} ${request.ids.length === 1 ? 'row' : 'rows'}`
        const block = seat && blocksForMigration(board.stateOf(seat), 'retry', { ...board.facts(seat), operatorId: operator.id })[0]
        if (block) await acts.refuse(migration, 'migration.repair', summary, operator, operationId, new Fault(block.rule === 'role' ? 'notAllowed' : 'interlocked', block.reason, block.unblocks))
        await acts.commit([acts.draft({ kind: 'intent', action: 'migration.repair', operator, summary: `${summary} of ${view.title}`, reason: request.reason, operationId, outcome: 'sent', after: { ids: request.ids === 'all' ? 'all' : [...request.ids] } }, migration)], { id: operationId, releaseId: `migration:${migration}` }, false)
        const ownership = await driver.own(migration)
        const outcome = await deps.target(view.database).repair({ ownership, ids: request.ids, by: operator, operationId })
        await acts.settled(acts.draft({ kind: 'outcome', action: 'migration.repair', operator, summary: `Repaired ${outcome.repaired}, ${outcome.left} left`, operationId, outcome: outcome.left === 0 ? 'verified' : 'failed', evidence: { ...outcome } }, migration), false)
        await driver.refresh(migration)
        return outcome
      }),
    samples: (id, fromAt) => board.seat(id)?.samples.filter(({ at }) => at >= fromAt) ?? [],
    events: async (id, afterId, limit) => (await targetOf(id).events(afterId, limit)).filter(({ migration }) => migration === id),
    schema: (service) =>
      board.ids().flatMap((id) => {
        const seat = board.seat(id)
        if (!seat || !seat.definition.services.some((each) => each.service === service)) return []
        return [{ definition: seat.definition, phase: seat.observed.kind === 'known' ? board.stateOf(seat).phase : null }]
      }),
    phase(id) {
      const seat = board.seat(id)
      return seat?.observed.kind === 'known' ? board.stateOf(seat).phase : null
    },
    waiting: () => board.ids().flatMap((id) => waitingFor(viewOf(id))),
    snapshot: () => board.ids().flatMap((id): WatchItem[] => {
      const migration = board.view(id)
      return migration ? [{ kind: 'migration', migration }] : []
    }),
    stop: () => driver.stop(),
  }
}
