import { describe, expect, it } from 'vitest'
import { importPgroll } from './pgroll-import.ts'

const of = (operations: readonly unknown[], types: Readonly<Record<string, string>> = {}) => importPgroll({ name: '01', operations }, types)
const problemsOf = (operation: unknown, types: Readonly<Record<string, string>> = {}) => of([operation], types).problems.map(({ path, message, expected }) => `${path.join('.')} ${message} => ${expected}`)
const CHANGE = { kind: 'columns', table: { schema: 'public', table: 'books' }, add: [], replace: [], checks: [] }
const column = (name: string, type: string, up: string, more: object = {}) => ({ name, type, up, notNull: false, default: null, unique: false, ...more })

describe('operations of pgroll that map', () => {
  it.each<[string, unknown, Readonly<Record<string, string>>, object]>([
    ['a column that is derived', { add_column: { table: 'books', up: 'upper(title)', column: { name: 'shelf', type: 'varchar(40)', nullable: true, unique: true, default: "'none'" } } }, {}, { add: [column('shelf', 'varchar(40)', 'upper(title)', { unique: true, default: "'none'" })] }],
    ['a column that is NOT NULL because nothing else is said', { add_column: { table: 'books', up: 'upper(title)', column: { name: 'shelf', type: 'text' } } }, {}, { add: [column('shelf', 'text', 'upper(title)', { notNull: true })] }],
    ['a column with a check', { add_column: { table: 'books', up: 'pages', column: { name: 'leaves', type: 'int', nullable: 'true', check: { name: 'some', constraint: 'leaves > 0' } } } }, {}, { add: [column('leaves', 'int', 'pages')], checks: [{ name: 'some', expression: 'leaves > 0' }] }],
    ['a change of type', { alter_column: { table: 'books', column: 'price', type: 'numeric(9,2)', up: 'price::numeric', down: 'price::text' } }, {}, { add: [column('price', 'numeric(9,2)', 'price::numeric')], replace: [{ name: 'price', down: 'price::text' }] }],
    ['an expression written as SELECT', { alter_column: { table: 'books', column: 'price', type: 'int', up: 'SELECT CASE WHEN price IS NULL THEN 0 ELSE price::int END', down: '(SELECT price::text)' } }, {}, { add: [column('price', 'int', 'CASE WHEN price IS NULL THEN 0 ELSE price::int END')], replace: [{ name: 'price', down: 'price::text' }] }],
    ['NOT NULL', { alter_column: { table: 'books', column: 'title', nullable: false, up: "coalesce(title, 'untitled')", down: 'title' } }, { title: 'text' }, { add: [column('title', 'text', "coalesce(title, 'untitled')", { notNull: true })], replace: [{ name: 'title', down: 'title' }] }],
    ['a default, and one that is taken away', { alter_column: { table: 'books', column: 'title', default: "'untitled'", up: 'title', down: 'title' } }, { title: 'text' }, { add: [column('title', 'text', 'title', { default: "'untitled'" })], replace: [{ name: 'title', down: 'title' }] }],
    ['unique', { alter_column: { table: 'books', column: 'isbn', unique: { name: 'one' }, up: 'isbn', down: 'isbn' } }, { isbn: 'text' }, { add: [column('isbn', 'text', 'isbn', { unique: true })], replace: [{ name: 'isbn', down: 'isbn' }] }],
    ['a check alone', { alter_column: { table: 'books', column: 'pages', check: { name: 'some', constraint: 'pages > 0' }, up: 'pages', down: 'pages' } }, {}, { checks: [{ name: 'some', expression: 'pages > 0' }] }],
    ['a rename', { rename_column: { table: 'books', from: 'title', to: 'name' } }, { title: 'text' }, { add: [column('name', 'text', '"title"')], replace: [{ name: 'title', down: '"name"' }] }],
    ['a rename, written the older way', { alter_column: { table: 'books', column: 'title', name: 'name' } }, { title: 'text' }, { add: [column('name', 'text', '"title"')], replace: [{ name: 'title', down: '"name"' }] }],
    ['a drop with a way back', { drop_column: { table: 'books', column: 'shout', down: 'upper(title)' } }, {}, { replace: [{ name: 'shout', down: 'upper(title)' }] }],
    ['a check as a constraint', { create_constraint: { table: 'books', name: 'some', type: 'check', columns: ['pages'], check: 'pages > 0', up: { pages: 'pages' }, down: { pages: 'pages' } } }, {}, { checks: [{ name: 'some', expression: 'pages > 0' }] }],
    ['a check that mends values', { create_constraint: { table: 'books', name: 'some', type: 'check', columns: ['pages'], check: 'pages > 0', up: { pages: 'greatest(pages, 1)' }, down: { pages: 'pages' } } }, { pages: 'int' }, { add: [column('pages', 'int', 'greatest(pages, 1)')], replace: [{ name: 'pages', down: 'pages' }], checks: [{ name: 'some', expression: 'pages > 0' }] }],
    ['a unique constraint', { create_constraint: { table: 'books', name: 'one', type: 'unique', columns: ['isbn'], up: { isbn: 'isbn' }, down: { isbn: 'isbn' } } }, { isbn: 'text' }, { add: [column('isbn', 'text', 'isbn', { unique: true })], replace: [{ name: 'isbn', down: 'isbn' }] }],
    ['a table of another schema', { drop_column: { table: 'library.books', column: 'shout', down: 'upper(title)' } }, {}, { table: { schema: 'library', table: 'books' }, replace: [{ name: 'shout', down: 'upper(title)' }] }],
  ])('%s', (_title, operation, types, change) => {
    expect(of([operation], types)).toEqual({ changes: [{ ...CHANGE, ...change }], problems: [] })
  })

  it('joins operations of one table, and keeps tables apart', () => {
    const { changes, problems } = of([
      { add_column: { table: 'books', up: 'upper(title)', column: { name: 'shelf', type: 'text', nullable: true } } },
      { drop_column: { table: 'books', column: 'place', down: 'lower(shelf)' } },
      { drop_column: { table: 'authors', column: 'shout', down: 'upper(name)' } },
    ])
    expect(problems).toEqual([])
    expect(changes.map(({ table, add, replace }) => [table.table, add.length, replace.length])).toEqual([['books', 1, 1], ['authors', 0, 1]])
  })
})

