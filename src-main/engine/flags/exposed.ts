import { exposureOf, safeVariantOf } from '../../core/flags/exposure.ts'
import type { ExposedFlag } from '../../core/interlocks/exposed-flags.ts'
import type { Board } from './board.ts'

/** Flags that users have now and that the workspace says need certain versions of a service. */
export function exposedNeeds(board: Board, service: string): readonly ExposedFlag[] {
  return board.seats().flatMap((seat) =>
    seat.config.needs.flatMap(({ flag, versions, abovePercent, why }): ExposedFlag[] => {
      const definition = seat.byKey.get(flag)
      if (versions?.service !== service || !definition || definition.facts.archived) return []
      const safe = safeVariantOf(definition)
      const { percents } = exposureOf(definition)
      const percent = percents === null ? null : [...percents].reduce((sum, [variant, share]) => (variant === safe ? sum : sum + share), 0)
      return percent !== null && percent <= abovePercent ? [] : [{ flag, percent, abovePercent, anyOf: versions.anyOf, why }]
    }),
  )
}
