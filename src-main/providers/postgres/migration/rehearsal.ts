import { Fault } from '../../../contract/fault.ts'
import type { MigrationDefinition } from '../../../contract/migration-definition.ts'
import type { MigrationCommand, MigrationPhase, MigrationState, MigrationStep, MigrationWork } from '../../../contract/migration.ts'
import type { Operator } from '../../../contract/release.ts'
import { SYSTEM_OPERATOR } from '../../../contract/release.ts'
import { transition } from '../../../core/migration/machine.ts'
import type { MigrationInput } from '../../../core/migration/machine.ts'
import type { MigrationTarget, Ownership } from '../../../core/migration/ports.ts'
import { hasEnded, nextReads, planMigration, workLeft } from '../../../core/migration/state.ts'
import type { LocksSeen, RehearsalObserver } from './rehearsal-observer.ts'

export interface RehearsalHooks {
  /** Null: locks and catalog are not looked at, and the report says so. */
  readonly observer: RehearsalObserver | null
  readonly by: Operator
  /** Names the owner to other consoles. */
  readonly consoleName: string
  readonly wallMs: () => number
  /** Distinguishes this rehearsal's operations from those of any other. */
  readonly id: string
  readonly signal: AbortSignal
  readonly onStep: (step: RehearsedStep) => void
}

/** One step or work as it was run. */
export interface RehearsedStep {
  readonly title: string
  readonly phase: MigrationPhase
  readonly step: MigrationStep | MigrationWork
  readonly tookMs: number
  /** Transactions begun until one had its locks; null for work. */
  readonly attempts: number | null
  /** As run; empty for work. */
  readonly sql: string
  /** What the plan says it locks. */
  readonly plannedLock: string
  readonly locks: LocksSeen | null
  readonly rows: number | null
}

/** What a rehearsal leaves behind: plain data, to be stored and shown beside the real run. */
export interface RehearsalReport {
  /** Of the change and its SQL: the real run must have the same one. */
  readonly digest: string
  readonly database: string
  readonly at: number
  readonly tookMs: number
  readonly server: string
  readonly steps: readonly RehearsedStep[]
  readonly rows: number
  /** Open mismatches at their most, by class; empty: none. */
  readonly mismatches: Readonly<Record<string, number>>
  readonly warnings: readonly string[]
  /** True: structure was exactly as before after rolling back. Null: nobody looked. */
  readonly catalogSame: boolean | null
  /** Lines that are only in one of the two catalogs, `-` before, `+` after. */
  readonly catalogDifference: readonly string[]
  readonly summary: string
}

const DEADLINE_MS = 60_000

/**
 * Runs every phase and every way back on a database of its own, up to the tombstone and back to how it was; the drop
 * is never run. Holds, soaks and approvals are skipped: nobody uses that database. Faults: `gateFailed` with what was
 * found, after rolling back; `interlocked` when the migration is under way there.
 */
