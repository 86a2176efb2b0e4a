import { statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { isMap, isSeq } from 'yaml'
import { field, list, mapping } from '../../workspace/collections.ts'
import type { ReadOf } from '../../workspace/collections.ts'
import type { Assembled, ProviderShape, ShapeCommand, ShapeContext, ShapePort } from '../../workspace/provider-shape.ts'
import { reportAt, scalarText } from '../../workspace/reading.ts'
import type { Reader, Reading } from '../../workspace/reading.ts'
import { duration, integer, size, text, versionName, word, yesNo } from '../../workspace/scalars.ts'
import { nearest } from '../../workspace/suggest.ts'
import { clip } from '../../workspace/units.ts'
import { variables } from '../../workspace/variables.ts'
import { localSettingsSchema } from './config.ts'
import type { ReadyProbe, VersionSource } from './config.ts'
import { databasesIn, flagSourcesIn } from './references.ts'
import { certainFolder } from './versions.ts'

/** How a service of the local provider is written in the workspace file. docs/workspace.md is the reference. */

const TEMPLATES = ['version', 'environment', 'port'] as const
const PORT = integer({ min: 0, max: 65_535, expected: 'a port from 1 to 65535, or 0 to have one picked' })
const HTTP_PATH = { pattern: /^\/\S*$/, expected: 'a path that begins with `/`, as `/healthz`' }

const readyMapping = mapping('`ready`', {
  get: field('path', text(HTTP_PATH)),
  tcp: field('tcp', yesNo),
  status: field('expectStatus', integer({ min: 100, max: 599, expected: 'an HTTP status from 100 to 599' })),
  within: field('timeoutMs', duration({ minMs: 1 })),
  every: field('intervalMs', duration({ minMs: 20 })),
})

/** `ready: /path`, `ready: tcp`, or either with its times. */
const ready: Reader<Partial<ReadyProbe> & Pick<ReadyProbe, 'kind'>> = (node, at) => {
  if (!isMap(node)) {
    if (scalarText(node) === 'tcp') return { kind: 'tcp' }
    const path = text({ ...HTTP_PATH, expected: 'a path as `/healthz`, or `tcp`' })(node, at)
    return path === undefined ? undefined : { kind: 'http', path }
  }
  const read = readyMapping(node, at)
  if (!read) return undefined
  const { path, tcp, expectStatus, ...times } = read
  if ((path === undefined) === (tcp !== true)) {
    at.problems.report(at.owner, path === undefined ? '`ready` asks nothing' : '`ready` with both `get` and `tcp`', 'exactly one of `get: /path` and `tcp: true`')
    return undefined
  }
  if (path === undefined) {
    if (expectStatus === undefined) return { kind: 'tcp', ...times }
    at.problems.report(at.placeOf([...at.path, 'expectStatus']), '`status` without `get`', '`get: /path` beside it')
    return undefined
  }
  return { kind: 'http', path, ...times, ...(expectStatus === undefined ? {} : { expectStatus }) }
}

const liveMapping = mapping('`live`', {
  every: field('intervalMs', duration({ minMs: 100 })),
  timeout: field('timeoutMs', duration({ minMs: 50 })),
  failures: field('failures', integer({ min: 1, max: 1000, expected: 'how many failures in a row restart it, at least 1' })),
})
const stickyMapping = mapping('`sticky`', {
  cookie: field('cookie', text({ expected: 'a cookie name: letters, digits, `_` and `-`', pattern: /^[A-Za-z0-9_-]{1,100}$/ })),
  for: field('ttlMs', duration({ minMs: 1000 })),
})

/** A mapping, or `true` for all its defaults, or `false` for none of it. */
function switchable<T>(read: Reader<T>): Reader<T | Record<never, never> | null> {
  return (node, at) => {
    if (isMap(node)) return read(node, at)
    const on = yesNo(node, at)
    return on === undefined ? undefined : on ? {} : null
  }
}

function folderReader(context: ShapeContext, templates: readonly string[]): Reader<string> {
  return (node, at) => {
    const written = text({ expected: 'a folder: absolute, or from where this file is' })(node, at)
    if (written === undefined) return undefined
    if (written.startsWith('~')) return reportAt(node, at, `\`${clip(written)}\`: \`~\` is not replaced`, 'an absolute path, or one from where this file is')
    for (const [whole, name = ''] of written.matchAll(/\$\{([^}]*)\}/g)) {
      if (!templates.includes(name)) return reportAt(node, at, `\`${clip(whole)}\` is not replaced here`, templates.length === 0 ? 'a plain folder' : `one of ${templates.map((template) => `\${${template}}`).join(', ')}`)
    }
    const path = isAbsolute(written) ? resolve(written) : join(context.folder, written)
    // Only what stands before the first template can be looked at now.
    const certain = certainFolder(path)
    if (!isFolder(certain)) return reportAt(node, at, `there is no folder ${clip(certain, 200)}`, 'a folder that exists: absolute, or from where this file is')
    return path
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

const versionsCommand = mapping('`versions`', {
  run: field('command', text({ expected: 'a command that prints one version per line' }), 'a command that prints one version per line: `versions: {run: git tag --sort=-creatordate}`'),
})

/** `versions: ./folder`, `versions: [1.8.0, 1.9.0]` or `versions: {run: command}`. */
function versionsReader(context: ShapeContext): Reader<VersionSource> {
  const folder = folderReader(context, [])
  const names = list('versions', versionName, { min: 1, max: 1000 })
  return (node, at) => {
    if (isSeq(node)) {
      const versions = names(node, at)
      return versions && { kind: 'list', versions }
    }
    if (isMap(node)) {
      const command = versionsCommand(node, at)?.command
      return command === undefined ? undefined : { kind: 'command', command }
    }
    const path = folder(node, at)
    return path === undefined ? undefined : { kind: 'folder', path }
  }
}

/** A command line for the shell. What Signalbox would not replace and the shell could not mean is a slip. */
const commandLine: Reader<string> = (node, at) => {
  const command = text({ expected: 'a command line, as `node server.js`' })(node, at)
  if (command === undefined) return undefined
  for (const [whole, name = ''] of command.matchAll(/\$\{([^}]*)\}/g)) {
    if (name.startsWith('env:')) return reportAt(node, at, `\`${clip(whole)}\` in a command`, 'the reference as a value under `env`, where no process list shows it; in the command, the variable’s name')
    const near = nearest(name, TEMPLATES)
    if (/^[a-z]+$/.test(name) && near !== null && near !== name) return reportAt(node, at, `\`${clip(whole)}\` is not replaced`, `did you mean \`\${${near}}\`?`)
  }
  return command
}

function fields(context: ShapeContext) {
  const env = variables(context, TEMPLATES)
  const side = (name: string) => mapping(`\`${name}\``, { env: field('env', env) })
  return {
    run: field('run', commandLine, 'the command that starts it: `run: node server.js`; PORT and VERSION are in its environment'),
    folder: field('folder', folderReader(context, ['version', 'environment'])),
    versions: field('versions', versionsReader(context)),
    port: field('address', PORT),
    host: field('host', text({ expected: 'an address of this machine, as 127.0.0.1 or 0.0.0.0', pattern: /^[0-9A-Za-z.:-]{1,253}$/ })),
    preview: field('preview', PORT),
    ready: field('ready', ready),
    live: field('live', switchable(liveMapping)),
    env: field('env', env),
    blue: field('envBlue', side('blue')),
    green: field('envGreen', side('green')),
    sticky: field('sticky', switchable(stickyMapping)),
    'stop-grace': field('stopGraceMs', duration({ maxMs: 3_600_000 })),
    restart: field(
      'restart',
      mapping('`restart`', {
        max: field('maxInWindow', integer({ min: 0, max: 1000, expected: 'how many restarts in the window are too many, 0 to 1000' })),
        window: field('windowMs', duration({ minMs: 1000 })),
        pause: field('backoffMs', duration()),
        'longest-pause': field('maxBackoffMs', duration()),
      }),
    ),
    timeouts: field(
      'timeouts',
      mapping('`timeouts`', {
        connect: field('connectMs', duration({ minMs: 1 })),
        headers: field('headersMs', duration()),
        idle: field('idleMs', duration()),
      }),
    ),
    'on-live-death': field('onLiveDeath', word(['offer', 'switch'])),
    'memory-limit': field('memoryLimitBytes', size),
  }
}
type LocalRead = ReadOf<ReturnType<typeof fields>>

function assemble(read: LocalRead, at: Reading, context: ShapeContext & { readonly drainMs: number; readonly initialVersion: string | null }): Assembled {
  const versions = read.versions ?? versionsOfFolder(read.folder)
  if (!versions && !at.has([...at.path, 'versions'])) {
    at.problems.report(at.owner, '`versions` is missing', 'where versions are: a folder with one folder each, a list, or `{run: command}`; or a `folder` that ends with `/${version}`')
  }
  refuseUnknownInitial(versions, at, context.initialVersion)
  const folder = read.folder ?? (versions?.kind === 'folder' ? join(versions.path, '${version}') : context.folder)
  const host = read.host ?? '127.0.0.1'
  const { host: _host, ...given } = read
  const named = databasesIn([read.env, read.envBlue?.env, read.envGreen?.env].flatMap((env) => Object.values(env ?? {})))
  const sources = flagSourcesIn([read.env, read.envBlue?.env, read.envGreen?.env].flatMap((env) => Object.values(env ?? {})))
  const settings = {
    ...given,
    folder,
    versions,
    address: { host, port: read.address ?? 0 },
    preview: { port: read.preview ?? 0 },
    // A service that says nothing of itself is ready when it accepts connections: not every one answers on `/`.
    ready: read.ready ?? { kind: 'tcp' },
    envBlue: read.envBlue?.env ?? {},
    envGreen: read.envGreen?.env ?? {},
    drainMs: context.drainMs,
    flags: Object.fromEntries((context.flags ?? []).filter(({ name, kind }) => kind === 'file' && sources.includes(name)).map(({ name, settings }) => [name, settings])),
    databases: Object.fromEntries((context.databases ?? []).filter(({ name }) => named.includes(name)).map(({ name, connection }) => [name, connection])),
  }
  return { settings, commands: commandsOf(read, versions, folder), ports: portsOf(read, host, at) }
}

/** A folder that ends with `/${version}` says where the versions are. */
function versionsOfFolder(folder: string | undefined): VersionSource | undefined {
  if (folder === undefined || basename(folder) !== '${version}' || dirname(folder).includes('${')) return undefined
  return { kind: 'folder', path: dirname(folder) }
}

function refuseUnknownInitial(versions: VersionSource | undefined, at: Reading, initial: string | null): void {
  if (initial === null || !versions) return
  const place = at.placeOf([...at.path, 'initialVersion'])
  if (versions.kind === 'folder' && !isFolder(join(versions.path, initial))) {
    at.problems.report(place, `there is no version \`${clip(initial)}\` in ${clip(versions.path, 200)}`, 'the name of a folder in it')
  } else if (versions.kind === 'list' && !versions.versions.includes(initial)) {
    at.problems.report(place, `\`${clip(initial)}\` is not under \`versions\``, `one of ${clip(versions.versions.join(', '), 200)}`)
  }
}

function portsOf(read: LocalRead, host: string, at: Reading): readonly ShapePort[] {
  const claimed = [
    { path: [...at.path, 'address'], host, port: read.address ?? 0 },
    { path: [...at.path, 'preview'], host: '127.0.0.1', port: read.preview ?? 0 },
  ]
  return claimed.filter(({ port }) => port !== 0)
}

/** As a shell would take it, so that a person who decides on trust sees variables that change what a command does. */
function commandsOf(read: LocalRead, versions: VersionSource | undefined, folder: string): readonly ShapeCommand[] {
  const run = read.run ?? ''
  const written = (env: Readonly<Record<string, string>>) =>
    [...Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${quote(value)}`), run].join(' ')
  const blue = written({ ...read.env, ...read.envBlue?.env })
  const green = written({ ...read.env, ...read.envGreen?.env })
  return [
    ...(blue === green ? [{ purpose: 'run', command: blue, folder }] : [{ purpose: 'run in blue', command: blue, folder }, { purpose: 'run in green', command: green, folder }]),
    ...(versions?.kind === 'command' ? [{ purpose: 'list versions', command: versions.command, folder: certainFolder(folder) }] : []),
  ]
}

function quote(value: string): string {
  return /^[A-Za-z0-9_./:@%+,=-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

export const localWorkspaceShape: ProviderShape = {
  settingsSchema: localSettingsSchema,
  fields,
  deepKeys: ['env', 'blue', 'green'],
  ownKeys: ['port', 'preview'],
  assemble: (values, at, context) => assemble(values as LocalRead, at, context),
}
