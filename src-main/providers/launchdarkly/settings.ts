import { z } from 'zod'

/** The source's own part of the workspace. A set is an environment of the project. */
export const launchDarklySettingsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).default('https://app.launchdarkly.com'),
  /** An access token that may change flags; `${env:NAME}` is filled in when it is used. */
  token: z.string().min(1),
  project: z.string().min(1).max(100).default('default'),
  /** What shares are drawn among. */
  contextKind: z.string().min(1).max(100).default('user'),
  timeoutMs: z.int().min(100).max(120_000).default(10_000),
  pollMs: z.int().min(100).max(3_600_000).default(15_000),
  /** Where changes need approval: the kill switch uses the token's right to go without, if it has one. */
  killSkipsApproval: z.boolean().default(false),
})
