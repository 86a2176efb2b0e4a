import type { MigrationTarget } from '../../../core/migration/ports.ts'
import { controlVersion } from './structure/install.ts'
import { rowsOf } from './session.ts'
import type { Sessions } from './session.ts'

type Finding = Awaited<ReturnType<MigrationTarget['test']>>[number]

/** What could be missing between console and database. Stops at the first thing without which the rest cannot be asked. */
export async function testTarget(sessions: Sessions): Promise<readonly Finding[]> {
  try {
    return await sessions.use(async (session) => {
      const [found] = await rowsOf(
        session,
        `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number, current_user::text AS role, pg_is_in_recovery() AS standby,
           current_setting('default_transaction_read_only') AS read_only, has_database_privilege(current_database(), 'CREATE') AS may_create, to_regnamespace('signalbox') IS NOT NULL AS prepared,
           (to_regnamespace('signalbox') IS NULL OR has_schema_privilege(to_regnamespace('signalbox')::oid, 'CREATE')) AS may_use,
           current_setting('max_connections')::int - (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS free`,
        [],
        (row) => ({ number: Number(row['number']), version: String(row['version']), role: String(row['role']), free: Number(row['free']), standby: row['standby'] === true, mayCreate: row['may_create'] === true, mayUse: row['may_use'] === true }),
      )
      if (!found) return []
      const { number, version, role, free, standby, mayCreate, mayUse } = found
      const known = number >= 140_000 && number < 190_000
      const control = await controlVersion(session)
      return [
        { name: 'connection', ok: true, detail: `Connected as ${role}.`, next: '' },
        { name: 'version', ok: known, detail: `PostgreSQL ${version}.`, next: known ? '' : 'Migrations run on PostgreSQL 14 to 18.' },
        { name: 'writable', ok: !standby, detail: standby ? 'This is a standby: it takes no writes.' : 'It takes writes.', next: standby ? 'Give the address of the primary.' : '' },
        { name: 'schema rights', ok: mayCreate && mayUse, detail: mayCreate ? `${role} may create schemas.` : `${role} may not create schemas in this database.`, next: mayCreate ? '' : `GRANT CREATE ON DATABASE … TO ${role}` },
        { name: 'connections', ok: free > 12, detail: `${free} connections are free; a migration takes up to 12.`, next: free > 12 ? '' : 'Raise max_connections, or close what holds them.' },
        { name: 'control schema', ok: true, detail: control === null ? 'Not there yet; made with the first start.' : `Version ${control}.`, next: '' },
      ]
    })
  } catch (error) {
    const { message, data } = sessions.fault(error)
    return [{ name: 'connection', ok: false, detail: message, next: data.next }]
  }
}
