import { z } from 'zod'
import { durationMsSchema } from './duration.ts'
import { VERDICTS } from './vocabulary.ts'

/**
 * What is measured. `router` counts exactly, each second, for both environments. `process` is read from the process
 * tree. `probe` asks the live and preview addresses on a schedule. `query` is an expression a metrics provider answers.
 */
export const metricSchema = z.union([
  z.strictObject({ source: z.literal('router'), of: z.literal('errorRatio') }),
  z.strictObject({ source: z.literal('router'), of: z.literal('latency'), quantile: z.enum(['p50', 'p95', 'p99']) }),
  z.strictObject({ source: z.literal('process'), of: z.enum(['cpuPercent', 'memoryBytes', 'inFlight', 'restarts']) }),
  z.strictObject({ source: z.literal('probe'), of: z.enum(['failureRatio', 'latency']), probe: z.string().min(1) }),
  z.strictObject({
    source: z.literal('query'),
    /** Name of a metrics provider of the workspace. */
    provider: z.string().min(1),
    /** Template: `${service}`, `${environment}`, `${version}`, `${window}` are replaced; of a flag's criterion also `${flag}` and `${variant}`. */
    query: z.string().min(1),
    /** What one unit of the answer is, for people: `ratio`, `ms`, or any word. */
    unit: z.string(),
  }),
])
export type Metric = Readonly<z.infer<typeof metricSchema>>

/** Up to a limit: the plain rule. */
export const thresholdJudgeSchema = z.strictObject({
  kind: z.literal('threshold'),
  /** Ratios 0 to 1, latencies in milliseconds, bytes, percent of a core, or the query's unit. It fails above (or below) it. */
  limit: z.number(),
  /** `above`: more is harm. `below`: less is harm (orders per minute). */
  harm: z.enum(['above', 'below']),
  /** Trailing window that is judged. */
  windowMs: durationMsSchema,
  /** Fewer requests than this in the window: inconclusive. Counts the points of a query. */
  minRequests: z.int().min(1),
  /** So many judgements in a row, a second apart, must breach. */
  consecutive: z.int().min(1).max(100),
})

/** Sequential test of error counts against the other environment (or its recorded history). Only for ratios of counts. */
export const errorsJudgeSchema = z.strictObject({
  kind: z.literal('errors'),
  /** Smallest harm worth taking a release back for: added to the baseline's ratio. 0.02 is two points. */
  harm: z.number().gt(0).max(1),
})

/** Sequential test of the share of requests slower than the baseline's quantile. Only for the router's and a probe's latency. */
export const latencyJudgeSchema = z.strictObject({
  kind: z.literal('latency'),
  /** Smallest harm worth taking a release back for: growth of the quantile. 0.2 is 20 % slower. */
  harm: z.number().gt(0).max(100),
})

/** Two whole distributions compared once per window: the Mann-Whitney test, as Kayenta's judge applies it. */
export const mannWhitneyJudgeSchema = z.strictObject({
  kind: z.literal('mannWhitney'),
  windowMs: durationMsSchema,
  /** Fewer points than this on either side: inconclusive. */
  minPoints: z.int().min(4),
  /** Growth of the Hodges-Lehmann estimate, as a share of it, that is still equal. */
  tolerance: z.number().min(0).max(10),
  confidence: z.number().gt(0.5).lt(1),
  harm: z.enum(['above', 'below', 'either']),
})

/** How fast an error budget burns: both windows of a pair above its factor (Google's SRE workbook, chapter 5). */
export const burnRateJudgeSchema = z.strictObject({
  kind: z.literal('burnRate'),
  /** Share of requests that must succeed, 0 to 1: 0.999. */
  objective: z.number().gt(0).lt(1),
  windows: z.array(z.strictObject({ longMs: durationMsSchema.min(1000), shortMs: durationMsSchema.min(1000), factor: z.number().gt(0) })).min(1).max(5),
  minRequests: z.int().min(1),
})

export const judgeSchema = z.discriminatedUnion('kind', [thresholdJudgeSchema, errorsJudgeSchema, latencyJudgeSchema, mannWhitneyJudgeSchema, burnRateJudgeSchema])
export type Judge = Readonly<z.infer<typeof judgeSchema>>

/** What is watched on the candidate while it has traffic, and what a breach does. */
export const criterionSchema = z.strictObject({
  /** Unique within the plan; shown and journaled. */
  name: z.string().min(1).max(100),
  metric: metricSchema,
  judge: judgeSchema,
  /** `fail` rolls back. `warn` pauses and asks. */
  severity: z.enum(['fail', 'warn']),
  /** After the candidate's weight grew, so long nothing is judged: caches warm up. Blatant failure is judged at once. */
  graceMs: durationMsSchema,
  /** When there was no verdict for so long because data is missing: hold (and say so), pause and notify, or roll back. */
  /**
   * What a judgement that has too little to go on does at the end of a hold: `hold` (also when left out) waits and asks;
   * `goOn` leaves the gate to the other criteria. It still fails when harm shows; missing data always holds.
   */
  doubt: z.enum(['hold', 'goOn']).optional(),
  absence: z.strictObject({ action: z.enum(['hold', 'pause', 'rollBack']), afterMs: durationMsSchema }),
})
export type Criterion = Readonly<z.infer<typeof criterionSchema>>

