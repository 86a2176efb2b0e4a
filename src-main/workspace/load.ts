import { createHash } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isMap, YAMLMap } from 'yaml'
import type { Node } from 'yaml'
import type { FlagSourceConfig } from '../contract/flag.ts'
import { ROLES, TIERS } from '../contract/vocabulary.ts'
import type { Database, MigrationDefinition } from '../contract/migration-definition.ts'
import type { DeclaredCommand, MetricsProviderConfig, Webhook, Workspace, WorkspaceProblem } from '../contract/workspace.ts'
import { workspaceSchema } from '../contract/workspace.ts'
import { entryOf, field, mapping, record } from './collections.ts'
import { commandsDigest, declaredAddresses, declaredFlagSources, declaredSql } from './commands.ts'
import { databasesReader, keysOf } from './databases-reader.ts'
import { flagsReader } from './flags-reader.ts'
import { MIGRATION_MEASURES, MIGRATION_METRICS } from '../contract/migration-metrics.ts'
import { metricsNames, metricsReader } from './metrics-reader.ts'
import type { Included } from './migration-file.ts'
import { migrationsReader } from './migrations-reader.ts'
import { notifyReader } from './notify-reader.ts'
import { parseYaml, startOf } from './parse.ts'
import { planReader } from './plan-reader.ts'
import { collectProblems } from './problems.ts'
import type { Problems } from './problems.ts'
import type { ProviderShape, ShapePort } from './provider-shape.ts'
import { readWorkspaceText } from './read-text.ts'
import { describe, reportAt, startReading } from './reading.ts'
import type { Reader, Reading } from './reading.ts'
import { duration, text, word } from './scalars.ts'
import type { ServiceRead, ServiceSurroundings } from './service-reader.ts'
import { checkDefaults, readService } from './service-reader.ts'

export interface LoadOptions {
  /** How each provider's services are written, by the name the file uses. */
  readonly providers: Readonly<Record<string, ProviderShape>>
  /** The workspace file shipped with the product; only that very file is the demo. */
  readonly demoFile?: string
  /** Variables that `${env:NAME}` may name. Default: those of this process. */
  readonly variables?: Readonly<Record<string, string | undefined>>
}

export type WorkspaceLoad =
  | { readonly workspace: Workspace; readonly text: string }
  | { readonly problems: readonly WorkspaceProblem[]; readonly text: string }

const NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, expected: 'a name of letters, digits, `.`, `_` and `-`, at most 63, beginning with a letter or digit' }
const MAX_SERVICES = 1000

/** Handles a value as nodes, for parts that are read together with others. */
const anyNode: Reader<Node> = (node) => node
const anyMapping: Reader<YAMLMap> = (node, at) => {
  if (isMap(node)) return node
  return reportAt(node, at, `${describe(node)} where a mapping is needed`, '`key: value` lines; leave the key out when there are none')
}

/**
 * Reads and checks a workspace file. Never throws for what is in the file: either the whole workspace, or everything
 * that is wrong with it, each problem at its line and column. Nothing is started here, and nothing may be when there are problems.
 */
export function loadWorkspace(file: string, options: LoadOptions): WorkspaceLoad {
  const path = resolve(file)
  const read = readWorkspaceText(path)
  const problems = collectProblems(path, read.text)
  if (!read.ok) {
    problems.report({ start: read.offset }, read.message, read.expected)
    return { problems: problems.list(), text: read.text }
  }
  const included: Included = { problems: [], digests: new Map() }
  const root = parseYaml(read.text, problems)
  const parts = root && readParts(root, path, problems, options, included)
  const all = [problems, ...included.problems]
  if (!parts || all.some(({ any }) => any)) return { problems: all.flatMap((one) => one.list()), text: read.text }
  const workspace: Workspace = {
    name: parts.name,
    tier: parts.tier,
    file: path,
    digest: wholeDigest(read.digest, included),
    services: parts.services,
    roles: parts.roles,
    metricsProviders: [...parts.metricsProviders],
    databases: [...parts.databases],
    migrations: [...parts.migrations],
    flags: [...parts.flags],
    webhooks: [...parts.webhooks],
    commands: parts.commands,
    commandsDigest: commandsDigest(parts.commands),
    demo: options.demoFile !== undefined && sameFile(path, options.demoFile),
    idleStopMs: parts.idleStopMs,
  }
  return { workspace: workspaceSchema.parse(workspace), text: read.text }
}

interface Parts {
  readonly name: string
  readonly tier: Workspace['tier']
  readonly services: Workspace['services']
  readonly roles: Workspace['roles']
  readonly metricsProviders: readonly MetricsProviderConfig[]
  readonly webhooks: readonly Webhook[]
  readonly databases: readonly Database[]
  readonly migrations: readonly MigrationDefinition[]
  readonly flags: readonly FlagSourceConfig[]
  readonly commands: DeclaredCommand[]
  readonly idleStopMs: number | null
}

/** What comparing measures is a provider of its own, unless a workspace has named one so. */
function withMigrations(names: ServiceSurroundings['metrics'], migrations: readonly MigrationDefinition[]): ServiceSurroundings['metrics'] {
  if (migrations.length === 0 || names.has(MIGRATION_METRICS)) return names
  const queries = Object.fromEntries(migrations.flatMap(({ id }) => MIGRATION_MEASURES.map((measure) => [`${id}.${measure}`, { query: `${id}.${measure}`, unit: measure.endsWith('Ms') ? 'ms' : '' }])))
  return new Map([...names, [MIGRATION_METRICS, { intervalMs: 1000, queries }]])
}

