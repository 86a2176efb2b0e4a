import type { MigrationState, MigrationStep } from '../../../../contract/migration.ts'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY, type Change, type MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { Operator } from '../../../../contract/release.ts'
import type { TestServer } from '../../testing/servers.ts'
import type { MigrationContext } from '../context.ts'
import { CONTROL_SQL } from '../control-schema.ts'
import { oldTables, readFacts } from '../facts.ts'
import { openSessions, type Sessions } from '../session.ts'
import { stepSql } from '../structure/structure.ts'

export interface StartedMigration {
  readonly context: MigrationContext
  readonly sessions: Sessions
  readonly url: string
  /** As another console or application would: on connections of its own. */
  sql(text: string): Promise<Record<string, unknown>[]>
  /** The same migration in another phase or under another authority, stored and in memory. */
  in(phase: MigrationState['phase'], writes?: MigrationState['writes']): Promise<MigrationContext>
  /** A step's structure, as it would be made. */
  step(kind: MigrationStep, writes: MigrationState['writes']): Promise<void>
  /** Rows copied so far, by the checkpoints. */
  rowsDone(): Promise<number>
  close(): Promise<void>
  /** Closes it and takes the database away. */
  drop(): Promise<void>
}

export const TESTER: Operator = { id: 'tester@here', name: 'Tester', email: '', known: 'osUser' }

let databases = 0

/**
 * A database with tables, and a migration of them that has come as far as `backfilling`: structure and mirror are there,
 * rows are not copied. With `shadow`, nothing is there but the control schema.
 */
export async function startedMigration(
  server: TestServer,
  tablesSql: string,
  change: Change,
  options: { readonly definition?: Partial<MigrationDefinition>; readonly shadow?: boolean; readonly tables?: readonly string[] } = {},
): Promise<StartedMigration> {
  databases += 1
  const name = `work_${databases}`
  const url = await server.createDatabase(name)
  for (const statement of [tablesSql, ...(options.tables ?? [])]) if (statement !== '') await server.sql(statement, name)
  const sessions = openSessions({ database: name, url })
  const definition: MigrationDefinition = {
    id: 'mig',
    title: 'A migration',
    database: name,
    change,
    entity: [],
    services: [],
    verify: { ...DEFAULT_VERIFY, chunkRows: 500 },
    throttle: { ...DEFAULT_THROTTLE, niceRatio: 0 },
    policy: DEFAULT_POLICY,
    ...options.definition,
  }
  const tables = await sessions.use((session) => readFacts(session, oldTables(change)))
  const [place] = await server.sql(`SELECT current_setting('server_version_num')::int AS version, current_user AS role`, name)
  const state: MigrationState = {
    id: definition.id,
    revision: 2,
    phase: options.shadow === true ? 'shadowReads' : 'backfilling',
    definition,
    digest: '',
    readsPercent: 0,
    writes: 'old',
    paused: null,
    failure: null,
    phaseSince: 0,
    dueAt: null,
    done: [],
    approvals: [],
    rollback: null,
    attempt: 1,
    startedBy: TESTER,
    startedAt: 0,
    endedAt: null,
    reason: '',
    analysis: [],
  }
  await server.sql(CONTROL_SQL, name)
  const store = (next: MigrationState) =>
    server.sql(`INSERT INTO signalbox.migrations (id, revision, state, epoch, owner) VALUES ('${next.id}', 2, '${JSON.stringify(next).replaceAll("'", "''")}', 1, 'tester') ON CONFLICT (id) DO UPDATE SET state = excluded.state`, name)
  await store(state)
  const standing = { createShadow: 'none', expand: 'shadow', untombstone: 'tombstoned', drop: 'tombstoned' } as const
  const step = async (kind: MigrationStep, writes: MigrationState['writes'] = 'old') => {
    const made = stepSql({ definition, tables, serverVersion: Number(place?.['version']), role: String(place?.['role']) }, kind, { readsPercent: 0, writes, standing: kind in standing ? standing[kind as keyof typeof standing] : 'expanded' })
    for (const statement of made.before) await server.sql(statement, name)
    await server.sql(`BEGIN; ${[...made.first, ...made.statements].join('\n')} COMMIT`, name)
  }
  await step('createShadow')
  if (options.shadow !== true) await step('expand')
  const context: MigrationContext = { sessions, id: definition.id, epoch: 1, definition, state, tables }
  return {
    context,
    sessions,
    url,
    sql: (text) => server.sql(text, name),
    async in(phase, writes = 'old') {
      const next = { ...state, phase, writes }
      await store(next)
      return { ...context, state: next }
    },
    step,
    async rowsDone() {
      const [row] = await server.sql(`SELECT coalesce(sum(rows_done), 0)::int AS rows FROM signalbox.checkpoints WHERE work = 'backfill'`, name)
      return Number(row?.['rows'])
    },
    close: () => sessions.close(),
    async drop() {
      await sessions.close()
      await server.sql(`DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}
