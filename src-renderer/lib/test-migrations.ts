import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY, migrationDefinitionSchema, type MigrationDefinition } from '../../src-main/contract/migration-definition.ts'
import {
  MIGRATION_STAGES,
  MISMATCH_CLASSES,
  migrationReadingSchema,
  migrationSampleSchema,
  migrationStateSchema,
  migrationViewSchema,
  mismatchSchema,
  preflightReportSchema,
  sqlStepSchema,
  type MigrationPhase,
  type MigrationProgress,
  type MigrationReading,
  type MigrationSample,
  type MigrationStage,
  type MigrationState,
  type MigrationView,
  type Mismatch,
  type PreflightReport,
  type SqlStep,
  type Verification,
} from '../../src-main/contract/migration.ts'
import { MIRA } from './test-fixtures.ts'

/** Migrations for tests and for the page that shows screens without a core; every piece goes through the contract's own schema. */

export const ADA = { id: 'ada@ward-7', name: 'Ada Lund', email: 'ada@shop.test', known: 'selfDeclared' } as const
export const HOUR_MS = 3_600_000
export const MINUTE_MS = 60_000
export const ROWS = 12_266_000
const DIGEST = '7d1f0c93'.repeat(8)

export function makeDefinition(changes: Partial<MigrationDefinition> = {}): MigrationDefinition {
  return migrationDefinitionSchema.parse({
    id: 'split_full_name',
    title: 'split full_name into first and last',
    database: 'shop',
    change: {
      kind: 'columns',
      table: { schema: 'public', table: 'customers' },
      add: [
        { name: 'first_name', type: 'text', up: "split_part(full_name, ' ', 1)", notNull: true, default: null, unique: false },
        { name: 'last_name', type: 'text', up: "substr(full_name, strpos(full_name, ' ') + 1)", notNull: true, default: null, unique: false },
      ],
      replace: [{ name: 'full_name', down: "first_name || ' ' || last_name" }],
      checks: [],
    },
    entity: [],
    services: [{ service: 'customers', oldVersions: ['1.*'], newVersions: ['1.1.0', '2.*'] }],
    verify: { ...DEFAULT_VERIFY, ignore: [{ name: 'trailing space', column: 'last_name', when: 'rtrim(old) = rtrim(new)', reason: 'Names were typed with a space behind for years.', expiresAt: Date.now() + 30 * 24 * HOUR_MS }] },
    throttle: { ...DEFAULT_THROTTLE, maxProbeMs: 15 },
    policy: { ...DEFAULT_POLICY, approvals: { switchReads: 0, switchWrites: 1, drop: 1 }, soakMs: 30 * MINUTE_MS },
    ...changes,
  })
}

export const NO_OPEN: Verification['open'] = { missing: 0, extra: 0, differs: 0, rejected: 0, lossy: 0, conflict: 0, textOnly: 0, unverifiable: 0 }

export function makeVerification(now: number, changes: Partial<Verification> = {}): Verification {
  return {
    open: NO_OPEN,
    accepted: 212,
    lastPass: { startedAt: now - 9 * MINUTE_MS, endedAt: now - 4 * MINUTE_MS, rows: ROWS, mismatches: 0, direction: 'oldToNew' },
    passProgress: 0.42,
    reads: { same: 412_071, different: 0, unverifiable: 19, oldP50Ms: 0.41, newP50Ms: 0.44 },
    written: { queued: 7, checked: 91_204, oldestMs: 740, sampledShare: 1 },
    reported: { same: 0, different: 0 },
    repairsAfterBackfill: 0,
    ...changes,
  }
}

export function makeProgress(changes: Partial<MigrationProgress> = {}): MigrationProgress {
  return { work: 'backfill', table: 'public.customers', rowsDone: 7_482_190, rowsTotal: ROWS, rowsPerSecond: 3940, etaMs: 20 * MINUTE_MS + 14_000, batchRows: 840, batchP90Ms: 21.2, waitsFor: '', waitingSince: null, waits: 3, waitedMs: 75_000, ...changes }
}

export function makeState(now: number, phase: MigrationPhase, changes: Partial<MigrationState> = {}): MigrationState {
  return migrationStateSchema.parse({
    id: 'split_full_name',
    revision: 14,
    phase,
    definition: makeDefinition(),
    digest: DIGEST,
    readsPercent: 0,
    writes: 'old',
    paused: null,
    failure: null,
    phaseSince: now - 33 * MINUTE_MS,
    dueAt: null,
    done: [],
    approvals: [],
    rollback: null,
    attempt: 1,
    startedBy: MIRA,
    startedAt: now - 51 * HOUR_MS,
    endedAt: null,
    reason: 'names in two fields',
    analysis: [],
    ...changes,
  })
}

