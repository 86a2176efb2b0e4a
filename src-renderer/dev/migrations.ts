import type { JournalEntry } from '../../src-main/contract/journal.ts'
import type { MigrationEvent, MigrationView } from '../../src-main/contract/migration.ts'
import type { TestWorld } from '../lib/test-core.ts'
import { CONSOLE, makeEntry, MIRA } from '../lib/test-fixtures.ts'
import { MIGRATION_CASES } from '../lib/test-migration-cases.ts'
import { makeMigration, makeMismatches, makePreflight, makeSample, SQL_STEPS } from '../lib/test-migrations.ts'
import { shifting } from './cases.ts'

const MINUTE_MS = 60_000

/** What was done on it, oldest first. */
const STORY: readonly (readonly [minutes: number, summary: string])[] = [
  [51 * 60, 'Start shadow reads of split_full_name'],
  [34, 'Start dual writes: 2 columns and a trigger added in 0.4 s, lock held 2 ms'],
  [33, 'Backfill begins: 12,266,000 rows of public.customers'],
  [21, 'Backfill waits: replica lag 348 ms, limit 300 ms'],
  [20.6, 'Backfill goes on'],
  [11, 'Backfill waits: replica lag 331 ms, limit 300 ms'],
  [10.7, 'Backfill goes on'],
  [5, '212 rows accepted by the rule "trailing space"'],
  [0.7, 'Mismatch, rejected: customers id 4118204'],
  [0.1, 'Backfill waits: replica lag 340 ms, limit 300 ms'],
]

function entriesOf(migration: string, now: number, from: number): JournalEntry[] {
  return STORY.map(([minutes, summary], index) => makeEntry(from + index, now - minutes * MINUTE_MS, { action: 'migration.event', summary, outcome: 'recorded', operator: minutes > 33 ? MIRA : CONSOLE, target: { migration } }))
}

function eventsOf(migration: string, now: number): MigrationEvent[] {
  return STORY.map(([minutes, summary], index) => ({ id: index + 1, migration, at: now - minutes * MINUTE_MS, kind: 'work', summary, operationId: `o-${index}`, by: minutes > 33 ? MIRA : CONSOLE, evidence: null }))
}

function worldWith(views: readonly MigrationView[]): TestWorld {
  const world = shifting()
  const now = Date.now()
  const first = views[0]?.id ?? ''
  const story = entriesOf(first, now, (world.entries.at(-1)?.seq ?? 0) + 1)
  const find = (id: string) => views.find((view) => view.id === id)
  return {
    ...world,
    status: { ...world.status, journal: { ...world.status.journal, count: story.at(-1)?.seq ?? 0 } },
    entries: [...world.entries, ...story],
    migrations: views,
    mismatches: (id) => {
      const view = find(id)
      const open = view?.observed.kind === 'known' ? view.observed.value?.verification.open : undefined
      return makeMismatches(now).filter((row) => row.status !== 'open' || (open?.[row.class] ?? 0) > 0)
    },
    migrationSql: SQL_STEPS,
    migrationEvents: eventsOf(first, now),
    migrationSamples: (id, fromAt) => {
      const view = find(id)
      if (!view) return []
      const from = Math.ceil(fromAt / 1000) * 1000
      return Array.from({ length: Math.max(0, Math.floor((Date.now() - from) / 1000)) }, (_, index) => makeSample(view, from + index * 1000, Date.now()))
    },
    preflight: () => makePreflight(Date.now(), false),
    onMigration: async (_name, { migration }) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      const view = find(migration)
      if (!view) throw new Error(migration)
      return view
    },
  }
}

/** Every case on its own. */
const single = Object.fromEntries(Object.entries(MIGRATION_CASES).map(([name, make]) => [`migration-${name}`, () => worldWith([make(Date.now())])]))

/** A list with one of everything. */
function fleet(): TestWorld {
  const now = Date.now()
  const renamed = (name: string, id: string, title: string): MigrationView => {
    const view = MIGRATION_CASES[name]?.(now)
    if (!view) throw new Error(name)
    return { ...view, id, title }
  }
  return worldWith([
    renamed('backfilling', 'split_full_name', 'split full_name into first and last'),
    renamed('switchingReads', 'price_to_numeric', 'prices from float to numeric(12,2)'),
    renamed('failed', 'unique_email', 'e-mail unique per tenant'),
    renamed('tombstoned', 'order_status', 'order status as its own table'),
    renamed('unreachable', 'rekey_sessions', 'sessions keyed by token hash'),
    renamed('planned', 'drop_legacy_flags', 'legacy flags into settings'),
    renamed('completed', 'address_country', 'country code not null'),
    renamed('rolledBack', 'notes_to_table', 'notes into a table of their own'),
  ])
}

const LONG = 'split the customers table into people, postal addresses and every other thing that somebody once put there'
const long = (): TestWorld => {
  const now = Date.now()
  const view = MIGRATION_CASES['backfilling']?.(now)
  return worldWith(view ? [{ ...view, title: LONG, stages: view.stages.map((stage) => ({ ...stage, summary: `${stage.summary}, and some more words that explain it in full` })) }, makeMigration({ now, id: 'a', phase: 'planned' })] : [])
}

export const MIGRATION_WORLDS: Readonly<Record<string, () => TestWorld>> = {
  ...single,
  migrations: fleet,
  'migrations-none': () => worldWith([]),
  'migration-long': long,
  'migration-viewer': () => {
    const world = worldWith([MIGRATION_CASES['switchingReads']?.(Date.now())].flatMap((view) => (view ? [{ ...view, actions: view.actions.map((action) => ({ ...action, blocks: [{ rule: 'role', reason: 'Your role is viewer, which reads and does nothing else.', unblocks: 'An admin gives you the role operator in the workspace file.' }] })) }] : [])))
    return { ...world, status: { ...world.status, role: 'viewer' } }
  },
  'migration-readOnly': () => {
    const world = worldWith([MIGRATION_CASES['switchingReads']?.(Date.now())].flatMap((view) => (view ? [view] : [])))
    return { ...world, status: { ...world.status, mode: 'readOnly', modeReason: 'Another console (pid 4711) controls this data folder.' } }
  },
}