/** A workspace has one of these at least. */
const DECLARED = ['services', 'migrations', 'flags'] as const

function readParts(root: YAMLMap, path: string, problems: Problems, options: LoadOptions, included: Included): Parts | undefined {
  const at = startReading(problems, startOf(root))
  const context = { folder: dirname(path), variables: options.variables ?? process.env }
  const read = mapping('the workspace', {
    workspace: field('name', text(NAME), 'the workspace’s name: `workspace: shop`'),
    tier: field('tier', word(TIERS), `\`tier:\` with one of ${TIERS.join(', ')}`),
    services: field('services', anyNode),
    defaults: field('defaults', anyMapping),
    plans: field('plans', anyMapping),
    roles: field('roles', record('roles', { pattern: /^\S{1,200}$/, expected: 'an OS user name or an e-mail address' }, () => word(ROLES))),
    metrics: field('metrics', metricsReader(context)),
    notify: field('webhooks', notifyReader(context)),
    databases: field('databases', databasesReader(context)),
    migrations: field('migrations', migrationsReader({ folder: context.folder, databases: keysOf(entryOf(root, 'databases')?.value), services: keysOf(entryOf(root, 'services')?.value), included })),
    flags: field('flags', anyNode),
    'idle-stop': field('idleStopMs', duration({ minMs: 1000 })),
  })(root, at)
  if (!read) return undefined
  const tier = read.tier ?? 'dev'
  const metrics = withMigrations(metricsNames(entryOf(root, 'metrics')?.value, read.metrics), read.migrations ?? [])
  const inside = (key: string): Reading => at.inside(key, entryOf(root, key)?.keyAt ?? startOf(root), startOf(entryOf(root, key)?.value))
  const named = { services: keysOf(entryOf(root, 'services')?.value), migrations: keysOf(entryOf(root, 'migrations')?.value) }
  const flags = read.flags && flagsReader({ tier, context, metrics, ...named })(read.flags, inside('flags'))
  const around: ServiceSurroundings = {
    tier,
    providers: options.providers,
    context: { ...context, databases: read.databases ?? [], flags: flags ?? [], flagNames: keysOf(entryOf(root, 'flags')?.value) },
    plans: read.plans ?? new YAMLMap(),
    defaults: read.defaults ?? new YAMLMap(),
    metrics,
  }
  record('plans', NAME, () => planReader({ metrics: around.metrics, probes: null }))(around.plans, inside('plans'))
  checkDefaults(inside('defaults'), around)
  const services = readServices(read.services, inside('services'), around)
  refuseSharedPorts(services.flatMap((service) => service.ports), at)
  if (!problems.any && !DECLARED.some((key) => keysOf(entryOf(root, key)?.value).length > 0)) reportAt(root, inside('services'), 'nothing to control', 'what is released, `services:` with at least one service; or `migrations:`, or `flags:`')
  if (problems.any || read.name === undefined) return undefined
  return {
    name: read.name,
    tier: around.tier,
    services: services.flatMap(({ config }) => config ?? []),
    roles: { ...read.roles },
    metricsProviders: (read.metrics ?? []).map(({ config }) => config),
    webhooks: read.webhooks ?? [],
    databases: read.databases ?? [],
    migrations: read.migrations ?? [],
    flags: flags ?? [],
    commands: [
      ...services.flatMap((service) => service.commands),
      ...declaredAddresses((read.metrics ?? []).map(({ config }) => config), read.webhooks ?? [], read.databases ?? []),
      ...declaredSql(read.migrations ?? []),
      ...declaredFlagSources(flags ?? []),
    ],
    idleStopMs: read.idleStopMs ?? null,
  }
}

function readServices(node: Node | undefined, at: Reading, around: ServiceSurroundings): readonly ServiceRead[] {
  if (!node) return []
  if (!isMap(node)) {
    record('services', NAME, () => () => undefined)(node, at)
    return []
  }
  if (node.items.length > MAX_SERVICES) {
    reportAt(node, at, `${node.items.length} services`, `at most ${MAX_SERVICES}`)
    return []
  }
  const found = record('services', NAME, (name) => (value, inner) => readService(name, value, inner, around))(node, at)
  return Object.values(found ?? {})
}

/** Two services cannot listen on one port of one address. */
function refuseSharedPorts(ports: readonly (ShapePort & { readonly service: string })[], at: Reading): void {
  const taken: (ShapePort & { readonly service: string })[] = []
  for (const claim of ports) {
    const other = taken.find(({ port, host }) => port === claim.port && (host === claim.host || isAnyHost(host) || isAnyHost(claim.host)))
    if (!other) {
      taken.push(claim)
      continue
    }
    const line = at.problems.lineOf(at.placeOf(other.path))
    const whose = other.service === claim.service ? 'this service' : `service \`${other.service}\``
    at.problems.report(at.placeOf(claim.path), `port ${claim.port} is taken by ${whose} on line ${line}`, 'a port of its own for each address, or 0 to have one picked')
  }
}

function isAnyHost(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** SHA-256 of the file's bytes, hex; with other files read with it, over the digests of all. */
function wholeDigest(digest: string, { digests }: Included): string {
  if (digests.size === 0) return digest
  const others = [...digests].map(([path, one]) => `${path} ${one}`).toSorted()
  return createHash('sha256').update([digest, ...others].join('\n')).digest('hex')
}

function sameFile(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b)
  } catch {
    return false
  }
}
