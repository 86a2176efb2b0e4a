import { isMap } from 'yaml'
import type { Node, YAMLMap } from 'yaml'
import type { Change, MigrationDefinition } from '../contract/migration-definition.ts'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY, migrationDefinitionSchema } from '../contract/migration-definition.ts'
import { entryOf, field, mapping, record } from './collections.ts'
import type { Fields, ReadOf } from './collections.ts'
import { columnChange, newColumnsReader, replacesReader } from './migration-columns-reader.ts'
import { readIncluded } from './migration-file.ts'
import type { Included } from './migration-file.ts'
import { identifier, isKnown, namedExpressions, oneOrMore, tableName } from './migration-names.ts'
import { migrationServicesReader, policyReader, readsFlagReader, throttleReader, verifyReader } from './migration-options.ts'
import { pgrollChange } from './migration-pgroll.ts'
import { linksReader, newTablesReader, oldReader, tableChange } from './migration-tables-reader.ts'
import { describe, reportAt } from './reading.ts'
import type { Reader, Reading } from './reading.ts'
import { text, yesNo } from './scalars.ts'
import { sqlType } from './sql-text.ts'
import { clip } from './units.ts'

/** Readers of `migrations`: what is to become of which tables. */

const ID = { pattern: /^[a-z][a-z0-9_]{0,39}$/, expected: 'an id of lower-case letters, digits and `_`, at most 40, beginning with a letter: it names what is made in the database' }
const MAX_MIGRATIONS = 200
const PATH = { expected: 'the path of a file, from where this file is', maxLength: 1000 }

export interface MigrationSurroundings {
  /** Absolute folder of the workspace file. */
  readonly folder: string
  readonly databases: readonly string[]
  readonly services: readonly string[]
  /** Files read besides the workspace file: their problems and digests are gathered here. */
  readonly included: Included
}

