import type { Fault, FaultCode } from '../../contract/fault.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import { wantedChange } from '../../core/flags/rollout/state.ts'
import type { RolloutFacts } from '../../core/interlocks/flag-rules.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import type { Guard } from './guard.ts'
import { createMaker, operationOf } from './maker.ts'
import { createOverseer } from './overseer.ts'
import { type Rollouts, toFault } from './rollouts.ts'

const TICK_MS = 1000
const CLOCK_JUMP_MS = 2000
/** How often a flag under way is read, where nobody tells of changes in between. */
const LOOK_MS = { file: 2000, vendor: 10_000 } as const
/** A source that could not be read, and one nobody told of, are read again so often. */
const UNREAD_MS = 5000
const READ_ANEW_MS = { file: 30_000, vendor: 60_000 } as const
/** A change that was accepted is not always read back at once. */
const SETTLE_TRIES = 10
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000

/** Mends by itself, or may: tried again. */
const TRANSIENT: readonly FaultCode[] = ['providerUnavailable', 'timeout', 'staleGeneration', 'staleRevision', 'notVerified', 'journalUnavailable', 'disconnected']

/** Keeps every rollout going: what is asked for is made and tried again, what changed is read, and time is told. */
export function createDriver(deps: FlagsDeps, board: Board, rollouts: Rollouts, guard: Guard, factsOf: (rollout: FlagRollout) => RolloutFacts, onRead: (source: string) => void) {
  const { clock } = deps
  const busy = new Map<string, Promise<void>>()
  const tries = new Map<string, number>()
  const notBefore = new Map<string, number>()
  const lookedAt = new Map<string, number>()
  const readAt = new Map<string, number>()
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

  const maker = createMaker(deps, board, rollouts, guard, {
    looked(rollout) {
      lookedAt.set(rollout.id, clock.monotonicMs())
      dirty.delete(rollout.source)
    },
    onItsWay: (rollout) => busy.get(`rollout ${rollout.id}`),
    async changed(rollout) {
      tries.delete(rollout.id)
      board.trouble.delete(rollout.id)
      await readSource(rollout.source)
    },
  })
  const overseer = createOverseer(deps, board, rollouts, guard, maker, { once, factsOf, now: () => (jumping ? null : clock.monotonicMs() + offsetMs) })

  async function step(id: string): Promise<void> {
    const rollout = board.rollout(id)
    if (!rollout || stopped || deps.readOnly() !== null) return
    try {
      await maker.step(rollout)
      if (wantedChange(rollout) === null || board.rollout(id)?.phase !== rollout.phase) board.trouble.delete(id)
    } catch (error) {
      if (!stopped) await stumbled(rollout, toFault(error))
    }
  }

  /** Tried again, later each time; what will not mend stops it, unless it goes back: that never gives up. */
  async function stumbled(rollout: FlagRollout, fault: Fault): Promise<void> {
    const count = (tries.get(rollout.id) ?? 0) + 1
    tries.set(rollout.id, count)
    const isBack = rollout.phase === 'rollingBack'
    const acts = wantedChange(rollout) !== null
    // A file that somebody is in the middle of editing is whole again soon.
    if (fault.code === 'invalidInput') await readSource(rollout.source)
    const isBroken = fault.code === 'invalidInput' && board.find(rollout.source)?.reading?.broken != null
    const mends = (TRANSIENT.includes(fault.code) || isBroken) && !(fault.code === 'notVerified' && count > SETTLE_TRIES)
    const delayMs = fault.data.retryAfterMs ?? Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(count - 1, 10))
    notBefore.set(rollout.id, clock.monotonicMs() + delayMs)
    later(`retry ${rollout.id}`, delayMs, () => wake(rollout.id))
    const before = board.trouble.get(rollout.id)
    board.trouble.set(rollout.id, fault.message)
    if (acts && (isBack || !mends)) {
      await maker.tell(rollout, { type: 'failed', fault: fault.data }, { kind: 'outcome', action: 'rollout.failed', summary: isBack ? `Tried again: ${fault.message}` : `Stopped: ${fault.message}`, result: 'failed', evidence: fault.data }).catch((error: unknown) => deps.log(`${rollout.id}: ${toFault(error).message}`))
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
    readAt.set(name, clock.monotonicMs())
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
    for (const { config, problem, reading } of board.seats()) {
      const everyMs = problem !== '' || reading === null ? UNREAD_MS : READ_ANEW_MS[config.kind === 'file' ? 'file' : 'vendor']
      if (clock.monotonicMs() - (readAt.get(config.name) ?? 0) >= everyMs) void once(`read ${config.name}`, () => readSource(config.name))
    }
    if (!acts) return
    for (const rollout of board.unended()) {
      if (due(rollout)) void once(keyOf(rollout, rollout.id), () => step(rollout.id))
      guard.fill(rollout)
      overseer.judge(rollout)
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
        if (deps.readOnly() === null && now?.dueAt === dueAt) overseer.judge(now)
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
              // A reading that began before the change may have missed it.
              void (busy.get(`read ${config.name}`) ?? Promise.resolve()).then(() => once(`read ${config.name}`, () => readSource(config.name)))
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
