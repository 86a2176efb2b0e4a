import type { PreflightCheck } from '../../../../contract/migration.ts'
import { CONTROL_SCHEMA } from '../control-schema.ts'
import { finding } from './lint.ts'
import { ask, listOf, numberOf, spokenBytes, spokenMs, textOf } from './preflight-context.ts'
import type { Check } from './preflight-context.ts'

/** Checks of the server and of whoever connects, whatever the tables. */

export const OLDEST_VERSION = 14
export const NEWEST_VERSION = 18
/** What this console understands of `signalbox.versions`. */
const CONTROL_VERSION = 1
/** Pool, owner's session and sampled reads of one console. */
const CONNECTIONS_NEEDED = 12
const LONG_TRANSACTION_MS = 60_000
const IDLE_IN_TRANSACTION_MS = 10_000

export const checkVersion: Check = async ({ session, serverVersion }) => {
  const [row = {}] = await ask(session, `SELECT current_setting('server_version') AS version, current_user AS role, current_database() AS database, pg_is_in_recovery() AS standby, coalesce(host(inet_server_addr()), 'a local socket') AS host, getdatabaseencoding() AS encoding`)
  const major = Math.floor(serverVersion / 10_000)
  const version = textOf(row, 'version')
  const checks = [finding('connection', 'ok', `Connected to ${textOf(row, 'database')} at ${textOf(row, 'host')} as ${textOf(row, 'role')}.`)]
  if (major < OLDEST_VERSION) checks.push(finding('server version', 'blocker', `PostgreSQL ${version} is older than ${OLDEST_VERSION}.`, `Upgrade the server to ${OLDEST_VERSION} or later.`))
  else if (major > NEWEST_VERSION) checks.push(finding('server version', 'blocker', `PostgreSQL ${version} is newer than anything this was tested on.`, `Use ${OLDEST_VERSION} to ${NEWEST_VERSION}, or a newer Signalbox.`))
  else checks.push(finding('server version', 'ok', `PostgreSQL ${version}.`))
  if (row['standby'] === true) checks.push(finding('writes', 'blocker', 'This server is a standby: it takes no writes.', 'Give the address of the primary.'))
  else checks.push(finding('writes', 'ok', 'The server takes writes.'))
  if (textOf(row, 'encoding') === 'SQL_ASCII') checks.push(finding('encoding', 'warning', 'The database has the encoding SQL_ASCII: text may hold bytes that are no characters, and comparing it may fail.', 'Make sure that its text is valid UTF-8.'))
  return checks
}

export const checkSettings: Check = async ({ session }) => {
  const rows = await ask(session, `SELECT name, coalesce(reset_val, '') AS value FROM pg_settings WHERE name IN ('default_transaction_read_only', 'idle_session_timeout', 'transaction_timeout')`)
  const value = (name: string) => textOf(rows.find((row) => row['name'] === name) ?? {}, 'value')
  const checks: PreflightCheck[] = []
  if (value('default_transaction_read_only') === 'on') checks.push(finding('settings', 'warning', 'default_transaction_read_only is on for this role or database: somebody wanted nobody to write here.', 'Make sure that this is the right database; Signalbox switches it off for its own sessions.'))
  for (const name of ['idle_session_timeout', 'transaction_timeout']) {
    const ms = Number(value(name) || '0')
    if (ms > 0) checks.push(finding('settings', 'warning', `${name} is ${spokenMs(ms)}: it may end the session that holds the ownership, which is then taken again.`, `ALTER ROLE … SET ${name} = 0 for the role that Signalbox connects as.`))
  }
  return checks.length > 0 ? checks : [finding('settings', 'ok', 'No setting of the role or database stands in the way.')]
}

