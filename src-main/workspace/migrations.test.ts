import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../contract/migration-definition.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-migrations-')))
  mkdirSync(join(folder, 'releases', '1.8.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

const VARIABLES = { SHOP_DATABASE_URL: 'postgres://a:hunter2@b/c', SHOP_PASSWORD: 'hunter2' }

function load(content: string, files: Readonly<Record<string, string>> = {}) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(file, content)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: VARIABLES })
}

const head = `workspace: shop
tier: dev
services:
  customers: {run: node server.js, versions: ./releases}
`
/** Databases are on line 6. */
const withDatabases = (databases: string) => `${head}databases:
  ${databases}
`
/** The migration's own keys are on line 9 and below, from column 5. */
const withMigration = (lines: string, databases = 'shop: {practice: true}') => `${withDatabases(databases)}migrations:
  split:
    ${lines.trim().replaceAll('\n', '\n    ')}
`

function definitionOf(content: string, files: Readonly<Record<string, string>> = {}) {
  const result = load(content, files)
  if ('problems' in result) throw new Error(JSON.stringify(result.problems, null, 1))
  const [definition] = result.workspace.migrations
  if (!definition) throw new Error('no migration')
  return definition
}

function problemsOf(content: string, files: Readonly<Record<string, string>> = {}): readonly string[] {
  const result = load(content, files)
  return 'problems' in result ? result.problems.map(({ place, message, expected }) => `${place.file.replace(`${folder}/`, '').replace('signalbox.yaml', '')}${place.line}:${place.column} ${message} => ${expected}`.replaceAll(folder, 'FOLDER')) : []
}

const SPLIT = `table: customers
columns:
  first_name: {type: text, up: "split_part(full_name, ' ', 1)", not-null: true}
  last_name: {type: "varchar(80)", up: "split_part(full_name, ' ', 2)", default: "''", unique: true}
replaces:
  full_name: concat_ws(' ', first_name, last_name)`

const TABLES = `old: orders
drop-old: true
tables:
  sales.orders_v2:
    columns: {id: bigint, total: {type: numeric, not-null: true, default: 0}, note: text}
    primary-key: id
    unique: [note, [id, total]]
    checks: {total_positive: total >= 0}
up:
  - {key: {id: id}, set: {total: amount / 100.0}, copy: note}
down:
  - {key: {id: id}, set: {amount: total * 100}, copy: [note]}`

