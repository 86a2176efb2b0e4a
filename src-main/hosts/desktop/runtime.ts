import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
/** Plain relative paths: nothing leads out of a folder. */
const pathSchema = z.string().regex(/^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[\w.@+-]+(?:\/[\w.@+-]+)*$/)
const partSchema = z.strictObject({ files: z.record(pathSchema, sha256Schema) })

/** What an installed app carries outside its archive, with the digest of every file. It lies inside the archive, whose integrity is checked. */
export const runtimeManifestSchema = z.strictObject({
  /** Node for supervisor and router: one file. */
  node: partSchema,
  /** supervisor.mjs, router.mjs and flag-server.mjs, each complete in itself. */
  local: partSchema,
  /** The demo workspace: services run in its folders. */
  demo: partSchema,
})
export type RuntimeManifest = Readonly<z.infer<typeof runtimeManifestSchema>>
export type RuntimePart = keyof RuntimeManifest

export interface RuntimeOptions {
  readonly manifest: RuntimeManifest
  /** Folder of the installed app with one folder per part. */
  readonly source: string
  /** Folder below the data folder; made 0700. */
  readonly target: string
  /** True while a supervisor or router may still run from an older copy: those are kept then. */
  readonly inUse: boolean
}

/**
 * Copies what must outlive the app (an update, a quit, an unmounted image) into the data folder, each part under its own
 * digest: an older supervisor keeps the files it was started from. Every file is hashed as it lies there, now and at each
 * start; a copy that is not what it should be is made anew. Resolves to the folder of each part.
 * Faults: `internal` when the installed app itself is damaged.
 */
export async function installRuntime(options: RuntimeOptions): Promise<Readonly<Record<RuntimePart, string>>> {
  await mkdir(options.target, { recursive: true, mode: 0o700 })
  await assertOwnFolder(options.target)
  await chmod(options.target, 0o700)
  const [node, local, demo] = await Promise.all((['node', 'local', 'demo'] as const).map((part) => installPart(part, options)))
  const folders = { node: node ?? '', local: local ?? '', demo: demo ?? '' }
  if (!options.inUse) await removeOthers(options.target, Object.values(folders))
  return folders
}

/** Digest of a part: over the names and digests of its files. */
export function digestOfPart(part: RuntimeManifest[RuntimePart]): string {
  const lines = Object.entries(part.files).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(lines.map(([path, digest]) => `${digest}  ${path}\n`).join('')).digest('hex')
}

async function installPart(name: RuntimePart, { manifest, source, target }: RuntimeOptions): Promise<string> {
  const part = manifest[name]
  const folder = join(target, `${name}-${digestOfPart(part).slice(0, 16)}`)
  if ((await firstWrong(folder, part.files)) === null) return folder

  const making = `${folder}.${process.pid}.new`
  await rm(making, { recursive: true, force: true })
  for (const path of Object.keys(part.files)) {
    const file = join(making, path)
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await copyFile(join(source, name, path), file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await chmod(file, name === 'node' ? 0o700 : 0o600)
    await sync(file)
  }
  const wrong = await firstWrong(making, part.files)
  if (wrong !== null) {
    await rm(making, { recursive: true, force: true })
    throw new Fault('internal', `The installed app is damaged: ${join(source, name, wrong)} is not the file it was built with. Nothing was started; services that run go on.`, 'Install Signalbox again.')
  }
  await rm(folder, { recursive: true, force: true })
  await rename(making, folder)
  return folder
}

/** The first file that is missing, is no plain file, or holds something else; null when all is as it should be. */
async function firstWrong(folder: string, files: Readonly<Record<string, string>>): Promise<string | null> {
  for (const [path, digest] of Object.entries(files)) {
    const file = join(folder, path)
    const stat = await lstat(file).catch(() => null)
    if (!stat?.isFile() || (await sha256(file)) !== digest) return path
  }
  return null
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.sync()
  await handle.close()
}

async function assertOwnFolder(folder: string): Promise<void> {
  const stat = await lstat(folder)
  const foreign = process.getuid !== undefined && stat.uid !== process.getuid()
  if (!stat.isDirectory() || foreign) throw new Fault('internal', `${folder} is not a folder of yours. Nothing was started; services that run go on.`, 'Remove it and start again.')
}

async function removeOthers(target: string, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(target)) {
    const path = join(target, name)
    if (!kept.includes(path)) await rm(path, { recursive: true, force: true })
  }
}
