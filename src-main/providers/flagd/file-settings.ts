import { join } from 'node:path'
import { z } from 'zod'

/** The built-in source's own part of the workspace, as the workspace reader fills it in. */
export const fileSettingsSchema = z.strictObject({
  /** Absolute; holds one `NAME.json` per set. Null: a folder of its own below the data folder. */
  folder: z.string().min(1).nullable(),
  /** Absolute; its sets are copied when the folder is not there yet. */
  seed: z.string().nullable().default(null),
  /** Ports of the flag server. 0: one is found once and kept. */
  httpPort: z.int().min(0).max(65_535).default(0),
  syncPort: z.int().min(0).max(65_535).default(0),
  /** Served to whoever names none: the workspace's own tier. */
  defaultSet: z.string().min(1),
})
export type FileSettings = Readonly<z.infer<typeof fileSettingsSchema>>

/** Where a source has its things. */
export interface FlagPlaces {
  /** The sets. */
  readonly folder: string
  /** Last good versions, which the flag server keeps. */
  readonly kept: string
  /** What the flag server says. */
  readonly log: string
}

export function flagPlaces(dataFolder: string, name: string, { folder }: FileSettings): FlagPlaces {
  const own = join(dataFolder, 'flags', name)
  return { folder: folder ?? join(own, 'sets'), kept: join(own, 'kept'), log: join(own, 'server.log') }
}