describe('databases', () => {
  it('reads addresses, references and practice servers', () => {
    const result = load(withDatabases('shop: {url: "${env:SHOP_DATABASE_URL}", rehearsal: staging}\n  staging: {url: "postgresql://app:${env:SHOP_PASSWORD}@db:6543/shop?sslmode=verify-full"}\n  local: {practice: true, port: 6001}'))
    if ('problems' in result) throw new Error(JSON.stringify(result.problems))
    expect(result.workspace.databases).toEqual([
      { name: 'shop', connection: { kind: 'url', url: '${env:SHOP_DATABASE_URL}' }, rehearsal: 'staging' },
      { name: 'staging', connection: { kind: 'url', url: 'postgresql://app:${env:SHOP_PASSWORD}@db:6543/shop?sslmode=verify-full' }, rehearsal: null },
      { name: 'local', connection: { kind: 'practice', port: 6001 }, rehearsal: null },
    ])
    expect(result.workspace.commands.map(({ purpose, command }) => `${purpose}: ${command}`)).toEqual(expect.arrayContaining(['migrates shop: ${env:SHOP_DATABASE_URL}']))
    expect(JSON.stringify(result.workspace)).not.toContain('hunter2')
  })

  it.each<[string, string, string | RegExp]>([
    ['a password', 'shop: {url: "postgres://app:hunter2@db/shop"}', /^6:15 a password in the file => a reference/],
    ['a password in the query', 'shop: {url: "postgres://db/shop?password=hunter2"}', /^6:15 a password in the file/],
    ['a password beside a reference', 'shop: {url: "postgres://app:x${env:SHOP_PASSWORD}@db/shop"}', /^6:15 a password in the file/],
    ['another system', 'shop: {url: "mysql://app@db/shop"}', /^6:15 this is not an address of PostgreSQL/],
    ['no database', 'shop: {url: "postgres://app@db"}', /^6:15 an address without the name of a database/],
    ['a variable that is not set', 'shop: {url: "${env:NOPE}"}', '6:15 the variable NOPE is not set => NOPE in the environment Signalbox is started in'],
    ['nothing', 'shop: {}', /^6:3 database `shop` without an address => `url:`/],
    ['practice: false', 'shop: {practice: false}', /^6:20 database `shop` without an address/],
    ['both', 'shop: {practice: true, url: "postgres://db/shop"}', /^6:20 `practice` beside `url`/],
    ['a port beside an address', 'shop: {port: 1, url: "postgres://db/shop"}', /^6:16 `port` beside `url`/],
    ['a port out of range', 'shop: {practice: true, port: 70000}', /^6:32 70000 is out of range/],
    ['an unknown key', 'shop: {practise: true}', /^6:10 unknown key `practise` in database `shop` => did you mean `practice`\?/],
    ['an unknown rehearsal', 'shop: {practice: true, rehearsal: stagin}\n  staging: {practice: true}', '6:37 there is no database `stagin` => did you mean `staging`?'],
    ['its own rehearsal', 'shop: {practice: true, rehearsal: shop}', /^6:37 a database that is its own rehearsal/],
  ])('refuses %s', (_title, databases, problem) => {
    const found = problemsOf(withDatabases(databases))
    expect(found[0]).toMatch(problem)
    expect(found.join()).not.toContain('hunter2')
  })
})

