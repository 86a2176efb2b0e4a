import { Client } from 'pg'
import { beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../../../../contract/migration-definition.ts'
import type { Change, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { PreflightReport } from '../../../../contract/migration.ts'
import { serverOrWhy, sharedServer, startServer } from '../../testing/servers.ts'
import type { TestServer } from '../../testing/servers.ts'
import { CONTROL_SQL } from '../control-schema.ts'
import { preflight } from './preflight.ts'
import { openSessions } from '../session.ts'

const why = serverOrWhy('15')
type Columns = Extract<Change, { kind: 'columns' }>
type Tables = Extract<Change, { kind: 'tables' }>

const CUSTOMERS = { schema: 'public', table: 'customers' }
const SPLIT: Columns = {
  kind: 'columns',
  table: CUSTOMERS,
  add: [
    { name: 'first_name', type: 'text', up: "split_part(full_name, ' ', 1)", notNull: true, default: null, unique: false },
    { name: 'last_name', type: 'text', up: "substr(full_name, length(split_part(full_name, ' ', 1)) + 2)", notNull: false, default: null, unique: false },
  ],
  replace: [{ name: 'full_name', down: "first_name || CASE WHEN last_name = '' THEN '' ELSE ' ' || last_name END" }],
  checks: [],
}
const NAMES = { schema: 'public', table: 'names' }
const MOVE: Tables = {
  kind: 'tables',
  old: [CUSTOMERS],
  new: [{ name: NAMES, columns: [{ name: 'id', type: 'bigint', notNull: true, default: null }, { name: 'name', type: 'text', notNull: true, default: null }, { name: 'email', type: 'text', notNull: false, default: null }], primaryKey: ['id'], unique: [], checks: [] }],
  up: [{ from: CUSTOMERS, to: NAMES, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'name', expression: 'full_name' }, { column: 'email', expression: 'email' }], existence: true }],
  down: [{ from: NAMES, to: CUSTOMERS, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'full_name', expression: 'name' }, { column: 'email', expression: 'email' }], existence: true }],
  dropOld: true,
}
const define = (change: Change, more: Partial<MigrationDefinition> = {}): MigrationDefinition => ({ id: 'split', title: '', database: 'shop', change, entity: [], services: [], verify: DEFAULT_VERIFY, throttle: DEFAULT_THROTTLE, policy: DEFAULT_POLICY, ...more })

const TABLE = `
CREATE TABLE customers (id bigint PRIMARY KEY, full_name text NOT NULL, email text, created_at timestamptz NOT NULL DEFAULT now());
INSERT INTO customers SELECT n, 'Ada' || n || ' Lovelace' || n, 'a' || n || '@example.com' FROM generate_series(1, 500) n;
ANALYZE customers;`

const signal = new AbortController().signal

async function reportOf(url: string, definition: MigrationDefinition, stop: AbortSignal = signal, scanMs = 20_000): Promise<PreflightReport> {
  const sessions = openSessions({ database: 'shop', url })
  try {
    return await preflight(sessions, definition, stop, { scanMs })
  } finally {
    await sessions.close()
  }
}

/** What is not ok: `state name: detail => fix`. */
const notOk = ({ checks }: PreflightReport) => checks.filter(({ state }) => state !== 'ok').map(({ name, state, detail, fix }) => `${state} ${name}: ${detail} => ${fix}`)
/** Everyone is told of prepared statements when nothing records statements. */
const USUAL = /^warning prepared statements: Once public\.customers has new columns/

