import { migrationViewSchema, type MigrationAction, type MigrationView } from '../../src-main/contract/migration.ts'
import { CONSOLE, MIRA } from './test-fixtures.ts'
import { ADA, HOUR_MS, makeMigration, makeMismatches, makePreflight, makeProgress, makeStages, makeVerification, MINUTE_MS, NO_OPEN, openCounts, ROWS } from './test-migrations.ts'

const action = (command: MigrationAction['command'], label: string, effect: string, weight: MigrationAction['weight'] = 'forward', ...blocks: MigrationAction['blocks']): MigrationAction => ({ command, label, effect, blocks, weight })
const pause = action('pause', 'Pause backfill', 'Dual writes go on.', 'quiet')
const preflight = action('preflight', 'Run preflight again', 'Reads all rows, changes nothing.', 'quiet')
const rehearse = action('rehearse', 'Rehearse', 'All phases and the way back, on shop-staging.', 'quiet')
const back = (effect: string) => action('rollBack', 'Roll back migration', effect, 'back')

const passed = (name: string, detail: string) => ({ name, state: 'passed' as const, detail })
const waiting = (name: string, detail: string) => ({ name, state: 'waiting' as const, detail })

/** One migration in every phase, and in the states nobody wants; by name. */
export const MIGRATION_CASES: Readonly<Record<string, (now: number) => MigrationView>> = {
  planned: (now) =>
    makeMigration({
      now, phase: 'planned',
      view: {
        headline: 'planned', next: 'Nothing: it is only declared.', rehearsal: null, preflight: makePreflight(now),
        actions: [action('start', 'Start shadow reads', 'Creates a view; writes nothing.'), preflight, rehearse], gates: [passed('Preflight', '9 of 11 checks without remark, 2 warnings.')],
      },
    }),
  unchecked: (now) =>
    makeMigration({
      now, phase: 'planned',
      view: {
        headline: 'planned', next: 'Nothing: it is only declared.', rehearsal: null, preflight: null,
        actions: [action('start', 'Start shadow reads', 'Creates a view; writes nothing.', 'forward', { rule: 'preflight', reason: 'Preflight has not run.', unblocks: 'When preflight finds no blocker.' }), action('preflight', 'Run preflight', 'Reads all rows, changes nothing.', 'quiet')],
        gates: [waiting('Preflight', 'has not run')],
      },
    }),
  blocked: (now) =>
    makeMigration({
      now, phase: 'planned',
      view: {
        headline: 'planned', next: 'Nothing: it is only declared.', rehearsal: null, preflight: makePreflight(now, false), definitionChanged: false,
        actions: [action('start', 'Start shadow reads', 'Creates a view; writes nothing.', 'forward', { rule: 'preflight', reason: 'Preflight found 2 blockers.', unblocks: 'When preflight finds none.' }), preflight],
        gates: [{ name: 'Preflight', state: 'failed', detail: '2 blockers: privileges, transforms' }],
      },
    }),
  shadowReads: (now) =>
    makeMigration({
      now, phase: 'shadowReads',
      reading: { progress: makeProgress({ work: 'shadowScan', rowsDone: 10_180_000, rowsPerSecond: 61_000, etaMs: 34_000, waits: 0, waitedMs: 0, batchRows: 20_000 }), verification: makeVerification(now, { lastPass: null, passProgress: null, written: { queued: 0, checked: 0, oldestMs: null, sampledShare: 1 } }) },
      view: {
        stages: makeStages('shadowReads', 'in progress for 33:14'), headline: 'phase 1 of 4, shadow reads', next: 'It waits for every row read through the new shape, then for a person.',
        gates: [waiting('every row read through the new shape', '83.0 %, 10,180,000 of 12,266,000 rows.'), passed('compared reads', '412,071 of 1,000; 0 different, 19 without answer.'), passed('read latency', 'median 0.44 ms against 0.41 ms, 1.1 ×, limit 5 ×.'), passed('no open mismatch', 'None.')],
        actions: [action('advance', 'Start dual writes', 'Adds 2 columns and a trigger.', 'forward', { rule: 'fullScan', reason: 'The full scan is at 83 %.', unblocks: 'When it ends with 0 unexplained rows.' }), action('pause', 'Pause scan', 'Reads go on as they are.', 'quiet'), preflight, back('Drops the view. Nothing else was touched.')],
        rollBackWords: 'Nothing is lost: nothing was written. 1 view is dropped in 0.1 s. 412,071 compared reads stay in the record.',
      },
    }),
  backfilling: (now) => {
    const open = openCounts(makeMismatches(now))
    return makeMigration({
      now, phase: 'backfilling',
      state: { phaseSince: now - 33 * MINUTE_MS - 14_000 },
      reading: { progress: makeProgress({ waitsFor: 'replica lag 340 ms, limit 300 ms, on replica-2', waitingSince: now - 7000 }), quarantined: 3, verification: makeVerification(now, { open, lastPass: null, passProgress: 0.584, reads: { same: 412_071, different: 3, unverifiable: 19, oldP50Ms: 0.41, newP50Ms: 0.44 } }) },
      view: {
        headline: 'phase 2 of 4, dual writes, 14 open mismatches', next: 'It waits: replica lag 340 ms, limit 300 ms, on replica-2. It goes on by itself.',
        gates: [waiting('every row on the new side', '61.0 %, 7,482,190 of 12,266,000 rows.'), { name: 'no open mismatch', state: 'failed', detail: '3 missing, 8 different, 3 rejected.' }, { name: 'quarantine empty', state: 'failed', detail: '3 rows could not be mirrored.' }],
        actions: [
          action('advance', 'Start switching', 'Sends 1 % of reads to the new side.', 'forward', { rule: 'gate:every row on the new side', reason: 'Every row on the new side: 61.0 %, 7,482,190 of 12,266,000 rows.', unblocks: 'When that is so.' }, { rule: 'gate:no open mismatch', reason: 'No open mismatch: 3 missing, 8 different, 3 rejected.', unblocks: 'When that is mended.' }, { rule: 'versionNeedsOld', reason: 'reports blue 1.0.0 is live and cannot read the new shape.', unblocks: 'When reports has no traffic on 1.0.0.' }),
          pause, action('repair', 'Repair 11 rows', 'From the old side, row by row under its lock; 3 more need a decision.', 'quiet'), preflight, back('To before phase 2, loses nothing.'),
        ],
        rollBackWords: 'Nothing is lost. The old column was written in every transaction since 13:58:38 and is what users read. 3 triggers and 2 new columns are dropped in 0.4 s with at most 50 ms of lock. The 7,482,190 copied rows would be copied again.',
        acting: null,
      },
    })
  },
  verifying: (now) =>
    makeMigration({
      now, phase: 'verifying',
      state: { done: ['backfill', 'validate'], phaseSince: now - 130_000 },
      reading: { progress: makeProgress({ work: 'fullPass', rowsDone: 5_100_000, rowsPerSecond: 88_000, etaMs: 81_000, batchRows: 20_000, waits: 0, waitedMs: 0 }), verification: makeVerification(now, { lastPass: null, passProgress: 0.416 }) },
      view: {
        headline: 'phase 2 of 4, dual writes', next: 'It goes on by itself until every row is there and was compared.', stages: makeStages('dualWrites', 'comparing, 42 %'),
        gates: [waiting('every row on the new side', '41.6 %, 5,100,000 of 12,266,000 rows.'), passed('no open mismatch', 'None.'), passed('quarantine empty', 'Every write could be mirrored.')],
        actions: [action('advance', 'Start switching', 'Sends 1 % of reads to the new side.', 'forward', { rule: 'fullPass', reason: 'The full pass is at 42 %.', unblocks: 'When it ends with 0 open mismatches.' }), action('pause', 'Pause', 'Dual writes go on.', 'quiet'), preflight, back('To before phase 2, loses nothing.')],
        rollBackWords: 'Nothing is lost. The old column was written all the time and is what users read. 3 triggers and 2 new columns are dropped in 0.4 s.',
      },
    }),
  dualWrites: (now) =>
    makeMigration({
      now, phase: 'dualWrites',
      state: { done: ['backfill', 'validate', 'fullPass'], phaseSince: now - 18 * MINUTE_MS, dueAt: now + 12 * MINUTE_MS + 8000 },
      view: {
        headline: 'phase 2 of 4, dual writes', next: 'It waits for watched long enough, then for a person.', stages: makeStages('dualWrites', 'watched for 18:00 of 30:00'),
        gates: [waiting('watched long enough', '12 min left.'), passed('every row compared', '12,266,000 rows, 0 mismatches, 4 min ago.'), passed('no open mismatch', 'None.'), passed('quarantine empty', 'Every write could be mirrored.'), passed('written keys read again', '91,204 read again, 7 waiting.')],
        actions: [action('advance', 'Send 1 % of reads to new', 'Sticky per customer.', 'forward', { rule: 'soak', reason: 'Watched for 18:00 of 30:00.', unblocks: 'In 12:08, with 0 open mismatches.' }), action('pause', 'Pause', 'Nothing advances; both sides stay equal.', 'quiet'), preflight, back('To before phase 2, loses nothing.')],
        rollBackWords: 'Nothing is lost. The old column is what users read and was written in every transaction. 3 triggers and 2 new columns are dropped in 0.4 s with at most 50 ms of lock. 12,266,000 copied rows would be copied again.',
      },
    }),
  switchingReads: (now) =>
    makeMigration({
      now, phase: 'switchingReads',
      state: { readsPercent: 25, done: ['backfill', 'validate', 'fullPass'], phaseSince: now - 19_000, dueAt: now + 41_000 },
      reading: { verification: makeVerification(now, { reads: { same: 518_220, different: 0, unverifiable: 21, oldP50Ms: 0.41, newP50Ms: 0.39 } }) },
      view: {
        headline: 'phase 3 of 4, switching', next: 'It waits for watched long enough, then for a person.', stages: makeStages('switching', '25 % of reads, step 3 of 5'),
        gates: [waiting('watched long enough', '41 s left.'), passed('every row compared', '12,266,000 rows, 0 mismatches, 4 min ago.'), passed('no open mismatch', 'None.'), passed('quarantine empty', 'Every write could be mirrored.'), passed('written keys read again', '91,204 read again, 7 waiting.')],
        actions: [action('advance', 'Send 50 % of reads to new', 'Step 4 of 5; sticky per customer.'), action('stepBack', 'Send all reads to old', 'Dual writes go on. Under 1 s.', 'quiet'), action('pause', 'Pause', 'Reads stay at 25 %.', 'quiet'), preflight, back('To before phase 2, loses nothing.')],
        rollBackWords: 'Nothing is lost. All reads go back to the old column, which was written in every transaction. Then 3 triggers and 2 new columns are dropped in 0.4 s.',
      },
    }),
  switchedWrites: (now) =>
    makeMigration({
      now, phase: 'switchedWrites',
      state: { readsPercent: 100, writes: 'new', done: ['backfill', 'validate', 'fullPass'], approvals: [{ by: ADA, at: now - 13 * MINUTE_MS, of: 'switchWrites' }], phaseSince: now - 12 * MINUTE_MS, dueAt: now + 48 * MINUTE_MS },
      reading: { verification: makeVerification(now, { lastPass: { startedAt: now - 6 * MINUTE_MS, endedAt: now - 3 * MINUTE_MS, rows: ROWS, mismatches: 0, direction: 'newToOld' } }) },
      view: {
        headline: 'phase 3 of 4, switching', next: 'It waits for watched long enough, then for a person.', stages: makeStages('switching', 'switched, watched for 12:00 of 1 h'),
        gates: [waiting('watched long enough', '48 min left.'), passed('every row compared', '12,266,000 rows, 0 mismatches, 3 min ago.'), passed('no open mismatch', 'None.'), passed('quarantine empty', 'Every write could be mirrored.')],
        actions: [action('advance', 'Begin cleanup', 'Renames the old column away; it stays kept equal for 24 h.', 'forward', { rule: 'versionsNeedOld', reason: 'customers blue 1.8.0 needs full_name.', unblocks: 'When no live, idle or rollback version of customers needs it.' }), action('stepBack', 'Give writes back to old', 'Reads stay on new. Under 1 s, loses nothing.', 'quiet'), action('pause', 'Pause', 'Both sides stay equal.', 'quiet'), back('To before phase 2, loses nothing.')],
        rollBackWords: 'Nothing is lost. Writes and reads go back to the old column, which reverse sync kept equal since 14:19:40. Then 3 triggers and 2 new columns are dropped in 0.4 s.',
      },
    }),
  tombstoned: (now) =>
    makeMigration({
      now, phase: 'tombstoned',
      state: { readsPercent: 100, writes: 'new', done: ['backfill', 'validate', 'fullPass'], phaseSince: now - 23.6 * HOUR_MS, dueAt: now - 0.4 * HOUR_MS, approvals: [{ by: ADA, at: now - 20 * MINUTE_MS, of: 'drop' }] },
      view: {
        headline: 'phase 4 of 4, cleanup', next: 'It waits for a person.', stages: makeStages('cleanup', 'set aside for 23 h 36 m of 24 h'), usedBy: [{ service: 'customers', environment: 'green', version: '2.0.0', needs: 'reads and writes new', blocks: '' }, { service: 'customers', environment: 'blue', version: '1.9.0', needs: 'reads either', blocks: '' }],
        gates: [passed('Hold', '24 h of 24 h'), passed('Approval', 'Ada Lund'), passed('Reads of the old column', 'none since 14:20'), passed('Reverse pass', '3:00 ago, 0 mismatches')],
        actions: [action('advance', 'Drop the old column', 'full_name and its 12,266,000 values are gone.', 'irreversible'), action('pause', 'Pause', 'The hold stands still.', 'quiet'), back('The old column comes back under its name.')],
        rollBackWords: 'Nothing is lost. sb_old_full_name is renamed back to full_name, writes and reads go back to it, then 3 triggers and 2 new columns are dropped in 0.5 s.',
      },
    }),
  completed: (now) =>
    makeMigration({
      now, phase: 'completed', state: { readsPercent: 100, writes: 'new', phaseSince: now - 3 * HOUR_MS, endedAt: now - 3 * HOUR_MS },
      reading: { owner: null, sizes: [{ side: 'new', table: 'public.customers', bytes: 1.31 * 1024 ** 3, rows: ROWS }], verification: makeVerification(now, { accepted: 0, passProgress: null }) },
      view: { headline: 'completed', next: 'It is over.', stages: makeStages(null, '', 'done'), usedBy: [] },
    }),
  rollingBack: (now) =>
    makeMigration({
      now, phase: 'rollingBack', state: { phaseSince: now - 1400, rollback: { by: MIRA, reason: 'names wrong on invoices', at: now - 1400, from: 'switchingReads' } },
      view: { headline: 'rolling back', next: 'The structure is taken away as soon as its locks can be had.', stages: makeStages(null, ''), acting: { command: 'rollBack', since: now - 1400, detail: 'waits for its lock on customers, try 3' }, rollBackWords: '' },
    }),
  rolledBack: (now) =>
    makeMigration({
      now, phase: 'rolledBack', state: { phaseSince: now - 22 * MINUTE_MS, endedAt: now - 22 * MINUTE_MS, rollback: { by: CONSOLE, reason: 'customers green error ratio 4.1 %, limit 1 %', at: now - 22 * MINUTE_MS - 700, from: 'switchingReads' } },
      reading: { owner: null, verification: makeVerification(now, { passProgress: null }), sizes: [{ side: 'old', table: 'public.customers', bytes: 1.42 * 1024 ** 3, rows: ROWS }] },
      view: { headline: 'rolled back', next: 'Nothing: the structure is as it was. It can be started again.', stages: makeStages(null, ''), actions: [action('start', 'Start again', 'Shadow reads, attempt 2.'), preflight] },
    }),
  failed: (now) =>
    makeMigration({
      now, phase: 'verifying', state: { done: ['backfill'], phaseSince: now - 130_000, failure: { at: now - 60_000, fault: { code: 'gateFailed', message: 'Constraint sb_split_full_name_nn does not hold for 3 rows. Users read and write the old column as before.', next: 'Repair them or change `up`, then retry.', cause: 'refused', retryable: false } } },
      reading: { quarantined: 3, verification: makeVerification(now, { open: { ...NO_OPEN, rejected: 3 }, lastPass: null, passProgress: null }) },
      view: { headline: 'phase 2 of 4, dual writes, 3 open mismatches', next: 'Stopped: constraint sb_split_full_name_nn does not hold for 3 rows. Repair them or change `up`, then retry.', stages: makeStages('dualWrites', 'stopped'), gates: [{ name: 'every row on the new side', state: 'failed', detail: 'Constraint sb_split_full_name_nn does not hold for 3 rows.' }], actions: [action('retry', 'Retry validation', 'From where it stopped.'), action('pause', 'Pause', '', 'quiet'), back('To before phase 2, loses nothing.')], rollBackWords: 'Nothing is lost. Triggers and 2 new columns are dropped in 0.4 s.' },
    }),
  guarded: (now) => {
    const view = MIGRATION_CASES['switchingReads']?.(now)
    if (!view || view.observed.kind !== 'known' || !view.observed.value) throw new Error('no reading')
    const { value } = view.observed
    const paused = { at: now - 90_000, by: CONSOLE, why: '2 mismatches were repaired after the backfill: something writes past the triggers.' }
    return migrationViewSchema.parse({
      ...view, headline: 'phase 3 of 4, switching', next: 'Paused: 2 mismatches were repaired after the backfill. It waits for a person.',
      observed: { ...view.observed, value: { ...value, state: { ...value.state, paused, dueAt: null }, verification: { ...value.verification, repairsAfterBackfill: 2 }, drift: ['Trigger audit_names on customers was added by app_owner at 14:11:02.'], owner: { name: 'ward-9', epoch: 4, since: now - 8 * MINUTE_MS, isThis: false } } },
      definitionChanged: true,
      actions: [action('resume', 'Resume', 'Watching goes on; reads stay at 25 %.'), ...view.actions.filter((each) => each.command === 'stepBack' || each.command === 'rollBack')],
    })
  },
  unreachable: (now) => {
    const block = { rule: 'databaseUnreachable', reason: 'The database cannot be read: db-1.shop.internal:5432 refuses connections.', unblocks: 'When it answers again.' }
    return makeMigration({ now, phase: 'planned', view: { observed: { kind: 'unknown', since: now - 47_000, why: 'db-1.shop.internal:5432 refuses connections.' }, headline: 'planned', next: 'Nothing: it is only declared.', actions: [action('start', 'Start shadow reads', 'Reads only. Nothing of yours is changed.', 'forward', block)], rollBackWords: 'Nothing was begun.', stages: makeStages(null, '') } })
  },
}
