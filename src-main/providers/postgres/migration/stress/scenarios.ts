import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY, type Change, type Link, type MigrationDefinition, type TableName } from '../../../../contract/migration-definition.ts'
import type { MigrationPhase } from '../../../../contract/migration.ts'
import type { Access, Course } from './access.ts'
import { OLD_SHAPE, REKEYED_SHAPE, RETYPED_SHAPE, type Shape, SPLIT_SHAPE, TWO_TABLES_SHAPE } from './shape.ts'

/** One migration that is walked through under load. */
export interface Scenario {
  readonly name: string
  readonly definition: MigrationDefinition
  readonly newShape: Shape
  /** The new shape can be written under the tables' own names while the old columns are there. */
  readonly newBeside: boolean
}

const table = (name: string): TableName => ({ schema: 'public', table: name })
const CUSTOMERS = table('customers')

function definition(id: string, change: Change): MigrationDefinition {
  return {
    id,
    title: id,
    database: 'stress',
    change,
    entity: ['tenant_id'],
    services: [],
    // Small, so that a table of some thousand rows has many pages and chunks for writers to get between.
    verify: { ...DEFAULT_VERIFY, chunkRows: 500, readsPerSecond: 50, minReads: 0, maxLatencyRatio: 1000 },
    throttle: { ...DEFAULT_THROTTLE, targetBatchMs: 5, maxBatchRows: 100, niceRatio: 0, maxLockWaiters: 1000, waitForAutovacuum: false },
    policy: { ...DEFAULT_POLICY, readSteps: [25, 100], readHoldMs: 0, soakMs: 0, switchSoakMs: 0, tombstoneMs: 0 },
  }
}

const column = (name: string, up: string, type = 'text', more: { notNull?: boolean; default?: string } = {}) => ({ name, type, up, notNull: more.notNull ?? false, default: more.default ?? null, unique: false })
const stored = (name: string, type: string, notNull = false) => ({ name, type, notNull, default: null })
const set = (values: Readonly<Record<string, string>>) => Object.entries(values).map(([name, expression]) => ({ column: name, expression }))
const link = (from: TableName, to: TableName, key: Readonly<Record<string, string>>, values: Readonly<Record<string, string>>, existence = true): Link => ({ from, to, key: set(key), set: set(values), existence })

const FIRST = `split_part(full_name, ' ', 1)`
const LAST = `split_part(full_name, ' ', 2)`

/** A column split in two. */
export const SPLIT: Scenario = {
  name: 'split',
  definition: definition('split_name', {
    kind: 'columns',
    table: CUSTOMERS,
    add: [column('first_name', FIRST, 'text', { notNull: true }), column('last_name', LAST, 'text', { notNull: true })],
    replace: [{ name: 'full_name', down: `first_name || ' ' || last_name` }],
    checks: [],
  }),
  newShape: SPLIT_SHAPE,
  newBeside: true,
}

/** A column of the same name and another type, with an index and a default. */
export const RETYPE: Scenario = {
  name: 'retype',
  definition: definition('retype_credit', {
    kind: 'columns',
    table: CUSTOMERS,
    add: [column('credit', 'credit::numeric(12,2)', 'numeric(12,2)', { notNull: true, default: '0' })],
    replace: [{ name: 'credit', down: 'credit::text' }],
    checks: [],
  }),
  newShape: RETYPED_SHAPE,
  newBeside: false,
}

/** One table that becomes two. */
export const TWO_TABLES: Scenario = {
  name: 'two tables',
  definition: definition('two_tables', {
    kind: 'tables',
    old: [CUSTOMERS],
    new: [
      { name: table('people'), columns: [stored('id', 'int', true), stored('tenant_id', 'int', true), stored('first_name', 'text'), stored('last_name', 'text')], primaryKey: ['id'], unique: [], checks: [] },
      { name: table('contacts'), columns: [stored('id', 'int', true), stored('email', 'text'), stored('credit', 'text')], primaryKey: ['id'], unique: [], checks: [] },
    ],
    up: [
      link(CUSTOMERS, table('people'), { id: 'id' }, { tenant_id: 'tenant_id', first_name: FIRST, last_name: LAST }),
      link(CUSTOMERS, table('contacts'), { id: 'id' }, { email: 'email', credit: 'credit' }),
    ],
    down: [
      link(table('people'), CUSTOMERS, { id: 'id' }, { tenant_id: 'tenant_id', full_name: `first_name || ' ' || last_name` }),
      link(table('contacts'), CUSTOMERS, { id: 'id' }, { email: 'email', credit: 'credit' }, false),
    ],
    dropOld: true,
  }),
  newShape: TWO_TABLES_SHAPE,
  newBeside: true,
}