describe.skipIf(why !== null)(`preflight on PostgreSQL 15${why === null ? '' : `: ${why}`}`, () => {
  let server: TestServer
  let number = 0
  beforeAll(async () => {
    server = await sharedServer('15')
  })

  async function database(sql: string): Promise<string> {
    number += 1
    const url = await server.createDatabase(`preflight_${process.pid}_${number}`)
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query(sql)
    await client.end()
    return url
  }

  /** What is not ok of a table that was changed by `sql`, beside what is usual. */
  async function findings(sql: string, change: Change = SPLIT, more: Partial<MigrationDefinition> = {}): Promise<readonly string[]> {
    const report = await reportOf(await database(`${TABLE}\n${sql}`), define(change, more))
    return notOk(report).filter((line) => !USUAL.test(line))
  }

  it('finds nothing in the way of a clean table, and says what it looked at', async () => {
    const report = await reportOf(await database(TABLE), define(SPLIT))
    expect(notOk(report)).toEqual([expect.stringMatching(USUAL)])
    expect(report.ok).toBe(true)
    expect(report.rowsScanned).toBe(500)
    expect(report.rows).toEqual([])
    expect(report.digest).toMatch(/^[0-9a-f]{64}$/)
    expect(report.checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['connection', 'server version', 'writes', 'control schema', 'settings', 'sessions', 'replication', 'event triggers', 'declaration', 'table', 'locks', 'triggers', 'names', 'dependents', 'expressions', 'steady', 'rows']))
    const moved = await reportOf(await database(TABLE), define(MOVE))
    expect(notOk(moved)).toEqual([expect.stringMatching(/^warning links: No link under `down` gives created_at of public\.customers/)])
    expect(moved.rowsScanned).toBe(500)
  })

  it.each<{ title: string; sql?: string; change?: Change; more?: Partial<MigrationDefinition>; finds: RegExp }>([
    // Tables
    { title: 'a table that is not there', sql: 'DROP TABLE customers', finds: /^blocker table: The table public\.customers is not there/m },
    { title: 'a view', sql: 'ALTER TABLE customers RENAME TO c; CREATE VIEW customers AS SELECT * FROM c', finds: /^blocker table: public\.customers is a view/m },
    { title: 'a partitioned table', sql: 'DROP TABLE customers; CREATE TABLE customers (id bigint PRIMARY KEY, full_name text) PARTITION BY RANGE (id)', finds: /^blocker table: public\.customers is a partitioned table/m },
    { title: 'a partition', sql: 'DROP TABLE customers; CREATE TABLE p (id bigint PRIMARY KEY, full_name text) PARTITION BY RANGE (id); CREATE TABLE customers PARTITION OF p DEFAULT', finds: /^blocker table: public\.customers is a partition of another table/m },
    { title: 'inheritance', sql: 'CREATE TABLE child () INHERITS (customers)', finds: /^blocker table: public\.customers is inherited by other tables/m },
    { title: 'a typed table', sql: 'DROP TABLE customers; CREATE TYPE ct AS (id bigint, full_name text); CREATE TABLE customers OF ct (PRIMARY KEY (id))', finds: /^blocker table: public\.customers is made of a composite type/m },
    { title: 'an unlogged table', sql: 'ALTER TABLE customers SET UNLOGGED', finds: /^warning table: public\.customers is unlogged/m },
    { title: 'no primary key', sql: 'ALTER TABLE customers DROP CONSTRAINT customers_pkey', finds: /^blocker key: public\.customers has no primary key.*Add a primary key/m },
    { title: 'no primary key, but an index that can be one', sql: 'ALTER TABLE customers DROP CONSTRAINT customers_pkey; CREATE UNIQUE INDEX u ON customers (id)', finds: /^blocker key: .* => The unique index u can become it/m },
    { title: 'a deferrable primary key', sql: 'ALTER TABLE customers DROP CONSTRAINT customers_pkey, ADD PRIMARY KEY (id) DEFERRABLE', finds: /^blocker key: The primary key of public\.customers is deferrable/m },
    { title: 'a floating point key', sql: 'ALTER TABLE customers ALTER id TYPE double precision', finds: /^warning key: .* floating point/m },
    { title: 'a key that is replaced', change: { ...SPLIT, add: [{ name: 'id', type: 'numeric', up: 'id', notNull: true, default: null, unique: false }], replace: [{ name: 'id', down: 'id::bigint' }] }, finds: /^blocker key: id is part of the primary key/m },
    { title: 'autovacuum switched off', sql: 'ALTER TABLE customers SET (autovacuum_enabled = false)', finds: /^warning vacuum: Autovacuum is off/m },
    { title: 'too many columns', sql: "DO $$ BEGIN EXECUTE (SELECT 'ALTER TABLE customers ' || string_agg('ADD x' || n || ' int', ', ') FROM generate_series(1, 1595) n); END $$", finds: /^blocker columns: public\.customers has had 1599 columns/m },
    // Triggers and rules
    { title: 'a trigger that fires later', sql: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER zzzz BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION f()', finds: /^blocker triggers: The trigger zzzz .* fires after those of this migration/m },
    { title: 'a trigger that stamps rows', sql: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := now(); RETURN NEW; END $$; CREATE TRIGGER stamp BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION f()', finds: /^warning triggers: The trigger stamp \(f\) on public\.customers changes rows before they are updated/m },
    { title: 'a trigger that fires at each backfilled row', sql: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER audit AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION f()', finds: /^warning triggers: The trigger audit .* fires for each row the backfill updates/m },
    { title: 'a rule', sql: 'CREATE RULE r AS ON DELETE TO customers DO INSTEAD NOTHING', finds: /^blocker rules: The rule r on public\.customers rewrites statements into others/m },
    { title: 'an event trigger', sql: 'CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION e()', finds: /^warning event triggers: The event trigger et runs e at ddl_command_end/m },
    // Row security
    { title: 'row security', sql: 'ALTER TABLE customers ENABLE ROW LEVEL SECURITY', finds: /^warning row security: Row security is on/m },
    // Generated columns, sequences
    { title: 'a generated column as source', sql: "ALTER TABLE customers ADD upper_name text GENERATED ALWAYS AS (upper(full_name)) STORED", change: { ...SPLIT, add: [{ name: 'u', type: 'text', up: 'upper_name', notNull: false, default: null, unique: false }], replace: [] }, finds: /^blocker generated columns: up of u reads upper_name/m },
    { title: 'a generated column that is replaced', sql: "ALTER TABLE customers ADD upper_name text GENERATED ALWAYS AS (upper(email)) STORED", change: { ...SPLIT, replace: [{ name: 'upper_name', down: 'first_name' }] }, finds: /^blocker generated columns: upper_name is a generated column/m },
    { title: 'a generated column over a replaced one', sql: "ALTER TABLE customers ADD upper_name text GENERATED ALWAYS AS (upper(full_name)) STORED", finds: /^blocker dependents: The .*upper_name.* depends on full_name of public\.customers/m },
    { title: 'a sequence', sql: 'ALTER TABLE customers ADD nr bigserial', change: { ...SPLIT, add: [{ name: 'nr', type: 'text', up: 'nr::text', notNull: true, default: null, unique: false }], replace: [{ name: 'nr', down: 'nr::bigint' }] }, finds: /^warning sequences: nr gets its values from a sequence/m },
    // Dependents
    { title: 'a view over a replaced column', sql: 'CREATE VIEW v AS SELECT full_name FROM customers', finds: /^warning dependents: The view v depends on full_name/m },
    { title: 'a materialized view', sql: 'CREATE MATERIALIZED VIEW m AS SELECT full_name FROM customers', finds: /^warning dependents: The materialized view m depends on full_name/m },
    { title: 'a function with a parsed body', sql: 'CREATE FUNCTION g() RETURNS text BEGIN ATOMIC SELECT full_name FROM customers LIMIT 1; END', finds: /^warning dependents: The function g\(\) depends on full_name/m },
    { title: 'a policy', sql: "CREATE POLICY p ON customers USING (full_name <> '')", finds: /^warning dependents: The policy p on table customers depends on full_name/m },
    { title: 'a trigger on a column', sql: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER audit AFTER UPDATE OF full_name ON customers FOR EACH ROW EXECUTE FUNCTION f()', finds: /^warning dependents: The trigger audit on table customers depends on full_name/m },
    { title: 'statistics', sql: 'CREATE STATISTICS s ON full_name, email FROM customers', finds: /^warning dependents: The statistics object s depends on full_name/m },
    { title: 'a function that speaks of it', sql: "CREATE FUNCTION speaks() RETURNS void LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET full_name = 'x'; END $$", finds: /^warning functions: speaks\(\) speaks of public\.customers and of full_name/m },
    { title: 'a foreign key at a replaced column', sql: 'ALTER TABLE customers ADD UNIQUE (full_name); CREATE TABLE orders (id int, customer text REFERENCES customers (full_name))', finds: /^blocker foreign keys: The foreign key orders_customer_fkey of orders points at full_name/m },
    { title: 'a foreign key of a replaced column', sql: 'CREATE TABLE people (name text PRIMARY KEY); ALTER TABLE customers ADD CONSTRAINT fk FOREIGN KEY (full_name) REFERENCES people NOT VALID', finds: /^warning foreign keys: The foreign key fk: .* goes with its column/m },
    { title: 'a check over a replaced column', sql: "ALTER TABLE customers ADD CONSTRAINT filled CHECK (full_name <> '')", finds: /^warning constraints: The check filled: .* goes with its column/m },
    { title: 'an exclusion constraint', sql: 'ALTER TABLE customers ADD CONSTRAINT ex EXCLUDE USING btree (full_name WITH =)', finds: /^blocker constraints: The exclusion constraint ex/m },
    { title: 'a unique constraint without a successor', sql: 'ALTER TABLE customers ADD CONSTRAINT un UNIQUE (full_name)', finds: /^warning constraints: The constraint un: UNIQUE \(full_name\) goes with its column/m },
    { title: 'an index without a successor', sql: 'CREATE INDEX i ON customers (lower(full_name))', finds: /^warning indexes: The index i is over full_name/m },
    { title: 'a key at a table that is dropped', sql: 'CREATE TABLE orders (id int, customer bigint REFERENCES customers)', change: MOVE, finds: /^blocker foreign keys: The foreign key orders_customer_fkey of orders points at public\.customers/m },
    { title: 'a view over a table that is dropped', sql: 'CREATE VIEW v AS SELECT id FROM customers', change: MOVE, finds: /^warning dependents: The view v depends on public\.customers/m },
    { title: 'a foreign key of a table that is dropped', sql: 'CREATE TABLE people (id bigint PRIMARY KEY); ALTER TABLE customers ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES people NOT VALID', change: MOVE, finds: /^warning foreign keys: The foreign key fk of public\.customers .* is not made on the new tables/m },
    { title: 'a column that cannot be written back', sql: "ALTER TABLE customers ADD code text NOT NULL DEFAULT 'x'; ALTER TABLE customers ALTER code DROP DEFAULT", change: MOVE, finds: /^blocker links: No link under `down` gives code of public\.customers, NOT NULL/m },
    // Names
    { title: 'a column of the name', sql: 'ALTER TABLE customers ADD first_name text', finds: /^blocker columns: public\.customers has a column first_name already/m },
    { title: 'a schema left over', sql: 'CREATE SCHEMA sb_split_reads', finds: /^blocker leftovers: There is a schema sb_split_reads.*DROP SCHEMA "sb_split_reads" CASCADE/m },
    { title: 'a trigger left over', sql: 'CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; CREATE TRIGGER zzz_signalbox_split_insert BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION f()', finds: /^blocker leftovers: There is a trigger zzz_signalbox_split_insert/m },
    { title: 'a column left over', sql: 'ALTER TABLE customers ADD sb_gone_split_full_name text', finds: /^blocker leftovers: There is a column sb_gone_split_full_name/m },
    { title: 'a constraint left over', sql: 'ALTER TABLE customers ADD CONSTRAINT sb_split_first_name_given CHECK (true)', finds: /^blocker leftovers: There is a constraint sb_split_first_name_given/m },
    { title: 'a function left over', sql: 'CREATE SCHEMA signalbox; CREATE TABLE signalbox.versions (version int); CREATE FUNCTION signalbox.sync_split() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', finds: /^blocker leftovers: There is a function sync_split in signalbox/m },
    { title: 'an index of the name', sql: 'CREATE TABLE customers_first_name_unique (a int)', change: { ...SPLIT, add: SPLIT.add.map((column) => ({ ...column, unique: column.name === 'first_name' })) }, finds: /^blocker names: There is a table, index or type customers_first_name_unique in public already/m },
    { title: 'a table of the name', sql: 'CREATE TABLE names (a int)', change: MOVE, finds: /^blocker names: There is a table, index or type names in public already/m },
    { title: 'a type of the name', sql: "CREATE TYPE names AS ENUM ('a')", change: MOVE, finds: /^blocker names: There is a table, index or type names/m },
    { title: 'no schema for a new table', change: { ...MOVE, new: MOVE.new.map((table) => ({ ...table, name: { schema: 'nowhere', table: 'names' } })), up: MOVE.up.map((link) => ({ ...link, to: { schema: 'nowhere', table: 'names' } })), down: MOVE.down.map((link) => ({ ...link, from: { schema: 'nowhere', table: 'names' } })) }, finds: /^blocker new tables: There is no schema nowhere/m },
    // Control schema
    { title: 'somebody else’s schema', sql: 'CREATE SCHEMA signalbox', finds: /^blocker control schema: There is a schema signalbox that Signalbox did not make/m },
    { title: 'a newer control schema', sql: `${CONTROL_SQL}; INSERT INTO signalbox.versions VALUES (99)`, finds: /^blocker control schema: The schema signalbox is of version 99/m },
    { title: 'a migration under way', sql: `${CONTROL_SQL}; INSERT INTO signalbox.migrations (id, revision, state) VALUES ('split', 1, '{"phase": "backfilling"}')`, finds: /^blocker under way: This migration is under way here; its phase is backfilling/m },
    { title: 'another migration of the table', sql: `${CONTROL_SQL}; INSERT INTO signalbox.migrations (id, revision, state) VALUES ('other', 1, '{"phase": "dualWrites", "definition": {"change": {"table": {"schema": "public", "table": "customers"}}}}')`, finds: /^blocker under way: The migration other is under way on the same table/m },
    // Replication
    { title: 'a publication', sql: 'CREATE PUBLICATION pub FOR TABLE customers', finds: /^warning publications: The publication pub sends all columns of public\.customers: once first_name, last_name are there/m },
    { title: 'a publication of all tables', sql: 'CREATE PUBLICATION pub FOR ALL TABLES', change: MOVE, finds: /^warning publications: The publication pub sends all tables/m },
    { title: 'a publication with a list of columns', sql: 'CREATE PUBLICATION pub FOR TABLE customers (id, full_name)', finds: /^warning publications: The publication pub lists full_name/m },
    { title: 'no replica identity', sql: 'ALTER TABLE customers REPLICA IDENTITY NOTHING; CREATE PUBLICATION pub FOR TABLE customers', finds: /^blocker replica identity: public\.customers is published and has no replica identity/m },
    { title: 'a replica identity over a replaced column', sql: 'CREATE UNIQUE INDEX ri ON customers (full_name); ALTER TABLE customers REPLICA IDENTITY USING INDEX ri', finds: /^blocker replica identity: The replica identity of public\.customers is an index over full_name/m },
    // Expressions
    { title: 'a function that is not there', change: { ...SPLIT, checks: [{ name: 'c', expression: 'nope(first_name)' }] }, finds: /^blocker expressions: PostgreSQL cannot run check c: function nope\(text\) does not exist/m },
    { title: 'a type that is not there', change: { ...SPLIT, add: [{ name: 'a', type: 'mood', up: 'full_name', notNull: false, default: null, unique: false }], replace: [] }, finds: /^blocker (?:expressions: PostgreSQL cannot run up of a|types: PostgreSQL has no type mood)/m },
    { title: 'a check that is no condition', change: { ...SPLIT, checks: [{ name: 'c', expression: 'length(first_name)' }] }, finds: /^blocker expressions: check c is not a condition/m },
    { title: 'a volatile function', sql: "CREATE FUNCTION vol(text) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT $1 $$", change: { ...SPLIT, add: [{ name: 'a', type: 'text', up: 'vol(full_name)', notNull: false, default: null, unique: false }], replace: [] }, finds: /^blocker expressions: up of a calls vol, which is VOLATILE/m },
    { title: 'a stable function of one’s own', sql: "CREATE FUNCTION st(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT $1 $$", change: { ...SPLIT, add: [{ name: 'a', type: 'text', up: 'st(full_name)', notNull: false, default: null, unique: false }], replace: [] }, finds: /^warning expressions: up of a calls st, which is not IMMUTABLE/m },
    { title: 'an aggregate of one’s own', sql: 'CREATE AGGREGATE mine(text) (sfunc = textcat, stype = text)', change: { ...SPLIT, add: [{ name: 'a', type: 'text', up: 'mine(full_name)', notNull: false, default: null, unique: false }], replace: [] }, finds: /^blocker expressions: up of a calls mine, which is not about one value/m },
    { title: 'a dependence on the session’s zone', change: { ...SPLIT, add: [{ name: 'a', type: 'text', up: 'created_at::text', notNull: false, default: null, unique: false }], replace: [] }, finds: /^blocker expressions: up of a depends on settings of the session/m },
    { title: 'a query that cannot run', more: { verify: { ...DEFAULT_VERIFY, queries: [{ name: 'q', old: 'SELECT nope FROM customers WHERE id = $1::bigint', new: 'SELECT $1' }] } }, finds: /^blocker queries: PostgreSQL cannot run the query q: column "nope" does not exist/m },
    { title: 'an ignore rule that is no condition', more: { verify: { ...DEFAULT_VERIFY, ignore: [{ name: 'i', column: 'last_name', when: 'length(old)', reason: 'r', expiresAt: 0 }] } }, finds: /^blocker ignore rules: The ignore rule i is not a condition/m },
  ])('finds $title', async ({ sql = '', change = SPLIT, more = {}, finds }) => {
    expect((await findings(sql, change, more)).join('\n')).toMatch(finds)
  })

  it('lets what looks like it pass: triggers switched off or restricted, stable zones, types of a schema', async () => {
    expect(
      await findings(
        `CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.created_at := now(); RETURN NEW; END $$;
         CREATE TRIGGER stamp BEFORE UPDATE OF email ON customers FOR EACH ROW EXECUTE FUNCTION f();
         CREATE TRIGGER off BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE customers DISABLE TRIGGER off;
         CREATE SCHEMA shop; CREATE TYPE shop.mood AS ENUM ('Ada1'); CREATE INDEX e ON customers (email); CREATE VIEW v AS SELECT email FROM customers; CREATE TABLE orders (c bigint REFERENCES customers);
         CREATE FUNCTION other() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 FROM customers; END $$; DELETE FROM customers WHERE id > 1`,
        { ...SPLIT, add: [...SPLIT.add, { name: 'day', type: 'date', up: "(created_at AT TIME ZONE 'UTC')::date", notNull: true, default: null, unique: false }, { name: 'm', type: 'shop.mood', up: "split_part(full_name, ' ', 1)::shop.mood", notNull: true, default: null, unique: true }] },
      ),
    ).toEqual([])
  })

  it('names rows on which a transform fails, a constraint does not hold, or something is lost', async () => {
    const rows = `UPDATE customers SET full_name = 'Plato' WHERE id = 7; UPDATE customers SET full_name = '' WHERE id = 8; UPDATE customers SET full_name = 'Two  spaces' WHERE id = 9; UPDATE customers SET email = 'x' WHERE id = 10;`
    const report = await reportOf(
      await database(`${TABLE}\n${rows}`),
      define({ ...SPLIT, add: [...SPLIT.add, { name: 'number', type: 'int', up: "substr(split_part(email, '@', 1), 2)::int", notNull: false, default: null, unique: false }, { name: 'short', type: 'varchar(8)', up: "split_part(full_name, ' ', 1)", notNull: false, default: null, unique: false }], replace: [{ name: 'full_name', down: "concat_ws(' ', first_name, nullif(trim(last_name), ''))" }], checks: [{ name: 'named', expression: "first_name <> ''" }] }),
    )
    expect(report.ok).toBe(false)
    expect(report.rowsScanned).toBe(500)
    expect(report.rows.map(({ class: of, key, detail }) => `${of} ${key['id'] ?? ''} ${detail}`)).toEqual([
      expect.stringMatching(/^rejected 8 The new shape refuses it: constraint named\.$/),
      expect.stringMatching(/^lossy 9 full_name would not come back: 'Two {2}spaces' becomes 'Two spaces'\.$/),
      expect.stringMatching(/^rejected 10 The transform fails: invalid input syntax for type integer: ""\.$/),
    ])
    expect(report.rows[1]).toMatchObject({ table: 'public.customers', columns: ['full_name'], old: { full_name: 'Two  spaces' }, new: { first_name: 'Two', last_name: ' spaces' }, foundBy: 'shadowScan', status: 'open' })
    expect(notOk(report).filter((line) => !USUAL.test(line))).toEqual([expect.stringMatching(/^blocker rows: The transforms or constraints of the new shape fail on 2 of 500/), expect.stringMatching(/^warning round trip: 1 of 500 rows tried/)])
  })

  it('finds nulls, lengths and doubles', async () => {
    const of = async (sql: string, column: Partial<Columns['add'][number]>) => (await reportOf(await database(`${TABLE}\n${sql}`), define({ ...SPLIT, add: [{ name: 'a', type: 'text', up: 'email', notNull: false, default: null, unique: false, ...column }], replace: [] }))).rows.map(({ key, detail }) => `${key['id'] ?? ''} ${detail}`)
    expect(await of('', { notNull: true, unique: true, type: 'varchar(17)' })).toEqual([])
    expect(await of('UPDATE customers SET email = NULL WHERE id = 3', { notNull: true })).toEqual(['3 The new shape refuses it: a would be null.'])
    expect(await of("UPDATE customers SET email = 'a2@example.com' WHERE id = 3", { unique: true })).toEqual(["2 a would not be unique: a2@example.com is on 2 rows.", "3 a would not be unique: a2@example.com is on 2 rows."])
    expect(await of("UPDATE customers SET email = repeat('x', 18) WHERE id = 3", { type: 'varchar(17)' })).toEqual(['3 The new shape refuses it: a is longer than 17.'])
  })

  it('lists at most fifty rows', async () => {
    const report = await reportOf(await database(TABLE), define({ ...SPLIT, add: [{ name: 'a', type: 'int', up: 'email::int', notNull: false, default: null, unique: false }], replace: [] }))
    expect(report.rows).toHaveLength(50)
    expect(notOk(report).join('\n')).toMatch(/blocker rows: .* at least 50 of/)
  })

  it('tries whether rows come back from new tables', async () => {
    const lossy: Tables = { ...MOVE, up: MOVE.up.map((link) => ({ ...link, set: [{ column: 'name', expression: 'lower(full_name)' }, { column: 'email', expression: 'email' }] })) }
    const report = await reportOf(await database(TABLE), define(lossy))
    expect(report.rows).toHaveLength(50)
    expect(report.rows[0]).toMatchObject({ class: 'lossy', table: 'public.customers', columns: ['full_name'] })
    const some: Tables = { ...MOVE, up: MOVE.up.map((link) => ({ ...link, key: [{ column: 'id', expression: 'nullif(id, 5)' }] })), down: MOVE.down }
    expect((await reportOf(await database(TABLE), define(some))).rows.map(({ class: of, key, detail }) => `${of} ${key['id'] ?? ''} ${detail}`)).toEqual(['rejected 5 The new shape refuses it: its key id would be null.'])
    const twice: Tables = { ...MOVE, up: MOVE.up.map((link) => ({ ...link, key: [{ column: 'id', expression: 'id / 2' }] })) }
    expect(notOk(await reportOf(await database(TABLE), define(twice))).join('\n')).toMatch(/blocker unique: id of public\.names would not be unique/)
  })

  it('splits a table in two and finds that all comes back', async () => {
    const MAILS = { schema: 'public', table: 'mails' }
    const split: Tables = {
      ...MOVE,
      new: [...MOVE.new.map((table) => ({ ...table, columns: table.columns.filter(({ name }) => name !== 'email') })), { name: MAILS, columns: [{ name: 'customer', type: 'bigint', notNull: true, default: null }, { name: 'email', type: 'text', notNull: false, default: null }], primaryKey: ['customer'], unique: [], checks: [] }],
      up: [{ from: CUSTOMERS, to: NAMES, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'name', expression: 'full_name' }], existence: true }, { from: CUSTOMERS, to: MAILS, key: [{ column: 'customer', expression: 'id' }], set: [{ column: 'email', expression: 'email' }], existence: true }],
      down: [{ from: NAMES, to: CUSTOMERS, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'full_name', expression: 'name' }], existence: true }, { from: MAILS, to: CUSTOMERS, key: [{ column: 'id', expression: 'customer' }], set: [{ column: 'email', expression: 'email' }], existence: false }],
    }
    expect((await reportOf(await database(TABLE), define(split))).rows).toEqual([])
    const forgets: Tables = { ...split, down: split.down.map((link) => (link.existence ? link : { ...link, set: [{ column: 'email', expression: 'upper(email)' }] })) }
    expect((await reportOf(await database(TABLE), define(forgets))).rows[0]).toMatchObject({ class: 'lossy', columns: ['email'] })
  })

  it('stops trying rows when its time is up, and says how far it came', async () => {
    const slow = `CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN $1; END $$;`
    const report = await reportOf(await database(`${TABLE}\n${slow}`), define({ ...SPLIT, add: [{ name: 'a', type: 'text', up: 'slow(email)', notNull: false, default: null, unique: false }], replace: [] }), signal, 0)
    expect(notOk(report).join('\n')).toMatch(/warning rows: Of public\.customers 0 rows were tried; then its time was up\./)
    expect(report.ok).toBe(true)
  })

  it('sorts and joins no very large table as a whole, and says so', async () => {
    const large = "UPDATE pg_class SET reltuples = 1e7 WHERE relname = 'customers'"
    const unique = { ...SPLIT, add: SPLIT.add.map((column) => ({ ...column, unique: column.name === 'first_name' })) }
    expect((await findings(large, unique)).join('\n')).toMatch(/^warning unique: Whether first_name would be unique was not tried: public\.customers is too large/m)
    expect((await findings(large, MOVE)).join('\n')).toMatch(/^warning round trip: Whether rows of public\.customers come back was not found out: it is too large/m)
    expect((await findings('', unique)).join('\n')).not.toMatch(/unique/)
  })

  it('stops when it is asked to', async () => {
    const stop = new AbortController()
    stop.abort()
    const report = await reportOf(await database(TABLE), define(SPLIT), stop.signal)
    expect(report.ok).toBe(false)
    expect(notOk(report).join('\n')).toMatch(/Preflight was stopped/)
  })

  it('writes nothing', async () => {
    const url = await database(TABLE)
    const before = await server.sql('SELECT xact_commit > 0 AS some, tup_inserted + tup_updated + tup_deleted AS written FROM pg_stat_database WHERE datname = current_database()', new URL(url).pathname.slice(1))
    await reportOf(url, define(SPLIT))
    const schemas = await server.sql("SELECT count(*)::int AS n FROM pg_namespace WHERE nspname ~ '^(sb_|signalbox)'", new URL(url).pathname.slice(1))
    expect(before).toHaveLength(1)
    expect(schemas).toEqual([{ n: 0 }])
  })

  describe('who connects', () => {
    it('says what a role without rights lacks, and finds nothing for the owner', async () => {
      const role = `plain_${process.pid}_${number}`
      const url = await database(`${TABLE}\nCREATE ROLE ${role} LOGIN; CREATE ROLE ${role}_owner; GRANT CONNECT ON DATABASE postgres TO ${role}; REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON customers TO ${role}`)
      const as = url.replace('postgres@', `${role}@`)
      const lines = notOk(await reportOf(as, define(SPLIT))).join('\n')
      expect(lines).toMatch(/^blocker privileges: public\.customers belongs to postgres, and plain_\w+ may not change its structure.*Connect as postgres/m)
      expect(lines).toMatch(/^blocker privileges: plain_\w+ may not make schemas in this database/m)
      expect(lines).toMatch(/^blocker privileges: plain_\w+ may not make anything in the schema public/m)
      await server.sql(`ALTER TABLE customers OWNER TO ${role}_owner; GRANT ${role}_owner TO ${role}; GRANT CREATE ON SCHEMA public TO ${role}, ${role}_owner; GRANT CREATE ON DATABASE "${new URL(url).pathname.slice(1)}" TO ${role}`, new URL(url).pathname.slice(1))
      expect(notOk(await reportOf(as, define(SPLIT))).filter((line) => !USUAL.test(line))).toEqual([])
      await server.sql('ALTER TABLE customers ENABLE ROW LEVEL SECURITY; ALTER TABLE customers FORCE ROW LEVEL SECURITY', new URL(url).pathname.slice(1))
      expect(notOk(await reportOf(as, define(SPLIT))).join('\n')).toMatch(/^blocker row security: Row security is forced on public\.customers/m)
    })

    it('explains what keeps it from connecting', async () => {
      const url = await database(TABLE)
      const of = async (address: string) => {
        const report = await reportOf(address, define(SPLIT))
        expect(report.ok).toBe(false)
        return notOk(report)
      }
      expect(await of(url.replace(/\/[^/]*$/, '/nowhere'))).toEqual([expect.stringMatching(/^blocker connection: Database shop is not on that server/)])
      expect(await of('postgres://postgres@127.0.0.1:1/x')).toEqual([expect.stringMatching(/^blocker connection: Database shop cannot be reached/)])
    })

    it('notices who stands in the way: long transactions, prepared ones, strong locks, settings', async () => {
      const role = `idle_${process.pid}_${number}`
      const url = await database(`${TABLE}\nCREATE ROLE ${role} LOGIN SUPERUSER; ALTER ROLE ${role} SET idle_session_timeout = '10min'; ALTER ROLE ${role} SET default_transaction_read_only = on`)
      const blocker = new Client({ connectionString: url, application_name: 'nightly' })
      await blocker.connect()
      await blocker.query('BEGIN; LOCK TABLE customers IN SHARE MODE')
      try {
        const lines = notOk(await reportOf(url.replace('postgres@', `${role}@`), define(SPLIT))).join('\n')
        expect(lines).toMatch(/^warning locks: Session \d+ \(nightly\) holds ShareLock on public\.customers/m)
        expect(lines).toMatch(/^warning settings: idle_session_timeout is 10 min/m)
        expect(lines).toMatch(/^warning settings: default_transaction_read_only is on/m)
      } finally {
        await blocker.end()
      }
    })
  })
})

