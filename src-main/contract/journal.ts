import { z } from 'zod'
import { operatorSchema } from './release.ts'
import { OUTCOMES } from './vocabulary.ts'

/** Any JSON value: what before, after and evidence hold. */
export const jsonSchema = z.json()
export type Json = z.infer<typeof jsonSchema>

export const targetSchema = z.strictObject({
  service: z.string().optional(),
  environment: z.string().optional(),
  releaseId: z.string().optional(),
  migration: z.string().optional(),
  /** `<source>/<key>`. */
  flag: z.string().optional(),
  rollout: z.string().optional(),
})
export type Target = Readonly<z.infer<typeof targetSchema>>

/**
 * What an author of an entry says. The store adds sequence, id, host id, time, versions and hashes.
 *
 * `kind`: `intent` is written before an effect and is durable before it starts; `outcome` after it, from what was
 * read back; `event` states something that happened; `refusal` records an attempt that a rule turned down.
 */
export const journalDraftSchema = z.strictObject({
  kind: z.enum(['intent', 'outcome', 'event', 'refusal']),
  /** `noun.verb`: release.rollBack, effect.setWeights, workspace.trusted, journal.exported ... */
  action: z.string().regex(/^[a-z][A-Za-z]*\.[a-z][A-Za-z]*$/),
  operator: operatorSchema,
  target: targetSchema,
  /** One line for the list, in the words of the result: "Send 25 % to green (1.9.0)". */
  summary: z.string(),
  reason: z.string(),
  ticket: z.string(),
  before: jsonSchema,
  after: jsonSchema,
  /** Ties command, intents and outcomes of one act together. */
  operationId: z.string(),
  outcome: z.enum(OUTCOMES),
  evidence: jsonSchema,
})
export type JournalDraft = Readonly<z.infer<typeof journalDraftSchema>>

/** One record of the journal. docs/journal-format.md says which bytes each hash covers. */
export const journalEntrySchema = journalDraftSchema.extend({
  seq: z.int().min(1),
  id: z.string(),
  hostId: z.string(),
  /** Wall clock of the writing host, milliseconds since 1970 UTC. */
  at: z.number(),
  appVersion: z.string(),
  workspaceDigest: z.string(),
  /** True when it was written to the emergency file first and merged later. */
  emergency: z.boolean(),
  previousHash: z.string(),
  bodyHash: z.string(),
  hash: z.string(),
})
export type JournalEntry = Readonly<z.infer<typeof journalEntrySchema>>

export const journalFilterSchema = z.strictObject({
  /** Words that must all occur; empty matches everything. */
  text: z.string().max(500).default(''),
  service: z.string().optional(),
  operator: z.string().optional(),
  action: z.string().optional(),
  kind: z.enum(['intent', 'outcome', 'event', 'refusal']).optional(),
  outcome: z.enum(OUTCOMES).optional(),
  releaseId: z.string().optional(),
  migration: z.string().optional(),
  /** `<source>/<key>`. */
  flag: z.string().optional(),
  operationId: z.string().optional(),
  fromAt: z.number().optional(),
  toAt: z.number().optional(),
})
export type JournalFilter = Readonly<z.infer<typeof journalFilterSchema>>

export const journalPageSchema = z.strictObject({
  /** Newest first. */
  entries: z.array(journalEntrySchema),
  /** Pass as `beforeSeq` for the next older page; null at the end. */
  nextBeforeSeq: z.int().nullable(),
  /** Entries in the whole journal. */
  total: z.int(),
  tookMs: z.number(),
})
export type JournalPage = Readonly<z.infer<typeof journalPageSchema>>

export const checkpointSchema = z.strictObject({
  count: z.int().min(0),
  head: z.string(),
  at: z.number(),
})
/** What the journal was at a moment: kept in a file of its own and printed on reports. */
export type Checkpoint = Readonly<z.infer<typeof checkpointSchema>>

export const verifyProgressSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('progress'), done: z.int(), total: z.int(), rowsPerSecond: z.number() }),
  z.strictObject({
    kind: z.literal('result'),
    ok: z.boolean(),
    count: z.int(),
    head: z.string(),
    /** Where the chain first breaks, and how; null when it holds. */
    problem: z.strictObject({ seq: z.int(), what: z.string() }).nullable(),
    /** What the kept checkpoint says of the tail, in one sentence. */
    checkpoint: z.string(),
    tookMs: z.number(),
  }),
])
export type VerifyProgress = Readonly<z.infer<typeof verifyProgressSchema>>

export const exportProgressSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('progress'), done: z.int(), total: z.int() }),
  /** Lines of the export, in order; the receiver concatenates them. */
  z.strictObject({ kind: z.literal('chunk'), text: z.string() }),
  z.strictObject({ kind: z.literal('result'), count: z.int(), checkpoint: checkpointSchema, fileName: z.string() }),
])
export type ExportProgress = Readonly<z.infer<typeof exportProgressSchema>>

/** The story of one release, for printing. */
export const releaseReportSchema = z.strictObject({
  releaseId: z.string(),
  entries: z.array(journalEntrySchema),
  checkpoint: checkpointSchema,
})
export type ReleaseReport = Readonly<z.infer<typeof releaseReportSchema>>
