import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '../../../contract/fault.ts'
import type { PreflightCheck } from '../../../contract/migration.ts'
import type { TableName } from '../../../contract/migration-definition.ts'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { otherEnvironment } from '../../../contract/vocabulary.ts'
import { checkPair } from './pair-check.ts'
import { comparePair } from './pair-compare.ts'
import type { CompareOptions, PairComparison } from './pair-compare.ts'
import { readLag } from './pair-lag.ts'
import type { PairLag } from './pair-lag.ts'
import { PAIR_NAME, pairNames } from './pair-names.ts'
import { afterSwitch, beforeSwitch, cancelSwitch } from './pair-reverse.ts'
import type { PairCrashPoint, SwitchOptions, SwitchResult } from './pair-reverse.ts'
import { setUpPair, tearDownPair } from './pair-set-up.ts'
import type { PairParts } from './pair-set-up.ts'
import { openSide } from './pair-side.ts'
import type { Address } from './pair-side.ts'
import { readPair } from './pair-state.ts'
import type { PairState } from './pair-state.ts'
import { readTables } from './pair-tables.ts'

export interface PairOptions {
  /** Names everything it makes: lower case, digits, `_`, at most 32. */
  readonly name: string
  readonly blueUrl: Address
  readonly greenUrl: Address
  /** How the servers reach each other, when that is another address than ours. */
  readonly peerUrls?: Partial<Readonly<Record<EnvironmentName, Address>>>
  readonly tables: readonly TableName[] | 'all'
  readonly crashPoint?: PairCrashPoint
}

/**
 * Two databases of one service, blue's and green's, one following the other by logical replication. The direction is
 * turned round at a switch without losing a write. What is so is read from the two databases each time; nothing is
 * remembered here, every act can be repeated, and any console can go on with it.
 *
 * Every method may throw `providerUnavailable` and `timeout`.
 */
export interface Pair {
  readonly name: string
  state(): Promise<PairState>
  /** Everything that could be in the way of following `from`, with fixes. Read only, never throws for what it finds. */
  check(from: EnvironmentName, options?: { readonly copy?: boolean }): Promise<readonly PreflightCheck[]>
  /** Makes the other side follow `from`. `copy`: with the rows that are there already; the other side's tables are empty. Faults: `gateFailed`, `illegalCommand`. */
  setUp(from: EnvironmentName, options?: { readonly copy?: boolean }): Promise<PairState>
  /** Waits until all tables are copied. False: not within the time. */
  copied(timeoutMs: number): Promise<boolean>
  /** Faults: `interlocked` when nothing keeps the two in step, or when it is not `behind` that follows. */
  lag(behind?: EnvironmentName | null): Promise<PairLag>
  compare(options?: Partial<CompareOptions>): Promise<PairComparison>
  /** Before traffic moves to `to`: its database takes the writes. See `beforeSwitch` in pair-reverse.ts. */
  beforeSwitch(to: EnvironmentName, options?: Partial<SwitchOptions>): Promise<SwitchResult>
  /** Once traffic has moved: the other database follows, which is the way back. */
  afterSwitch(to: EnvironmentName): Promise<PairLag>
  /** Gives up a switch that was begun and in which nothing has opened yet. */
  cancelSwitch(): Promise<PairState>
  /** Both steps in one, for when traffic needs no moving in between. */
  reverse(to: EnvironmentName, options?: Partial<SwitchOptions>): Promise<SwitchResult>
  tearDown(): Promise<void>
  close(): Promise<void>
}

const COMPARE: CompareOptions = { chunkRows: 20_000, maxMismatches: 1000, patienceMs: 30_000, signal: null }

/** Opens no connection before the first use. Faults: `invalidInput`. */
export function openPair(options: PairOptions): Pair {
  const { name, blueUrl, greenUrl, peerUrls = {}, crashPoint = () => {} } = options
  if (!PAIR_NAME.test(name)) throw new Fault('invalidInput', `${name} cannot name a pair of databases.`, 'Use lower case letters, digits and _, at most 32.')
  const sides = { blue: openSide('blue', blueUrl, peerUrls.blue ?? blueUrl), green: openSide('green', greenUrl, peerUrls.green ?? greenUrl) }
  const parts: PairParts = { pair: name, names: pairNames(name), sides }
  const state = () => readPair(sides, name, parts.names)
  const switching = (given: Partial<SwitchOptions> = {}): SwitchOptions => ({ maxLagMs: 2000, deadlineMs: 5000, crashPoint, ...given })

  const pair: Pair = {
    name,
    state,
    check: (from, { copy = true } = {}) => checkPair(parts, options.tables, from, copy),
    async setUp(from, { copy = true } = {}) {
      const blockers = (await checkPair(parts, options.tables, from, copy)).filter((found) => found.state === 'blocker' && found.name !== 'tables in the pair' && !found.name.endsWith('left over'))
      const [first] = blockers
      if (first !== undefined) throw new Fault('gateFailed', `The pair ${name} cannot be set up: ${blockers.map(({ name: what, detail }) => `${what}: ${detail}`).join('. ')}.`, first.fix)
      await setUpPair(parts, await state(), await readTables(sides[from].query, options.tables), from, copy)
      return state()
    },
    async copied(timeoutMs) {
      const endMs = performance.now() + timeoutMs
      for (;;) {
        const { phase } = await state()
        if (phase === 'inStep') return true
        if (performance.now() >= endMs) return false
        await wait(50)
      }
    },
    async lag(behind = null) {
      const now = await state()
      if (now.source === null || now.phase === 'broken' || now.phase === 'copying' || now.phase === 'opened') throw new Fault('interlocked', now.words, now.phase === 'none' ? 'Set the pair up.' : 'Look at the state of the pair.')
      const target = otherEnvironment(now.source)
      if (behind !== null && behind !== target) throw new Fault('interlocked', `${now.source}'s database takes the writes and ${target}'s follows it: the pair ${name} was not turned round, so ${behind} is no way back.`, `Switch the pair to ${target} first, or send traffic to ${now.source}.`)
      return readLag(sides[now.source], sides[target], name, now.generation, parts.names)
    },
    async compare(given = {}) {
      const now = await state()
      if (now.source === null || now.phase !== 'inStep') throw new Fault('interlocked', `Rows cannot be compared now. ${now.words}`, 'Compare when one side follows the other.')
      const [source, target] = [sides[now.source], sides[otherEnvironment(now.source)]]
      const { tables } = now[now.source]
      return comparePair({ source, target, pair: name, generation: now.generation, tables: await readTables(source.query, tables), targetTables: await readTables(target.query, tables), options: { ...COMPARE, ...given } })
    },
    beforeSwitch: (to, given) => beforeSwitch(parts, to, switching(given)),
    afterSwitch: (to) => afterSwitch(parts, to, crashPoint),
    cancelSwitch: () => cancelSwitch(parts),
    async reverse(to, given) {
      const done = await beforeSwitch(parts, to, switching(given))
      await afterSwitch(parts, to, crashPoint)
      return done
    },
    tearDown: async () => tearDownPair(parts, await state()),
    async close() {
      await Promise.all([sides.blue.close(), sides.green.close()])
    },
  }
  return pair
}
