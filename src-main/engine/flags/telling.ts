import type { FlagRollout } from '../../contract/flag.ts'
import { rolloutEnded } from '../../core/flags/rollout/state.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import type { Views } from './views.ts'

const TICK_MS = 1000
/** Lines of a list told of at once; the rest is fetched with the list. */
const MOST_LINES = 200

/** Tells screens what changed, and nothing twice. */
export function createTelling(deps: FlagsDeps, board: Board, views: Views) {
  const told = new Map<string, string>()
  let stopped = false
  let cancel: () => void = () => undefined

  /** True when it was news. */
  function isNews(key: string, value: unknown): boolean {
    const text = JSON.stringify(value)
    if (told.get(key) === text) return false
    told.set(key, text)
    return true
  }

  function line(source: string, key: string): void {
    const seat = board.find(source)
    const definition = seat?.byKey.get(key)
    if (!seat || !definition) return
    const flag = views.summary(seat, definition)
    if (isNews(`flag ${source} ${key}`, flag)) deps.publish({ kind: 'flag', flag })
  }

  function rollout(found: FlagRollout): void {
    if (stopped) return
    const view = views.rollout(found)
    // A countdown is no news; what it counts down to is.
    if (isNews(`rollout ${found.id}`, { ...view, next: view.next.replace(/ \([\d:]+( s)?\)/, '') })) deps.publish({ kind: 'rollout', rollout: view })
    line(found.source, found.flag)
  }

  function source(name: string): void {
    const seat = board.find(name)
    if (stopped || !seat) return
    const view = views.source(seat)
    // When it was read is no news.
    if (isNews(`source ${name}`, { ...view, readAt: null })) deps.publish({ kind: 'flagSource', source: view })
    for (const running of board.newestOf(name)) if (!rolloutEnded(running.phase)) rollout(running)
  }

  return {
    rollout,
    source,
    /** Evaluations were counted anew: the lines that screens are most likely to show. */
    evaluations(name: string): void {
      const keys = [...(board.find(name)?.evaluations?.byFlag.keys() ?? [])]
      for (const key of keys.slice(0, MOST_LINES)) line(name, key)
    },
    start(): void {
      const beat = () => {
        if (stopped) return
        for (const running of board.unended()) rollout(running)
        cancel = deps.clock.setTimer(TICK_MS, beat)
      }
      cancel = deps.clock.setTimer(TICK_MS, beat)
    },
    stop(): void {
      stopped = true
      cancel()
    },
  }
}
export type Telling = ReturnType<typeof createTelling>
