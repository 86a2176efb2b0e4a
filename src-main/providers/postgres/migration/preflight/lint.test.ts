import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from 'pg'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../../../../contract/migration-definition.ts'
import type { Change, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { serverOrWhy, sharedServer } from '../../testing/servers.ts'
import { checkDefault, checkExpression } from './lint-expression.ts'
import { dangersOf, lockOf } from './lint-locks.ts'
import { parseType } from './lint-parse.ts'
import { lintDefinition } from './lint.ts'
import type { TableFacts } from '../units.ts'

const slipOf = (text: string) => {
  const checked = checkExpression(text)
  return checked.ok ? null : `${checked.slip.offset} ${checked.slip.message}`
}

describe('expressions over a row', () => {
  it.each(['a', 'a + 1', "split_part(a, ' ', 1)", 'a::numeric(12,2)', "CASE WHEN a > 1 THEN 'x' ELSE b END", '(a).b', 'coalesce(a, b, 0)', 'ARRAY[a, b]', "a ->> 'k'", "a #>> '{b,c}'", 'ROW(a, b)', "'now()'", '"Weird name"', "E'\\n' || a", '/* why */ a', 'extract(year from a)', 'a IS NOT NULL AND b IN (1, 2)', 'my_schema.my_function(a)', 'NULL'])('takes %s', (text) => {
    expect(slipOf(text)).toBeNull()
  })

  it.each([
    ['', '0 an empty expression'],
    ['a +', '3 the expression is not complete'],
    ['a b c', '2 syntax error at or near "b"'],
    ["'ä' || b c d", '9 syntax error at or near "c"'],
    ['a, b', '0 several expressions with commas between'],
    ['a) + (b', '1 a closing bracket without its opening one'],
    ['a); DROP TABLE t; SELECT (b', '1 a closing bracket without its opening one'],
    ['a -- b', '2 a comment to the end of the line'],
    ['(SELECT 1)', '0 a subquery'],
    ["'ü' || (SELECT 1)", '7 a subquery'],
    ['EXISTS (SELECT FROM t)', '0 a subquery'],
    ['max(a)', '0 `max` is about several rows'],
    ['count(*)', '0 `count` is about several rows'],
    ['mine(DISTINCT a)', '0 `mine` is about several rows'],
    ['row_number() OVER ()', '0 `row_number` over a window'],
    ['unnest(a)', '0 `unnest` gives several values'],
    ['random()', '0 `random` gives another value each time'],
    ['now()', '0 `now` gives the time of the transaction that asks'],
    ['pg_catalog.now()', '0 `now` gives the time of the transaction that asks'],
    ["a || nextval('s')", '5 `nextval` gives a sequence'],
    ['current_user', '0 `CURRENT_USER` gives the session or the time that asks'],
    ["pg_read_file('x')", '0 `pg_read_file` gives what is stored elsewhere'],
    ['$1', '0 a parameter, `$1`'],
    ['t.a', '0 `t.a` names a table, and there is none around an expression'],
    ['t.*', '0 a star'],
    ['DEFAULT', '0 a word that has no value here'],
  ])('refuses %s', (text, slip) => {
    expect(slipOf(text)).toBe(slip)
  })

  it('names what it reads and calls', () => {
    const checked = checkExpression('a || lower(b) || s.f(a, 1)')
    expect(checked.ok && [checked.value.columns, checked.value.functions]).toEqual([['a', 'b'], [{ schema: null, name: 'lower', arguments: 1 }, { schema: 's', name: 'f', arguments: 2 }]])
  })

  it('lets a default be the time, but read no column', () => {
    expect(checkDefault('now()').ok).toBe(true)
    expect(checkDefault("'x'::text").ok).toBe(true)
    expect(checkDefault('a').ok).toBe(false)
    expect(checkDefault('(SELECT 1)').ok).toBe(false)
  })
})

describe('types', () => {
  it.each([
    ['integer', { name: 'int4', schema: 'pg_catalog', array: false, modifiers: [] }],
    ['numeric(12,2)', { name: 'numeric', schema: 'pg_catalog', array: false, modifiers: [12, 2] }],
    ['numeric(3, 0)', { name: 'numeric', schema: 'pg_catalog', array: false, modifiers: [3, 0] }],
    ['text[]', { name: 'text', schema: null, array: true, modifiers: [] }],
    ['timestamp with time zone', { name: 'timestamptz', schema: 'pg_catalog', array: false, modifiers: [] }],
    ['shop.mood', { name: 'mood', schema: 'shop', array: false, modifiers: [] }],
    ['character varying(80)', { name: 'varchar', schema: 'pg_catalog', array: false, modifiers: [80] }],
  ])('reads %s', (text, type) => {
    const parsed = parseType(text)
    expect(parsed.ok && parsed.value).toEqual(type)
  })

  it.each(['', 'text not null', 'text, b', 'text DEFAULT 1', 'serial', 'bigserial', 'text; SELECT 1', 'text AS b', 't.a%TYPE', 'setof int', 'text -- x', "text = 'a'", 'text FROM pg_class', 'text COLLATE "C"'])('refuses %s', (text) => {
    expect(parseType(text).ok).toBe(false)
  })
})

const FACTS: TableFacts = {
  name: { schema: 'public', table: 't' },
  columns: [
    { name: 'id', type: 'bigint', notNull: true, default: null },
    { name: 'a', type: 'text', notNull: true, default: "'x'::text" },
    { name: 'b', type: 'text', notNull: false, default: null },
  ],
  primaryKey: ['id'],
}
const define = (change: Change, more: Partial<MigrationDefinition> = {}): MigrationDefinition => ({ id: 'm', title: '', database: 'd', change, entity: [], services: [], verify: DEFAULT_VERIFY, throttle: DEFAULT_THROTTLE, policy: DEFAULT_POLICY, ...more })
type Columns = Extract<Change, { kind: 'columns' }>
const columns = (change: Partial<Columns>): Columns => ({ kind: 'columns', table: FACTS.name, add: [], replace: [], checks: [], ...change })
const add = (name: string, up: string, more: Partial<Columns['add'][number]> = {}) => ({ name, type: 'text', up, notNull: false, default: null, unique: false, ...more })
const lint = (change: Change, more: Partial<MigrationDefinition> = {}) => lintDefinition(define(change, more), [FACTS]).map(({ name, state, detail }) => `${state} ${name}: ${detail}`)

describe('a definition against its tables', () => {
  it('is fine when it is', () => {
    expect(lint(columns({ add: [add('c', 'a || b')], replace: [{ name: 'a', down: 'c' }], checks: [{ name: 'k', expression: 'length(c) > 1 AND b IS NOT NULL' }] }))).toEqual(['ok declaration: Expressions, types and names are sound.'])
  })

  it.each<[string, Change, Partial<MigrationDefinition>, RegExp]>([
    ['an unknown column in up', columns({ add: [add('c', 'aa')] }), {}, /^blocker expressions: up of c reads aa, and public\.t has no such column/],
    ['a replaced column in down', columns({ add: [add('c', 'a')], replace: [{ name: 'a', down: 'a' }] }), {}, /^blocker expressions: down of a reads a, and the new shape/],
    ['a replaced column in a check', columns({ add: [add('c', 'a')], replace: [{ name: 'a', down: 'c' }], checks: [{ name: 'k', expression: 'a > 1::text' }] }), {}, /^blocker expressions: check k reads a/],
    ['a column that is not there', columns({ add: [add('c', 'a')], replace: [{ name: 'z', down: 'c' }] }), {}, /^blocker columns: public\.t has no column z to be replaced/],
    ['a column that is there', columns({ add: [add('b', 'a')] }), {}, /^blocker columns: public\.t has a column b already/],
    ['a NOT NULL that goes', columns({ add: [add('a', 'a', { default: "''" })], replace: [{ name: 'a', down: 'a' }] }), {}, /^warning columns: a is NOT NULL now/],
    ['a default that goes', columns({ add: [add('a', 'a', { notNull: true })], replace: [{ name: 'a', down: 'a' }] }), {}, /^warning columns: a has the default 'x'::text now/],
    ['a constant', columns({ add: [add('c', '1')] }), {}, /^warning expressions: up of c reads no column/],
    ['a type that is none', columns({ add: [add('c', 'a', { type: 'text not null' })] }), {}, /^blocker types: The type of column c: /],
    ['an aggregate', columns({ add: [add('c', 'max(a)')] }), {}, /^blocker expressions: up of c: `max` is about several rows/],
    ['an entity that is replaced', columns({ add: [add('c', 'a')], replace: [{ name: 'a', down: 'c' }] }), { entity: ['a'] }, /^blocker entity: Entities are told apart by a, which is replaced/],
    ['an unknown entity', columns({ add: [add('c', 'a')] }), { entity: ['z'] }, /^blocker entity: public\.t has no column z/],
    ['a name that is too long', columns({ add: [add('ä'.repeat(40), 'a')] }), {}, /^blocker names: The name ä+ has 80 bytes/],
    ['names cut off to the same text', columns({ add: [add(`${'x'.repeat(58)}1`, 'a'), add(`${'x'.repeat(58)}2`, 'a')], replace: [{ name: `${'x'.repeat(58)}1`, down: 'id::text' }, { name: `${'x'.repeat(58)}2`, down: 'id::text' }] }), {}, /blocker names: Two things of this migration would have the same name/],
    ['an ignore rule over something else', columns({ add: [add('c', 'a')] }), { verify: { ...DEFAULT_VERIFY, ignore: [{ name: 'i', column: 'c', when: 'old = neu', reason: 'r', expiresAt: 0 }] } }, /^blocker expressions: ignore rule i reads neu/],
  ])('finds %s', (_title, change, more, expected) => {
    expect(lint(change, more).join('\n')).toMatch(expected)
  })

  const table = (more: object = {}): Extract<Change, { kind: 'tables' }> => ({
    kind: 'tables',
    old: [FACTS.name],
    new: [{ name: { schema: 'public', table: 'n' }, columns: [{ name: 'id', type: 'bigint', notNull: true, default: null }, { name: 'c', type: 'text', notNull: false, default: null }], primaryKey: ['id'], unique: [], checks: [] }],
    up: [{ from: FACTS.name, to: { schema: 'public', table: 'n' }, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'c', expression: 'a' }], existence: true }],
    down: [{ from: { schema: 'public', table: 'n' }, to: FACTS.name, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'a', expression: 'c' }], existence: true }],
    dropOld: true,
    ...more,
  })
  it('checks links', () => {
    expect(lint(table())).toEqual(['ok declaration: Expressions, types and names are sound.'])
    expect(lint(table({ up: [] })).join()).toMatch(/blocker links: No link makes rows of public\.n/)
    expect(lint(table({ down: [{ ...table().down[0], key: [{ column: 'a', expression: 'c' }] }] })).join('\n')).toMatch(/blocker links: The link public\.n > public\.t gives a as key, and the primary key is id/)
    expect(lint(table({ down: [{ ...table().down[0], set: [{ column: 'z', expression: 'c' }] }] })).join('\n')).toMatch(/blocker links: public\.t has no column z/)
    expect(lint(table({ down: [{ ...table().down[0], set: [{ column: 'a', expression: 'b' }] }] })).join('\n')).toMatch(/blocker expressions: down of public\.t\.a reads b/)
  })
})

