import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { ENVIRONMENTS, otherEnvironment } from '../../../contract/vocabulary.ts'
import type { PreflightCheck } from '../../../contract/migration.ts'
import type { TableName } from '../../../contract/migration-definition.ts'
import { Fault } from '../../../contract/fault.ts'
import { quotedTable, spoken } from '../migration/units.ts'
import type { PairParts } from './pair-set-up.ts'
import type { Row, Side } from './pair-side.ts'
import { readSide } from './pair-state.ts'
import { listSequences, readTables } from './pair-tables.ts'
import type { PairTable } from './pair-tables.ts'

/** What is known of one side before it is judged. */
interface SideFacts {
  readonly side: Side
  readonly settings: Row
  readonly tables: readonly PairTable[]
  readonly sequences: readonly string[]
  readonly left: Awaited<ReturnType<typeof readSide>>
}

const SETTINGS_SQL = `
SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text, pg_is_in_recovery() AS standby, current_setting('wal_level') AS wal_level,
  current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots) AS free_slots,
  current_setting('max_wal_senders')::int - (SELECT count(*)::int FROM pg_stat_replication) AS free_senders,
  current_setting('max_logical_replication_workers')::int AS workers, current_setting('max_worker_processes')::int AS processes,
  current_setting('max_slot_wal_keep_size') AS keep_size, pg_encoding_to_char((SELECT encoding FROM pg_database WHERE datname = current_database())) AS encoding,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser, (SELECT rolreplication FROM pg_roles WHERE rolname = current_user) AS replication,
  (SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user) AS bypass_rls,
  coalesce((SELECT pg_has_role(current_user, oid, 'USAGE') FROM pg_roles WHERE rolname = 'pg_create_subscription'), false) AS may_subscribe,
  has_database_privilege(current_database(), 'CREATE') AS may_create,
  (SELECT count(*)::int FROM pg_largeobject_metadata) AS large_objects,
  (SELECT count(*)::int FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' AND n.nspname NOT LIKE 'pg\\_%') AS materialized_views,
  (SELECT coalesce(string_agg(subname, ', ' ORDER BY subname), '') FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND subname <> $1) AS other_subscriptions,
  (SELECT coalesce(string_agg(gid, ', '), '') FROM pg_prepared_xacts WHERE database = current_database()) AS prepared`

/**
 * Everything that could keep the pair from being set up or lose something, each with what mends it. Read only; never
 * throws for what it finds. A side that cannot be reached is a finding too.
 */
export async function checkPair(parts: PairParts, wanted: readonly TableName[] | 'all', from: EnvironmentName, copy: boolean): Promise<readonly PreflightCheck[]> {
  const sides = await Promise.all(ENVIRONMENTS.map((name) => lookAt(parts, parts.sides[name], wanted).catch((error: unknown) => ({ name, error }))))
  const checks: PreflightCheck[] = []
  const facts: SideFacts[] = []
  for (const found of sides) {
    if ('error' in found) checks.push(unreachable(parts.sides[found.name].label, found.error))
    else facts.push(found)
  }
  for (const found of facts) checks.push(ok(`${found.side.name}: connection`, `${found.side.label}, PostgreSQL ${String(found.settings['version_text'])}`), ...sideChecks(found))
  const source = facts.find(({ side }) => side.name === from)
  const target = facts.find(({ side }) => side.name === otherEnvironment(from))
  if (source !== undefined && target !== undefined) checks.push(...(await betweenChecks(source, target, wanted)), ...(await notCarried(source)), ...(await readiness(source, target, copy)))
  return checks
}

async function lookAt(parts: PairParts, side: Side, wanted: readonly TableName[] | 'all'): Promise<SideFacts> {
  const [settings] = await side.query(SETTINGS_SQL, [parts.names.subscription])
  const tables = await readTables(side.query, wanted)
  const standby = settings?.['standby'] === true
  return {
    side,
    settings: settings ?? {},
    tables,
    sequences: (await listSequences(side.query, tables.map(({ name }) => name))).map(spoken),
    left: standby ? { source: null, generation: 0, step: 'settled', tables: [], closed: false, publication: false, subscription: null, slots: [] } : await readSide(side.query, parts.pair, parts.names),
  }
}

