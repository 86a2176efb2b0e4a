import { Fault } from '../../contract/fault.ts'
import type { FlagDefinition } from '../../contract/flag-definition.ts'
import type { Block, Operator } from '../../contract/release.ts'
import type { FlagChange, ObservedFlag } from '../../core/flags/ports.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { flagDraft, flagPortrait, plain, wantedPortrait } from './drafts.ts'
import { type Rollouts, toFault } from './rollouts.ts'

/** A source that does not answer, or a change that is not read back at once: so often it is tried. */
const TRIES = 5
const FIRST_RETRY_MS = 300

export function faultOf(block: Block): Fault {
  const codes = { role: 'notAllowed', readOnly: 'readOnly', journal: 'journalUnavailable', rolloutInProgress: 'releaseInProgress', sourceUnreachable: 'providerUnavailable', unsupported: 'unsupported' } as const
  const code = Object.entries(codes).find(([rule]) => rule === block.rule)?.[1] ?? 'interlocked'
  return new Fault(code, block.reason, block.unblocks)
}

export interface FlagAct {
  readonly source: string
  readonly set: string
  readonly flag: string
  /** `define`, `kill`, `archive`, `copy`. */
  readonly action: string
  readonly summary: string
  readonly change: FlagChange
  /** The version it was decided on; null: whatever is there. */
  readonly expect: string | null
  readonly operator: Operator
  readonly reason: string
  readonly operationId: string
  /** The kill switch: goes on when the journal cannot commit. */
  readonly emergency: boolean
  /** Runs inside the flag's turn; throws to refuse. */
  readonly check?: (now: ObservedFlag | null) => void
}

/** Acts on flags outside of rollouts: intent, change, read back, outcome. */
export function createActs(deps: FlagsDeps, board: Board, rollouts: Rollouts) {
  const pending = new Map<string, Promise<unknown>>()
  /** Said in the journal already. */
  const submittedFaults = new WeakSet<Fault>()

  /** The same operation id is the same act: a double press does it once. `answer`: what it was, where it is over. */
  function once<T>(operationId: string, answer: (what: string) => Promise<T>, act: () => Promise<T>): Promise<T> {
    const running = pending.get(operationId)
    // Asked with the same id, it is the same procedure, and so the same answer.
    if (running) return running as Promise<T>
    const done = deps.store.findOperation(operationId)
    if (done) return answer(done.releaseId)
    const promise = act().finally(() => pending.delete(operationId))
    pending.set(operationId, promise)
    return promise
  }

  async function observe(source: string, set: string, flag: string): Promise<ObservedFlag | null> {
    try {
      return await deps.source(source).observe(set, flag)
    } catch (error) {
      if (error instanceof Fault && error.code === 'notFound') return null
      throw error
    }
  }

  async function refuse(act: Pick<FlagAct, 'source' | 'flag' | 'action' | 'summary' | 'operator' | 'operationId'>, fault: Fault): Promise<never> {
    if (submittedFaults.has(fault)) throw fault
    const entry = flagDraft(
      { kind: 'refusal', action: act.action, operator: act.operator, summary: `${fault.data.cause === 'refused' ? 'Refused' : 'Failed'}: ${act.summary}`, reason: fault.message, operationId: act.operationId, outcome: fault.data.cause === 'refused' ? 'refused' : 'failed', evidence: { code: fault.code } },
      act.source,
      act.flag,
    )
    // Nothing acts, so a refusal that cannot be written is said in the log and refused all the same.
    if (deps.readOnly() === null) await rollouts.persist({ entries: [entry] }, false).catch((error: unknown) => deps.log(`a refusal could not be journaled: ${toFault(error).message}`))
    throw fault
  }

  const pause = (ms: number) => new Promise<void>((resolve) => void deps.clock.setTimer(ms, resolve))

  /** Asked again when the source does not answer, or what was asked is not read back at once. */
  async function apply(act: FlagAct): Promise<{ readonly submitted: { readonly what: string; readonly url: string } | null; readonly after: ObservedFlag | null }> {
    const source = deps.source(act.source)
    for (let tries = 1; ; tries += 1) {
      try {
        const { submitted } = await source.apply({ set: act.set, key: act.flag, change: act.change, expect: act.expect, comment: `Signalbox: ${act.summary}. ${act.operator.name}${act.reason === '' ? '' : `: ${act.reason}`}` })
        if (submitted) return { submitted, after: null }
        for (let looks = 1; ; looks += 1) {
          const after = await observe(act.source, act.set, act.flag)
          if (act.change.kind === 'archive' ? after === null || source.matches(act.change, after) : after !== null && source.matches(act.change, after)) return { submitted: null, after }
          if (looks === TRIES) throw new Fault('notVerified', `${act.flag} was changed, and is not read back as asked.`, 'Look at what it is now.')
          await pause(FIRST_RETRY_MS * looks)
        }
      } catch (error) {
        const again = error instanceof Fault && (error.code === 'providerUnavailable' || error.code === 'timeout')
        if (!again || tries === TRIES) throw error
        await pause(error.data.retryAfterMs === undefined ? FIRST_RETRY_MS * 2 ** tries : Math.min(10_000, error.data.retryAfterMs))
      }
    }
  }

  /** Inside the flag's turn. */
  async function perform(act: FlagAct): Promise<ObservedFlag | null> {
    const { source, flag, action, operator, reason, operationId, summary } = act
    // The kill switch does not wait to know what it is about to replace.
    const now = act.emergency ? await observe(source, act.set, flag).catch(() => null) : await observe(source, act.set, flag)
    act.check?.(now)
    const known: FlagDefinition | null = now?.definition ?? board.find(source)?.byKey.get(flag) ?? null
    const common = { action, operator, operationId, before: flagPortrait(known) }
    await rollouts.persist({ entries: [flagDraft({ ...common, kind: 'intent', summary, reason, after: wantedPortrait(act.change, known), outcome: 'sent' }, source, flag)], operation: { id: operationId, releaseId: `flag:${source}/${flag}` } }, act.emergency)
    deps.crashPoint('flag.afterIntent')
    const settle = (parts: Pick<Parameters<typeof flagDraft>[0], 'summary' | 'outcome'> & Partial<Parameters<typeof flagDraft>[0]>) =>
      rollouts.persist({ entries: [flagDraft({ ...common, kind: 'outcome', ...parts }, source, flag)] }, act.emergency).catch((error: unknown) => deps.log(`an outcome could not be journaled: ${summary}: ${toFault(error).message}`))
    let made: Awaited<ReturnType<typeof apply>>
    try {
      made = await apply(act)
    } catch (error) {
      const fault = toFault(error)
      await settle({ summary: `${summary}: ${fault.message}`, outcome: 'failed', evidence: plain(fault.data) })
      throw fault
    }
    if (made.submitted) {
      const { what, url } = made.submitted
      await settle({ summary: `${summary}: submitted for approval, ${what}`, outcome: 'accepted', evidence: plain(made.submitted) })
      const fault = new Fault('interlocked', `${flag} is as it was: the change waits for approval where the flag is kept (${what}).`, `Have it approved: ${url}`)
      submittedFaults.add(fault)
      throw fault
    }
    await settle({ summary: `${summary}: done`, outcome: 'verified', after: flagPortrait(made.after?.definition ?? null) })
    return made.after
  }

  return { once, observe, refuse, perform, inTurn: rollouts.inTurn }
}
export type Acts = ReturnType<typeof createActs>
