import type { MigrationProgress, MigrationWork } from '../../../../contract/migration.ts'
import type { StopSignal } from '../../../../core/ports.ts'
import { backfill } from './backfill.ts'
import { comparisonsOf } from '../comparing/compare-units.ts'
import type { MigrationContext } from '../context.ts'
import { rest } from '../context.ts'
import { fullPass } from '../comparing/full-pass.ts'
import { lastKeySql } from '../page.ts'
import type { Dedicated } from '../session.ts'
import { shadowScan } from '../comparing/shadow-scan.ts'
import { readKept } from '../status.ts'
import { throttleLoop, type Throttle } from './throttle-loop.ts'
import { quotedTable } from '../units.ts'
import { validate } from './validate.ts'
import { workProgress, type WorkProgress } from './work-progress.ts'

export interface WorkRequest {
  readonly context: MigrationContext
  readonly work: MigrationWork
  readonly signal: StopSignal
  readonly paused: () => boolean
  readonly foregroundHarm: () => string
}

export interface Work {
  /** Works until it is done or the signal aborts. Faults: as the port says. */
  run(request: WorkRequest): Promise<'done' | 'stopped'>
  /** What runs here right now; null when nothing does. */
  progress(migration: string): MigrationProgress | null
}

/** Work that goes on in a phase, by any number of migrations of one database. */
export function createWork(): Work {
  const running = new Map<string, WorkProgress>()

  async function once(request: WorkRequest, kept: WorkProgress): Promise<'done' | 'stopped'> {
    const { context, work, signal } = request
    const open: Dedicated[] = []
    let throttle: Throttle | null = null
    const session = async () => {
      const dedicated = await context.sessions.dedicated()
      open.push(dedicated)
      return dedicated.session
    }
    try {
      const first = await session()
      throttle = await throttleLoop(context, request, { probe: probeSql(context), signal })
      const parts = { context, session: first, throttle, progress: kept, signal }
      const { niceRatio } = context.definition.throttle
      // Unthrottled, others work beside the first.
      const beside = niceRatio > 0 ? 0 : work === 'backfill' ? 1 : work === 'fullPass' ? 2 : 0
      const lanes = await Promise.all(Array.from({ length: beside }, session))
      if (work === 'backfill') return await backfill({ ...parts, lanes })
      if (work === 'validate') return await validate(parts)
      if (work === 'shadowScan') return await shadowScan(parts)
      const { verdict } = throttle
      const outcome = await fullPass({ work, context, sessions: [first, ...lanes], verdict, progress: kept, signal, restRatio: niceRatio / 5 })
      return outcome === 'stopped' || outcome === 'overtaken' ? 'stopped' : 'done'
    } catch (error) {
      throw context.sessions.fault(error)
    } finally {
      await throttle?.end()
      await Promise.all(open.map((one) => one.end()))
    }
  }

  return {
    async run(request) {
      const { context, work, signal } = request
      const before = await context.sessions.use((session) => readKept(session, context.id, work))
      const kept = workProgress(work, Date.now, before)
      running.set(context.id, kept)
      try {
        for (let attempt = 0, doneBefore = 0; ; attempt += 1) {
          try {
            return await once(request, kept)
          } catch (error) {
            const { rowsDone } = kept.view()
            if (rowsDone !== doneBefore) attempt = 0
            doneBefore = rowsDone
            const fault = context.sessions.fault(error)
            if (fault.code !== 'providerUnavailable' && fault.code !== 'timeout') throw fault
            if (signal.aborted) return 'stopped'
            // Everything committed is kept; it goes on from its checkpoint as soon as the server answers.
            if (attempt >= 20) throw fault
            kept.waiting(fault.message)
            await rest(Math.min(5000, 100 * 2 ** attempt) * (0.5 + Math.random()), signal)
            if (signal.aborted) return 'stopped'
          }
        }
      } finally {
        if (running.get(context.id) === kept) running.delete(context.id)
      }
    },
    progress: (migration) => running.get(migration)?.view() ?? null,
  }
}

function probeSql(context: MigrationContext): string | null {
  const [first] = comparisonsOf(context)
  return first ? lastKeySql(quotedTable(first.from), first.key) : null
}