export function makeReading(now: number, state: MigrationState, changes: Partial<MigrationReading> = {}): MigrationReading {
  const grown = state.phase === 'shadowReads' ? 0 : 214 * 1024 ** 2
  return migrationReadingSchema.parse({
    state,
    progress: null,
    verification: makeVerification(now),
    sizes: [
      { side: 'old', table: 'public.customers (full_name)', bytes: 1.42 * 1024 ** 3, rows: ROWS },
      { side: 'new', table: 'public.customers (first_name, last_name)', bytes: grown, rows: state.phase === 'backfilling' ? 7_482_190 : grown === 0 ? 0 : ROWS },
    ],
    quarantined: 0,
    drift: [],
    owner: { name: 'ward-7', epoch: 3, since: now - 2 * HOUR_MS, isThis: true },
    server: { version: '15.18', host: 'db-1.shop.internal:5432' },
    ...changes,
  })
}

const RESULTS: Readonly<Record<MigrationStage, { readonly reads: string; readonly writes: string; readonly rollBack: string; readonly todo: string; readonly done: string }>> = {
  shadowReads: { reads: 'old, new compared', writes: 'old', rollBack: 'drop the view, 0.1 s', todo: 'after preflight', done: 'done in 2 d 3 h, 41.2 M reads' },
  dualWrites: { reads: 'old', writes: 'old and new, one transaction', rollBack: 'drop triggers, 0.4 s', todo: 'needs 1,000 equal reads', done: 'done in 1 h 12 m, 0 open rows' },
  switching: { reads: 'new, 1 to 100 %', writes: 'new, old kept equal', rollBack: 'flip back, under 1 s', todo: 'needs backfill, 0 open rows', done: 'done, 100 % on new' },
  cleanup: { reads: 'new', writes: 'new, old aside kept equal', rollBack: 'rename back, until dropped', todo: 'blocked: blue 1.8.0 reads full_name', done: 'dropped' },
}

/** The four phases with one of them under way. */
export function makeStages(now: MigrationStage | null, summary: string, all: 'todo' | 'done' = 'todo'): MigrationView['stages'] {
  const here = now === null ? (all === 'done' ? MIGRATION_STAGES.length : -1) : MIGRATION_STAGES.indexOf(now)
  return MIGRATION_STAGES.map((stage, index) => {
    const { todo, done, ...words } = RESULTS[stage]
    const state = index < here ? 'done' : index === here ? 'now' : 'todo'
    return { stage, state, summary: state === 'now' ? summary : state === 'done' ? done : todo, ...words }
  })
}

export interface MigrationOptions {
  readonly now: number
  readonly id?: string
  readonly title?: string
  readonly phase: MigrationPhase
  readonly state?: Partial<MigrationState>
  readonly reading?: Partial<MigrationReading>
  readonly view?: Partial<MigrationView>
}

const STAGE_OF: Readonly<Record<MigrationPhase, MigrationStage | null>> = {
  planned: null, shadowReads: 'shadowReads', backfilling: 'dualWrites', verifying: 'dualWrites', dualWrites: 'dualWrites', switchingReads: 'switching', switchedWrites: 'switching', tombstoned: 'cleanup', completed: null, rollingBack: null, rolledBack: null,
}

export function makeMigration({ now, id = 'split_full_name', title, phase, state, reading, view }: MigrationOptions): MigrationView {
  const definition = makeDefinition({ id, ...(title === undefined ? {} : { title }) })
  const stage = STAGE_OF[phase]
  return migrationViewSchema.parse({
    id,
    title: definition.title,
    database: definition.database,
    definition,
    tables: [{ schema: 'public', table: 'customers' }],
    phase,
    stage,
    observed: { kind: 'known', observedAt: now, value: phase === 'planned' ? null : makeReading(now, makeState(now, phase, { id, definition, ...state }), reading) },
    preflight: makePreflight(now),
    rehearsal: makeRehearsal(now, phase),
    stages: makeStages(stage, 'in progress for 33:14'),
    gates: [],
    actions: [],
    rollBackWords: '',
    next: '',
    headline: '',
    acting: null,
    usedBy: [
      { service: 'customers', environment: 'blue', version: '1.8.0', needs: 'reads old, writes old', blocks: 'Clean up' },
      { service: 'customers', environment: 'green', version: '1.9.0', needs: 'reads either, writes old', blocks: '' },
      { service: 'reports', environment: 'blue', version: '1.0.0', needs: 'reads old', blocks: 'Start switching' },
    ],
    definitionChanged: false,
    ...view,
  })
}

