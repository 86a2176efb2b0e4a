import { z } from 'zod'

/** The source's own part of the workspace. A set is an environment's name; `*` means rules that apply to all of them. */
export const statsigSettingsSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).default('https://statsigapi.net'),
  /** A Console API key; `${env:NAME}` is filled in when it is used. */
  token: z.string().min(1),
  /** Where people look at gates: for links alone. */
  console: z.url({ protocol: /^https?$/ }).default('https://console.statsig.com'),
  timeoutMs: z.int().min(100).max(120_000).default(10_000),
  pollMs: z.int().min(100).max(3_600_000).default(15_000),
  /** Where changes need a review: the kill switch goes without. */
  killSkipsReview: z.boolean().default(false),
})
