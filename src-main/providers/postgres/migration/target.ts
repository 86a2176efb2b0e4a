import { Fault } from '../../../contract/fault.ts'
import { migrationStateSchema } from '../../../contract/migration.ts'
import type { MigrationTarget, Ownership } from '../../../core/migration/ports.ts'
import { applyStep, place } from './structure/apply.ts'
import type { MigrationContext } from './context.ts'
import { readEvents } from './events.ts'
import { oldTables, readFacts } from './facts.ts'
import type { TableDetail } from './facts.ts'
import { controlVersion } from './structure/install.ts'
import { listMismatches } from './comparing/mismatches.ts'
import { createOwners } from './ownership.ts'
import { preflight } from './preflight/preflight.ts'
import { readMigration } from './read.ts'
import { repair } from './comparing/repair.ts'
import { openSessions, rowsOf } from './session.ts'
import { previewSql } from './structure/sql-preview.ts'
import { testTarget } from './test-target.ts'
import { watch } from './comparing/watch.ts'
import { createWork } from './copying/work.ts'

/**
 * A PostgreSQL database that migrations run in. Connects when the first method is called. The address is asked for
 * anew with each use, so that a server that moved or a secret that changed is followed.
 */
export function openMigrationTarget(options: { readonly database: string; readonly url: () => Promise<string>; readonly consoleName: string }): MigrationTarget {
  const sessions = openSessions(options)
  const owners = createOwners(sessions)
  const working = createWork()

  /** What work needs to know of a migration that was started. Faults: `notFound`, `staleFence`. */
  async function contextOf(ownership: Ownership): Promise<MigrationContext> {
    await owners.ensure(ownership)
    const id = ownership.migration
    const [row] = await sessions.use((session) => rowsOf(session, 'SELECT state, structure, epoch::float8 AS epoch FROM signalbox.migrations WHERE id = $1 AND revision > 0', [id], (found) => found))
    if (!row) throw new Fault('notFound', `Migration ${id} was never started in database ${options.database}.`, 'Start it.')
    if (Number(row['epoch']) !== ownership.epoch) throw new Fault('staleFence', `Another console took over migration ${id}.`, 'Look at what it did; take it over again when it should be driven from here.')
    const state = migrationStateSchema.parse(row['state'])
    return { sessions, id, epoch: ownership.epoch, definition: state.definition, state, tables: Array.isArray(row['structure']) ? (row['structure'] as TableDetail[]) : [] }
  }

  return {
    database: options.database,
    read: async (migration) => {
      const host = await sessions.host()
      return sessions.transaction({ snapshot: true, statementTimeoutMs: 10_000 }, (session) => readMigration(session, migration, { host, isThis: (epoch) => owners.holds(migration, epoch) }))
    },
    preflight: (definition, signal) => preflight(sessions, definition, signal),
    sql: (definition) =>
      sessions.use(async (session) => {
        const started = (await controlVersion(session)) === null ? [] : await rowsOf(session, `SELECT structure FROM signalbox.migrations WHERE id = $1 AND state->>'phase' NOT IN ('planned', 'completed', 'rolledBack')`, [definition.id], (row) => row['structure'])
        const recorded: unknown = started[0]
        const tables = Array.isArray(recorded) && recorded.length > 0 ? (recorded as TableDetail[]) : await readFacts(session, oldTables(definition.change))
        return previewSql({ definition, tables, ...(await place(session)) })
      }),
    acquire: (migration, consoleName) => owners.acquire(migration, consoleName),
    release: (ownership) => owners.release(ownership),
    async apply(request) {
      await owners.ensure(request.ownership)
      return applyStep(sessions, request)
    },
    async work({ ownership, ...request }) {
      return working.run({ context: await contextOf(ownership), ...request })
    },
    watch: ({ ownership, ...request }) =>
      watch({
        load: () => contextOf(ownership),
        copying: () => {
          const progress = working.progress(ownership.migration)
          return { rowsPerSecond: progress?.rowsPerSecond ?? 0, waiting: progress !== null && progress.waitsFor !== '' }
        },
        ...request,
      }),
    progress: (migration) => working.progress(migration),
    events: (afterId, limit) => sessions.use(async (session) => ((await controlVersion(session)) === null ? [] : readEvents(session, afterId, limit))),
    mismatches: (migration, filter) => sessions.use(async (session) => ((await controlVersion(session)) === null ? [] : listMismatches(session, migration, filter))),
    repair: async ({ ownership, ...request }) => repair({ context: await contextOf(ownership), ...request }),
    test: () => testTarget(sessions),
    async close() {
      await owners.close()
      await sessions.close()
    },
  }
}
