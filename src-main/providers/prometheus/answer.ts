import { z } from 'zod'

/**
 * What Prometheus answers, as its HTTP API documents it: an envelope of status, data, errors, warnings and infos;
 * samples as pairs of Unix seconds and a value in text ("NaN", "+Inf", "-Inf" among them).
 * Source: prometheus.io/docs/prometheus/latest/querying/api
 */
const sampleSchema = z.tuple([z.number(), z.string()])
const labelsSchema = z.record(z.string(), z.string())
const dataSchema = z.discriminatedUnion('resultType', [
  z.object({ resultType: z.literal('matrix'), result: z.array(z.object({ metric: labelsSchema, values: z.array(sampleSchema).default([]), histograms: z.array(z.unknown()).optional() })) }),
  z.object({ resultType: z.literal('vector'), result: z.array(z.object({ metric: labelsSchema, value: sampleSchema.optional(), histogram: z.unknown().optional() })) }),
  z.object({ resultType: z.literal('scalar'), result: sampleSchema }),
  z.object({ resultType: z.literal('string'), result: sampleSchema }),
])
const notesSchema = z.array(z.string()).nullish()
const envelopeSchema = z.discriminatedUnion('status', [
  z.object({ status: z.literal('success'), data: z.unknown(), warnings: notesSchema, infos: notesSchema }),
  z.object({ status: z.literal('error'), errorType: z.string().default(''), error: z.string().default('') }),
])

export interface PromSeries {
  readonly labels: Readonly<Record<string, string>>
  /** Wall ms, and the value; null for what is no finite number. In the order of the answer. */
  readonly points: readonly { readonly at: number; readonly value: number | null }[]
}
export type PromAnswer =
  | { readonly kind: 'series'; readonly series: readonly PromSeries[]; readonly hasHistograms: boolean; readonly warnings: readonly string[]; readonly infos: readonly string[] }
  | { readonly kind: 'refused'; readonly errorType: string; readonly error: string }
  | { readonly kind: 'text' }
  | { readonly kind: 'garbled'; readonly why: string }

/** Reads a body; never throws. */
export function parseAnswer(body: string): PromAnswer {
  const envelope = envelopeSchema.safeParse(parseJson(body))
  if (!envelope.success) return { kind: 'garbled', why: body.trim() === '' ? 'an empty body' : 'something that is not the JSON of Prometheus’ API' }
  if (envelope.data.status === 'error') return { kind: 'refused', errorType: envelope.data.errorType, error: envelope.data.error }
  const parsed = dataSchema.safeParse(envelope.data.data)
  if (!parsed.success) return { kind: 'garbled', why: 'a result of unknown shape' }
  const { data } = parsed
  const notes = { warnings: envelope.data.warnings ?? [], infos: envelope.data.infos ?? [] }
  switch (data.resultType) {
    case 'matrix':
      return { kind: 'series', series: data.result.map(({ metric, values }) => ({ labels: metric, points: values.map(pointOf) })), hasHistograms: data.result.some(({ histograms }) => histograms !== undefined), ...notes }
    case 'vector':
      return { kind: 'series', series: data.result.map(({ metric, value }) => ({ labels: metric, points: value ? [pointOf(value)] : [] })), hasHistograms: data.result.some(({ histogram }) => histogram !== undefined), ...notes }
    case 'scalar':
      return { kind: 'series', series: [{ labels: {}, points: [pointOf(data.result)] }], hasHistograms: false, ...notes }
    case 'string':
      return { kind: 'text' }
  }
}

/** `{job="shop"}`, clipped: for naming a series to a person. */
export function describeLabels(labels: Readonly<Record<string, string>>): string {
  const text = `{${Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}

function pointOf([seconds, text]: readonly [number, string]): { at: number; value: number | null } {
  return { at: Math.round(seconds * 1000), value: finiteNumber(text) }
}

/** Number('') is 0 and Number('0x10') is 16: only what Prometheus writes is a number. */
function finiteNumber(text: string): number | null {
  const value = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) ? value : null
}

export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return null
  }
}
