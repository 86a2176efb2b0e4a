import { Fault } from '../../../../contract/fault.ts'
import { columnNames, factsFor } from '../names.ts'
import type { MigrationContext } from '../context.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { assertFence, beginCheckpoint, moveCheckpoint, readCheckpoint } from './checkpoints.ts'
import { lenientChecks } from '../structure/checks.ts'
import { errorText, isCollision, rest, sqlState } from '../context.ts'
import { concurrentIndexes, type ConcurrentIndex } from '../structure/indexes.ts'
import { rowsOf, type Session } from '../session.ts'
import type { Throttle } from './throttle-loop.ts'
import { quoted, quotedTable, spoken } from '../units.ts'
import type { WorkProgress } from './work-progress.ts'

export interface ValidateRequest {
  readonly context: MigrationContext
  readonly session: Session
  readonly throttle: Throttle
  readonly progress: WorkProgress
  readonly signal: StopSignal
}

interface Task {
  readonly name: string
  run(request: ValidateRequest): Promise<void>
}

/** Makes the new side trustworthy while both are written: constraints proved, indexes built, statistics taken. Readers and writers go on. */
export async function validate(request: ValidateRequest): Promise<'done' | 'stopped'> {
  const { context, session, throttle, progress, signal } = request
  const tasks = tasksOf(context)
  for (const [index, task] of tasks.entries()) {
    const at = await readCheckpoint(session, context.id, 'validate', task.name, [])
    progress.begin(task.name, index, tasks.length)
    if (at?.done === true) continue
    await assertFence(session, context)
    await beginCheckpoint(session, context.id, 'validate', task.name, [], { highKey: null, rowsTotal: 1 })
    for (;;) {
      if (!(await mayBegin(throttle, progress, signal))) return 'stopped'
      if (await tried(request, task)) break
    }
    if (signal.aborted) return 'stopped'
    await moveCheckpoint(session, context.id, 'validate', task.name, [], { lastKey: null, rows: 1, done: true, extra: progress.kept() })
  }
  return 'done'
}

function tasksOf({ definition, tables }: MigrationContext): readonly Task[] {
  const { change } = definition
  if (change.kind === 'tables') return change.new.map(({ name }) => analyze(quotedTable(name), spoken(name)))
  const facts = factsFor(tables, change.table)
  const names = columnNames(definition, change, facts, false)
  const columns = change.add.map(({ name }) => quoted(names.ofNew(name) ?? name))
  return [
    ...lenientChecks(definition, facts).map(
      (check): Task => ({
        name: `constraint ${check.name}`,
        async run({ context, session }) {
          await session.query(`SET lock_timeout = ${context.definition.policy.lockTimeoutMs}; SET statement_timeout = ${context.definition.policy.statementTimeoutMs}`)
          await session.query(check.validate)
        },
      }),
    ),
    ...concurrentIndexes(definition, tables).map((index): Task => ({ name: `index ${index.name}`, run: (request) => build(request, index) })),
    ...(columns.length > 0 ? [analyze(`${quotedTable(change.table)} (${columns.join(', ')})`, spoken(change.table))] : []),
  ]
}

function analyze(target: string, words: string): Task {
  return {
    name: `statistics of ${words}`,
    async run({ context, session }) {
      await session.query(`SET lock_timeout = ${context.definition.policy.lockTimeoutMs}`)
      await session.query(`ANALYZE ${target}`)
    },
  }
}

/** Built without a lock timeout: it waits for older transactions by design, holding nothing that anybody waits for. */
async function build({ context, session }: ValidateRequest, { name, table, create }: ConcurrentIndex): Promise<void> {
  const index = `${quoted(table.schema)}.${quoted(name)}`
  await session.query(`SET lock_timeout = 0; SET statement_timeout = ${context.definition.policy.statementTimeoutMs}`)
  const [valid] = await rowsOf(session, `SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)`, [index], ({ indisvalid }) => indisvalid === true)
  if (valid === true) return
  // A build that was interrupted leaves one that is kept up to date and never used.
  if (valid === false) await session.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`)
  await session.query(create)
}

/** False: it is to be tried again. What runs is cancelled when the work is stopped or the server is in need. */
async function tried(request: ValidateRequest, task: Task): Promise<boolean> {
  const { context, session, throttle, progress, signal } = request
  const [pid = 0] = await rowsOf(session, 'SELECT pg_backend_pid() AS pid', [], ({ pid }) => Number(pid))
  const ended = new AbortController()
  let cancelled = false
  const guard = (async () => {
    while (!ended.signal.aborted) {
      await rest(250, ended.signal)
      if (ended.signal.aborted) return
      if (signal.aborted || throttle.verdict().level === 'abort') {
        cancelled = true
        await context.sessions.use((other) => other.query('SELECT pg_cancel_backend($1)', [pid]))
      } else progress.waiting(await context.sessions.use((other) => waitingWords(other, pid, task.name)))
    }
  })()
  try {
    await task.run(request)
    return true
  } catch (error) {
    if (signal.aborted) return false
    if (!cancelled && !isCollision(error)) throw told(task, error)
    progress.waiting(cancelled ? throttle.verdict().reason : `${task.name}: ${errorText(error)}`)
    await rest(200 + Math.random() * 300, signal)
    return false
  } finally {
    ended.abort()
    await guard.catch(() => undefined)
    progress.waiting('')
    await session.query(`SET lock_timeout = '1s'; SET statement_timeout = '60s'`).catch(() => undefined)
  }
}

function told(task: Task, error: unknown): unknown {
  const state = sqlState(error)
  if (state === '23505') return new Fault('gateFailed', `The ${task.name} cannot be built: values are not unique (${errorText(error)}).`, 'Mend the rows, then try again; both sides stay in sync meanwhile.', { cause: error })
  if (state.startsWith('23')) return new Fault('gateFailed', `The ${task.name} does not hold for all rows (${errorText(error)}).`, 'Look at the rejected rows, mend them, then try again; both sides stay in sync meanwhile.', { cause: error })
  return error
}

/** What a long statement is doing, when it is waiting: for whom, and since when. */
async function waitingWords(session: Session, pid: number, name: string): Promise<string> {
  const [words] = await rowsOf(
    session,
    `SELECT a.pid, round(extract(epoch FROM clock_timestamp() - a.xact_start)) AS s FROM pg_stat_activity w, pg_stat_activity a
    WHERE w.pid = $1 AND w.wait_event_type = 'Lock' AND a.pid = ANY (pg_blocking_pids($1)) ORDER BY a.xact_start LIMIT 1`,
    [pid],
    (row) => `${name} waits for session ${String(row['pid'])}, whose transaction is ${String(row['s'])} s old`,
  )
  return words ?? ''
}

async function mayBegin(throttle: Throttle, progress: WorkProgress, signal: StopSignal): Promise<boolean> {
  while (!signal.aborted) {
    const { level, reason } = throttle.verdict()
    progress.waiting(reason)
    if (level === 'run') return true
    await rest(100, signal)
  }
  return false
}
