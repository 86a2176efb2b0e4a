import { readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { NOTIFICATION_EVENTS } from '../../contract/workspace.ts'

const envelopeSchema = z.strictObject({
  id: z.string(),
  event: z.enum(NOTIFICATION_EVENTS),
  workspace: z.string(),
  tier: z.string(),
  service: z.string(),
  releaseId: z.string().nullable(),
  version: z.string(),
  title: z.string(),
  detail: z.string(),
  at: z.number(),
  entrySeq: z.int().nullable(),
  entryHash: z.string().nullable(),
})

/** One notification on its way to one webhook. */
export const deliverySchema = z.strictObject({
  webhook: z.string(),
  envelope: envelopeSchema,
  attempts: z.int().min(0),
  /** Wall clock milliseconds: not tried before. */
  nextAt: z.number(),
  /** Status of the last answer; null when there was none. */
  status: z.int().nullable(),
  /** Set when it is over and the journal has yet to take it. */
  ended: z.strictObject({ sent: z.boolean(), why: z.string() }).nullable(),
})
export type Delivery = Readonly<z.infer<typeof deliverySchema>>

export const outboxStateSchema = z.strictObject({
  format: z.literal('signalbox-notifications'),
  version: z.literal(1),
  /** Every entry up to this one was looked at. */
  seq: z.int().min(0),
  deliveries: z.array(deliverySchema),
  /** Keys of items of the inbox that were told, and when each left it; null while it is there. */
  told: z.record(z.string(), z.number().nullable()),
})
export type OutboxState = Readonly<z.infer<typeof outboxStateSchema>>

/** What is kept between runs; null when nothing is, or nothing that can be read. */
export function readOutboxFile(file: string): OutboxState | null {
  try {
    return outboxStateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

/** Replaces the file whole and durably, without holding up the thread. Holds no secret and no address. */
export async function writeOutboxFile(file: string, state: OutboxState): Promise<void> {
  const part = `${file}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(state))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, file)
  if (process.platform === 'win32') return
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
