import { describe, expect, test } from 'vitest'
import { migrationDigest } from './digest.ts'
import type { ColumnDetail, TableDetail } from '../facts.ts'
import { concurrentIndexes } from './indexes.ts'
import { unitsNow } from '../names.ts'
import { rewriteColumns, rewriteIndex } from './rewrite-columns.ts'
import { previewSql } from './sql-preview.ts'
import { stepSql } from './structure.ts'
import { SAMPLES } from '../testing/changes.ts'
import { definitionOf } from '../testing/step-walk.ts'

const column = (name: string, type: string, more: Partial<ColumnDetail> = {}): ColumnDetail => ({ name, type, notNull: false, default: null, generated: false, identity: null, sequence: null, comment: null, grants: [], ...more })
const table = (name: string, columns: readonly ColumnDetail[], more: Partial<TableDetail> = {}): TableDetail => ({ name: { schema: 'public', table: name }, columns, primaryKey: ['id'], owner: 'shop', grants: [], indexes: [], subscribed: false, ...more })

const CUSTOMERS = table('customers', [column('id', 'bigint', { notNull: true, identity: 'byDefault' }), column('full_name', 'text', { notNull: true, default: `''::text` }), column('email', 'text'), column('visits', 'integer', { notNull: true, default: '0' })], {
  grants: [{ to: 'reader', privilege: 'SELECT', grantable: false }],
})
const ORDERS = table('orders', [column('id', 'integer', { notNull: true }), column('part', 'integer', { notNull: true }), column('amount', 'text', { notNull: true, default: `'0'::text` })], {
  primaryKey: ['id', 'part'],
  indexes: [{ name: 'orders_amount', definition: 'CREATE INDEX orders_amount ON public.orders USING btree (amount, id)', columns: ['amount', 'id'], unique: false, constraint: null, constraintDefinition: null }],
})

const of = (sample: string, tables: readonly TableDetail[]) => ({ definition: definitionOf(SAMPLES[sample]!.change), tables, serverVersion: 150_018, role: 'shop' })

describe('the SQL of steps', () => {
  test.each([
    ['split', CUSTOMERS],
    ['newTable', CUSTOMERS],
    ['textToNumeric', ORDERS],
  ] as const)('%s: all of it, as it was read and agreed to', async (sample, facts) => {
    const text = previewSql(of(sample, [facts]))
      .map(({ step, lock, sql }) => `-- ${step}\n-- ${lock}\n${sql}`)
      .join('\n\n')
    await expect(text).toMatchFileSnapshot(`__snapshots__/${sample}.sql`)
  })

  test('no step of reads or writes, and no shadow, locks a table', () => {
    for (const step of ['createShadow', 'setReads', 'setWrites'] as const) {
      const { locks, statements } = stepSql(of('split', [CUSTOMERS]), step, { readsPercent: 1, writes: 'new', standing: 'expanded' })
      expect(locks).toEqual([])
      expect(statements.join('\n')).not.toMatch(/^ALTER TABLE|^LOCK/m)
    }
    expect(stepSql(of('split', [CUSTOMERS]), 'expand', { readsPercent: 0, writes: 'old', standing: 'shadow' }).locks, 'control').not.toEqual([])
  })

  test('an expression that reads what its side does not have, or does not parse, says so', () => {
    const { change } = SAMPLES['split']!
    if (change.kind !== 'columns') throw new Error('columns were wanted')
    const bad = (up: string) => () => stepSql({ ...of('split', [CUSTOMERS]), definition: definitionOf({ ...change, add: change.add.map((one) => ({ ...one, up })) }) }, 'expand', { readsPercent: 0, writes: 'old', standing: 'shadow' })
    expect(bad('nothing_like_it')).toThrow('nothing_like_it')
    expect(bad('split_part(full_name')).toThrow('does not parse')
    expect(bad('customers.full_name')).toThrow('names a column with its table')
  })

  test('the digest changes with what is done, not with who owns it or may read it', () => {
    const { definition } = of('split', [CUSTOMERS])
    const digest = migrationDigest(definition, [CUSTOMERS])
    expect(migrationDigest(definition, [{ ...CUSTOMERS, owner: 'other', grants: [] }])).toBe(digest)
    expect(migrationDigest({ ...definition, policy: { ...definition.policy, lockTimeoutMs: 99 } }, [CUSTOMERS])).toBe(digest)
    const { change } = definition
    if (change.kind !== 'columns') throw new Error('columns were wanted')
    expect(migrationDigest({ ...definition, change: { ...change, replace: change.replace.map((one) => ({ ...one, down: 'first' })) } }, [CUSTOMERS])).not.toBe(digest)
    expect(migrationDigest(definition, [{ ...CUSTOMERS, columns: [...CUSTOMERS.columns, column('more', 'text')] }])).not.toBe(digest)
  })
})

describe('names', () => {
  test('only columns of an expression are rewritten', () => {
    expect(rewriteColumns(`coalesce("Ünï", 'amount') || date(date) || amount::text || "b c"`, (name) => `r."${name}"`)).toBe(`coalesce(r."Ünï", 'amount') || date(r."date") || r."amount"::text || r."b c"`)
    expect(rewriteColumns(`CASE WHEN a > 1 THEN a ELSE b END`, (name) => (name === 'a' ? 'x' : 'y'))).toBe('CASE WHEN x > 1 THEN x ELSE y END')
  })

  test('an index is copied over the stored column, its conditions and expressions too', () => {
    expect(rewriteIndex('CREATE UNIQUE INDEX foo ON public.t USING btree (amount DESC, lower(code), date(date), ((amount + 1))) INCLUDE (x) WHERE (amount > 0::numeric)', '"copy"', (name) => ({ amount: '"a"', code: '"c"' })[name] ?? null)).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY "copy" ON public.t USING btree ("a" DESC, lower("c"), date(date), (("a" + 1))) INCLUDE (x) WHERE ("a" > 0::numeric)',
    )
    expect(concurrentIndexes(of('textToNumeric', [ORDERS]).definition, [ORDERS]).map(({ name }) => name)).toEqual(['sb_mig_orders_amount'])
  })

  test('units speak of columns by where they are stored now', () => {
    const { definition } = of('textToNumeric', [ORDERS])
    const { up, down } = unitsNow(definition, [ORDERS], false)
    expect(up[0]?.set).toEqual([{ column: 'sb_mig_amount', expression: '"amount"::numeric' }])
    expect(down[0]?.set).toEqual([{ column: 'amount', expression: '"sb_mig_amount"::text' }])
    const gone = unitsNow(definition, [ORDERS], true)
    expect(gone.down[0]?.set).toEqual([{ column: 'sb_gone_mig_amount', expression: '"amount"::text' }])
  })
})
