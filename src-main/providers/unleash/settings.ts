import { z } from 'zod'

/** The source's own part of the workspace. A set is an environment of the project. */
export const unleashSettingsSchema = z.strictObject({
  /** Without `/api`. */
  url: z.url({ protocol: /^https?$/ }),
  /** An admin or service account token; `${env:NAME}` is filled in when it is used. */
  token: z.string().min(1),
  project: z.string().min(1).max(100).default('default'),
  /** What shares are drawn by, where a flag has none yet. Who lacks it is in no share. */
  stickiness: z.string().min(1).max(100).default('userId'),
  timeoutMs: z.int().min(100).max(120_000).default(10_000),
  /** Unleash tells nobody of changes: asked this often. */
  pollMs: z.int().min(100).max(3_600_000).default(5000),
  /** Where changes need approval: the kill switch uses the token's right to skip it, if it has one. */
  killSkipsApproval: z.boolean().default(false),
})
export type UnleashSettings = Readonly<z.infer<typeof unleashSettingsSchema>>
