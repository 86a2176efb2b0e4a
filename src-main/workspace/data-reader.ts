import { isMap } from 'yaml'
import type { DataMode } from '../contract/service.ts'
import { field, mapping } from './collections.ts'
import type { Reader } from './reading.ts'
import { duration, text, word } from './scalars.ts'

const DEFAULT_MAX_LAG_MS = 5_000

const perEnvironment = mapping('`per-environment`', {
  sync: field(
    'sync',
    mapping('`sync`', {
      url: field('url', text({ expected: 'an address that answers `{"lagMs": number}`, as `http://127.0.0.1:9000/lag`', pattern: /^https?:\/\/[^\s/]+/ })),
      run: field('command', text({ expected: 'a command line that prints `{"lagMs": number}`' })),
    }),
    'who says how far behind the other side is: `sync: {url: ...}` or `sync: {run: ...}`',
  ),
  'max-lag': field('maxLagMs', duration()),
})

/** `data: shared`, or `data: {per-environment: {sync: {url | run}, max-lag: 2s}}`. */
export const dataReader: Reader<DataMode> = (node, at) => {
  if (!isMap(node)) return word(['shared'])(node, at) && { kind: 'shared' }
  const read = mapping('`data`', { 'per-environment': field('perEnvironment', perEnvironment, '`data: shared`, or `per-environment:` with its `sync`') })(node, at)
  const sync = read?.perEnvironment?.sync
  if (!sync) return undefined
  if ((sync.url === undefined) === (sync.command === undefined)) {
    at.problems.report(at.placeOf([...at.path, 'perEnvironment', 'sync']), sync.url === undefined ? '`sync` without a source' : '`sync` with both `url` and `run`', 'exactly one of `url: ADDRESS` and `run: COMMAND`')
    return undefined
  }
  return { kind: 'perEnvironment', sync: { url: sync.url ?? null, command: sync.command ?? null }, maxLagMs: read?.perEnvironment?.maxLagMs ?? DEFAULT_MAX_LAG_MS }
}