type Rehearsal = NonNullable<MigrationView['rehearsal']>

/** All steps on staging; those that ran here have their time beside it. */
export function makeRehearsal(now: number, phase: MigrationPhase): Rehearsal {
  const ran = phase === 'planned' ? 0 : phase === 'shadowReads' ? 1 : 3
  const step = (index: number, name: Rehearsal['steps'][number]['step'], title: string, tookMs: number, lock: string, waitedMs: number | null): Rehearsal['steps'][number] => ({ step: name, title, tookMs, lock, waitedMs, ranMs: index < ran ? tookMs * 1.7 : null })
  return {
    at: now - 26 * HOUR_MS,
    database: 'shop-staging',
    digest: DIGEST,
    matches: true,
    summary: 'All steps and the way back in 4:12 on 120,000 rows; longest lock 3 ms; catalog as before.',
    steps: [
      step(0, 'createShadow', 'Create the shadow view', 11, 'ACCESS SHARE on customers', 0),
      step(1, 'shadowScan', 'Read every row through it', 2410, '', null),
      step(2, 'expand', 'Add columns, mirror and state', 34, 'ACCESS EXCLUSIVE on customers', 2.6),
      step(3, 'backfill', 'Copy rows in batches', 41_800, 'ROW EXCLUSIVE on customers', 0),
      step(4, 'validate', 'Validate the constraint', 310, 'SHARE UPDATE EXCLUSIVE on customers', 0),
      step(5, 'fullPass', 'Compare all rows', 2980, 'ACCESS SHARE on customers', 0),
      step(6, 'setReads', 'Set the share of reads', 6, '', 0),
      step(7, 'setWrites', 'Make the new side authoritative', 9, '', 0),
      step(8, 'collapse', 'Take the new structure away', 41, 'ACCESS EXCLUSIVE on customers', 3.1),
    ],
    mismatches: { rejected: 2, textOnly: 14 },
  }
}

export function makePreflight(now: number, ok = true): PreflightReport {
  const good = (name: string, detail: string) => ({ name, state: 'ok' as const, detail, fix: '' })
  return preflightReportSchema.parse({
    at: now - 52 * HOUR_MS,
    tookMs: 41_200,
    ok,
    rowsScanned: ROWS,
    digest: DIGEST,
    checks: [
      good('server version', 'PostgreSQL 15.18.'),
      good('primary key', 'customers (id bigint).'),
      { name: 'round trip', state: 'warning', detail: '14 rows do not come back the same: down(up(x)) is not x. A roll back after the write switch would lose their double spaces.', fix: 'Accept them with an ignore rule, or let `up` keep the text as it is.' },
      ...(ok ? [] : [
        { name: 'privileges', state: 'blocker', detail: 'Role signalbox does not own customers; only its owner may add columns.', fix: 'ALTER TABLE customers OWNER TO signalbox, or connect as app_owner.' },
        { name: 'transforms', state: 'blocker', detail: '`up` gives no last_name for 3 of 12,266,000 rows, and last_name is NOT NULL.', fix: "Give a value for one word: coalesce(nullif(split_part(full_name, ' ', 2), ''), '')." },
      ]),
      good('triggers', 'None on customers.'),
      { name: 'long transactions', state: 'warning', detail: 'A transaction of reports has been open for 4:10.', fix: 'The first step retries until it gets its lock; end that transaction to have it sooner.' },
      good('replicas', '1 streaming, 12 ms behind.'),
      good('foreign keys', '2 point at customers (id), which stays.'),
      good('disk', '188 GiB free, 2.9 GiB needed at most.'),
      good('prepared SELECT *', 'None seen in pg_stat_statements.'),
    ],
    rows: makeMismatches(now).filter((mismatch) => mismatch.class === 'rejected').slice(0, ok ? 0 : 3),
  })
}

const FIRST = ['Ada', 'Ben', 'Chi', 'Dora', 'Emil', 'Fay', 'Goran', 'Hana'] as const
const LAST = ['Okafor', 'Lund', 'Novak', 'Reyes', 'Sato', 'Weber', 'Yilmaz'] as const