function sideChecks({ side, settings, tables, left }: SideFacts): readonly PreflightCheck[] {
  const say = (name: string, fine: boolean, detail: string, fix: string, state: 'blocker' | 'warning' = 'blocker') => check(`${side.name}: ${name}`, fine ? 'ok' : state, detail, fix)
  const version = Number(settings['version'])
  const superuser = settings['superuser'] === true
  const maySubscribe = superuser || (version >= 160_000 && settings['may_subscribe'] === true && settings['may_create'] === true)
  const notOwned = superuser ? [] : tables.filter(({ ownedByUs }) => !ownedByUs)
  const keyless = tables.filter(({ identity, key }) => identity === 'n' || (identity !== 'f' && key.length === 0))
  const whole = tables.filter(({ identity }) => identity === 'f')
  const applied = tables.filter(({ applyTriggers }) => applyTriggers.length > 0)
  const secured = tables.filter(({ rowSecurity }) => rowSecurity)
  return [
    say('version', version >= 140_000 && version < 190_000, `PostgreSQL ${String(settings['version_text'])}`, 'Use PostgreSQL 14 to 18.'),
    say('primary', settings['standby'] !== true, settings['standby'] === true ? 'This server is a standby and takes no writes.' : 'takes writes', 'Give the address of the primary.'),
    say('wal_level', settings['wal_level'] === 'logical', `wal_level is ${String(settings['wal_level'])}`, `ALTER SYSTEM SET wal_level = logical; then restart the server. Both sides need it: each is the source after a switch.`),
    say('replication slots', Number(settings['free_slots']) >= 2 || left.slots.length > 0, `${Number(settings['free_slots'])} free of max_replication_slots; a switch holds two`, 'Raise max_replication_slots and restart the server.'),
    say('senders', Number(settings['free_senders']) >= 2 || left.slots.some(({ active }) => active), `${Number(settings['free_senders'])} free of max_wal_senders`, 'Raise max_wal_senders and restart the server.'),
    say('workers', Number(settings['workers']) >= 2 && Number(settings['processes']) > Number(settings['workers']), `max_logical_replication_workers ${Number(settings['workers'])} of max_worker_processes ${Number(settings['processes'])}`, 'Raise both: one worker applies, and each table being copied takes another.', 'warning'),
    say('kept log', settings['keep_size'] === '-1', settings['keep_size'] === '-1' ? 'kept for the follower without a limit: watch the disk while a side is away' : `max_slot_wal_keep_size is ${String(settings['keep_size'])}: a side that is away for longer must be copied anew`, 'Set it as large as the disk allows.', 'warning'),
    say('may subscribe', maySubscribe, maySubscribe ? 'the role may create subscriptions' : 'the role may not create subscriptions', version >= 160_000 ? 'GRANT pg_create_subscription, and CREATE on the database.' : 'Before PostgreSQL 16 only a superuser may.'),
    say('may replicate', superuser || settings['replication'] === true, superuser || settings['replication'] === true ? 'the role may make replication slots' : 'the role may not make replication slots', 'ALTER ROLE ... REPLICATION.'),
    say('owns the tables', notOwned.length === 0, notOwned.length === 0 ? 'yes' : `not of ${listed(notOwned)}`, 'Connect as the owner of the tables.'),
    say('keys', keyless.length === 0, keyless.length === 0 ? 'each table has a key by which its rows are found' : `${listed(keyless)}: without a key, its updates and deletes would fail on the source as soon as it is published`, 'Add a primary key, or ALTER TABLE ... REPLICA IDENTITY USING INDEX.'),
    say('whole rows as key', whole.length === 0, whole.length === 0 ? 'none' : `${listed(whole)}: REPLICA IDENTITY FULL looks for each changed row in the whole table, and rows are not compared one by one without a key`, 'Add a primary key and set REPLICA IDENTITY DEFAULT.', 'warning'),
    say('triggers while applying', applied.length === 0, applied.length === 0 ? 'none fires for what is replicated' : `${listed(applied)}: ${applied.flatMap(({ applyTriggers }) => applyTriggers).join(', ')} fires again for replicated rows`, 'ALTER TABLE ... ENABLE TRIGGER (not ALWAYS or REPLICA), unless it is meant.', 'warning'),
    say('row security', secured.length === 0 || superuser || settings['bypass_rls'] === true, secured.length === 0 ? 'none' : `on ${listed(secured)}`, 'The role needs BYPASSRLS: rows it may not see can be neither applied nor compared.'),
    say('other subscriptions', settings['other_subscriptions'] === '', settings['other_subscriptions'] === '' ? 'none' : `${String(settings['other_subscriptions'])} writes here too, also while writes are closed`, 'See that they write none of the tables of the pair.', 'warning'),
    say('prepared transactions', settings['prepared'] === '', settings['prepared'] === '' ? 'none' : `${String(settings['prepared'])}: closing writes waits for it`, 'Commit or roll it back before a switch.', 'warning'),
    say('left over', left.source !== null || (left.slots.length === 0 && left.subscription === null), left.source === null && (left.slots.length > 0 || left.subscription !== null) ? `a slot or subscription of this name without its control row: ${left.slots.map(({ name }) => name).join(', ')}` : 'nothing', 'Tear the pair down, then set it up.'),
  ]
}