export async function rehearse(target: MigrationTarget, definition: MigrationDefinition, given: Partial<RehearsalHooks> = {}): Promise<RehearsalReport> {
  const hooks: RehearsalHooks = { observer: null, by: SYSTEM_OPERATOR, consoleName: 'rehearsal', wallMs: Date.now, id: `rehearsal-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 8)}`, signal: new AbortController().signal, onStep: () => {}, ...given }
  const at = hooks.wallMs()
  const begunMs = performance.now()
  const stored = (await target.read(definition.id))?.state ?? null
  if (stored !== null && !hasEnded(stored.phase)) throw new Fault('interlocked', `${definition.id} is under way in ${target.database}, so it cannot be rehearsed there.`, 'Roll it back or finish it there, then rehearse.')
  const preflight = await target.preflight(definition, hooks.signal)
  if (!preflight.ok) {
    const [first, ...more] = preflight.checks.filter(({ state }) => state === 'blocker')
    throw new Fault('gateFailed', `The preflight on ${target.database} found ${first?.detail ?? 'what stops it'}${more.length > 0 ? ` and ${more.length} more` : ''}.`, first?.fix ?? 'Look at the preflight there.')
  }
  const planned = new Map((await target.sql(definition)).map(({ step, lock, title }) => [step, { lock, title }]))
  const before = hooks.observer === null ? null : await hooks.observer.catalog()
  const ownership = await target.acquire(definition.id, hooks.consoleName)
  const walk = createWalk(target, hooks, ownership, planned, {
    state: planMigration({ definition, digest: preflight.digest, by: hooks.by, reason: 'Rehearsal', at, attempts: stored?.attempt ?? 0, revision: stored?.revision ?? 0 }),
    expectRevision: stored?.revision ?? 0,
  })
  try {
    await throughPhases(walk)
    await walk.command('rollBack')
    await walk.signal({ type: 'unused' })
  } catch (error) {
    await backFromAnywhere(walk)
    throw error
  } finally {
    await target.release(ownership).catch(() => undefined)
  }
  const after = hooks.observer === null ? null : await hooks.observer.catalog()
  const catalogDifference = before === null || after === null ? [] : differenceOf(before, after)
  const report: RehearsalReport = {
    digest: preflight.digest,
    database: target.database,
    at,
    tookMs: performance.now() - begunMs,
    server: walk.server(),
    steps: walk.steps(),
    rows: Math.max(0, preflight.rowsScanned, ...walk.steps().map(({ rows }) => rows ?? 0)),
    mismatches: walk.mismatches(),
    warnings: preflight.checks.filter(({ state }) => state === 'warning').map(({ name, detail }) => `${name}: ${detail}`),
    catalogSame: after === null ? null : catalogDifference.length === 0,
    catalogDifference,
    summary: '',
  }
  mustBeClean(report)
  return { ...report, summary: summaryOf(report) }
}

interface Walk {
  readonly state: () => MigrationState
  command(command: MigrationCommand): Promise<void>
  signal(signal: Extract<MigrationInput, { kind: 'signal' }>['signal']): Promise<void>
  work(work: MigrationWork, tell: boolean): Promise<void>
  readonly steps: () => readonly RehearsedStep[]
  readonly mismatches: () => Readonly<Record<string, number>>
  readonly server: () => string
}

/** To the last place with a way back, and back level by level, so that every transaction of the real run was run once. */
async function throughPhases(walk: Walk): Promise<void> {
  await walk.command('start')
  await doWork(walk)
  await walk.command('advance')
  while (walk.state().phase === 'backfilling' || walk.state().phase === 'verifying') await doWork(walk)
  while (nextReads(walk.state()) !== null) await walk.command('advance')
  await walk.command('advance')
  await walk.work('fullPass', false)
  await walk.command('advance')
  await walk.command('stepBack')
  await walk.command('stepBack')
  await walk.command('stepBack')
  await walk.work('fullPass', false)
  // From the other side of the switch once more: rolling back in one go is what an emergency does.
  while (nextReads(walk.state()) !== null) await walk.command('advance')
  await walk.command('advance')
}

async function doWork(walk: Walk): Promise<void> {
  for (const work of workLeft(walk.state())) await walk.work(work, true)
}

