import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../../../../contract/migration-definition.ts'
import type { Change, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { preflightReportSchema } from '../../../../contract/migration.ts'
import { serverOrWhy, sharedServer } from '../../testing/servers.ts'
import { preflight } from './preflight.ts'
import { openSessions } from '../session.ts'

const why = serverOrWhy('15')

const SETUP = `
CREATE SCHEMA "Odd ""one""";
CREATE TABLE plain (id bigint PRIMARY KEY, a text, b int, "Weird ""name""" text, j json, at timestamptz, g int GENERATED ALWAYS AS (b * 2) STORED);
INSERT INTO plain SELECT n, CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'x y' ELSE '7' END, n, 'w', '{"k": 1}', now() FROM generate_series(1, 40) n;
CREATE TABLE keyless (a text);
CREATE TABLE "Odd ""one"""."Ta.ble" (x int, y text, PRIMARY KEY (x, y));
INSERT INTO "Odd ""one"""."Ta.ble" VALUES (1, 'a''b'), (2, E'\\\\'), (3, '');
CREATE VIEW v AS SELECT * FROM plain;`

const tables = fc.constantFrom({ schema: 'public', table: 'plain' }, { schema: 'public', table: 'plain' }, { schema: 'public', table: 'keyless' }, { schema: 'Odd "one"', table: 'Ta.ble' }, { schema: 'public', table: 'v' }, { schema: 'pg_catalog', table: 'pg_class' }, { schema: 'nowhere', table: "x'; DROP TABLE plain; --" }, { schema: 'public', table: 'fresh' })
const columns = fc.constantFrom('id', 'a', 'b', 'c', 'd', 'g', 'j', 'x', 'y', 'Weird "name"', "o'brien", 'ctid', 'ä'.repeat(31), 'n'.repeat(63), '$$', '\\')
const expressions = fc.constantFrom('a', 'b', 'id', 'c', 'd', 'a || b', 'b::text', 'a::int', '1 / (b - 3)', 'g', 'j', 'at::text', "j ->> 'k'", '"Weird ""name"""', 'x', 'y', 'NULL', '1', "'it''s'", "E'\\''", '$1', 'now()', 'random()', 'nope(a)', 'a +', '(SELECT 1)', 'count(*)', 'a) , (b', '1); DROP TABLE plain; SELECT (1', 'length(a)', 'ROW(a, b)', 'ARRAY[a]', "repeat(a, 3)", 'lower(c)', 'c IS NOT NULL', "c <> ''", 'true')
const types = fc.constantFrom('text', 'int', 'bigint', 'varchar(1)', 'numeric(3,1)', 'json', 'timestamptz', 'text[]', 'bit(3)', 'char(2)', 'mood', 'serial', 'text not null', '', 'record', 'void', 'boolean', '"char"', 'xml')
const defaults = fc.constantFrom(null, '1', "'x'", 'now()', 'b', 'nope(')

const newColumn = fc.record({ name: columns, type: types, up: expressions, notNull: fc.boolean(), default: defaults, unique: fc.boolean() })
const check = fc.record({ name: columns, expression: expressions })
const columnChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constant('columns' as const),
  table: tables,
  add: fc.array(newColumn, { maxLength: 3 }),
  replace: fc.array(fc.record({ name: columns, down: expressions }), { maxLength: 2 }),
  checks: fc.array(check, { maxLength: 2 }),
})
const part = fc.record({ column: columns, expression: expressions })
const link = fc.record({ from: tables, to: tables, key: fc.array(part, { minLength: 1, maxLength: 2 }), set: fc.array(part, { maxLength: 2 }), existence: fc.boolean() })
const tableChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constant('tables' as const),
  old: fc.array(tables, { minLength: 1, maxLength: 2 }),
  new: fc.array(fc.record({ name: tables, columns: fc.array(fc.record({ name: columns, type: types, notNull: fc.boolean(), default: defaults }), { minLength: 1, maxLength: 3 }), primaryKey: fc.array(columns, { minLength: 1, maxLength: 2 }), unique: fc.array(fc.array(columns, { minLength: 1, maxLength: 2 }), { maxLength: 1 }), checks: fc.array(check, { maxLength: 1 }) }), { minLength: 1, maxLength: 2 }),
  up: fc.array(link, { minLength: 1, maxLength: 2 }),
  down: fc.array(link, { maxLength: 2 }),
  dropOld: fc.boolean(),
})
/** Sound but for what the data does to it, so that the checks at the end are reached too. */
const soundUp = fc.constantFrom('a', 'b', 'id', 'a::int', '1 / (b - 3)', 'j', "j ->> 'k'", "(j ->> 'k')::int", 'at', 'at::text', 'length(a)', '"Weird ""name"""', "repeat(a, 3)", "nullif(a, '')", 'b % 5', 'NULL', "E'\\'' || a", 'ARRAY[a]', '(a, b)::text')
const soundType = fc.constantFrom('text', 'int', 'bigint', 'varchar(1)', 'numeric(3,1)', 'json', 'jsonb', 'timestamptz', 'text[]', 'char(2)', 'boolean', 'bit(3)', 'xml')
const soundDown = fc.constantFrom('c::text', 'b::text', "'x'", 'NULL', 'c::text || b::text', 'left(c::text, 3)')
const soundCheck = fc.constantFrom('c IS NOT NULL', 'true', 'b > 3', 'length(c::text) > 1', '10 / (b - 7) > 0', 'NULL::boolean')
const soundColumns: fc.Arbitrary<Change> = fc
  .record({ up: soundUp, type: soundType, down: soundDown, check: soundCheck, unique: fc.boolean(), notNull: fc.boolean(), name: fc.constantFrom('c', 'a') })
  .map(({ up, type, down, check: condition, unique, notNull, name }) => ({ kind: 'columns' as const, table: { schema: 'public', table: 'plain' }, add: [{ name, type, up, notNull, default: null, unique }], replace: [{ name: 'a', down: down.replaceAll('c::', `${name}::`) }], checks: [{ name: 'k', expression: condition.replaceAll(/\bc\b/g, name) }] }))
