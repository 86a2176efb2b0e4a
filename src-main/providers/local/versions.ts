import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { Fault } from '../../contract/fault.ts'
import type { VersionRef } from '../../contract/traffic.ts'
import type { EnvironmentName } from '../../contract/vocabulary.ts'
import type { LocalSettings } from './config.ts'

/** What is run in one environment: templates filled in but for `${port}`, which is known at the start only. */
export interface LaunchSpec {
  readonly run: string
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

export interface ListedVersion {
  readonly version: string
  readonly title: string
  readonly changes: readonly string[]
  readonly createdAt: number | null
  readonly problem: string | null
}

const LIST_TIMEOUT_MS = 10_000
/** Names reach a shell and a path, so only characters that mean nothing to either. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._+@:/-]{0,199}$/

export function fillTemplate(text: string, values: Readonly<Partial<Record<'version' | 'environment' | 'port', string>>>): string {
  return text.replace(/\$\{(version|environment|port)\}/g, (whole, name: 'version' | 'environment' | 'port') => values[name] ?? whole)
}

/** Variables a process gets whatever the workspace says: enough to find programs and write temporary files, no secret of the console. */
export function baseVariables(source: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'USER', 'SystemRoot', 'ComSpec']) {
    const value = source[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}

/** For programs of our own: where Node keeps what it compiled, if it does. Read from sources, each saves 20 MB by it. */
export function ownVariables(source: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const cache = source['NODE_COMPILE_CACHE']
  return { ...baseVariables(source), ...(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache }) }
}

/** The part of a folder that is the same for every version: all of it, or what stands above its first template. */
export function certainFolder(folder: string): string {
  const template = folder.indexOf('${')
  return template === -1 ? folder : dirname(`${folder.slice(0, template)}x`)
}

export function launchSpec(settings: LocalSettings, version: string, environment: EnvironmentName): LaunchSpec {
  const values = { version, environment }
  const declared = { ...settings.env, ...(environment === 'blue' ? settings.envBlue : settings.envGreen) }
  return {
    run: fillTemplate(settings.run, values),
    folder: fillTemplate(settings.folder, values),
    env: Object.fromEntries(Object.entries(declared).map(([name, value]) => [name, fillTemplate(value, values)])),
  }
}

