import { Fault, type FaultCode } from '../../contract/fault.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { overallVerdict } from '../../core/analysis/judge.ts'
import { blocksAutomatic, type RolloutFacts } from '../../core/interlocks/flag-rules.ts'
import type { FlagChange, ObservedFlag } from '../../core/flags/ports.ts'
import { criteriaInForce, exposeChange, holdingResults, isAcknowledged, percentAt, wantedChange } from '../../core/flags/rollout/state.ts'
import { describe } from '../../core/flags/rollout/actions.ts'
import type { RolloutSignal } from '../../core/flags/rollout/machine.ts'
import { stageWords, variantWords } from '../../core/flags/rollout/words.ts'
import { isWarning } from '../../core/release/state.ts'
import { withDifference } from './difference.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { flagPortrait, plain, rolloutDraft } from './drafts.ts'
import type { Guard, Judgement } from './guard.ts'
import { type Rollouts, toFault } from './rollouts.ts'

const TICK_MS = 1000
const CLOCK_JUMP_MS = 2000
/** How often a flag under way is read, where nobody tells of changes in between. */
const LOOK_MS = { file: 2000, vendor: 10_000 } as const
/** A change that was accepted is not always read back at once. */
const SETTLE_TRIES = 10
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
/** The part of the time judges may take. */
const JUDGING_SHARE = 0.3

/** Mends by itself, or may: tried again. */
const TRANSIENT: readonly FaultCode[] = ['providerUnavailable', 'timeout', 'staleGeneration', 'notVerified', 'journalUnavailable', 'disconnected']

