import type { MigrationAction } from '../../../src-main/contract/migration.ts'
import type { IconName } from '../../components/icons.tsx'

/** Which place an action stands in. Places only: what exists and what can be pressed comes with each view from the core. */
const PLACES: readonly (readonly MigrationAction['command'][])[] = [
  ['start', 'advance', 'retry'],
  ['approve', 'stepBack', 'repair', 'preflight'],
  ['resume', 'pause'],
]

export const MIGRATION_ICONS: Readonly<Partial<Record<MigrationAction['command'], IconName>>> = { pause: 'pause', resume: 'play', retry: 'run', approve: 'pass', stepBack: 'back', preflight: 'run', repair: 'run' }

export interface PlacedMigrationActions {
  readonly places: readonly [MigrationAction | null, MigrationAction | null, MigrationAction | null]
  /** What has no place of its own, for the menu. Roll back is not here: it has the corner. */
  readonly rest: readonly MigrationAction[]
}

/** Sets actions into their fixed places; where two want one, the one that can be pressed stands there. */
export function placeMigrationActions(actions: readonly MigrationAction[]): PlacedMigrationActions {
  const [first, second, third] = PLACES.map((commands) => {
    const wanting = commands.flatMap((command) => actions.filter((action) => action.command === command))
    return wanting.find((action) => action.blocks.length === 0) ?? wanting[0] ?? null
  })
  const places = [first ?? null, second ?? null, third ?? null] as const
  return { places, rest: actions.filter((action) => action.command !== 'rollBack' && !places.includes(action)) }
}