async function betweenChecks(source: SideFacts, target: SideFacts, wanted: readonly TableName[] | 'all'): Promise<readonly PreflightCheck[]> {
  const onSource = new Map(source.tables.map((table) => [spoken(table.name), table]))
  const onTarget = new Map(target.tables.map((table) => [spoken(table.name), table]))
  const names = new Set([...onSource.keys(), ...onTarget.keys(), ...(wanted === 'all' ? [] : wanted.map(spoken))])
  const differences = [...names].toSorted().flatMap((name) => tableDifferences(name, onSource.get(name), onTarget.get(name), source.side.name, target.side.name))
  const uniques = [...names].filter((name) => onSource.has(name) && onTarget.has(name) && String(onSource.get(name)?.uniques) !== String(onTarget.get(name)?.uniques))
  const unpublished = source.left.source === null ? [] : [...onSource.keys()].filter((name) => !source.left.tables.some((table) => spoken(table) === name))
  const missing = source.sequences.filter((name) => !target.sequences.includes(name))
  const sameDatabase = (await source.side.peerUrl()) === (await target.side.peerUrl())
  return [
    check('two databases', sameDatabase ? 'blocker' : 'ok', sameDatabase ? 'blue and green have the same address' : 'each side has its own', 'Give each side a database of its own.'),
    check('same tables', differences.length === 0 ? 'ok' : 'blocker', differences.length === 0 ? `${onSource.size} tables are alike on both sides` : differences.slice(0, 10).join('; ') + (differences.length > 10 ? `; ${differences.length - 10} more` : ''), 'Changes of structure are not replicated: make them on both sides, additions on the follower first.'),
    check('same unique indexes', uniques.length === 0 ? 'ok' : 'warning', uniques.length === 0 ? 'yes' : `they differ for ${uniques.join(', ')}: a row that one side allows can stop the other`, 'Create the same unique indexes on both sides.'),
    check('same encoding', source.settings['encoding'] === target.settings['encoding'] ? 'ok' : 'warning', `${String(source.settings['encoding'])} and ${String(target.settings['encoding'])}`, 'Text that one encoding lacks cannot be replicated: use UTF8 on both sides.'),
    check('tables in the pair', unpublished.length === 0 ? 'ok' : 'blocker', unpublished.length === 0 ? 'all of them' : `${unpublished.join(', ')} was added since and is not replicated`, 'Create it on both sides, then set the pair up again: it adds what is missing.'),
    check('same sequences', missing.length === 0 ? 'ok' : 'blocker', missing.length === 0 ? `${source.sequences.length} on both sides` : `${target.side.name} lacks ${missing.join(', ')}`, 'Create them there: their values are set at the switch.'),
  ]
}