function createWalk(target: MigrationTarget, hooks: RehearsalHooks, ownership: Ownership, planned: ReadonlyMap<string, { readonly lock: string; readonly title: string }>, from: { readonly state: MigrationState; readonly expectRevision: number }): Walk {
  let { state, expectRevision } = from
  let number = 0
  let server = ''
  const steps: RehearsedStep[] = []
  const mismatches: Record<string, number> = {}

  async function observed<T>(title: string, step: MigrationStep | MigrationWork, run: () => Promise<T>, tell: (result: T) => Pick<RehearsedStep, 'attempts' | 'sql' | 'rows'>): Promise<void> {
    if (hooks.signal.aborted) throw new Fault('timeout', 'The rehearsal was stopped before its end.', 'Rehearse again.')
    const locks = hooks.observer?.watchLocks() ?? null
    const begunMs = performance.now()
    let result: T
    let seen: LocksSeen | null
    try {
      result = await run()
    } finally {
      seen = (await locks?.stop()) ?? null
    }
    const done: RehearsedStep = { title, phase: state.phase, step, tookMs: performance.now() - begunMs, plannedLock: planned.get(step)?.lock ?? '', locks: seen, ...tell(result) }
    steps.push(done)
    hooks.onStep(done)
  }

  async function move(input: MigrationInput, title: string): Promise<void> {
    const next = transition(state, input)
    if (next === null) return
    number += 1
    const event = { kind: 'state', summary: `Rehearsal: ${title}`, operationId: `${hooks.id}-${number}`, by: hooks.by, evidence: null }
    const run = () => target.apply({ ownership, expectRevision, step: next.step, next: next.next, event, deadlineMs: DEADLINE_MS })
    if (next.step === 'none') await run()
    else await observed(title, next.step, run, ({ attempts, sql }) => ({ attempts, sql, rows: null }))
    state = next.next
    expectRevision = state.revision
  }

  /** Rows of the last full pass. */
  async function look(): Promise<number | null> {
    const reading = await target.read(state.id)
    if (reading === null) return null
    server = reading.server.version
    for (const [name, count] of Object.entries(reading.verification.open)) if (count > 0) mismatches[name] = Math.max(mismatches[name] ?? 0, count)
    return reading.verification.lastPass?.rows ?? null
  }

  const walk: Walk = {
    state: () => state,
    command: (command) => move({ kind: 'command', command, by: hooks.by, reason: 'Rehearsal', at: hooks.wallMs() }, `${command} from ${state.phase}`),
    signal: (signal) => move({ kind: 'signal', signal, at: hooks.wallMs() }, `${signal.type} in ${state.phase}`),
    async work(work, tell) {
      await observed(
        `${work} in ${state.phase}`,
        work,
        async () => {
          const done = await target.work({ ownership, work, signal: hooks.signal, paused: () => false, foregroundHarm: () => '' })
          if (done === 'stopped') throw new Fault('timeout', 'The rehearsal was stopped before its end.', 'Rehearse again.')
          return look()
        },
        (passRows) => ({ attempts: null, sql: '', rows: work === 'fullPass' ? passRows : null }),
      )
      if (tell) await walk.signal({ type: 'workDone', work })
    },
    steps: () => steps,
    mismatches: () => mismatches,
    server: () => server,
  }
  return walk
}

/** The rehearsal failed: the database is given back as it was, as far as that goes. What failed is told, not this. */
async function backFromAnywhere(walk: Walk): Promise<void> {
  try {
    if (walk.state().phase === 'planned' || hasEnded(walk.state().phase)) return
    if (walk.state().phase !== 'rollingBack') await walk.command('rollBack')
    await walk.signal({ type: 'unused' })
  } catch {
    // It stays as a migration under way there, which the next rehearsal names and a person can roll back.
  }
}

function differenceOf(before: readonly string[], after: readonly string[]): readonly string[] {
  const [was, is] = [new Set(before), new Set(after)]
  return [...before.filter((line) => !is.has(line)).map((line) => `- ${line}`), ...after.filter((line) => !was.has(line)).map((line) => `+ ${line}`)].slice(0, 50)
}

function mustBeClean(report: RehearsalReport): void {
  const wrong = Object.entries(report.mismatches).filter(([name]) => name !== 'textOnly')
  if (wrong.length > 0) throw new Fault('gateFailed', `Rehearsed on ${report.database} and rolled back; ${wrong.map(([name, count]) => `${count} ${name}`).join(', ')} were found there.`, 'Look at these rows with a preflight there, then mend the expressions or the rows.')
  const [first] = report.catalogDifference
  if (first !== undefined) throw new Fault('gateFailed', `Rehearsed on ${report.database}; after rolling back its structure is not as before: ${first}${report.catalogDifference.length > 1 ? ` and ${report.catalogDifference.length - 1} more lines` : ''}.`, 'See whether someone else changed it meanwhile; if not, this is a defect.')
}

function summaryOf(report: RehearsalReport): string {
  const slowest = report.steps.filter(({ attempts }) => attempts !== null).toSorted((a, b) => b.tookMs - a.tookMs)[0]
  const waited = Math.max(0, ...report.steps.map(({ locks }) => locks?.othersWaitedMs ?? 0))
  return [
    `All phases and ways back in ${(report.tookMs / 1000).toFixed(1)} s over ${report.rows} rows`,
    slowest === undefined ? '' : `slowest step ${slowest.step} ${Math.round(slowest.tookMs)} ms`,
    `longest lock wait of others ${Math.round(waited)} ms`,
    report.catalogSame === true ? 'structure exactly as before' : 'structure not compared',
  ]
    .filter((part) => part !== '')
    .join('; ')
}

