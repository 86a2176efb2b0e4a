import { createHash, randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MAX_FLAG_FILE_BYTES, type FlagProblem, type JsonObject } from '../../contract/flag-definition.ts'
import { Fault } from '../../contract/fault.ts'
import { validateFlagSet } from '../../core/flags/validate-flag-set.ts'

const LOCK_STALE_MS = 10_000
const LOCK_TRIES = 100
const LOCK_WAIT_MS = 20

/** A flag file as it was read. `digest`: SHA-256 of its bytes, in hex; null: there is no such file. */
export interface FlagFile {
  readonly digest: string | null
  readonly text: string
  /** Null when it has errors. */
  readonly document: JsonObject | null
  readonly problems: readonly FlagProblem[]
}

export function digestOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Reads and validates; a file that is not there is an empty one without digest. `known`: what the last reading came to,
 * answered for the same bytes. Faults: providerUnavailable.
 */
export async function readFlagFile(path: string, known: FlagFile | null = null): Promise<FlagFile> {
  let bytes: Buffer
  try {
    const { size } = await stat(path)
    if (size > MAX_FLAG_FILE_BYTES) throw new Fault('invalidInput', `${basename(path)} has ${Math.round(size / 1024 ** 2)} MB; a flag file may have ${MAX_FLAG_FILE_BYTES / 1024 ** 2}. It was not read.`, 'Split it into several sets.')
    bytes = await readFile(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { digest: null, text: '', document: null, problems: [] }
    throw error instanceof Fault ? error : unreadable(path, error)
  }
  const digest = digestOf(bytes)
  if (digest === known?.digest) return known
  const text = bytes.toString('utf8')
  const { document, problems, ok } = validateFlagSet(text)
  return { digest, text, document: ok ? document : null, problems }
}

/**
 * Puts a text in place of the file whole and durably: readers see the old or the new one, never a part, and after a power
 * loss as well. `expected`: the digest it must have now (null: must not be there); null of `any` writes whatever is there.
 * Returns the new digest. Faults: invalidInput with a place, staleRevision, providerUnavailable.
 */
export async function publishFlagFile(path: string, text: string, expected: { readonly digest: string | null } | 'any'): Promise<string> {
  return (await publishAndTell(path, text, expected)).digest
}

/** The same, with what the validation found besides errors. */
export async function publishAndTell(path: string, text: string, expected: { readonly digest: string | null } | 'any'): Promise<{ readonly digest: string; readonly problems: readonly FlagProblem[] }> {
  const { problems } = validateFlagSet(text)
  const [first] = problems
  if (first?.level === 'error') throw new Fault('invalidInput', `${first.path === '' ? 'The flag set' : first.path}: ${first.message} Nothing was written.`, 'Mend it, then publish again.', { place: { file: path, line: first.line, column: first.column } })
  const release = await lock(path)
  try {
    if (expected !== 'any') {
      const now = await currentDigest(path)
      if (now !== expected.digest) throw new Fault('staleRevision', `${basename(path)} was changed by someone else since it was read. Nothing was written.`, 'Look at the difference, then make the change again.')
    }
    await replaceFile(path, text)
    return { digest: digestOf(text), problems }
  } catch (error) {
    throw error instanceof Fault ? error : unwritable(path, error)
  } finally {
    await release()
  }
}

/** For the kill switch when even reading fails: no lock, no comparison, as few steps as durability allows. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const part = join(dirname(path), `.${basename(path)}.${randomUUID()}.part`)
  try {
    const handle = await open(part, 'wx', 0o644)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function currentDigest(path: string): Promise<string | null> {
  try {
    return digestOf(await readFile(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** One writer at a time between comparing and renaming. A lock left by a process that died is taken over. */
async function lock(path: string): Promise<() => Promise<void>> {
  const file = join(dirname(path), `.${basename(path)}.lock`)
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    try {
      const handle = await open(file, 'wx', 0o600)
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw unwritable(path, error)
      const held = await stat(file).catch(() => null)
      if (held && Date.now() - held.mtimeMs > LOCK_STALE_MS) await rm(file, { force: true })
      await new Promise((resolve) => setTimeout(resolve, LOCK_WAIT_MS))
    }
  }
  throw new Fault('providerUnavailable', `Someone else has been writing ${basename(path)} for ${(LOCK_TRIES * LOCK_WAIT_MS) / 1000} s. Nothing was written.`, 'Try again.')
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function unreadable(path: string, error: unknown): Fault {
  return new Fault('providerUnavailable', `${path} cannot be read (${codeOf(error) ?? 'unknown'}). What was served before goes on being served.`, 'Look at the file and its permissions.', { cause: error })
}

function unwritable(path: string, error: unknown): Fault {
  return new Fault('providerUnavailable', `${path} cannot be written (${codeOf(error) ?? 'unknown'}). The flags are as before.`, 'Look at the disk and the permissions of the folder.', { cause: error })
}