describe('dangers', () => {
  it.each([
    ['CREATE INDEX i ON t (a)', 'index built while writes wait'],
    ['CREATE INDEX CONCURRENTLY i ON t (a)', ''],
    ['ALTER TABLE t ALTER a TYPE bigint', 'table rewritten while reads wait'],
    ['ALTER TABLE t ALTER a SET NOT NULL', 'rows scanned while reads wait'],
    ['ALTER TABLE t ADD a int DEFAULT 1', ''],
    ['ALTER TABLE t ADD a uuid DEFAULT gen_random_uuid()', 'table rewritten while reads wait'],
    ['ALTER TABLE t ADD a timestamptz DEFAULT now()', ''],
    ['ALTER TABLE t ADD a serial', 'table rewritten while reads wait'],
    ['ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1)', 'rows scanned while writes wait'],
    ['ALTER TABLE t ADD CONSTRAINT c CHECK (a > 1) NOT VALID', ''],
    ['ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u', 'rows scanned while writes wait'],
    ['ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)', 'index built while reads wait'],
    ['ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i', ''],
    ['ALTER TABLE t DROP COLUMN a', 'column dropped'],
    ['ALTER TABLE t RENAME a TO b', 'name changed under running programs'],
    ['DROP TABLE t', 'structure dropped'],
    ['TRUNCATE t', 'rows removed'],
    ['VACUUM FULL t', 'table rewritten while reads wait'],
    ['UPDATE t SET a = 1', ''],
  ])('%s: %s', (sql, rule) => {
    expect(dangersOf(sql).map((danger) => danger.rule).join()).toBe(rule)
  })
})

