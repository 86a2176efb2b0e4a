import { randomUUID } from 'node:crypto'
import { nowMs } from '../../../../bench/measure.ts'
import { Fault } from '../../../../contract/fault.ts'
import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { MigrationPhase, MigrationState, MigrationStep, MigrationWork } from '../../../../contract/migration.ts'
import { SYSTEM_OPERATOR } from '../../../../contract/release.ts'
import { type MigrationInput, type MigrationMove, transition } from '../../../../core/migration/machine.ts'
import type { MigrationTarget, Ownership } from '../../../../core/migration/ports.ts'
import { planMigration, workLeft } from '../../../../core/migration/state.ts'
import type { Goal } from './driver-protocol.ts'

/** What is about to happen, and happened. */
export interface WalkHooks {
  /** Awaited before a step is applied: programs move on or back first. */
  readonly beforeStep?: (step: MigrationStep, from: MigrationState, to: MigrationState) => Promise<void>
  readonly afterStep?: (step: MigrationStep, state: MigrationState, tookMs: number) => Promise<void>
  readonly beforeWork?: (work: MigrationWork, state: MigrationState) => Promise<void>
  readonly onRetry?: (what: string, fault: Fault) => void
  readonly paused?: () => boolean
}

/** Drives one migration from wherever its database says it is. The machine decides what a step leads to, as in the product. */
export interface Walk {
  phase(): Promise<MigrationPhase>
  /** Goes on, work included, until that phase. */
  advanceTo(phase: MigrationPhase): Promise<MigrationState>
  command(command: 'stepBack' | 'rollBack' | 'advance' | 'start'): Promise<MigrationState>
  /** One level at a time, to that phase. */
  stepBackTo(phase: MigrationPhase): Promise<void>
  /** Roll back, and take everything away. */
  rollBack(): Promise<MigrationState>
  work(work: MigrationWork): Promise<void>
  release(): Promise<void>
}

const DEADLINE_MS = 20_000
const RETRIES = 200

export function createWalk(target: MigrationTarget, definition: MigrationDefinition, consoleName: string, hooks: WalkHooks = {}): Walk {
  let ownership: Ownership | null = null
  const never = new AbortController().signal

  /** The same again until it is not a connection that was lost, another's lock or an owner not yet gone that stands in the way. */
  async function insist<T>(what: string, act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await act()
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        const { code } = error.data
        if (code === 'staleFence') ownership = null
        const again = error.data.retryable || code === 'staleFence' || (code === 'interlocked' && what === 'acquire')
        if (!again || attempt >= RETRIES) throw error
        hooks.onRetry?.(what, error)
        if (code === 'providerUnavailable') ownership = null
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  async function owned(): Promise<Ownership> {
    ownership ??= await insist('acquire', () => target.acquire(definition.id, consoleName))
    return ownership
  }

  /** What a migration that was rolled back leads to is decided by whoever starts it again. */
  async function look(): Promise<{ readonly state: MigrationState; readonly revision: number; readonly ended: boolean }> {
    const reading = await insist('read', () => target.read(definition.id))
    const ended = reading?.state.phase === 'rolledBack'
    const revision = reading?.state.revision ?? 0
    if (reading && !ended) return { state: reading.state, revision, ended: false }
    const attempts = reading?.state.attempt ?? 0
    return { state: planMigration({ definition, digest: 'stress', by: SYSTEM_OPERATOR, reason: '', at: Date.now(), attempts, revision }), revision, ended }
  }

  async function read(): Promise<MigrationState> {
    return (await look()).state
  }

  async function take(input: MigrationInput): Promise<MigrationState> {
    const { state, revision } = await look()
    const move: MigrationMove | null = transition(state, input)
    if (!move) throw new Error(`${state.phase} has no use for ${JSON.stringify(input)}`)
    await hooks.beforeStep?.(move.step, state, move.next)
    const operationId = randomUUID()
    const startMs = nowMs()
    await insist(`apply ${move.step}`, async () =>
      target.apply({
        ownership: await owned(),
        expectRevision: revision,
        step: move.step,
        next: move.next,
        event: { kind: 'state', summary: `${state.phase} to ${move.next.phase}`, operationId, by: SYSTEM_OPERATOR, evidence: null },
        deadlineMs: DEADLINE_MS,
      }),
    )
    await hooks.afterStep?.(move.step, move.next, nowMs() - startMs)
    return move.next
  }

  const command = (name: 'stepBack' | 'rollBack' | 'advance' | 'start') => take({ kind: 'command', command: name, by: SYSTEM_OPERATOR, reason: '', at: Date.now() })

  async function work(name: MigrationWork): Promise<void> {
    await hooks.beforeWork?.(name, await read())
    await insist(`work ${name}`, async () => {
      const outcome = await target.work({ ownership: await owned(), work: name, signal: never, paused: hooks.paused ?? (() => false), foregroundHarm: () => '' })
      if (outcome !== 'done') throw new Error(`${name} ended before it was done`)
    })
  }

  return {
    async phase() {
      const { state, ended } = await look()
      return ended ? 'rolledBack' : state.phase
    },
    command,
    work,
    async advanceTo(phase) {
      for (;;) {
        const state = await read()
        if (state.phase === phase) return state
        const [next] = workLeft(state)
        if (next) {
          await work(next)
          await take({ kind: 'signal', signal: { type: 'workDone', work: next }, at: Date.now() })
        } else await command(state.phase === 'planned' ? 'start' : 'advance')
      }
    },
    async stepBackTo(phase) {
      while ((await read()).phase !== phase) await command('stepBack')
    },
    async rollBack() {
      const state = await read()
      if (state.phase !== 'rollingBack') await command('rollBack')
      return take({ kind: 'signal', signal: { type: 'unused' }, at: Date.now() })
    },
    async release() {
      if (ownership) await target.release(ownership).catch(() => {})
      ownership = null
    },
  }
}

export async function reach(walk: Walk, goal: Goal): Promise<void> {
  if ('to' in goal) await walk.advanceTo(goal.to)
  else if ('rollBack' in goal) await walk.rollBack()
  else await walk.stepBackTo(goal.stepBackTo)
}
