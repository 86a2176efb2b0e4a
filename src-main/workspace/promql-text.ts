import type { Reader } from './reading.ts'
import { reportAt } from './reading.ts'
import { text } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** The places of a query that are filled in when it is sent. */
export const QUERY_PLACES = ['service', 'environment', 'version', 'window'] as const

/** Those of a criterion that guards rollouts of flags. */
export const FLAG_QUERY_PLACES = [...QUERY_PLACES, 'flag', 'variant'] as const

export const promqlTemplate = promqlReader(QUERY_PLACES)
export const flagPromqlTemplate = promqlReader(FLAG_QUERY_PLACES)

/** A query's text; `${places}` it does not have are slips. What it means only its provider knows. */
function promqlReader(places: readonly string[]): Reader<string> {
  return (node, at) => {
    const value = text({ expected: 'an expression, as `sum(rate(orders_total{environment="${environment}"}[${window}]))`' })(node, at)
    if (value === undefined) return undefined
    let fine = true
    for (const [, inside = ''] of value.matchAll(/\$\{([^}]*)\}/g)) {
      if (places.includes(inside)) continue
      fine = false
      const near = nearest(inside, places)
      reportAt(node, at, `\`\${${clip(inside)}}\` is not replaced in a query`, near === null ? `one of ${places.map((place) => `\${${place}}`).join(', ')}` : `did you mean \`\${${near}}\`?`)
    }
    return fine ? value : undefined
  }
}
