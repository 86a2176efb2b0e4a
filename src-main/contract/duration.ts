import { z } from 'zod'

/** Milliseconds, non-negative, at most 30 days. */
export const durationMsSchema = z.int().min(0).max(30 * 24 * 3600 * 1000)
