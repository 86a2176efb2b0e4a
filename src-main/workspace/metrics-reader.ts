import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isMap } from 'yaml'
import type { Node } from 'yaml'
import type { MetricsProviderConfig } from '../contract/workspace.ts'
import { entryOf, field, mapping, record } from './collections.ts'
import { promqlTemplate } from './promql-text.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { duration, text } from './scalars.ts'
import { address, isSecretHeader, referenced } from './secrets.ts'
import { clip } from './units.ts'

/** Readers of the top level's `metrics`: where queries are sent, and queries with names. */

export const METRICS_PROVIDER_DEFAULTS = { timeoutMs: 5000, intervalMs: 15_000 } as const
const NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, expected: 'a name of letters, digits, `.`, `_` and `-`, at most 63' }

export interface NamedQuery {
  readonly query: string
  readonly unit: string
}
export interface MetricsProviderRead {
  readonly config: MetricsProviderConfig
  readonly queries: Readonly<Record<string, NamedQuery>>
}

/** What criteria may name. Taken from the file as it is written, so that one slip under `metrics` is one problem. */
export interface MetricsNames {
  readonly intervalMs: number
  /** Null: written, but not as it should be. */
  readonly queries: Readonly<Record<string, NamedQuery | null>>
}

const queryMapping = mapping('a query', {
  query: field('query', promqlTemplate, 'the expression: `query: sum(rate(orders_total[${window}]))`'),
  unit: field('unit', text({ expected: 'what one unit of the answer is: `ratio`, `ms`, or any word', maxLength: 40 })),
})

const namedQuery: Reader<NamedQuery> = (node, at) => {
  if (!isMap(node)) {
    const query = promqlTemplate(node, at)
    return query === undefined ? undefined : { query, unit: '' }
  }
  const read = queryMapping(node, at)
  return read?.query === undefined ? undefined : { query: read.query, unit: read.unit ?? '' }
}

function certificateFile(context: ShapeContext): Reader<string> {
  return (node, at) => {
    const written = text({ expected: 'a file in PEM format' })(node, at)
    if (written === undefined) return undefined
    const path = resolve(context.folder, written)
    return existsSync(path) ? path : reportAt(node, at, `there is no file ${clip(path, 200)}`, 'a file in PEM format: absolute, or from where this file is')
  }
}

function tlsReader(context: ShapeContext): Reader<NonNullable<MetricsProviderConfig['tls']>> {
  const file = certificateFile(context)
  return (node, at) => {
    const read = mapping('`tls`', { ca: field('caFile', file), cert: field('certFile', file), key: field('keyFile', file) })(node, at)
    if (!read) return undefined
    const has = (key: string) => at.has([...at.path, key])
    if (has('certFile') !== has('keyFile')) {
      at.problems.report(at.placeOf([...at.path, has('certFile') ? 'certFile' : 'keyFile']), has('certFile') ? '`cert` without `key`' : '`key` without `cert`', 'both `cert:` and `key:`, or neither')
      return undefined
    }
    return { caFile: read.caFile ?? null, certFile: read.certFile ?? null, keyFile: read.keyFile ?? null }
  }
}

function providerReader(name: string, context: ShapeContext): Reader<MetricsProviderRead> {
  const headerName = { pattern: /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, expected: 'a header name' }
  const fields = {
    prometheus: field('url', address({ what: 'an address', example: 'http://127.0.0.1:9090' }), 'where it is: `prometheus: http://127.0.0.1:9090`'),
    timeout: field('timeoutMs', duration({ minMs: 100, maxMs: 120_000 })),
    interval: field('intervalMs', duration({ minMs: 1000, maxMs: 3_600_000 })),
    headers: field('headers', record('headers', headerName, (header) => referenced(context, { what: `header \`${clip(header)}\``, example: `\${env:NAME}`, secret: isSecretHeader(header) }))),
    basic: field(
      'basic',
      mapping('`basic`', {
        user: field('user', referenced(context, { what: '`user`', example: '${env:PROMETHEUS_USER}', secret: false }), 'who asks: `user: signalbox`'),
        password: field('password', referenced(context, { what: '`password`', example: '${env:PROMETHEUS_PASSWORD}', secret: true }), 'a reference: `password: ${env:PROMETHEUS_PASSWORD}`'),
      }),
    ),
    bearer: field('bearer', referenced(context, { what: '`bearer`', example: '${env:PROMETHEUS_TOKEN}', secret: true })),
    tls: field('tls', tlsReader(context)),
    queries: field('queries', record('queries', NAME, () => namedQuery)),
  }
  return (node, at) => {
    const read = mapping(`metrics provider \`${clip(name)}\``, fields, { url: 'the key says what answers there: `prometheus: ADDRESS`.' })(node, at)
    if (!read) return undefined
    const has = (key: string) => at.has([...at.path, key])
    const authorization = Object.keys(read.headers ?? {}).some((header) => header.toLowerCase() === 'authorization')
    if ([has('basic'), has('bearer'), authorization].filter(Boolean).length > 1) {
      at.problems.report(at.placeOf([...at.path, has('bearer') ? 'bearer' : 'basic']), 'two ways to authorize', 'one of `basic`, `bearer` and a header `authorization`')
      return undefined
    }
    if (has('tls') && read.url?.startsWith('http:') === true) {
      at.problems.report(at.placeOf([...at.path, 'tls']), '`tls` for an address with http://', 'an address with https://')
      return undefined
    }
    if (read.url === undefined) return undefined
    const basic = read.basic?.user === undefined || read.basic.password === undefined ? null : { user: read.basic.user, password: read.basic.password }
    return {
      config: { name, kind: 'prometheus', url: read.url, timeoutMs: read.timeoutMs ?? METRICS_PROVIDER_DEFAULTS.timeoutMs, intervalMs: read.intervalMs ?? METRICS_PROVIDER_DEFAULTS.intervalMs, headers: { ...read.headers }, basic, bearer: read.bearer ?? null, tls: read.tls ?? null },
      queries: read.queries ?? {},
    }
  }
}

/** `metrics: {prom: {prometheus: http://..., queries: {...}}}`. */
export function metricsReader(context: ShapeContext): Reader<readonly MetricsProviderRead[]> {
  return (node, at) => {
    const read = record('metrics providers', NAME, (name) => providerReader(name, context))(node, at)
    if (!read) return undefined
    const all = Object.values(read)
    if (all.length <= 20) return all
    at.problems.report(at.owner, `${all.length} metrics providers`, 'at most 20')
    return undefined
  }
}

/** Every name under `metrics`, also of what has problems of its own. */
export function metricsNames(node: Node | undefined, read: readonly MetricsProviderRead[] | undefined): ReadonlyMap<string, MetricsNames> {
  const names = new Map<string, MetricsNames>()
  if (!node || !isMap(node)) return names
  for (const pair of node.items) {
    const name = scalarText(pair.key as Node) ?? ''
    const known = read?.find(({ config }) => config.name === name)
    const written = isMap(pair.value) ? entryOf(pair.value, 'queries')?.value : undefined
    const queries: Record<string, NamedQuery | null> = Object.create(null) as Record<string, NamedQuery | null>
    if (written && isMap(written)) for (const { key } of written.items) queries[scalarText(key as Node) ?? ''] = null
    names.set(name, { intervalMs: known?.config.intervalMs ?? METRICS_PROVIDER_DEFAULTS.intervalMs, queries: Object.assign(queries, known?.queries) })
  }
  return names
}
