import { createHash } from 'node:crypto'
import type { FlagSourceConfig } from '../contract/flag.ts'
import type { Change, Database, MigrationDefinition, TableName } from '../contract/migration-definition.ts'
import type { DeclaredCommand, MetricsProviderConfig, Webhook } from '../contract/workspace.ts'

/**
 * SHA-256 over what the workspace would run, hex: what trust is given to. The order of services in the file does not
 * matter; a changed command, variable or folder does.
 */
export function commandsDigest(commands: readonly DeclaredCommand[]): string {
  const lines = commands.map(({ service, purpose, command, folder }) => JSON.stringify([service, purpose, command, folder]))
  return createHash('sha256').update(['signalbox commands 1', ...lines.toSorted()].join('\n')).digest('hex')
}

/**
 * Where the workspace has Signalbox send requests, with the references they carry: shown and trusted like commands,
 * since an address may be made to carry a variable of this machine away.
 */
export function declaredAddresses(metricsProviders: readonly MetricsProviderConfig[], webhooks: readonly Webhook[], databases: readonly Database[] = []): DeclaredCommand[] {
  const entry = (purpose: string, parts: readonly (string | null)[]): DeclaredCommand => ({ service: 'workspace', purpose, command: parts.filter((part) => part !== null).join(' '), folder: '' })
  return [
    ...metricsProviders.map(({ name, url, headers, basic, bearer, tls }) =>
      entry(`asks ${name} for metrics`, [
        `GET ${url}`,
        ...Object.entries(headers).map(([header, value]) => `${header}: ${value}`),
        basic && `basic ${basic.user}:${basic.password}`,
        bearer && `bearer ${bearer}`,
        tls && `tls ${[tls.caFile, tls.certFile, tls.keyFile].filter((file) => file !== null).join(' ')}`,
      ]),
    ),
    ...webhooks.map(({ name, url, secret }) => entry(`tells ${name}`, [`POST ${url}`, secret && `signed with ${secret}`])),
    ...databases.flatMap(({ name, connection }) => (connection.kind === 'url' ? [entry(`migrates ${name}`, [connection.url])] : [])),
  ]
}

/** Where flags are written, or asked and changed: files of other folders, and addresses that tokens are sent to. */
export function declaredFlagSources(sources: readonly FlagSourceConfig[]): DeclaredCommand[] {
  return sources.map(({ name, kind, sets, code, settings }) => ({
    service: 'workspace',
    purpose: kind === 'file' ? `keeps and serves the flags of ${name}` : `asks and changes the flags of ${name}`,
    command: [kind, JSON.stringify(settings), ...sets.map(({ tier, set }) => `${tier}=${set}`), ...code.map((folder) => `searches ${folder}`)].join(' '),
    folder: '',
  }))
}

/** SQL that migrations run in a database: expressions may call any function there, so they are trusted like commands. */
export function declaredSql(migrations: readonly MigrationDefinition[]): DeclaredCommand[] {
  return migrations.map(({ id, database, change, verify }) => ({
    service: 'workspace',
    purpose: `migration ${id} runs SQL in ${database}`,
    command: [...sqlOf(change), ...verify.queries.flatMap((query) => [query.old, query.new]), ...verify.ignore.map(({ when }) => when)].join('\n'),
    folder: '',
  }))
}

function sqlOf(change: Change): readonly string[] {
  const name = ({ schema, table }: TableName) => `${schema}.${table}`
  const column = (one: { readonly name: string; readonly type: string; readonly default: string | null }) => `${one.name} ${one.type}${one.default === null ? '' : ` DEFAULT ${one.default}`}`
  const check = (one: { readonly name: string; readonly expression: string }) => `${one.name} CHECK (${one.expression})`
  if (change.kind === 'columns') {
    return [name(change.table), ...change.add.map((one) => `${column(one)} := ${one.up}`), ...change.replace.map((one) => `${one.name} := ${one.down}`), ...change.checks.map(check)]
  }
  const tables = change.new.flatMap((table) => [name(table.name), ...table.columns.map(column), ...table.checks.map(check)])
  return [...tables, ...[...change.up, ...change.down].flatMap((link) => [`${name(link.from)} > ${name(link.to)}`, ...[...link.key, ...link.set].map((one) => `${one.column} := ${one.expression}`)])]
}