describe.skipIf(why !== null)('preflight where servers differ', () => {
  it('sees prepared transactions, slots nobody reads, and statements with a star', async () => {
    const server = await startServer('15', { settings: { max_prepared_transactions: '5', wal_level: 'logical', shared_preload_libraries: 'pg_stat_statements' } })
    try {
      const url = await server.createDatabase('shop')
      await server.sql(`${TABLE} CREATE EXTENSION pg_stat_statements`, 'shop')
      // Making a slot waits for transactions that are open.
      await server.sql("SELECT pg_create_logical_replication_slot('unread', 'test_decoding')", 'shop')
      await server.sql("BEGIN; UPDATE customers SET email = 'x' WHERE id = 1; PREPARE TRANSACTION 'forgotten'", 'shop')
      const quiet = await reportOf(url, define(SPLIT))
      expect(quiet.checks.find(({ name }) => name === 'prepared statements')).toMatchObject({ state: 'ok' })
      const lines = notOk(quiet).join('\n')
      expect(lines).toMatch(/^warning prepared transactions: The prepared transaction forgotten of postgres is open/m)
      expect(lines).toMatch(/^warning replication slots: Nobody reads the slot unread/m)
      await server.sql('SELECT * FROM customers WHERE id = 1', 'shop')
      expect(notOk(await reportOf(url, define(SPLIT))).join('\n')).toMatch(/^warning prepared statements: .* Seen: SELECT \* FROM customers WHERE id = \$1/m)
    } finally {
      await server.stop('immediate')
    }
  }, 30_000)

  it.each(['14', '18'] as const)('works on PostgreSQL %s', async (version) => {
    const missing = serverOrWhy(version)
    if (missing !== null) {
      console.warn(`skipped: ${missing}`)
      return
    }
    const server = await sharedServer(version)
    const url = await server.createDatabase(`preflight_versions_${process.pid}`)
    const name = new URL(url).pathname.slice(1)
    await server.sql(TABLE, name)
    const report = await reportOf(url, define(SPLIT))
    expect(notOk(report)).toEqual([expect.stringMatching(USUAL)])
    expect(notOk(await reportOf(url, define(MOVE)))).toEqual([expect.stringMatching(/^warning links/)])
    await server.sql('ALTER TABLE customers ENABLE ROW LEVEL SECURITY', name)
    expect(notOk(await reportOf(url, define(SPLIT))).join('\n')).toMatch(version === '14' ? /^blocker row security: .* views of PostgreSQL before 15/m : /^warning row security/m)
  }, 30_000)
})