function tableDifferences(name: string, source: PairTable | undefined, target: PairTable | undefined, sourceName: string, targetName: string): readonly string[] {
  if (source === undefined || target === undefined) return [`${name} is missing on ${source === undefined ? sourceName : targetName}`]
  const columns = new Map(target.columns.map((column) => [column.name, column]))
  const found: string[] = []
  for (const column of source.columns) {
    const other = columns.get(column.name)
    columns.delete(column.name)
    if (other === undefined) found.push(`${name}.${column.name} is missing on ${targetName}`)
    else if (other.type !== column.type) found.push(`${name}.${column.name} is ${column.type} on ${sourceName} and ${other.type} on ${targetName}`)
    else if (other.notNull !== column.notNull) found.push(`${name}.${column.name} is NOT NULL on ${column.notNull ? sourceName : targetName} only`)
    else if (other.generated !== column.generated) found.push(`${name}.${column.name} is generated on ${column.generated ? sourceName : targetName} only`)
  }
  for (const extra of columns.keys()) found.push(`${name}.${extra} is missing on ${sourceName}`)
  if (String(source.key) !== String(target.key)) found.push(`${name} has the key (${source.key.join(', ')}) on ${sourceName} and (${target.key.join(', ')}) on ${targetName}`)
  return found
}

/** What logical replication does not carry (PostgreSQL manual, "Logical Replication: Restrictions"). */
async function notCarried({ side, settings, tables, sequences }: SideFacts): Promise<readonly PreflightCheck[]> {
  const unlogged = tables.filter((table) => table.unlogged)
  const objects = Number(settings['large_objects'])
  const views = Number(settings['materialized_views'])
  return [
    check('not carried: structure', 'ok', 'Changes of structure are made on both sides by hand or by a migration; a difference is found here and stops a switch.', ''),
    check('not carried: sequences', 'ok', sequences.length === 0 ? 'there are none' : `${sequences.length} sequences are set by us at the switch`, ''),
    check('not carried: large objects', objects === 0 ? 'ok' : 'blocker', objects === 0 ? 'there are none' : `${objects} large objects in ${side.name} stay there`, 'Move them into bytea columns, or out of the database.'),
    check('not carried: unlogged tables', unlogged.length === 0 ? 'ok' : 'blocker', unlogged.length === 0 ? 'there are none' : `${listed(unlogged)}: nothing of it reaches the other side`, 'ALTER TABLE ... SET LOGGED, or leave it out of the pair.'),
    check('not carried: materialized views', views === 0 ? 'ok' : 'warning', views === 0 ? 'there are none' : `${views} are not refreshed on the follower`, 'Refresh them there, on a schedule and after a switch.'),
  ]
}

async function readiness(source: SideFacts, target: SideFacts, copy: boolean): Promise<readonly PreflightCheck[]> {
  if (target.left.subscription !== null) return []
  const filled: string[] = []
  const unread: string[] = []
  for (const { name } of copy ? target.tables : []) {
    try {
      const [row] = await target.side.query(`SELECT EXISTS (SELECT FROM ${quotedTable(name)}) AS filled`)
      if (row?.['filled'] === true) filled.push(spoken(name))
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'notAllowed') throw error
      unread.push(spoken(name))
    }
  }
  if (unread.length > 0) return [check('first copy', 'blocker', `nobody may look whether ${unread.join(', ')} on ${target.side.name} is empty`, 'Connect as the owner of the tables, or grant SELECT on them.')]
  if (filled.length > 0) {
    return [check('first copy', 'blocker', `${filled.join(', ')} on ${target.side.name} holds rows already; those of ${source.side.name} would collide with them`, `Empty them on ${target.side.name}, or set up without copying when they are the same rows.`)]
  }
  const kilobytes = Math.round(source.tables.reduce((sum, { bytes }) => sum + bytes, 0) / 1024)
  return [ok('first copy', copy ? `${source.tables.length} tables, ${kilobytes} kB, are copied` : 'rows are there already; compare before relying on it')]
}

function unreachable(label: string, error: unknown): PreflightCheck {
  if (error instanceof Fault) return check(`${label}: connection`, 'blocker', error.message, error.data.next)
  throw error
}

function check(name: string, state: PreflightCheck['state'], detail: string, fix: string): PreflightCheck {
  return { name, state, detail, fix: state === 'ok' ? '' : fix }
}

function ok(name: string, detail: string): PreflightCheck {
  return check(name, 'ok', detail, '')
}

function listed(tables: readonly PairTable[]): string {
  return tables.map(({ name }) => spoken(name)).join(', ')
}
