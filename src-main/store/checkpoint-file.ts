import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { checkpointSchema, type Checkpoint } from '../contract/journal.ts'
import { syncFolder } from './emergency-file.ts'

const fileSchema = checkpointSchema.extend({ head: z.string().regex(/^[0-9a-f]{64}$/), format: z.literal('signalbox-checkpoint'), version: z.literal(1) })

/** Null when there is none, or none that can be read. */
export function readCheckpointFile(file: string): Checkpoint | null {
  try {
    const { count, head, at } = fileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    return { count, head, at }
  } catch {
    return null
  }
}

/** Replaces the file whole, durably, without holding up the thread. */
export async function writeCheckpointFile(file: string, checkpoint: Checkpoint): Promise<void> {
  const part = `${file}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(text(checkpoint))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, file)
}

/** The same, at once: for closing. */
export function writeCheckpointFileNow(file: string, checkpoint: Checkpoint): void {
  const part = `${file}.part`
  const fd = openSync(part, 'w', 0o600)
  try {
    writeSync(fd, text(checkpoint))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(part, file)
  syncFolder(dirname(file))
}

function text({ count, head, at }: Checkpoint): string {
  return `${JSON.stringify({ format: 'signalbox-checkpoint', version: 1, count, head, at })}\n`
}