describe('operations of pgroll that do not map', () => {
  it.each<[string, unknown, RegExp]>([
    ['create_table', { create_table: { name: 'x', columns: [] } }, /^operations\.0\.create_table create_table: does not map => a table of its own needs no phases/],
    ['sql', { sql: { up: 'SELECT 1' } }, /^operations\.0\.sql sql: does not map => nobody knows what raw SQL does/],
    ['create_index', { create_index: { table: 'x' } }, /an index changes no data/],
    ['something new', { teleport: {} }, /teleport: does not map => one of add_column, alter_column/],
    ['a column that is simply new', { add_column: { table: 'books', column: { name: 'x', type: 'int' } } }, /add_column: `x` comes from no other column => nothing: a column that is simply new needs no phases/],
    ['a drop without a way back', { drop_column: { table: 'books', column: 'x' } }, /drop_column: `x` is dropped with no way back => `down:`/],
    ['a foreign key', { alter_column: { table: 'books', column: 'x', type: 'int', references: { name: 'fk', table: 'y', column: 'z' }, up: 'x', down: 'x' } }, /^operations\.0\.alter_column\.references alter_column: `references` does not map => a foreign key added afterwards/],
    ['a comment', { alter_column: { table: 'books', column: 'x', type: 'int', comment: 'hello', up: 'x', down: 'x' } }, /`comment` does not map/],
    ['a primary key', { add_column: { table: 'books', up: 'y', column: { name: 'x', type: 'int', pk: true } } }, /`pk` does not map => a new primary key is a re-key/],
    ['unique over several columns', { create_constraint: { table: 'books', name: 'u', type: 'unique', columns: ['a', 'b'], up: {}, down: {} } }, /a constraint of type unique over several columns does not map/],
    ['a foreign key constraint', { create_constraint: { table: 'books', name: 'u', type: 'foreign_key', columns: ['a'] } }, /a constraint of type foreign_key does not map/],
    ['a subquery', { alter_column: { table: 'books', column: 'x', type: 'int', up: '(SELECT max(y) FROM z)', down: 'x' } }, /^operations\.0\.alter_column\.up alter_column: /],
    ['no type to be known', { rename_column: { table: 'books', from: 'a', to: 'b' } }, /the operation does not say the type of `a` => it beside `pgroll`/],
    ['no table', { drop_column: { column: 'a' } }, /drop_column: without a table/],
    ['two operations in one', { drop_column: {}, add_column: {} }, /^operations\.0 not one operation/],
    ['a type that is none', { alter_column: { table: 'books', column: 'x', type: 'int not null', up: 'x', down: 'x' } }, /^operations\.0\.alter_column\.type /],
  ])('%s', (_title, operation, problem) => {
    expect(problemsOf(operation).join('\n')).toMatch(problem)
  })

  it('takes anything for a document', () => {
    for (const document of [null, undefined, 1, 'x', [], {}, { operations: 'x' }, { operations: [null, 1, 'x', [], {}] }, { operations: [{ add_column: 1 }, { alter_column: { table: 't' } }, { rename_column: { table: 't' } }, { create_constraint: { table: 't', up: 1, columns: 2 } }] }]) {
      expect(importPgroll(document).problems.length).toBeGreaterThan(0)
    }
  })
})
