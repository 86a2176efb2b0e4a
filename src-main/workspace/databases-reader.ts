import { isMap } from 'yaml'
import type { Node } from 'yaml'
import type { Database } from '../contract/migration-definition.ts'
import { entryOf, field, mapping, record } from './collections.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { integer, text, yesNo } from './scalars.ts'
import { referenced } from './secrets.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

/** Readers of `databases`: where migrations run. */

export const DATABASE_NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, expected: 'a name of letters, digits, `.`, `_` and `-`, at most 63' }
const MAX_DATABASES = 20
const EXPECTED = 'an address as `postgres://signalbox@db.example.com:5432/shop`, or a reference to one: `${env:SHOP_DATABASE_URL}`'

/** A PostgreSQL address. A password stands in it only as a reference; whatever is written is not repeated. */
function databaseAddress(context: ShapeContext): Reader<string> {
  const read = referenced(context, { what: 'a database’s address', example: '${env:SHOP_DATABASE_URL}', secret: false })
  return (node, at) => {
    const value = read(node, at)
    if (value === undefined) return undefined
    if (/^\$\{env:[^}]*\}$/.test(value)) return value
    // References stand for something that is fine where they are.
    const filled = value.replaceAll(/\$\{env:[^}]*\}/g, 'reference')
    if (!/^postgres(ql)?:\/\//.test(filled) || /\s/.test(filled) || !URL.canParse(filled)) return reportAt(node, at, 'this is not an address of PostgreSQL', EXPECTED)
    const url = new URL(filled)
    const password = /^postgres(?:ql)?:\/\/[^/?#]*?:([^/?#]*)@/.exec(value)?.[1] ?? ''
    const inQuery = url.searchParams.get('password') ?? ''
    if ((password !== '' && !/^\$\{env:[^}]*\}$/.test(password)) || (inQuery !== '' && inQuery !== 'reference')) {
      return reportAt(node, at, 'a password in the file', 'a reference in its place: `postgres://signalbox:${env:SHOP_PASSWORD}@db.example.com/shop`, or the whole address as one')
    }
    if (url.hash !== '') return reportAt(node, at, 'an address with `#`', `${EXPECTED}; a \`#\` within is written as %23`)
    if (url.pathname.length <= 1) return reportAt(node, at, 'an address without the name of a database', EXPECTED)
    return value
  }
}

function databaseReader(name: string, names: readonly string[], context: ShapeContext): Reader<Database> {
  const fields = {
    url: field('url', databaseAddress(context)),
    practice: field('practice', yesNo),
    port: field('port', integer({ min: 0, max: 65_535, expected: 'a port from 1 to 65535, or 0 to have one picked' })),
    rehearsal: field('rehearsal', text({ ...DATABASE_NAME, expected: 'the name of another database here' })),
  }
  return (node, at) => {
    const read = mapping(`database \`${clip(name)}\``, fields)(node, at)
    if (!read) return undefined
    const report = (key: string, message: string, expected: string): undefined => {
      at.problems.report(at.has([...at.path, key]) ? at.placeOf([...at.path, key]) : at.owner, message, expected)
      return undefined
    }
    const has = (key: string) => at.has([...at.path, key])
    if (has('url') && has('practice')) return report('practice', '`practice` beside `url`', '`url:` for a server of your own, or `practice: true` for one that Signalbox runs on this machine')
    if (!keysOf(node).every((key) => Object.hasOwn(fields, key))) return undefined
    if (!has('url') && read.practice !== true) return has('practice') && read.practice === undefined ? undefined : report('practice', `database \`${clip(name)}\` without an address`, `\`url:\` with ${EXPECTED}; or \`practice: true\``)
    if (has('url') && has('port')) return report('port', '`port` beside `url`', 'the port in the address')
    if (has('url') && read.url === undefined) return undefined
    if (read.rehearsal !== undefined) {
      if (read.rehearsal === name) return report('rehearsal', 'a database that is its own rehearsal', 'another database, with data like this one’s')
      if (!names.includes(read.rehearsal)) {
        const near = nearest(read.rehearsal, names.filter((other) => other !== name))
        return report('rehearsal', `there is no database \`${clip(read.rehearsal)}\``, near === null ? 'the name of another database under `databases`' : `did you mean \`${near}\`?`)
      }
    }
    return { name, connection: read.url === undefined ? { kind: 'practice', port: read.port ?? 0 } : { kind: 'url', url: read.url }, rehearsal: read.rehearsal ?? null }
  }
}

/** `databases: {shop: {url: "${env:SHOP_DATABASE_URL}", rehearsal: staging}, staging: {practice: true}}`. */
export function databasesReader(context: ShapeContext): Reader<readonly Database[]> {
  return (node, at) => {
    const names = keysOf(node)
    if (names.length > MAX_DATABASES) return reportAt(node, at, `${names.length} databases`, `at most ${MAX_DATABASES}`)
    const read = record('databases', DATABASE_NAME, (name) => databaseReader(name, names, context))(node, at)
    return read && Object.values(read)
  }
}

/** Names of a mapping's entries, also of those that have problems of their own. */
export function keysOf(node: Node | undefined): readonly string[] {
  return node && isMap(node) ? node.items.flatMap(({ key }) => scalarText(key as Node) ?? []).filter((name) => entryOf(node, name) !== undefined) : []
}