describe('migrations of columns', () => {
  it('reads what is written and fills in the rest', () => {
    expect(definitionOf(withMigration(SPLIT))).toEqual({
      id: 'split',
      title: 'split',
      database: 'shop',
      change: {
        kind: 'columns',
        table: { schema: 'public', table: 'customers' },
        add: [
          { name: 'first_name', type: 'text', up: "split_part(full_name, ' ', 1)", notNull: true, default: null, unique: false },
          { name: 'last_name', type: 'varchar(80)', up: "split_part(full_name, ' ', 2)", notNull: false, default: "''", unique: true },
        ],
        replace: [{ name: 'full_name', down: "concat_ws(' ', first_name, last_name)" }],
        checks: [],
      },
      entity: [],
      services: [],
      verify: DEFAULT_VERIFY,
      throttle: DEFAULT_THROTTLE,
      policy: DEFAULT_POLICY,
    })
  })

  it('reads every option', () => {
    const definition = definitionOf(
      withMigration(`${SPLIT}
title: Split full_name
database: shop
checks: {short: length(last_name) < 100}
entity: [id]
services: {customers: {old-versions: [1.*], new-versions: [1.1.0, 2.*]}}
verify:
  chunk-rows: 1000
  reads-per-second: 0
  written-keys-per-second: 50
  min-reads: 10
  max-latency-ratio: 2.5
  queries: {by id: {old: "SELECT full_name FROM customers WHERE id = $1::bigint", new: "SELECT concat_ws(' ', first_name, last_name) FROM customers WHERE id = $1::bigint"}}
  ignore: {spaces: {column: last_name, when: trim(old) = new, reason: not kept, until: 2027-01-31}}
throttle: {target-batch: 50ms, max-batch-rows: 500, nice: 0.5, max-replica-lag: none, max-wal-backlog: 2GiB, max-lock-waiters: 3, max-active-sessions: 20, wait-for-autovacuum: false, max-probe: 5ms, hours: 22:00-06:00}
policy: {read-steps: [10, 100], read-hold: 1s, soak: 2s, switch-soak: 3s, tombstone: 4s, approvals: {drop: 1}, rehearsal: required, max-pass-age: 5m, lock-timeout: 100ms, statement-timeout: 10m}`),
    )
    expect(definition).toMatchObject({ title: 'Split full_name', entity: ['id'], services: [{ service: 'customers', oldVersions: ['1.*'], newVersions: ['1.1.0', '2.*'] }] })
    expect(definition.verify).toMatchObject({ chunkRows: 1000, readsPerSecond: 0, writtenKeysPerSecond: 50, minReads: 10, maxLatencyRatio: 2.5 })
    expect(definition.verify.ignore).toEqual([{ name: 'spaces', column: 'last_name', when: 'trim(old) = new', reason: 'not kept', expiresAt: Date.parse('2027-01-31') }])
    expect(definition.throttle).toEqual({ targetBatchMs: 50, maxBatchRows: 500, niceRatio: 0.5, maxReplicaLagMs: null, maxWalBacklogBytes: 2 * 1024 ** 3, maxLockWaiters: 3, maxActiveSessions: 20, waitForAutovacuum: false, maxProbeMs: 5, hours: '22:00-06:00' })
    expect(definition.policy).toEqual({ readSteps: [10, 100], readHoldMs: 1000, soakMs: 2000, switchSoakMs: 3000, tombstoneMs: 4000, approvals: { switchReads: 0, switchWrites: 0, drop: 1 }, rehearsal: 'required', maxPassAgeMs: 300_000, lockTimeoutMs: 100, statementTimeoutMs: 600_000 })
  })

  it('lets reads follow a flag: in one step, unless steps are given', () => {
    const following = (lines: string) => withMigration(`${SPLIT}\n${lines}`)
    const follows = 'reads-flag: {source: shop, flag: read-new-names, variant: new}'
    expect(definitionOf(following(follows))).toMatchObject({ readsFlag: { source: 'shop', flag: 'read-new-names', variant: 'new' }, policy: { readSteps: [100], soakMs: DEFAULT_POLICY.soakMs } })
    expect(definitionOf(following(`${follows}\npolicy: {read-steps: [50, 100]}`)).policy.readSteps).toEqual([50, 100])
    expect(definitionOf(withMigration(SPLIT))).not.toHaveProperty('readsFlag')
    expect(problemsOf(following('reads-flag: {source: shop, flag: read-new-names}'))).toEqual([expect.stringContaining('`variant` is missing in `reads-flag`')])
  })

  it('asks for trust anew when SQL changes', () => {
    const digest = (content: string) => {
      const result = load(content)
      if ('problems' in result) throw new Error('problems')
      return result.workspace.commandsDigest
    }
    expect(digest(withMigration(SPLIT))).toBe(digest(withMigration(`${SPLIT}\ntitle: Other words`)))
    expect(digest(withMigration(SPLIT))).not.toBe(digest(withMigration(SPLIT.replace(', 2)', ', 3)'))))
  })

  it.each<[string, string, string | RegExp]>([
    ['a syntax error, at its place', 'table: t\ncolumns: {a: {type: text, up: "split_part(b, 1 2)"}}', /^10:52 syntax error at or near "2" => one SQL expression/],
    ['a syntax error in plain text', 'table: t\ncolumns:\n  a: {type: text, up: b +}', /^11:30 the expression is not complete/],
    ['a syntax error in a block, at its beginning', 'table: t\ncolumns:\n  a:\n    type: text\n    up: |\n      b +\n', /^13:13 the expression is not complete/],
    ['a subquery', 'table: t\ncolumns: {a: {type: text, up: (SELECT 1)}}', /^10:35 a subquery =>/],
    ['an aggregate', 'table: t\ncolumns: {a: {type: text, up: 1 + max(b)}}', /^10:39 `max` is about several rows/],
    ['now', 'table: t\ncolumns: {a: {type: timestamptz, up: now()}}', /^10:42 `now` gives the time of the transaction/],
    ['the word for it', 'table: t\ncolumns: {a: {type: timestamptz, up: CURRENT_TIMESTAMP}}', /^10:42 `CURRENT_TIMESTAMP` gives the session or the time/],
    ['a table’s column', 'table: t\ncolumns: {a: {type: text, up: t.b}}', /^10:35 `t.b` names a table/],
    ['two expressions', 'table: t\ncolumns: {a: {type: text, up: "b, c"}}', /^10:36 several expressions/],
    ['an end of the bracket', 'table: t\ncolumns: {a: {type: text, up: "b) + (c"}}', /^10:37 a closing bracket without its opening one/],
    ['a comment', 'table: t\ncolumns: {a: {type: text, up: "b -- c"}}', /^10:38 a comment to the end of the line/],
    ['another statement', 'table: t\ncolumns: {a: {type: text, up: "1); DROP TABLE t; SELECT (2"}}', /^10:37 a closing bracket/],
    ['a type that is none', 'table: t\ncolumns: {a: {type: "text not null", up: b}}', /^10:26 more than a type|^10:\d+ syntax error/],
    ['serial', 'table: t\ncolumns: {a: {type: serial, up: b}}', /^10:25 `serial` is no type of its own/],
    ['a default that reads a column', 'table: t\ncolumns: {a: {type: text, up: b, default: b}}', /^10:47 a default that reads the column `b`/],
    ['an unknown key', 'table: t\ncolumns: {a: {type: text, upp: b}}', /^10:31 unknown key `upp` in a new column => did you mean `up`\?/],
    ['a column without up', 'table: t\ncolumns: {a: {type: text}}', /^10:15 `up` is missing in a new column/],
    ['nothing to do', 'table: t', /^9:5|^8:3 a migration that changes nothing/],
    ['a down over what is gone', "table: t\ncolumns: {a: {type: text, up: b}}\nreplaces: {b: 'a || b'}", /^11:19 `down` reads `b`, which is replaced/],
    ['a check over what is gone', 'table: t\ncolumns: {a: {type: text, up: b}}\nreplaces: {b: a}\nchecks: {c: b > 1}', /^12:17 a check of the new shape reads `b`/],
    ['an unknown database', 'database: shopp\ntable: t\ncolumns: {a: {type: text, up: b}}', '9:15 there is no database `shopp` => did you mean `shop`?'],
    ['an unknown service', 'table: t\ncolumns: {a: {type: text, up: b}}\nservices: {customer: {}}', '11:16 there is no service `customer` => did you mean `customers`?'],
    ['two ways', 'table: t\nold: t\n', /^8:3 a migration that is written in two ways/],
    ['no way', 'title: x', /^8:3 a migration that does not say what it changes/],
    ['keys of the other way', 'table: t\ncolumns: {a: {type: text, up: b}}\ndrop-old: true', /^11:15 `drop-old` beside `table`/],
    ['a query without the key', `${SPLIT}\nverify: {queries: {q: {old: SELECT 1, new: SELECT 1}}}`, /^15:33 a question without the key/],
    ['a query that writes', `${SPLIT}\nverify: {queries: {q: {old: "DELETE FROM t WHERE id = $1", new: "SELECT $1"}}}`, /^15:34 a statement that is not a SELECT/],
    ['a query that writes inside', `${SPLIT}\nverify: {queries: {q: {new: "SELECT $1::int", old: "WITH x AS (DELETE FROM t WHERE id = $1 RETURNING 1) SELECT * FROM x"}}}`, /^15:57 a SELECT that writes/],
    ['an ignore rule without a reason', `${SPLIT}\nverify: {ignore: {q: {when: old = new, until: 2027-01-01}}}`, /^15:23 `reason` is missing/],
    ['a day that is none', `${SPLIT}\nverify: {ignore: {q: {when: old = new, reason: x, until: tomorrow}}}`, /^15:\d+ `tomorrow` is not a day/],
    ['steps that do not grow', `${SPLIT}\npolicy: {read-steps: [50, 25, 100]}`, /^15:31 25 follows 50/],
    ['steps that do not end at 100', `${SPLIT}\npolicy: {read-steps: [50]}`, /^15:27 the last step is 50/],
    ['a duration without a unit', `${SPLIT}\nthrottle: {target-batch: 25}`, /^15:30 `25` has no unit => .*perhaps 25ms/],
  ])('refuses %s', (_title, lines, problem) => {
    expect(problemsOf(withMigration(lines))[0]).toMatch(problem)
  })

  it('refuses an id that cannot name things in a database', () => {
    expect(problemsOf(`${withDatabases('shop: {practice: true}')}migrations:\n  Split-Name: {table: t, checks: {a: b > 1}}\n`)[0]).toMatch(/^8:3 `Split-Name` cannot be a name here/)
  })

  it('needs a database to be named when there are several, or none', () => {
    expect(problemsOf(withMigration(SPLIT, 'shop: {practice: true}\n  other: {practice: true}'))[0]).toMatch(/^9:3 `database` is missing in the migration => one of shop, other/)
    expect(problemsOf(`${head}migrations:\n  split: {table: t, checks: {a: b > 1}}\n`)[0]).toMatch(/^6:3 `database` is missing in the migration => `databases:`/)
  })
})

