import { isMap } from 'yaml'
import type { Probe } from '../contract/workspace.ts'
import { field, mapping, record } from './collections.ts'
import type { Reader } from './reading.ts'
import { duration, integer, text } from './scalars.ts'

/** Readers of `probes`: HTTP checks of an environment on a schedule. */

export const PROBE_DEFAULTS = { everyMs: 1000, timeoutMs: 2000, expectStatus: 200, expectBody: null } as const
const PATH = { pattern: /^\/[^\s#]*$/, expected: 'a path that begins with `/`, as `/health`', maxLength: 2000 }
const NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/, expected: 'a name of letters, digits, spaces, `.`, `_` and `-`, at most 63' }
const MAX_PROBES = 20

const probeMapping = mapping('a probe', {
  get: field('path', text(PATH), 'what is asked: `get: /health`'),
  every: field('everyMs', duration({ minMs: 250, maxMs: 3_600_000 })),
  timeout: field('timeoutMs', duration({ minMs: 50, maxMs: 60_000 })),
  status: field('expectStatus', integer({ min: 100, max: 599, expected: 'an HTTP status from 100 to 599' })),
  body: field('expectBody', text({ expected: 'text that the body must contain' })),
})

const probe =
  (name: string): Reader<Probe> =>
  (node, at) => {
    if (!isMap(node)) {
      const path = text({ ...PATH, expected: 'a path that begins with `/`, or a mapping with `get: /path`' })(node, at)
      return path === undefined ? undefined : { name, path, ...PROBE_DEFAULTS }
    }
    const read = probeMapping(node, at)
    return read?.path === undefined ? undefined : { name, ...PROBE_DEFAULTS, ...read, path: read.path }
  }

/** `probes: {home: /, cart: {get: /cart/1, every: 5s, body: total}}`. */
export const probesReader: Reader<readonly Probe[]> = (node, at) => {
  const read = record('probes', NAME, probe)(node, at)
  if (!read) return undefined
  const probes = Object.values(read)
  if (probes.length <= MAX_PROBES) return probes
  at.problems.report(at.owner, `${probes.length} probes`, `at most ${MAX_PROBES}`)
  return undefined
}
