import type { RolloutAction } from '../../../src-main/contract/flag.ts'
import type { IconName } from '../../components/icons.tsx'

/** Which place an action stands in. Places only: what exists and what can be pressed comes with each view from the core. */
const PLACES: readonly (readonly RolloutAction['command'][])[] = [['start', 'advance', 'approve', 'retry'], ['rollBack'], ['resume', 'pause']]

export const ROLLOUT_ICONS: Readonly<Partial<Record<RolloutAction['command'], IconName>>> = { pause: 'pause', resume: 'play', retry: 'run', approve: 'pass', rollBack: 'back' }

export interface PlacedRolloutActions {
  readonly places: readonly [RolloutAction | null, RolloutAction | null, RolloutAction | null]
  /** What has no place of its own, for the menu. Kill is not here: it has the corner. */
  readonly rest: readonly RolloutAction[]
}

/** Sets actions into their fixed places; where two want one, the one that can be pressed stands there. */
export function placeRolloutActions(actions: readonly RolloutAction[]): PlacedRolloutActions {
  const [first, second, third] = PLACES.map((commands) => {
    const wanting = commands.flatMap((command) => actions.filter((action) => action.command === command))
    return wanting.find((action) => action.blocks.length === 0) ?? wanting[0] ?? null
  })
  const places = [first ?? null, second ?? null, third ?? null] as const
  return { places, rest: actions.filter((action) => action.command !== 'kill' && !places.includes(action)) }
}