export const checkControl: Check = async ({ session, definition }) => {
  const [schema] = await ask(session, `SELECT oid::text AS oid, pg_get_userbyid(nspowner) AS owner, has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE') AS usable, to_regclass('${CONTROL_SCHEMA}.versions') IS NOT NULL AS ours, to_regclass('${CONTROL_SCHEMA}.migrations') IS NOT NULL AS state FROM pg_namespace WHERE nspname = '${CONTROL_SCHEMA}'`)
  if (!schema) return [finding('control schema', 'ok', `The schema ${CONTROL_SCHEMA} will be made at the first start.`)]
  if (schema['ours'] !== true) return [finding('control schema', 'blocker', `There is a schema ${CONTROL_SCHEMA} that Signalbox did not make; it belongs to ${textOf(schema, 'owner')}.`, 'Rename that schema.')]
  if (schema['usable'] !== true) return [finding('control schema', 'blocker', `The schema ${CONTROL_SCHEMA} belongs to ${textOf(schema, 'owner')}, and this role may not use it.`, `Connect as ${textOf(schema, 'owner')}, or grant that role to this one.`)]
  const [version = {}] = await ask(session, `SELECT coalesce(max(version), 0) AS version FROM ${CONTROL_SCHEMA}.versions`)
  if (numberOf(version, 'version') > CONTROL_VERSION) return [finding('control schema', 'blocker', `The schema ${CONTROL_SCHEMA} is of version ${numberOf(version, 'version')}, and this console understands version ${CONTROL_VERSION}.`, 'Use the newer Signalbox that made it.')]
  const checks = [finding('control schema', 'ok', `The schema ${CONTROL_SCHEMA} is there, version ${numberOf(version, 'version')}.`)]
  if (schema['state'] !== true) return checks
  const mine = tablesIn(definition.change)
  for (const row of await ask(session, `SELECT id, state->>'phase' AS phase, state->'definition'->'change' AS change FROM ${CONTROL_SCHEMA}.migrations WHERE state->>'phase' NOT IN ('completed', 'rolledBack')`)) {
    const id = textOf(row, 'id')
    if (id === definition.id) checks.push(finding('under way', 'blocker', `This migration is under way here; its phase is ${textOf(row, 'phase')}.`, 'Finish it or roll it back before it is started again.'))
    else if (tablesIn(row['change']).some((table) => mine.includes(table))) checks.push(finding('under way', 'blocker', `The migration ${id} is under way on the same table; its phase is ${textOf(row, 'phase')}.`, `Finish ${id} or roll it back first.`))
  }
  return checks
}

/** `schema.table` of all tables of a change, also of one that another version wrote. */
function tablesIn(change: unknown): readonly string[] {
  if (typeof change !== 'object' || change === null) return []
  const name = (value: unknown): readonly string[] => {
    if (typeof value !== 'object' || value === null) return []
    if ('schema' in value && 'table' in value) return [`${String(value.schema)}.${String(value.table)}`]
    return 'name' in value ? name(value.name) : []
  }
  const parts = change as Readonly<Record<string, unknown>>
  return [parts['table'], ...(Array.isArray(parts['old']) ? parts['old'] : []), ...(Array.isArray(parts['new']) ? parts['new'] : [])].flatMap(name)
}

export const checkSessions: Check = async ({ session }) => {
  const checks: PreflightCheck[] = []
  const [room = {}] = await ask(session, `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS free`)
  const free = numberOf(room, 'free')
  if (free < CONNECTIONS_NEEDED) checks.push(finding('connections', 'warning', `${free} connections are free, and a migration uses up to ${CONNECTIONS_NEEDED}.`, 'Raise max_connections, or close sessions that are not needed.'))
  const old = await ask(
    session,
    `SELECT pid, coalesce(nullif(application_name, ''), 'no name') AS app, coalesce(usename, '') AS role, state, extract(epoch FROM clock_timestamp() - xact_start) * 1000 AS ms, extract(epoch FROM clock_timestamp() - state_change) * 1000 AS idle_ms
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend' ORDER BY xact_start LIMIT 20`,
  )
  for (const row of old) {
    const idle = textOf(row, 'state').startsWith('idle in transaction') && numberOf(row, 'idle_ms') > IDLE_IN_TRANSACTION_MS
    if (!idle && numberOf(row, 'ms') < LONG_TRANSACTION_MS) continue
    const what = idle ? `is idle in a transaction for ${spokenMs(numberOf(row, 'idle_ms'))}` : `is in a transaction for ${spokenMs(numberOf(row, 'ms'))}`
    checks.push(finding('long transactions', 'warning', `Session ${textOf(row, 'pid')} (${textOf(row, 'app')}, ${textOf(row, 'role')}) ${what}: steps wait for it when it has used the tables, and index builds wait for it anyhow.`, `Let it end, or SELECT pg_terminate_backend(${textOf(row, 'pid')}).`))
  }
  for (const row of await ask(session, 'SELECT gid, owner, extract(epoch FROM clock_timestamp() - prepared) * 1000 AS ms FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared LIMIT 20')) {
    checks.push(finding('prepared transactions', 'warning', `The prepared transaction ${textOf(row, 'gid')} of ${textOf(row, 'owner')} is open for ${spokenMs(numberOf(row, 'ms'))} and keeps its locks.`, 'COMMIT PREPARED or ROLLBACK PREPARED it.'))
  }
  return checks.length > 0 ? checks : [finding('sessions', 'ok', `${free} connections are free; nobody holds a transaction open for long.`)]
}

