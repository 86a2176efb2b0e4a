import type { IncomingMessage } from 'node:http'
import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { RouteState } from './messages.ts'

/**
 * Deals environments by weight: out of every hundred requests exactly as many go to green as its weight says, in random
 * order. Drawing without putting back keeps the share exact (independent draws at 25 % would give 25 ± 4.3 of 100), and
 * the random order keeps it from beating against clients that ask in a rhythm, which a fixed rotation would.
 */
export function createDeck(random: () => number = Math.random): (greenPercent: number) => EnvironmentName {
  let left = 0
  let green = 0
  let dealtAt = -1
  return (greenPercent) => {
    if (left === 0 || dealtAt !== greenPercent) {
      left = 100
      green = greenPercent
      dealtAt = greenPercent
    }
    const pick = random() * left < green
    left -= 1
    if (pick) green -= 1
    return pick ? 'green' : 'blue'
  }
}

/** Where a user was pinned: environment and the generation that pinned them. */
export function readPin(request: IncomingMessage, state: RouteState): EnvironmentName | null {
  const { cookie } = request.headers
  if (!state.sticky || cookie === undefined) return null
  const start = `${state.sticky.cookie}=`
  for (const part of cookie.split(';')) {
    const text = part.trim()
    if (!text.startsWith(start)) continue
    const match = /^(blue|green)\.(\d{1,15})$/.exec(text.slice(start.length))
    const generation = Number(match?.[2] ?? -1)
    if (!match || generation < state.pinsFrom || generation > state.generation) return null
    return match[1] === 'green' ? 'green' : 'blue'
  }
  return null
}

export function pinCookie(state: RouteState, environment: EnvironmentName): string {
  const seconds = Math.round((state.sticky?.ttlMs ?? 0) / 1000)
  return `${state.sticky?.cookie ?? ''}=${environment}.${state.generation}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`
}

export interface Choice {
  readonly environment: EnvironmentName
  /** True when the user is to be told to stay there. */
  readonly pin: boolean
}

/**
 * Where a user's request goes; null: nowhere (out of service). An environment with no weight gets none, pinned or not.
 * One that is not ready gets none either as long as the other one has weight and is ready.
 */
export function choose(state: RouteState, request: IncomingMessage, deal: (greenPercent: number) => EnvironmentName): Choice | null {
  const { weights, endpoints } = state
  if (weights.blue + weights.green === 0) return null
  const pinned = readPin(request, state)
  const usable = (environment: EnvironmentName) => weights[environment] > 0 && endpoints[environment] !== null
  if (pinned && usable(pinned)) return { environment: pinned, pin: false }
  const dealt = deal(weights.green)
  const other = dealt === 'blue' ? 'green' : 'blue'
  const environment = endpoints[dealt] === null && usable(other) ? other : dealt
  return { environment, pin: state.sticky !== null }
}