export function makeMismatch(changes: Partial<Mismatch> & Pick<Mismatch, 'id' | 'class'>): Mismatch {
  return mismatchSchema.parse({
    table: 'public.customers',
    key: { id: '4118204' },
    columns: ['last_name'],
    old: { full_name: 'Sample', first_name: 'Sample', last_name: '' },
    new: { full_name: 'Sample', first_name: 'Sample', last_name: null },
    foundBy: 'fullPass',
    detail: '',
    firstSeenAt: Date.now() - 9 * MINUTE_MS,
    lastSeenAt: Date.now() - 40_000,
    status: 'open',
    repair: 'Write first_name and last_name again from full_name.',
    ...changes,
  })
}

/** 8 that differ, 3 missing, 3 rejected, and 212 that a rule accepts. */
export function makeMismatches(now: number): readonly Mismatch[] {
  const name = (index: number) => [FIRST[index % FIRST.length] ?? '', LAST[index % LAST.length] ?? ''] as const
  const differs = Array.from({ length: 8 }, (_, index) => {
    const [first, last] = name(index)
    return makeMismatch({ id: `d${index}`, class: 'differs', key: { id: String(1_300_017 + index * 811) }, columns: ['last_name'], old: { full_name: `${first} ${last}`, first_name: first, last_name: last }, new: { full_name: `${first} ${last}`, first_name: first, last_name: `${last}-Hale` }, foundBy: index % 3 === 0 ? 'writtenKey' : 'fullPass', detail: 'The new side is older than the old side: last written 14:02:11 by a session with triggers off.', lastSeenAt: now - 165_000 - index * 1000, firstSeenAt: now - 20 * MINUTE_MS })
  })
  const missing = Array.from({ length: 3 }, (_, index) => makeMismatch({ id: `m${index}`, class: 'missing', key: { id: String(880_101 + index) }, columns: [], old: { full_name: name(index + 3).join(' '), first_name: name(index + 3)[0], last_name: name(index + 3)[1] }, new: null, lastSeenAt: now - 571_000, repair: 'Insert the row on the new side from the old side.' }))
  const rejected = ['Sample', 'Cher', ''].map((full, index) =>
    makeMismatch({ id: `r${index}`, class: 'rejected', key: { id: String(4_118_203 + index) }, columns: ['last_name'], old: { full_name: full, first_name: full, last_name: null }, new: null, foundBy: 'mirror', detail: '`up` gave no last_name, and the column is NOT NULL (23502). The write on the old side went through; the row waits in quarantine.', lastSeenAt: now - 40_000, repair: '' }),
  )
  const accepted = Array.from({ length: 212 }, (_, index) => makeMismatch({ id: `t${index}`, class: 'textOnly', status: 'accepted', key: { id: String(20_400 + index * 37) }, old: { full_name: `${name(index).join(' ')} `, last_name: `${name(index)[1]} ` }, new: { full_name: `${name(index).join(' ')} `, last_name: name(index)[1] }, detail: 'Accepted by the rule "trailing space".', lastSeenAt: now - 182_000, repair: '' }))
  return [...differs, ...missing, ...rejected, ...accepted]
}

export function openCounts(mismatches: readonly Mismatch[]): Verification['open'] {
  return Object.fromEntries(MISMATCH_CLASSES.map((kind) => [kind, mismatches.filter((each) => each.class === kind && each.status === 'open').length])) as Verification['open']
}