/** The same rows under another key. */
export const REKEY: Scenario = {
  name: 'rekey',
  definition: definition('rekey', {
    kind: 'tables',
    old: [CUSTOMERS],
    new: [
      {
        name: table('accounts'),
        columns: [stored('code', 'text', true), stored('tenant_id', 'int', true), stored('full_name', 'text', true), stored('email', 'text'), stored('credit', 'text')],
        primaryKey: ['code'],
        unique: [],
        checks: [],
      },
    ],
    up: [link(CUSTOMERS, table('accounts'), { code: `'C-' || id::text` }, { tenant_id: 'tenant_id', full_name: 'full_name', email: 'email', credit: 'credit' })],
    down: [link(table('accounts'), CUSTOMERS, { id: 'substr(code, 3)::int' }, { tenant_id: 'tenant_id', full_name: 'full_name', email: 'email', credit: 'credit' })],
    dropOld: true,
  }),
  newShape: REKEYED_SHAPE,
  newBeside: true,
}

export const SCENARIOS: readonly Scenario[] = [SPLIT, RETYPE, TWO_TABLES, REKEY]

/** Every way there is in a phase, and the share of customers that are written through the new shape. */
export function courseIn(scenario: Scenario, phase: MigrationPhase): Course {
  return { ...waysIn(scenario, phase), handsOver: scenario.definition.change.kind === 'tables' }
}

function waysIn(scenario: Scenario, phase: MigrationPhase): Course {
  const { id } = scenario.definition
  const { newShape } = scenario
  // Programs may name the views' schemas long before there are any: the rest of the path is what they find then.
  const oldTable: Access = { shape: OLD_SHAPE, searchPath: 'public', kind: 'table' }
  const oldViews: readonly Access[] = [
    { shape: OLD_SHAPE, searchPath: `sb_${id}_old, public`, kind: 'view' },
    { shape: OLD_SHAPE, searchPath: `sb_${id}_reads, public`, kind: 'triggeredView', locksFirst: scenario.definition.change.kind === 'columns' },
  ]
  const newTable: Access = { shape: newShape, searchPath: 'public', kind: 'table' }
  const newView: Access = { shape: newShape, searchPath: `sb_${id}_new, public`, kind: 'view' }
  const beside = scenario.newBeside ? [newView, newTable] : [newView]
  switch (phase) {
    case 'planned':
    case 'shadowReads':
    case 'backfilling':
    case 'verifying':
    case 'rollingBack':
    case 'rolledBack':
      return { old: [oldTable, ...oldViews], new: [], newShare: 0 }
    case 'dualWrites':
      return { old: [oldTable, ...oldViews], new: beside, newShare: 0.25 }
    case 'switchingReads':
      return { old: [oldTable, ...oldViews], new: beside, newShare: 0.5 }
    case 'switchedWrites':
      return { old: [oldTable, ...oldViews], new: beside, newShare: 0.75 }
    case 'tombstoned':
      return { old: oldViews, new: [newView, newTable], newShare: 0.75 }
    case 'completed':
      return { old: [], new: [newView, newTable], newShare: 1 }
  }
}

/** What programs must have moved to before a step may be taken: what both phases know. */
export function courseAcross(scenario: Scenario, from: MigrationPhase, to: MigrationPhase): Course {
  const [before, after] = [courseIn(scenario, from), courseIn(scenario, to)]
  const both = (mine: readonly Access[], others: readonly Access[]) => mine.filter((access) => others.some((other) => other.searchPath === access.searchPath && other.shape === access.shape))
  return { ...before, old: both(before.old, after.old), new: both(before.new, after.new), newShare: after.new.length === 0 ? 0 : after.old.length === 0 ? 1 : Math.min(before.newShare, after.newShare) }
}
