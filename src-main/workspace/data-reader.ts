import { isMap } from 'yaml'
import type { Node } from 'yaml'
import type { DataMode, PairMode } from '../contract/service.ts'
import { field, list, mapping } from './collections.ts'
import { tableName } from './migration-names.ts'
import type { ShapeContext } from './provider-shape.ts'
import { reportAt } from './reading.ts'
import type { Reader, Reading } from './reading.ts'
import { duration, text, word } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

const DEFAULT_MAX_LAG_MS = 5_000
const SOURCES = ['url', 'command', 'postgres'] as const

function perEnvironment(context: ShapeContext) {
  return mapping('`per-environment`', {
    sync: field(
      'sync',
      mapping('`sync`', {
        url: field('url', text({ expected: 'an address that answers `{"lagMs": number}`, as `http://127.0.0.1:9000/lag`', pattern: /^https?:\/\/[^\s/]+/ })),
        run: field('command', text({ expected: 'a command line that prints `{"lagMs": number}`' })),
        postgres: field('postgres', pairReader(context)),
      }),
      'who says how far behind the other side is: `sync: {url: ...}`, `sync: {run: ...}` or `sync: {postgres: {blue: ..., green: ...}}`',
    ),
    'max-lag': field('maxLagMs', duration()),
  })
}

/** `{blue: shop-blue, green: shop-green}`, names under `databases`; `tables` where not all of them follow. */
function pairReader(context: ShapeContext): Reader<PairMode> {
  const names = (context.databases ?? []).map(({ name }) => name)
  const expected = 'the name of a database under `databases`'
  const database: Reader<string> = (node, at) => {
    const name = text({ expected })(node, at)
    if (name === undefined || names.includes(name)) return name
    const near = nearest(name, names)
    return reportAt(node, at, `there is no database \`${clip(name)}\``, near === null ? expected : `did you mean \`${near}\`?`)
  }
  const read = mapping('`postgres`', {
    blue: field('blue', database, `\`blue:\` with ${expected}`),
    green: field('green', database, `\`green:\` with ${expected}`),
    tables: field('tables', list('tables', tableName, { min: 1, max: 1000 })),
  })
  return (node: Node, at: Reading) => {
    const pair = read(node, at)
    if (pair?.blue === undefined || pair.green === undefined) return undefined
    if (pair.blue === pair.green) {
      at.problems.report(at.placeOf([...at.path, 'green']), 'blue and green with the same database', 'a database each')
      return undefined
    }
    return { blue: pair.blue, green: pair.green, tables: pair.tables ?? null }
  }
}

/** `data: shared`, or `data: {per-environment: {sync: {url | run | postgres}, max-lag: 2s}}`. */
export function dataReader(context: ShapeContext): Reader<DataMode> {
  const whole = mapping('`data`', { 'per-environment': field('perEnvironment', perEnvironment(context), '`data: shared`, or `per-environment:` with its `sync`') })
  return (node, at) => {
    if (!isMap(node)) return word(['shared'])(node, at) && { kind: 'shared' }
    const read = whole(node, at)
    const sync = read?.perEnvironment?.sync
    if (!sync) return undefined
    const given = SOURCES.filter((source) => at.has([...at.path, 'perEnvironment', 'sync', source]))
    if (given.length !== 1) {
      at.problems.report(at.placeOf([...at.path, 'perEnvironment', 'sync']), given.length === 0 ? '`sync` without a source' : `\`sync\` with ${given.length} sources`, 'exactly one of `url: ADDRESS`, `run: COMMAND` and `postgres: {blue: DATABASE, green: DATABASE}`')
      return undefined
    }
    const maxLagMs = read?.perEnvironment?.maxLagMs ?? DEFAULT_MAX_LAG_MS
    if (given[0] === 'postgres') return sync.postgres && { kind: 'perEnvironment', sync: { url: null, command: null, postgres: sync.postgres }, maxLagMs }
    return { kind: 'perEnvironment', sync: { url: sync.url ?? null, command: sync.command ?? null }, maxLagMs }
  }
}
