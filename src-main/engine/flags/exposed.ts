import type { FlagNeed } from '../../contract/flag.ts'
import { exposureOf, safeVariantOf } from '../../core/flags/exposure.ts'
import type { ExposedFlag } from '../../core/interlocks/exposed-flags.ts'
import type { NeedingFlag } from '../../core/interlocks/migration-rules.ts'
import type { Board } from './board.ts'

/** Needs of flags that users have now, above the share that needs nothing. */
function exposed(board: Board): readonly (FlagNeed & { readonly percent: number | null })[] {
  return board.seats().flatMap((seat) =>
    seat.config.needs.flatMap((need) => {
      const definition = seat.byKey.get(need.flag)
      if (!definition || definition.facts.archived) return []
      const safe = safeVariantOf(definition)
      const { percents } = exposureOf(definition)
      const percent = percents === null ? null : [...percents].reduce((sum, [variant, share]) => (variant === safe ? sum : sum + share), 0)
      return percent !== null && percent <= need.abovePercent ? [] : [{ ...need, percent }]
    }),
  )
}

/** Flags that users have now and that the workspace says need certain versions of a service. */
export function exposedNeeds(board: Board, service: string): readonly ExposedFlag[] {
  return exposed(board).flatMap(({ flag, percent, abovePercent, versions, why }) => (versions?.service === service ? [{ flag, percent, abovePercent, anyOf: versions.anyOf, why }] : []))
}

/** Flags that users have now and that the workspace says need a migration's new shape. Those that reads follow are told apart. */
export function exposedOnMigration(board: Board, migration: string): readonly NeedingFlag[] {
  return exposed(board).flatMap((need) => (need.migration?.id === migration && need.abovePercent >= 0 ? [{ flag: need.flag, percent: need.percent }] : []))
}