/** Does what a rollout's state asks for, watches that it stays so, and tells the machine what it sees. */
export function createDriver(deps: FlagsDeps, board: Board, rollouts: Rollouts, guard: Guard, factsOf: (rollout: FlagRollout) => RolloutFacts, onRead: (source: string) => void) {
  const { clock } = deps
  const busy = new Map<string, Promise<void>>()
  const tries = new Map<string, number>()
  const notBefore = new Map<string, number>()
  const lookedAt = new Map<string, number>()
  const paces = new Map<string, number>()
  const dirty = new Set<string>()
  const stops: (() => void)[] = []
  const timers = new Map<string, () => void>()
  let stopped = false
  let jumping = false
  let offsetMs = clock.wallMs() - clock.monotonicMs()

  /** Once at a time per key; failures are logged, never thrown into a timer. */
  function once(key: string, act: () => Promise<void>): Promise<void> {
    const running = busy.get(key)
    if (running) return running
    if (stopped) return Promise.resolve()
    const promise = act()
      .catch((error: unknown) => deps.log(`${key}: ${toFault(error).message}`))
      .finally(() => busy.delete(key))
    busy.set(key, promise)
    return promise
  }

  function later(key: string, delayMs: number, act: () => void): void {
    timers.get(key)?.()
    timers.set(
      key,
      clock.setTimer(delayMs, () => {
        timers.delete(key)
        if (!stopped) act()
      }),
    )
  }

  const operationOf = (rollout: FlagRollout) => `${rollout.id}:${rollout.revision}`

  /** What the engine found, as a move: with its outcome in the same commit. */
  async function tell(rollout: FlagRollout, signal: RolloutSignal, outcome: { readonly action: string; readonly summary: string; readonly kind: 'outcome' | 'event'; readonly result: 'verified' | 'failed' | 'accepted' | 'recorded'; readonly before?: ObservedFlag | null; readonly after?: ObservedFlag | null; readonly evidence?: unknown }): Promise<void> {
    const { id } = rollout
    await rollouts.move({
      rolloutId: id,
      input: { kind: 'signal', signal, at: clock.wallMs() },
      action: outcome.action,
      summary: outcome.summary,
      operationId: operationOf(rollout),
      tell: false,
      // What was found is of the state it was asked for: a person may have decided otherwise meanwhile.
      check: (now) => now.phase === rollout.phase && now.stageIndex === rollout.stageIndex && now.rollback?.to === rollout.rollback?.to,
      entries: ({ next }) => [
        rolloutDraft(
          { kind: outcome.kind, action: outcome.action, summary: outcome.summary, outcome: outcome.result, operationId: operationOf(rollout), reason: next.rollback?.reason ?? '', before: flagPortrait(outcome.before?.definition ?? null), after: flagPortrait(outcome.after?.definition ?? null), evidence: plain(outcome.evidence) },
          next,
        ),
      ],
    })
  }

  function doneWords(rollout: FlagRollout): string {
    if (rollout.phase === 'exposing') return `Exposed: ${stageWords(rollout.plan, rollout.stageIndex)} get ${variantWords(rollout.plan)}`
    if (rollout.phase === 'finishing') return `Finished: everyone gets ${rollout.finishWith ?? variantWords(rollout.plan)}, without rules`
    return rollout.rollback?.to === 'safe' ? `Killed: ${describe(rollout, 'kill').label.replace(/^Kill: /, '')}` : 'Rolled back: the flag is as it was before the rollout'
  }

  async function verified(rollout: FlagRollout, before: ObservedFlag | null, after: ObservedFlag): Promise<void> {
    // Once nobody is left unexposed, what they did until now is all there is to compare with.
    const widest = rollout.phase === 'exposing' && percentAt(rollout.plan, rollout.stageIndex) >= 100
    const frozen = rollout.phase === 'exposing' && (widest || rollout.frozen == null) ? guard.freeze(rollout) : null
    await tell(rollout, { type: 'verified', version: after.version, ...(frozen ? { frozen } : {}) }, { kind: 'outcome', action: 'rollout.verified', summary: doneWords(rollout), result: 'verified', before, after })
    tries.delete(rollout.id)
    board.trouble.delete(rollout.id)
    await readSource(rollout.source)
  }

  /** The flag is what this rollout made of it, or is making of it, or what it was before the first change. */
  function isOurs(rollout: FlagRollout, observed: ObservedFlag): boolean {
    const source = deps.source(rollout.source)
    if (observed.version === (rollout.version ?? rollout.before.version)) return true
    const inForce: FlagChange = rollout.verifiedStage === -1 ? { kind: 'restore', native: rollout.before.native, definition: rollout.before.definition } : exposeChange(rollout, rollout.verifiedStage)
    return source.matches(inForce, observed)
  }

  /** Also what a failed change may have left half done is ours. */
  function isAsWanted(rollout: FlagRollout, observed: ObservedFlag): boolean {
    if (isOurs(rollout, observed)) return true
    const { stageIndex } = rollout
    return rollout.phase === 'failed' && stageIndex >= 0 && deps.source(rollout.source).matches(exposeChange(rollout, stageIndex), observed)
  }

  async function drifted(rollout: FlagRollout, observed: ObservedFlag | null): Promise<void> {
    if (rollout.drift?.version === (observed?.version ?? '')) return
    const expected = rollout.verifiedStage === -1 ? rollout.before.definition : null
    const difference = withDifference(rollout, observed?.definition ?? null, expected)
    await tell(rollout, { type: 'drifted', version: observed?.version ?? '', difference }, { kind: 'event', action: 'rollout.drifted', summary: `Paused: somebody changed ${rollout.flag} elsewhere`, result: 'recorded', after: observed, evidence: { difference } })
  }

  /** Null: it is gone. */
  async function look(rollout: FlagRollout): Promise<ObservedFlag | null> {
    lookedAt.set(rollout.id, clock.monotonicMs())
    dirty.delete(rollout.source)
    try {
      return await deps.source(rollout.source).observe(rollout.set, rollout.flag)
    } catch (error) {
      if (error instanceof Fault && error.code === 'notFound') return null
      throw error
    }
  }

  /** One step towards what the state asks for. */
  async function step(id: string): Promise<void> {
    const rollout = board.rollout(id)
    if (!rollout || stopped || deps.readOnly() !== null) return
    try {
      const wanted = wantedChange(rollout)
      if (wanted) await make(rollout, wanted)
      else await watch(rollout)
      if (!wanted || board.rollout(id)?.phase !== rollout.phase) board.trouble.delete(id)
    } catch (error) {
      if (!stopped) await stumbled(rollout, toFault(error))
    }
  }

  async function watch(rollout: FlagRollout): Promise<void> {
    const observed = await look(rollout)
    if (!observed || !isAsWanted(rollout, observed)) return drifted(rollout, observed)
  }

  async function make(rollout: FlagRollout, wanted: FlagChange): Promise<void> {
    const source = deps.source(rollout.source)
    const isBack = rollout.phase === 'rollingBack'
    const observed = await look(rollout)
    if (observed && source.matches(wanted, observed) && !(isBack && busy.has(`rollout ${rollout.id}`))) return verified(rollout, null, observed)
    if (!isBack) {
      if (!observed || !isOurs(rollout, observed)) return drifted(rollout, observed)
      // Nothing that exposes more is begun while it is paused.
      if (rollout.paused) return
    }
    if (rollout.submitted) return
    board.acting.set(rollout.id, { command: rollout.phase === 'finishing' ? 'finish' : isBack ? (rollout.rollback?.to === 'safe' ? 'kill' : 'rollBack') : 'advance', since: clock.wallMs() })
    try {
      deps.crashPoint('rollout.beforeApply')
      const { submitted } = await source.apply({ set: rollout.set, key: rollout.flag, change: wanted, expect: isBack ? null : (observed?.version ?? null), comment: commentOf(rollout) })
      deps.crashPoint('rollout.afterApply')
      if (submitted) return await tell(rollout, { type: 'submitted', ...submitted }, { kind: 'outcome', action: 'rollout.submitted', summary: `Submitted for approval: ${submitted.what}`, result: 'accepted', evidence: submitted })
      // A change that was on its way may have come after it: only what is there once that is over counts.
      if (isBack) await busy.get(`rollout ${rollout.id}`)
      const after = await look(rollout)
      if (!after || !source.matches(wanted, after)) throw new Fault('notVerified', `${rollout.flag} was changed, and is not read back as asked.`, 'It is read again.')
      await verified(rollout, observed, after)
    } finally {
      board.acting.delete(rollout.id)
    }
  }

  function commentOf(rollout: FlagRollout): string {
    const who = rollout.rollback ? rollout.rollback.by.name : rollout.startedBy.name
    const why = rollout.rollback?.reason ?? rollout.reason
    return `Signalbox: ${doneWords(rollout)}. ${who}${why === '' ? '' : `: ${why}`}`
  }

  /** Tried again, later each time; what will not mend stops it, unless it goes back: that never gives up. */
  async function stumbled(rollout: FlagRollout, fault: Fault): Promise<void> {
    const count = (tries.get(rollout.id) ?? 0) + 1
    tries.set(rollout.id, count)
    const isBack = rollout.phase === 'rollingBack'
    const acts = wantedChange(rollout) !== null
    const mends = TRANSIENT.includes(fault.code) && !(fault.code === 'notVerified' && count > SETTLE_TRIES)
    const delayMs = fault.data.retryAfterMs ?? Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count - 1, 10))
    notBefore.set(rollout.id, clock.monotonicMs() + delayMs)
    later(`retry ${rollout.id}`, delayMs, () => wake(rollout.id))
    const before = board.trouble.get(rollout.id)
    board.trouble.set(rollout.id, fault.message)
    if (acts && (isBack || !mends)) {
      await tell(rollout, { type: 'failed', fault: fault.data }, { kind: 'outcome', action: 'rollout.failed', summary: isBack ? `Tried again: ${fault.message}` : `Stopped: ${fault.message}`, result: 'failed', evidence: fault.data }).catch((error: unknown) => deps.log(`${rollout.id}: ${toFault(error).message}`))
    }
    if (before !== fault.message) onRead(rollout.source)
  }

  function wake(id: string): void {
    if (stopped || clock.monotonicMs() < (notBefore.get(id) ?? 0)) return
    void once(keyOf(board.rollout(id), id), () => step(id))
  }

  /** What goes back never waits for a change that is on its way. */
  function keyOf(rollout: FlagRollout | null, id: string): string {
    return rollout?.phase === 'rollingBack' ? `back ${id}` : `rollout ${id}`
  }

  function due(rollout: FlagRollout): boolean {
    const state = board.rollout(rollout.id)
    if (!state || clock.monotonicMs() < (notBefore.get(state.id) ?? 0)) return false
    const kind = board.find(state.source)?.config.kind === 'file' ? 'file' : 'vendor'
    const since = clock.monotonicMs() - (lookedAt.get(state.id) ?? -Infinity)
    return dirty.has(state.source) || since >= LOOK_MS[kind] || (wantedChange(state) !== null && !state.submitted && state.failure === null && since >= TICK_MS)
  }

  /** Reads the whole set of the workspace's tier. */
  async function readSource(name: string): Promise<void> {
    const seat = board.find(name)
    if (!seat || seat.set === null) return
    try {
      const changed = board.observe(name, await deps.source(name).read(seat.set))
      if (changed) onRead(name)
    } catch (error) {
      const { message } = toFault(error)
      const news = seat.problem !== message
      seat.problem = message
      if (news) onRead(name)
    }
  }

  function tick(): void {
    const jumpMs = clock.wallMs() - clock.monotonicMs() - offsetMs
    const acts = deps.readOnly() === null
    if (Math.abs(jumpMs) > CLOCK_JUMP_MS && acts) {
      offsetMs += jumpMs
      void once('clock jump', () => followClock(jumpMs))
    }
    if (!acts) return
    for (const rollout of board.unended()) {
      if (due(rollout)) void once(keyOf(rollout, rollout.id), () => step(rollout.id))
      guard.fill(rollout)
      judge(rollout)
    }
    guard.keepOnly(new Set(board.unended().map(({ id }) => id)))
  }

  /** Only time this console watched counts: after a jump of the wall clock every hold has as much left as before. */
  async function followClock(deltaMs: number): Promise<void> {
    jumping = true
    try {
      guard.forgetAll()
      for (const rollout of board.unended()) {
        await rollouts.move({ rolloutId: rollout.id, input: { kind: 'signal', signal: { type: 'clockJumped', deltaMs }, at: clock.wallMs() }, action: 'rollout.clockJumped', summary: `The clock jumped by ${Math.round(deltaMs / 1000)} s; the hold has as much left as before`, operationId: operationOf(rollout) })
      }
    } finally {
      jumping = false
    }
  }

  const JUDGED: readonly FlagRollout['phase'][] = ['exposing', 'holding', 'awaitingApproval', 'finishing', 'failed']

  /** Judges what is exposed, as long as anything is and is not settled. */
  function judge(rollout: FlagRollout): void {
    if (!JUDGED.includes(rollout.phase) || rollout.verifiedStage === -1) return
    if (criteriaInForce(rollout).length === 0) return checkDue(rollout)
    const startedMs = clock.monotonicMs()
    const pace = paces.get(rollout.id)
    if (pace !== undefined && startedMs < pace) return checkDue(rollout)
    const judgement = guard.judge(rollout)
    // Many rollouts at once are judged less often, rather than keeping the console from everything else.
    const tookMs = clock.monotonicMs() - startedMs
    paces.set(rollout.id, startedMs + (tookMs * board.unended().length) / JUDGING_SHARE)
    board.analysis.set(rollout.id, judgement.told)
    const counted = judgement.told.filter((result) => !isAcknowledged(rollout, result))
    const verdict = overallVerdict(counted)
    if (verdict === 'fail') {
      void once(`judge ${rollout.id}`, () => act(rollout, judgement, 'fail'))
      return
    }
    const settled = rollout.phase === 'holding' || rollout.phase === 'awaitingApproval'
    if (verdict === 'warn' && !rollout.paused && settled) {
      void once(`judge ${rollout.id}`, () => act(rollout, judgement, 'warn'))
      return
    }
    checkDue(rollout)
  }

  async function act(rollout: FlagRollout, judgement: Judgement, verdict: 'fail' | 'warn'): Promise<void> {
    const decides = (result: Judgement['results'][number]) => result.verdict === 'fail' && (verdict === 'warn' ? isWarning(result) : result.severity === 'fail')
    const worst = judgement.told.find(decides)
    const evidence = { results: judgement.results, judged: judgement.evidence(decides) }
    // Taking it back never waits for a journal that cannot take the evidence.
    const note = rolloutDraft({ kind: 'event', action: verdict === 'fail' ? 'analysis.failed' : 'analysis.warned', summary: worst?.why ?? 'A criterion failed.', outcome: 'recorded', operationId: operationOf(rollout), evidence: plain(evidence) }, rollout)
    await rollouts.persist({ entries: [note] }, false).catch((error: unknown) => deps.log(`evidence of ${rollout.id} was not kept: ${toFault(error).message}`))
    await rollouts.move({
      rolloutId: rollout.id,
      input: { kind: 'signal', signal: { type: 'judged', verdict, results: judgement.told }, at: clock.wallMs() },
      action: verdict === 'fail' ? 'rollout.rollBack' : 'rollout.pause',
      summary: verdict === 'fail' ? describe(rollout, 'rollBack').label : 'Hold, and ask',
      reason: worst?.why ?? '',
      operationId: operationOf(rollout),
      operator: SYSTEM_OPERATOR,
      check: (now) => now.rollback === null && now.stageIndex === rollout.stageIndex,
    })
  }

  /** An overdue hold advances once, through the same interlocks as a person's. */
  function checkDue(rollout: FlagRollout): void {
    if (jumping || rollout.phase !== 'holding' || rollout.dueAt === null || rollout.paused || clock.monotonicMs() + offsetMs < rollout.dueAt) return
    if (blocksAutomatic(rollout, factsOf(rollout)).length > 0 || holdingResults(board.judged(rollout)).length > 0) return
    void once(`due ${rollout.id}`, async () => {
      // Decided on what is there now, not on what was there two seconds ago.
      const observed = await look(rollout)
      if (!observed || !isOurs(rollout, observed)) return drifted(rollout, observed)
      const judgement = guard.judge(rollout)
      const judged = { ...rollout, analysis: [...judgement.told] }
      if (holdingResults(judged).length > 0) return
      const passes = (result: Judgement['results'][number]) => result.verdict === 'pass'
      const passed = judgement.results.filter(passes)
      await rollouts.move({
        rolloutId: rollout.id,
        input: { kind: 'signal', signal: { type: 'due' }, at: clock.wallMs() },
        analysis: judgement.told,
        action: 'rollout.advance',
        summary: rollout.plan.stages[rollout.stageIndex]?.approval ? 'Hold over; wait for approval' : describe(rollout, 'advance').label,
        operationId: operationOf(rollout),
        // Named with its revision: a hold that was paused or advanced meanwhile is left alone.
        check: (now) => now.phase === 'holding' && now.stageIndex === rollout.stageIndex && now.dueAt === rollout.dueAt && !now.paused,
        entries: () => (passed.length === 0 ? [] : [rolloutDraft({ kind: 'event', action: 'analysis.passed', summary: `Analysis passed: ${passed.map(({ name }) => name).join(', ')}`, outcome: 'recorded', operationId: operationOf(rollout), evidence: plain({ results: judgement.results, judged: judgement.evidence(passes) }) }, rollout)]),
      })
    })
  }

  function repeat(delayMs: number, act: () => void): void {
    let cancel: () => void = () => undefined
    const beat = () => {
      if (stopped) return
      act()
      cancel = clock.setTimer(delayMs, beat)
    }
    cancel = clock.setTimer(delayMs, beat)
    stops.push(() => cancel())
  }

  return {
    readSource,
    wake: (rollout: FlagRollout) => {
      // A person's act, or a new state, is not kept waiting for an earlier failure's turn.
      notBefore.delete(rollout.id)
      tries.delete(rollout.id)
      const running = busy.get(keyOf(rollout, rollout.id))
      if (running) void running.then(() => wake(rollout.id))
      else wake(rollout.id)
    },
    /** Wakes exactly at the end of a hold, rather than up to a tick later. */
    schedule(rollout: FlagRollout): void {
      if (rollout.dueAt === null || rollout.paused) return
      const { dueAt } = rollout
      later(`due ${rollout.id}`, Math.max(0, dueAt - clock.wallMs()), () => {
        const now = board.rollout(rollout.id)
        if (deps.readOnly() === null && now?.dueAt === dueAt) judge(now)
      })
    },
    start(): void {
      for (const { config, set } of board.seats()) {
        if (set === null) continue
        void once(`read ${config.name}`, () => readSource(config.name))
        try {
          stops.push(
            deps.source(config.name).subscribe(set, () => {
              dirty.add(config.name)
              void once(`read ${config.name}`, () => readSource(config.name))
              for (const rollout of board.unended()) if (rollout.source === config.name && deps.readOnly() === null) wake(rollout.id)
            }),
          )
        } catch (error) {
          const seat = board.find(config.name)
          if (seat) seat.problem = toFault(error).message
        }
      }
      if (deps.readOnly() === null) for (const rollout of board.unended()) wake(rollout.id)
      repeat(TICK_MS, tick)
    },
    async stop(): Promise<void> {
      stopped = true
      for (const stop of [...stops, ...timers.values()]) stop()
      await Promise.all(busy.values())
    },
  }
}
export type Driver = ReturnType<typeof createDriver>