const PLAIN = { schema: 'public', table: 'plain' }
const FRESH = { schema: 'public', table: 'fresh' }
const soundTables: fc.Arbitrary<Change> = fc
  .record({ key: fc.constantFrom('id', 'id / 2', 'nullif(id, 5)', 'b'), up: soundUp, type: soundType, notNull: fc.boolean(), down: fc.constantFrom('c::text', "'x'", 'NULL', 'k::text'), drop: fc.boolean(), existence: fc.boolean(), unique: fc.boolean() })
  .map(({ key, up, type, notNull, down, drop, existence, unique }) => ({
    kind: 'tables' as const,
    old: [PLAIN],
    new: [{ name: FRESH, columns: [{ name: 'k', type: 'bigint', notNull: true, default: null }, { name: 'c', type, notNull, default: null }], primaryKey: ['k'], unique: unique ? [['c']] : [], checks: [] }],
    up: [{ from: PLAIN, to: FRESH, key: [{ column: 'k', expression: key }], set: [{ column: 'c', expression: up }], existence: true }],
    down: [{ from: FRESH, to: PLAIN, key: [{ column: 'id', expression: 'k' }], set: [{ column: 'a', expression: down }], existence }],
    dropOld: drop,
  }))
const wild = fc.record({ when: expressions, query: fc.constantFrom('SELECT nope WHERE $1', 'SELECT 1; DROP TABLE plain', 'DELETE FROM plain WHERE id = $1') })
const tame = fc.record({ when: fc.constant("old IS NOT DISTINCT FROM lower(new)"), query: fc.constant('SELECT a FROM plain WHERE id = $1::bigint') })
const sound = fc.record({ change: fc.oneof(soundColumns, soundTables), entity: fc.constant<string[]>([]), verify: tame })
const anything = fc.record({ change: fc.oneof(columnChange, tableChange), entity: fc.array(columns, { maxLength: 2 }), verify: wild })
const definition: fc.Arbitrary<MigrationDefinition> = fc
  .oneof({ weight: 2, arbitrary: sound }, { weight: 1, arbitrary: anything })
  .map(({ change, entity, verify: { when, query } }) => ({ id: 'fuzz', title: '', database: 'd', change, entity, services: [], verify: { ...DEFAULT_VERIFY, queries: [{ name: 'q', old: query, new: query }], ignore: [{ name: 'i', column: null, when, reason: 'r', expiresAt: 0 }] }, throttle: DEFAULT_THROTTLE, policy: DEFAULT_POLICY }))

describe.skipIf(why !== null)(`preflight of anything${why === null ? '' : `: ${why}`}`, () => {
  it('answers with checks, each with what mends it, and changes nothing', async () => {
    const server = await sharedServer('15')
    const name = `preflight_fuzz_${process.pid}`
    const url = await server.createDatabase(name)
    await server.sql(SETUP, name)
    const state = () => server.sql('SELECT count(*)::int AS rows, (SELECT count(*)::int FROM pg_class) AS relations, (SELECT count(*)::int FROM pg_proc) AS functions FROM plain', name)
    const before = await state()
    const sessions = openSessions({ database: 'd', url })
    const reached = new Set<string>()
    let passed = 0
    let refused = 0
    try {
      await fc.assert(
        fc.asyncProperty(definition, async (one) => {
          const report = preflightReportSchema.parse(await preflight(sessions, one, new AbortController().signal, { scanMs: 2000 }))
          expect(report.checks.length).toBeGreaterThan(3)
          expect(report.ok).toBe(report.checks.every(({ state }) => state !== 'blocker'))
          for (const { state, detail, fix } of report.checks) {
            expect(detail).not.toBe('')
            if (state !== 'ok') expect(fix).not.toBe('')
            // A slip of ours in the SQL would be seen here, not as a finding about the definition.
            expect(detail).not.toMatch(/could not be looked at|could not be read/)
          }
          for (const { name } of report.checks) reached.add(name)
          if (report.ok) passed += 1
          else refused += 1
        }),
        // The same ones each time, so that what is expected to be reached is.
        { numRuns: 50, seed: 5, endOnFailure: true },
      )
    } finally {
      await sessions.close()
    }
    expect(await state()).toEqual(before)
    expect(refused).toBeGreaterThan(20)
    expect(passed).toBeGreaterThan(0)
    expect([...reached]).toEqual(expect.arrayContaining(['steady', 'rows', 'unique', 'round trip', 'dependents', 'table', 'expressions']))
  }, 120_000)
})
