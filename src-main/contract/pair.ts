import { z } from 'zod'
import { environmentNameSchema } from './traffic.ts'

/** `none`: never set up. `closing`: a switch was begun, writes are closed. `opened`: the new side writes, the old one does not follow yet. */
export const PAIR_PHASES = ['none', 'copying', 'inStep', 'closing', 'opened', 'broken'] as const

/** `switch` gives the writes to a side by hand, for when traffic went there without: a release does it by itself. */
export const PAIR_ACTS = ['setUp', 'switch', 'cancelSwitch', 'tearDown'] as const
export type PairAct = (typeof PAIR_ACTS)[number]

/** Two databases of a service, one following the other, as both say now. */
export const pairViewSchema = z.strictObject({
  service: z.string(),
  phase: z.enum(PAIR_PHASES),
  words: z.string(),
  /** The side whose writes count. */
  source: environmentNameSchema.nullable(),
  /** Grows with each switch. */
  generation: z.int(),
  /** Milliseconds that the follower is behind; null where nothing follows. */
  lagMs: z.number().nullable(),
  /** Write-ahead log that the follower has not confirmed, bytes. */
  behindBytes: z.number().nullable(),
})
export type PairView = Readonly<z.infer<typeof pairViewSchema>>

const rowSchema = z.record(z.string(), z.string().nullable())
export const pairComparisonSchema = z.strictObject({
  from: environmentNameSchema,
  to: environmentNameSchema,
  same: z.boolean(),
  tookMs: z.number(),
  tables: z.array(z.strictObject({ table: z.string(), sourceRows: z.number(), targetRows: z.number(), chunks: z.number(), inFlight: z.number(), keyless: z.boolean() })),
  /** The first ones. */
  mismatches: z.array(z.strictObject({ table: z.string(), class: z.enum(['missing', 'extra', 'differs', 'unverifiable']), key: rowSchema, columns: z.array(z.string()), source: rowSchema.nullable(), target: rowSchema.nullable() })),
  mismatchCount: z.number(),
})
export type PairComparison = Readonly<z.infer<typeof pairComparisonSchema>>