/** SHA-256 over everything that decides how the version runs, in either environment. */
export function configDigest(settings: LocalSettings, version: string): string {
  const sorted = (variables: Readonly<Record<string, string>>) => Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const parts = (['blue', 'green'] as const).map((environment) => {
    const { run, folder, env } = launchSpec(settings, version, environment)
    return [run, folder, sorted(env)]
  })
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

function unknown(version: string, why: string, next: string): Fault {
  return new Fault('versionUnknown', `Version ${version} ${why}. Nothing was started and traffic is unchanged.`, next)
}

export async function listVersions(settings: LocalSettings): Promise<readonly ListedVersion[]> {
  const { versions: source } = settings
  const listed = source.kind === 'folder' ? await listFolder(source.path) : source.kind === 'list' ? source.versions.map((v) => plain(v)) : await listCommand(settings, source.command)
  return Promise.all(listed.map(async (item) => ({ ...item, problem: item.problem ?? (await problemOf(settings, item.version)) })))
}

function plain(version: string, title = ''): ListedVersion {
  return { version, title, changes: [], createdAt: null, problem: null }
}

async function listFolder(path: string): Promise<readonly ListedVersion[]> {
  let entries
  try {
    entries = await readdir(path, { withFileTypes: true })
  } catch (error) {
    throw new Fault('invalidInput', `The folder of versions ${path} cannot be read (${reason(error)}). Traffic is unchanged.`, 'Correct versions.path in the workspace, or create the folder.')
  }
  const folders = entries.filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
  const listed = await Promise.all(folders.map((entry) => describe(path, entry.name)))
  return listed.filter((item) => item !== null).toSorted((a, b) => (b.createdAt ?? 0) - (a.createdAt ?? 0) || b.version.localeCompare(a.version, 'en', { numeric: true }))
}

async function describe(path: string, name: string): Promise<ListedVersion | null> {
  const folder = await stat(join(path, name)).catch(() => null)
  if (!folder?.isDirectory()) return null
  for (const file of ['version.json', 'package.json']) {
    let text: string
    try {
      text = await readFile(join(path, name, file), 'utf8')
    } catch {
      continue
    }
    try {
      return { ...fromManifest(name, JSON.parse(text)), createdAt: createdAt(JSON.parse(text)) ?? folder.mtimeMs }
    } catch {
      return { ...plain(name), createdAt: folder.mtimeMs, problem: `${file} is not JSON` }
    }
  }
  return { ...plain(name), createdAt: folder.mtimeMs }
}

function fromManifest(version: string, manifest: unknown): ListedVersion {
  if (typeof manifest !== 'object' || manifest === null) return plain(version)
  const { title, description, changes } = manifest as Record<string, unknown>
  const texts = Array.isArray(changes) ? changes.filter((change) => typeof change === 'string') : []
  return { ...plain(version, typeof title === 'string' ? title : typeof description === 'string' ? description : ''), changes: texts }
}

function createdAt(manifest: unknown): number | null {
  const value = typeof manifest === 'object' && manifest !== null ? (manifest as Record<string, unknown>)['createdAt'] : null
  const at = typeof value === 'number' ? value : typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isFinite(at) ? at : null
}

function listCommand(settings: LocalSettings, command: string): Promise<readonly ListedVersion[]> {
  return new Promise((done, fail) => {
    const cwd = certainFolder(settings.folder)
    execFile('/bin/sh', ['-c', command], { cwd, env: baseVariables(), timeout: LIST_TIMEOUT_MS, maxBuffer: 4 << 20 }, (error, stdout, stderr) => {
      if (error) {
        fail(new Fault('invalidInput', `The command that lists versions failed: ${stderr.trim().split('\n').at(-1) || error.message}. Traffic is unchanged.`, `Run it in a terminal and mend it: ${command}`))
        return
      }
      const lines = stdout.split('\n').filter((line) => line.trim() !== '')
      done(lines.map((line) => plain(line.split('\t')[0]?.trim() ?? '', line.split('\t')[1]?.trim() ?? '')))
    })
  })
}

/** The reference of a version that is listed and can be started. Faults: `versionUnknown`, `commandNotFound`, `invalidInput`. */
export async function resolveVersion(settings: LocalSettings, version: string): Promise<VersionRef> {
  if (!SAFE_NAME.test(version) || version.split('/').includes('..')) {
    throw unknown(JSON.stringify(version.slice(0, 100)), 'has characters no version may have', 'Use letters, digits and . _ + @ : / - only.')
  }
  const { versions: source } = settings
  if (source.kind === 'folder') {
    const there = !version.includes('/') && (await stat(join(source.path, version)).catch(() => null))?.isDirectory()
    if (!there) throw unknown(version, `is not a folder in ${source.path}`, 'Pick a listed version, or put its folder there.')
  } else {
    const listed = source.kind === 'list' ? source.versions : (await listCommand(settings, source.command)).map((item) => item.version)
    if (!listed.includes(version)) throw unknown(version, 'is not among the versions of this service', `Pick one of: ${listed.slice(0, 10).join(', ')}.`)
  }
  for (const environment of ['blue', 'green'] as const) await checkLaunch(launchSpec(settings, version, environment), version)
  return { version, configDigest: configDigest(settings, version) }
}

/** Faults: `versionUnknown` when the folder is missing, `commandNotFound`. */
export async function checkLaunch(spec: LaunchSpec, version: string): Promise<void> {
  if (!(await stat(spec.folder).catch(() => null))?.isDirectory()) {
    throw unknown(version, `would run in ${spec.folder}, which is not a folder`, 'Put the version there, or correct `folder` in the workspace.')
  }
  const command = firstCommand(spec.run)
  if (command !== null && !(await canRun(command, spec))) {
    throw new Fault('commandNotFound', `The command ${command} was not found, so version ${version} cannot be started. Traffic is unchanged.`, `Install ${command}, or correct \`run\` in the workspace.`)
  }
}

async function problemOf(settings: LocalSettings, version: string): Promise<string | null> {
  if (!SAFE_NAME.test(version)) return 'Its name has characters no version may have.'
  try {
    await checkLaunch(launchSpec(settings, version, 'blue'), version)
    return null
  } catch (error) {
    return reason(error)
  }
}

const BUILTINS = new Set(['.', ':', 'cd', 'command', 'eval', 'exec', 'exit', 'export', 'set', 'test', 'trap', 'ulimit', 'umask', 'wait', 'if', 'for', 'while', 'until', 'case', '[', '!', '{'])

/** The program a shell line starts with; null when only the shell itself can tell. */
function firstCommand(run: string): string | null {
  for (const word of run.trim().split(/\s+/)) {
    if (word === 'exec' || /^[A-Za-z_][A-Za-z0-9_]*=[^$`"'\\();&|<>]*$/.test(word)) continue
    if (BUILTINS.has(word) || /[$`"'\\(){}[\]*?~;&|<>#!]/.test(word)) return null
    return word
  }
  return null
}

async function canRun(command: string, spec: LaunchSpec): Promise<boolean> {
  const path = spec.env['PATH'] ?? process.env['PATH'] ?? ''
  const places = command.includes('/') ? [isAbsolute(command) ? command : resolve(spec.folder, command)] : path.split(delimiter).map((folder) => join(folder, command))
  for (const place of places) {
    const ok = await access(place, constants.X_OK).then(() => true, () => false)
    if (ok && (await stat(place)).isFile()) return true
  }
  return false
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