/** Statements, and the lock that is expected on the table `t` (or on `only`, when that says another). */
const LOCKS: readonly (readonly [sql: string, setup?: string])[] = [
  ['SELECT * FROM t'],
  ['SELECT * FROM t FOR SHARE'],
  ['SELECT a FROM (SELECT * FROM t) x'],
  ['WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x'],
  ['INSERT INTO t (a) VALUES (1)'],
  ['UPDATE t SET a = 1'],
  ['DELETE FROM t'],
  ['TRUNCATE t'],
  ['CREATE INDEX i ON t (a)'],
  ['CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()'],
  ['CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$'],
  ['ALTER TABLE t ADD COLUMN c int'],
  ['ALTER TABLE t DROP COLUMN a'],
  ['ALTER TABLE t RENAME COLUMN a TO z'],
  ['ALTER TABLE t RENAME TO z'],
  ['ALTER TABLE t ALTER a SET DEFAULT 1'],
  ['ALTER TABLE t ALTER a SET NOT NULL'],
  ['ALTER TABLE t ALTER a DROP NOT NULL'],
  ['ALTER TABLE t ALTER a TYPE bigint'],
  ['ALTER TABLE t ALTER a SET STATISTICS 10'],
  ['ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID'],
  ['ALTER TABLE t VALIDATE CONSTRAINT k', 'ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID'],
  ['ALTER TABLE t DROP CONSTRAINT k', 'ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID'],
  ['ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES u NOT VALID'],
  ['ALTER TABLE t ADD CONSTRAINT un UNIQUE USING INDEX i', 'CREATE UNIQUE INDEX i ON t (a)'],
  ['ALTER TABLE t SET (fillfactor = 80)'],
  ['ALTER TABLE t DISABLE TRIGGER ALL'],
  ['ALTER TABLE t REPLICA IDENTITY FULL'],
  ['ALTER TABLE t ENABLE ROW LEVEL SECURITY'],
  ['ALTER TABLE t OWNER TO CURRENT_USER'],
  ['ALTER TABLE t SET SCHEMA other'],
  ['DROP TABLE t'],
  ['DROP TRIGGER g ON t', 'CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()'],
  ['DROP FUNCTION h()', 'CREATE FUNCTION h() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$'],
  ['CREATE VIEW w AS SELECT a FROM t'],
  ['CREATE OR REPLACE VIEW v AS SELECT a FROM t', 'CREATE VIEW v AS SELECT a FROM t'],
  ['DROP VIEW v', 'CREATE VIEW v AS SELECT a FROM t'],
  ['CREATE TABLE x (LIKE t)'],
  ['CREATE TABLE x (a int REFERENCES t)', 'ALTER TABLE t ADD PRIMARY KEY (a)'],
  ['CREATE TABLE x (b int) INHERITS (t)'],
  ['CREATE TABLE x AS SELECT * FROM t'],
  ['COMMENT ON TABLE t IS NULL'],
  ["COMMENT ON COLUMN t.a IS 'x'"],
  ['CREATE STATISTICS s ON a, b FROM t'],
  ['CREATE RULE r AS ON INSERT TO t DO ALSO NOTHING'],
  ['CREATE POLICY p ON t'],
  ['CREATE PUBLICATION pub FOR TABLE t'],
  ['LOCK TABLE t IN SHARE MODE'],
  ['LOCK TABLE t IN EXCLUSIVE MODE'],
  ['CREATE SCHEMA s9'],
  ['CREATE TABLE y (a int)'],
]
const why = serverOrWhy('15')