/** What one judgement said, with what it takes to understand it. The samples it was made from are kept beside it as evidence. */
export const criterionResultSchema = z.strictObject({
  /** The criterion's name. */
  name: z.string(),
  severity: z.enum(['fail', 'warn']),
  verdict: z.enum(VERDICTS),
  /** One sentence for people: value, limit, over how much data, against what. */
  why: z.string(),
  /** Of the candidate, in the metric's unit; null when there is nothing to measure. */
  value: z.number().nullable(),
  /** Of the other side, or its recorded history; null when the judge compares with nothing. */
  baseline: z.number().nullable(),
  /** `live`: the other environment over the same time. `history`: recorded before the switch. */
  against: z.enum(['limit', 'live', 'history']),
  /** In the metric's unit; for a relative judge, baseline and harm together. Null when unknown yet. */
  limit: z.number().nullable(),
  /** Requests (or points) of the candidate that were judged. */
  requests: z.int(),
  /** What decided: its name, where it stands, and where it would fail. */
  statistic: z.strictObject({ name: z.string(), value: z.number(), limit: z.number() }).nullable(),
  /** 0: nowhere near; 1: this takes traffic back. */
  closeness: z.number().min(0).max(1),
  /** Wall clock, the stretch of samples that was judged. */
  fromAt: z.number(),
  toAt: z.number(),
  /** The data is missing or unusable (as opposed to merely too little of it), and since when. Null: it is there. */
  absentSince: z.number().nullable(),
  /** The other environment breaches it too: moving traffic would not help. */
  bothSides: z.boolean(),
})
export type CriterionResult = Readonly<z.infer<typeof criterionResultSchema>>

/**
 * Counts of one side over time, in columns of equal length, newest last: what a judge reads and what evidence keeps.
 * `values` holds a query's or a process's reading; counts are zero there.
 */
export const seriesSchema = z.strictObject({
  /** End of each interval, wall clock ms, growing. */
  at: z.array(z.number()),
  requests: z.array(z.number()),
  errors: z.array(z.number()),
  /** Per interval: pairs of bucket and count of the log-linear histogram in core/analysis/latency-histogram.ts. */
  latency: z.array(z.array(z.tuple([z.int(), z.int()]))),
  values: z.array(z.number().nullable()),
})
export type Series = z.infer<typeof seriesSchema>

/** The old version's recorded behaviour before the switch, frozen: the baseline when it has no traffic any more. */
export const frozenBaselineSchema = z.strictObject({
  fromAt: z.number(),
  toAt: z.number(),
  /** 10 s intervals. */
  series: seriesSchema,
})
export type FrozenBaseline = z.infer<typeof frozenBaselineSchema>

/** A criterion's verdict on a version changed. */
export const verdictChangeSchema = z.strictObject({
  at: z.number(),
  releaseId: z.string(),
  version: z.string(),
  /** The criterion's name. */
  name: z.string(),
  verdict: z.enum(VERDICTS),
  why: z.string(),
})
export type VerdictChange = Readonly<z.infer<typeof verdictChangeSchema>>

/** A criterion tried out: the query as it was sent, what came back, and what the judge makes of it. */
export const criterionTrialSchema = z.strictObject({
  /** The query with its places filled in; empty for what Signalbox counts itself. */
  query: z.string(),
  /** Of the environment asked about, newest last, at most 300. */
  samples: z.array(z.strictObject({ at: z.number(), value: z.number().nullable() })),
  /** What the provider warned of, or why it gave nothing. */
  notes: z.array(z.string()),
  result: criterionResultSchema,
})
export type CriterionTrial = Readonly<z.infer<typeof criterionTrialSchema>>

/** What the analysis could find in time, before a release starts: with the traffic of now, nine of ten bad versions. */
export const foresightSchema = z.strictObject({
  /** Requests per second of the whole service lately, and the share of them that failed. */
  requestsPerSecond: z.number(),
  errorRatio: z.number(),
  steps: z.array(
    z.strictObject({
      weightPercent: z.int(),
      /** How long the step holds by itself: the bake at 100. Null: until a person promotes. */
      holdMs: z.number().nullable(),
      criteria: z.array(
        z.strictObject({
          name: z.string(),
          /** Until harm of the declared size is found; null: not within a day. */
          detectionMs: z.number().nullable(),
          /** The step is over before that. */
          tooShort: z.boolean(),
        }),
      ),
    }),
  ),
})
export type Foresight = Readonly<z.infer<typeof foresightSchema>>
