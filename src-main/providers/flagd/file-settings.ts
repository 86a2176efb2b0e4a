import { z } from 'zod'

/** The built-in source's own part of the workspace, as the workspace reader fills it in. */
export const fileSettingsSchema = z.strictObject({
  /** Absolute; holds one `NAME.json` per set. */
  folder: z.string().min(1),
  /** Absolute; its sets are copied into `folder` when that has none. Null: an empty folder stays empty. */
  seed: z.string().nullable().default(null),
  /** Ports of the flag server. 0: one is found once and kept. */
  httpPort: z.int().min(0).max(65_535).default(0),
  syncPort: z.int().min(0).max(65_535).default(0),
  /** Served to whoever names none: the workspace's own tier. */
  defaultSet: z.string().min(1),
})
export type FileSettings = Readonly<z.infer<typeof fileSettingsSchema>>