describe.skipIf(why !== null)(`locks, as PostgreSQL 15 takes them${why === null ? '' : `: ${why}`}`, () => {
  let client: Client
  beforeAll(async () => {
    const server = await sharedServer('15')
    client = new Client({ connectionString: await server.createDatabase('lint_locks') })
    await client.connect()
    await client.query('CREATE SCHEMA other; CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE t (a int, b int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$')
  })
  afterAll(() => client.end())

  it.each(LOCKS.map(([sql, setup]) => ({ sql, setup })))('$sql', async ({ sql, setup }) => {
    await client.query('BEGIN')
    try {
      if (setup !== undefined) {
        await client.query(setup)
        await client.query('COMMIT; BEGIN')
      }
      // Only what was there before counts, and only tables and views.
      const before = await client.query('SELECT max(oid)::text AS last FROM pg_class')
      await client.query('SAVEPOINT s')
      await client.query(sql)
      const { rows } = await client.query<{ mode: string }>(
        `SELECT l.mode FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
         WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384 AND l.relation <= $1::oid AND coalesce(c.relkind, 'r') IN ('r', 'v')`,
        [(before.rows[0] as { last: string }).last],
      )
      const spelled: Record<string, string> = { AccessShareLock: 'ACCESS SHARE', RowShareLock: 'ROW SHARE', RowExclusiveLock: 'ROW EXCLUSIVE', ShareUpdateExclusiveLock: 'SHARE UPDATE EXCLUSIVE', ShareLock: 'SHARE', ShareRowExclusiveLock: 'SHARE ROW EXCLUSIVE', ExclusiveLock: 'EXCLUSIVE', AccessExclusiveLock: 'ACCESS EXCLUSIVE' }
      const order = ['none', 'ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE']
      const strongest = rows.map(({ mode }) => spelled[mode] ?? mode).reduce((a, b) => (order.indexOf(a) >= order.indexOf(b) ? a : b), 'none')
      expect(lockOf(sql).mode).toBe(strongest)
    } finally {
      await client.query('ROLLBACK')
      if (setup !== undefined) await client.query('DROP VIEW IF EXISTS v; DROP TRIGGER IF EXISTS g ON t; DROP FUNCTION IF EXISTS h(); ALTER TABLE t DROP CONSTRAINT IF EXISTS k; ALTER TABLE t DROP CONSTRAINT IF EXISTS t_pkey; ALTER TABLE t ALTER a DROP NOT NULL; DROP INDEX IF EXISTS i')
    }
  })
})