describe('migrations to new tables', () => {
  it('reads links, and completes what is clear', () => {
    expect(definitionOf(withMigration(TABLES)).change).toEqual({
      kind: 'tables',
      old: [{ schema: 'public', table: 'orders' }],
      new: [
        {
          name: { schema: 'sales', table: 'orders_v2' },
          columns: [
            { name: 'id', type: 'bigint', notNull: true, default: null },
            { name: 'total', type: 'numeric', notNull: true, default: '0' },
            { name: 'note', type: 'text', notNull: false, default: null },
          ],
          primaryKey: ['id'],
          unique: [['note'], ['id', 'total']],
          checks: [{ name: 'total_positive', expression: 'total >= 0' }],
        },
      ],
      up: [{ from: { schema: 'public', table: 'orders' }, to: { schema: 'sales', table: 'orders_v2' }, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'note', expression: '"note"' }, { column: 'total', expression: 'amount / 100.0' }], existence: true }],
      down: [{ from: { schema: 'sales', table: 'orders_v2' }, to: { schema: 'public', table: 'orders' }, key: [{ column: 'id', expression: 'id' }], set: [{ column: 'note', expression: '"note"' }, { column: 'amount', expression: 'total * 100' }], existence: true }],
      dropOld: true,
    })
  })

  const NEW = 'old: a\ntables:\n  b:\n    columns: {id: bigint, x: {type: text, not-null: true}}\n    primary-key: id\n'
  it.each<[string, string, string | RegExp]>([
    ['no tables', 'old: a\nup: [{key: {id: id}}]', /^8:3 `tables` is missing/],
    ['no links', 'old: a\ntables: {b: {columns: {id: bigint}, primary-key: id}}', /^8:3 `up` is missing/],
    ['no primary key', 'old: a\ntables: {b: {columns: {id: bigint}}}\nup: [{key: {id: id}}]', /^10:14 `primary-key` is missing in a new table/],
    ['a primary key of unknown columns', 'old: a\ntables: {b: {columns: {id: bigint}, primary-key: [idd]}}\nup: [{key: {idd: id}}]', /^10:55 there is no column `idd` => did you mean `id`\?/],
    ['a link to nowhere', `${NEW}up: [{to: c, key: {id: id}, set: {x: y}}]`, /^14:15 there is no table under `tables` `c`/],
    ['a link that sets an unknown column', `${NEW}up: [{key: {id: id}, set: {x: y, z: 1}}]`, /^14:41 there is no column `z`/],
    ['a link that leaves out a column', `${NEW}up: [{key: {id: id}}]`, /^14:10 `x` must not be null, has no default, and this link does not set it/],
    ['a link without the whole key', `${NEW}up: [{key: {x: id}, set: {x: y}}]`, /^14:1\d (`x` is not in the primary key|`id` of the primary key is not given)/],
    ['nothing that makes rows', `${NEW}up: [{key: {id: id}, set: {x: y}, existence: false}]`, /^1[12]:\d+ nothing makes rows of `b`/],
    ['a drop without a way back', `${NEW}drop-old: true\nup: [{key: {id: id}, set: {x: y}}]`, /^14:15 `a` is to be dropped, and no link under `down`/],
    ['a down over an unknown column', `${NEW}up: [{key: {id: id}, set: {x: y}}]\ndown: [{key: {id: id}, set: {y: zz}}]`, /^15:37 there is no column `zz`/],
    ['a check over an unknown column', 'old: a\ntables: {b: {columns: {id: bigint}, primary-key: id, checks: {c: nope > 1}}}\nup: [{key: {id: id}}]', /^10:\d+ there is no column `nope`/],
    ['one table as both', 'old: b\ntables: {b: {columns: {id: bigint}, primary-key: id}}\nup: [{key: {id: id}}]', /^10:17 `b` is an old table and a new one/],
  ])('refuses %s', (_title, lines, problem) => {
    expect(problemsOf(withMigration(lines)).join('\n')).toMatch(problem)
  })
})