function fieldsOf(around: MigrationSurroundings) {
  return {
    title: field('title', text({ expected: 'what it does, in a few words', maxLength: 200 })),
    database: field('database', text({ expected: 'the name of a database under `databases`', maxLength: 100 })),
    table: field('table', tableName),
    columns: field('columns', newColumnsReader),
    replaces: field('replaces', replacesReader),
    checks: field('checks', namedExpressions),
    old: field('old', oldReader),
    tables: field('tables', newTablesReader),
    up: field('up', linksReader),
    down: field('down', linksReader),
    'drop-old': field('dropOld', yesNo),
    pgroll: field('pgroll', text(PATH)),
    types: field('types', record('types', { pattern: /^[^\p{Cc}".]{1,63}$/u, expected: 'a column’s name' }, () => sqlType)),
    entity: field('entity', oneOrMore('columns', identifier, 5)),
    services: field('services', migrationServicesReader(around.services)),
    verify: field('verify', verifyReader),
    throttle: field('throttle', throttleReader),
    policy: field('policy', policyReader),
    'reads-flag': field('readsFlag', readsFlagReader),
  } satisfies Fields
}
type MigrationRead = ReadOf<ReturnType<typeof fieldsOf>>

/** Which keys belong to which way of writing a change. */
const WAYS = {
  columns: { leads: ['table'], keys: ['columns', 'replaces', 'checks'] },
  tables: { leads: ['old', 'tables'], keys: ['up', 'down', 'dropOld'] },
  pgroll: { leads: ['pgroll'], keys: ['types'] },
} as const
type Way = keyof typeof WAYS

/** `migrations: {split_name: {database: shop, table: customers, columns: {...}, replaces: {...}}}`. */
export function migrationsReader(around: MigrationSurroundings): Reader<readonly MigrationDefinition[]> {
  return (node, at) => {
    if (isMap(node) && node.items.length > MAX_MIGRATIONS) return reportAt(node, at, `${node.items.length} migrations`, `at most ${MAX_MIGRATIONS}`)
    const read = record('migrations', ID, (id) => (value, inner) => readMigration(id, value, inner, around))(node, at)
    return read && Object.values(read)
  }
}

function readMigration(id: string, node: Node, at: Reading, around: MigrationSurroundings): MigrationDefinition | undefined {
  if (!isMap(node)) return reportAt(node, at, `${describe(node)} where a migration is needed`, 'a mapping with `table:` and `columns:`, with `old:` and `tables:`, or with `file:`')
  if (entryOf(node, 'file') === undefined) return inHere(id, node, at, around)
  const read = mapping(`migration \`${clip(id)}\``, { file: field('file', text(PATH)) }, Object.fromEntries(Object.keys(fieldsOf(around)).map((key) => [key, `\`${key}\` belongs in that file.`])))(node, at)
  if (read?.file === undefined) return undefined
  return readIncluded({ path: read.file, folder: around.folder, at, included: around.included, needed: '`database:`, and `table:` with `columns:`, or `old:` with `tables:`' }, (root, inner) => inHere(id, root, inner, around))
}

function inHere(id: string, node: YAMLMap, at: Reading, around: MigrationSurroundings): MigrationDefinition | undefined {
  const read = mapping(`migration \`${clip(id)}\``, fieldsOf(around))(node, at)
  if (!read) return undefined
  const has = (key: string) => at.has([...at.path, key])
  const database = databaseOf(read, at, around)
  const way = wayOf(has, at)
  const change = way && changeOf(way, read, at, around)
  if (database === undefined || !change) return undefined
  const definition: MigrationDefinition = {
    id,
    title: read.title ?? id,
    database,
    change,
    entity: read.entity ?? [],
    services: read.services ?? [],
    verify: read.verify ?? DEFAULT_VERIFY,
    throttle: read.throttle ?? DEFAULT_THROTTLE,
    // Where a flag decides, the database's own share has nothing to do step by step.
    policy: read.policy ?? (read.readsFlag ? { ...DEFAULT_POLICY, readSteps: [100] } : DEFAULT_POLICY),
    ...(read.readsFlag ? { readsFlag: { source: read.readsFlag.source ?? '', flag: read.readsFlag.flag ?? '', variant: read.readsFlag.variant ?? '' } } : {}),
  }
  return at.problems.any ? undefined : checked(definition, at)
}

function databaseOf(read: MigrationRead, at: Reading, { databases }: MigrationSurroundings): string | undefined {
  if (read.database !== undefined) {
    const place = { ...at, owner: at.placeOf([...at.path, 'database']) }
    return isKnown(place, read.database, databases, 'database') ? read.database : undefined
  }
  if (at.has([...at.path, 'database'])) return undefined
  const [only, ...more] = databases
  if (only !== undefined && more.length === 0) return only
  at.problems.report(at.owner, '`database` is missing in the migration', databases.length === 0 ? '`databases:` with one, at the top of the workspace file' : `one of ${databases.slice(0, 10).join(', ')}`)
  return undefined
}

function wayOf(has: (key: string) => boolean, at: Reading): Way | undefined {
  const ways = (Object.keys(WAYS) as Way[]).filter((way) => WAYS[way].leads.some((key) => has(key)))
  const [way, ...more] = ways
  const expected = '`table:` with `columns:` and `replaces:`; or `old:` with `tables:`, `up:` and `down:`; or `pgroll:` with a file of its operations'
  if (way === undefined || more.length > 0) {
    at.problems.report(at.owner, way === undefined ? 'a migration that does not say what it changes' : 'a migration that is written in two ways', expected)
    return undefined
  }
  let fine = true
  for (const other of Object.keys(WAYS) as Way[]) {
    if (other === way) continue
    for (const key of WAYS[other].keys) {
      if (!has(key)) continue
      fine = false
      at.problems.report(at.placeOf([...at.path, key]), `\`${key === 'dropOld' ? 'drop-old' : key}\` beside \`${WAYS[way].leads[0]}\``, expected)
    }
  }
  return fine ? way : undefined
}

function changeOf(way: Way, read: MigrationRead, at: Reading, around: MigrationSurroundings): Change | undefined {
  const given = (key: string) => at.has([...at.path, key])
  switch (way) {
    case 'columns':
      // What is written and could not be read has been reported; the rest would only repeat it.
      if (!read.table || (['columns', 'replaces', 'checks'] as const).some((key) => given(key) && read[key] === undefined)) return undefined
      return columnChange({ table: read.table, columns: read.columns ?? {}, replaces: read.replaces ?? {}, checks: read.checks ?? {} }, at)
    case 'tables': {
      const missing = (['old', 'tables', 'up'] as const).filter((key) => !given(key))
      for (const key of missing) at.problems.report(at.owner, `\`${key}\` is missing in the migration`, { old: 'the tables there are: `old: orders`', tables: 'the tables to be made: `tables:` with their columns', up: 'how rows get there: `up:` with a list of links' }[key])
      if (!read.old || !read.tables || !read.up || (given('down') && !read.down)) return undefined
      return tableChange({ old: read.old, tables: read.tables, up: read.up, down: read.down ?? [], dropOld: read.dropOld ?? false }, at)
    }
    case 'pgroll':
      return read.pgroll === undefined || (given('types') && !read.types) ? undefined : pgrollChange({ path: read.pgroll, types: read.types ?? {}, at, folder: around.folder, included: around.included })
  }
}

/** The contract's own rules have the last word, whatever the readers let through. */
function checked(definition: MigrationDefinition, at: Reading): MigrationDefinition | undefined {
  const parsed = migrationDefinitionSchema.safeParse(definition)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) at.problems.report(at.owner, `${issue.path.join('.')}: ${issue.message}`, 'what docs/migrations.md says of this key')
  return undefined
}