export const SQL_STEPS: readonly SqlStep[] = [
  { step: 'createShadow', title: 'Create the shadow view', lock: 'ACCESS SHARE on customers: blocks nothing.', sql: 'CREATE VIEW sb_split_full_name_new.customers AS\nSELECT id, email, created_at, updated_at,\n       split_part(full_name, \' \', 1) AS first_name,\n       substr(full_name, strpos(full_name, \' \') + 1) AS last_name\nFROM public.customers;' },
  { step: 'shadowScan', title: 'Read every row through it', lock: 'ACCESS SHARE on customers: blocks nothing.', sql: 'SELECT count(*), count(*) FILTER (WHERE last_name IS NULL)\nFROM sb_split_full_name_new.customers WHERE id > $1 AND id <= $2;' },
  { step: 'expand', title: 'Add columns, mirror and state', lock: 'ACCESS EXCLUSIVE on customers for about 2 ms; waits at most 50 ms for it, then lets everyone pass and tries again.', sql: "-- One transaction, together with the change of state.\nSET LOCAL lock_timeout = '50ms';\nALTER TABLE public.customers\n  ADD COLUMN first_name text,\n  ADD COLUMN last_name text;\nCREATE TRIGGER zzz_sb_split_full_name BEFORE INSERT OR UPDATE ON public.customers\n  FOR EACH ROW EXECUTE FUNCTION signalbox.mirror_split_full_name();\nALTER TABLE public.customers\n  ADD CONSTRAINT sb_split_full_name_nn CHECK (first_name IS NOT NULL AND last_name IS NOT NULL) NOT VALID;" },
  { step: 'backfill', title: 'Copy rows in batches', lock: 'ROW EXCLUSIVE on customers, row locks for one batch of about 25 ms.', sql: "UPDATE public.customers\nSET first_name = split_part(full_name, ' ', 1),\n    last_name = substr(full_name, strpos(full_name, ' ') + 1)\nWHERE id > $1 AND id <= $2 AND first_name IS NULL;" },
  { step: 'validate', title: 'Validate the constraint', lock: 'SHARE UPDATE EXCLUSIVE on customers: reads and writes go on.', sql: 'ALTER TABLE public.customers VALIDATE CONSTRAINT sb_split_full_name_nn;' },
  { step: 'fullPass', title: 'Compare all rows', lock: 'ACCESS SHARE on customers: blocks nothing.', sql: 'SELECT id FROM public.customers\nWHERE id > $1 AND id <= $2\n  AND (first_name, last_name) IS DISTINCT FROM (split_part(full_name, \' \', 1), substr(full_name, strpos(full_name, \' \') + 1));' },
  { step: 'setReads', title: 'Set the share of reads', lock: 'None on customers: one row of signalbox.switches.', sql: "UPDATE signalbox.switches SET reads_percent = $1 WHERE migration = 'split_full_name';" },
  { step: 'setWrites', title: 'Make the new side authoritative', lock: 'None on customers: a function is replaced.', sql: 'CREATE OR REPLACE FUNCTION signalbox.mirror_split_full_name() RETURNS trigger AS $body$ ... $body$ LANGUAGE plpgsql;' },
  { step: 'tombstone', title: 'Rename the old column away', lock: 'ACCESS EXCLUSIVE on customers for about 1 ms.', sql: 'ALTER TABLE public.customers RENAME COLUMN full_name TO sb_old_full_name;' },
  { step: 'drop', title: 'Drop what is old', lock: 'ACCESS EXCLUSIVE on customers for about 1 ms. There is no way back from here.', sql: 'DROP TRIGGER zzz_sb_split_full_name ON public.customers;\nALTER TABLE public.customers DROP COLUMN sb_old_full_name;' },
].map((step) => sqlStepSchema.parse(step))

const wave = (seconds: number, seed: number) => Math.sin(seconds / 31 + seed) * 0.5 + Math.sin(seconds / 9.3 + seed * 3) * 0.3 + Math.sin(seconds * 1.3 + seed) * 0.2

/** A second of a migration: two stretches of waiting in half an hour, and one that has just begun when it waits now. */
export function makeSample(view: MigrationView, at: number, now: number): MigrationSample {
  const ago = (now - at) / 1000
  const reading = view.observed.kind === 'known' ? view.observed.value : null
  const works = reading?.progress !== null && reading?.progress !== undefined
  const waitsNow = (reading?.progress?.waitsFor ?? '') !== ''
  const bump = Math.max(0, 1 - Math.abs(ago - 1270) / 70, 1 - Math.abs(ago - 650) / 60, waitsNow ? 1 - ago / 60 : 0)
  const waiting = works && (Math.abs(ago - 1260) < 22 || Math.abs(ago - 650) < 16 || (waitsNow && ago < 8))
  const seconds = Math.floor(at / 1000)
  const open = Object.values(reading?.verification.open ?? {}).reduce((sum, count) => sum + count, 0)
  return migrationSampleSchema.parse({
    at,
    rowsPerSecond: !works ? 0 : waiting ? 0 : Math.round((4700 - 500 * Math.min(1, ago / 1800)) * (1 + wave(seconds, 2) * 0.08)),
    waiting,
    replicaLagMs: Math.round(90 + wave(seconds, 5) * 30 + bump * 250),
    probeMs: 7.4 + wave(seconds, 8) * 0.8 - bump * 0.6,
    openMismatches: Math.max(0, Math.round(open * (1 - ago / 1500))),
    lockWaitMs: Math.max(0, wave(seconds, 11) > 0.72 ? 9 + wave(seconds, 3) * 6 : 0),
  })
}
