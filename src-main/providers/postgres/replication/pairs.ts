import { Fault } from '../../../contract/fault.ts'
import type { PairMode } from '../../../contract/service.ts'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { pairNameOf } from './pair-names.ts'
import type { Pair } from './pair.ts'
import type { Address } from './pair-side.ts'

/** The pairs of a workspace's services, opened when first asked for. */
export interface Pairs {
  /** Faults: `notFound` when the workspace has no such database. */
  of(service: string, mode: PairMode): Promise<Pair>
  /** How far the follower is behind. Also makes the side that gave its writes away follow, when a switch was left before that. */
  lagMs(service: string, mode: PairMode, behind: EnvironmentName | null): Promise<number>
  /** Gives the writes to `to` before traffic goes there. A pair that was never set up is left alone: its lag is a fault that no gate passes. */
  turn(service: string, mode: PairMode, to: EnvironmentName): Promise<void>
  close(): Promise<void>
}

export interface PairsOptions {
  /** Address of a database of the workspace; undefined: there is none of that name. */
  readonly address: (database: string) => Address | undefined
  /** False: this console only looks, and changes nothing in a database. */
  readonly acts: () => boolean
}

export function openPairs(options: PairsOptions): Pairs {
  const open = new Map<string, Promise<Pair>>()

  function addressOf(database: string): Address {
    const found = options.address(database)
    if (found === undefined) throw new Fault('notFound', `The workspace has no database ${database}.`, 'Look at `databases` in the workspace file.')
    return found
  }

  const pairs: Pairs = {
    of(service, mode) {
      const name = pairNameOf(service)
      // The driver is loaded with the first pair: a console without one pays nothing for it.
      const opening = open.get(name) ?? import('./pair.ts').then(({ openPair }) => openPair({ name, blueUrl: addressOf(mode.blue), greenUrl: addressOf(mode.green), tables: mode.tables ?? 'all' }))
      open.set(name, opening)
      return opening.catch((error: unknown) => {
        open.delete(name)
        throw error
      })
    },
    async lagMs(service, mode, behind) {
      const pair = await pairs.of(service, mode)
      if (options.acts()) await finishSwitch(pair)
      return (await pair.lag(behind)).lagMs
    },
    async turn(service, mode, to) {
      const pair = await pairs.of(service, mode)
      const { phase } = await pair.state()
      if (phase === 'none') return
      await finishSwitch(pair)
      await pair.beforeSwitch(to)
    },
    async close() {
      await Promise.all([...open.values()].map((opening) => opening.then((pair) => pair.close()).catch(() => undefined)))
      open.clear()
    },
  }
  return pairs
}

async function finishSwitch(pair: Pair): Promise<void> {
  const { phase, source } = await pair.state()
  if (phase === 'opened' && source !== null) await pair.afterSwitch(source)
}
