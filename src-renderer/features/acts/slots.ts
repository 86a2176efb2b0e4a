import type { Action } from '../../../src-main/contract/release.ts'
import type { ReleaseCommand } from '../../../src-main/contract/vocabulary.ts'
import type { IconName } from '../../components/icons.tsx'

/**
 * Which place an action stands in. Places only: what exists and what can be pressed comes with each release from the core.
 */
const PLACES: readonly (readonly ReleaseCommand[])[] = [
  ['start', 'promote', 'retry'],
  ['approve', 'promoteFully'],
  ['resume', 'pause'],
]

export const ACTION_ICONS: Readonly<Partial<Record<ReleaseCommand, IconName>>> = { pause: 'pause', resume: 'play', retry: 'run', approve: 'pass' }

export interface PlacedActions {
  readonly places: readonly [Action | null, Action | null, Action | null]
  /** What has no place of its own, for the menu. Roll back is not here: it has the corner. */
  readonly rest: readonly Action[]
}

/** Sets a release's actions into their fixed places; where two want one, the one that can be pressed stands there. */
export function placeActions(actions: readonly Action[]): PlacedActions {
  const [first, second, third] = PLACES.map((commands) => {
    const wanting = commands.flatMap((command) => actions.filter((action) => action.command === command))
    return wanting.find((action) => action.blocks.length === 0) ?? wanting[0] ?? null
  })
  // Before the last step both forward acts come to the same: one lever says it.
  const isSame = Boolean(first && second && first.label === second.label && (first.blocks.length === 0 || second.blocks.length > 0))
  const places = [first ?? null, isSame ? null : (second ?? null), third ?? null] as const
  return { places, rest: actions.filter((action) => action.command !== 'rollBack' && action !== second && !places.includes(action)) }
}