describe('a migration in a file of its own', () => {
  it('is read with problems at its own lines', () => {
    expect(definitionOf(withMigration('file: split.yaml'), { 'split.yaml': SPLIT })).toMatchObject({ id: 'split', change: { kind: 'columns' } })
    expect(problemsOf(withMigration('file: split.yaml'), { 'split.yaml': SPLIT.replace("' ', 2)", "' ' 2)") })).toEqual([expect.stringMatching(/^split\.yaml4:\d+ syntax error at or near "2"/)])
    expect(problemsOf(withMigration('file: split.yaml\ntitle: x'), { 'split.yaml': SPLIT })).toEqual([expect.stringMatching(/^10:5 unknown key `title` .*`title` belongs in that file/)])
    expect(problemsOf(withMigration('file: nope.yaml'))).toEqual(['9:11 nope.yaml: there is no such file => the path of a file with a migration; --workspace FILE names it'])
    expect(problemsOf(withMigration('file: empty.yaml'), { 'empty.yaml': '' })).toEqual([expect.stringMatching(/^empty\.yaml1:1 the file is empty => `database:`/)])
  })

  it('changes the workspace’s digest with the file', () => {
    const digest = (text: string) => {
      const result = load(withMigration('file: split.yaml'), { 'split.yaml': text })
      if ('problems' in result) throw new Error('problems')
      return result.workspace.digest
    }
    expect(digest(SPLIT)).toBe(digest(SPLIT))
    expect(digest(SPLIT)).not.toBe(digest(`${SPLIT}\n# more`))
  })

  it('imports operations of pgroll', () => {
    const file = { 'ops.json': '{"name": "x", "operations": [{"alter_column": {"table": "reviews", "column": "rating", "type": "integer", "up": "CAST(rating AS integer)", "down": "CAST(rating AS text)"}}]}' }
    expect(definitionOf(withMigration('pgroll: ops.json'), file).change).toEqual({
      kind: 'columns',
      table: { schema: 'public', table: 'reviews' },
      add: [{ name: 'rating', type: 'integer', up: 'CAST(rating AS integer)', notNull: false, default: null, unique: false }],
      replace: [{ name: 'rating', down: 'CAST(rating AS text)' }],
      checks: [],
    })
    expect(problemsOf(withMigration('pgroll: ops.yaml'), { 'ops.yaml': 'operations:\n  - create_index: {table: a, name: b, columns: [c]}\n' })).toEqual([expect.stringMatching(/^ops\.yaml2:19 create_index: does not map => an index changes no data/)])
    expect(problemsOf(withMigration('pgroll: ops.yaml'), { 'ops.yaml': 'operations:\n  - rename_column: {table: a, from: b, to: c}\n' })).toEqual([expect.stringMatching(/^ops\.yaml2:20 rename_column: the operation does not say the type of `b` => .*types: \{b: text\}/)])
    expect(definitionOf(withMigration('pgroll: ops.yaml\ntypes: {b: text}'), { 'ops.yaml': 'operations:\n  - rename_column: {table: a, from: b, to: c}\n' }).change).toMatchObject({ add: [{ name: 'c', up: '"b"' }], replace: [{ name: 'b', down: '"c"' }] })
  })
})