export const checkReplication: Check = async ({ session, definition }) => {
  const checks: PreflightCheck[] = []
  const replicas = await ask(session, `SELECT coalesce(nullif(application_name, ''), 'no name') AS name, state, coalesce(extract(epoch FROM replay_lag) * 1000, 0) AS lag_ms, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 0) AS behind FROM pg_stat_replication`)
  const limit = definition.throttle.maxReplicaLagMs
  for (const row of replicas) {
    const lagMs = numberOf(row, 'lag_ms')
    if (limit !== null && lagMs > limit) checks.push(finding('replicas', 'warning', `The replica ${textOf(row, 'name')} is ${spokenMs(lagMs)} behind, and the backfill waits above ${spokenMs(limit)}.`, 'Find out why it is behind, or declare a larger `max-replica-lag`.'))
  }
  const backlog = definition.throttle.maxWalBacklogBytes
  for (const row of await ask(session, `SELECT slot_name, active, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0) AS kept FROM pg_replication_slots WHERE restart_lsn IS NOT NULL`)) {
    const kept = numberOf(row, 'kept')
    if (backlog !== null && kept > backlog) checks.push(finding('replication slots', 'warning', `The slot ${textOf(row, 'slot_name')} keeps ${spokenBytes(kept)} of write-ahead log, and the backfill waits above ${spokenBytes(backlog)}.`, 'Let its reader catch up, or drop the slot.'))
    else if (row['active'] !== true) checks.push(finding('replication slots', 'warning', `Nobody reads the slot ${textOf(row, 'slot_name')}: all write-ahead log of the backfill is kept for it.`, 'Start its reader, or drop the slot.'))
  }
  for (const row of await ask(session, `SELECT coalesce(last_failed_wal, '') AS wal FROM pg_stat_archiver WHERE current_setting('archive_mode') <> 'off' AND last_failed_time > coalesce(last_archived_time, '-infinity')`)) {
    checks.push(finding('archiving', 'warning', `Archiving of write-ahead log fails, last at ${textOf(row, 'wal')}: what the backfill writes is kept on this disk.`, 'Mend archive_command.'))
  }
  return checks.length > 0 ? checks : [finding('replication', 'ok', replicas.length === 0 ? 'There are no replicas.' : `${replicas.length} replicas keep up.`)]
}

export const checkEventTriggers: Check = async ({ session }) => {
  const rows = await ask(session, `SELECT evtname AS name, evtevent AS event, evtfoid::regproc::text AS function, coalesce(evttags, '{}') AS tags FROM pg_event_trigger WHERE evtenabled NOT IN ('D', 'R')`)
  if (rows.length === 0) return [finding('event triggers', 'ok', 'There are none.')]
  return rows.map((row) => finding('event triggers', 'warning', `The event trigger ${textOf(row, 'name')} runs ${textOf(row, 'function')} at ${textOf(row, 'event')}${listOf(row, 'tags').length === 0 ? '' : ` of ${listOf(row, 'tags').join(', ')}`}: it sees every step, and may refuse or slow it.`, 'Make sure that it lets changes of structure through.'))
}
