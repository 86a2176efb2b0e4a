import type { Json } from '../../../src-main/contract/journal.ts'

export interface EvidenceSample {
  readonly at: number
  readonly requests: number
  readonly errors: number
  readonly p99Ms: number | null
}

/** The parts of an entry's evidence that have a picture; everything else is shown as it is. */
export interface KnownEvidence {
  /** `candidate`: the judged side, where the record does not name its environment. */
  readonly samples: { readonly blue: readonly EvidenceSample[]; readonly green: readonly EvidenceSample[]; readonly candidate: readonly EvidenceSample[] } | null
  readonly results: readonly { readonly metric: string; readonly verdict: string; readonly why: string; readonly limit: number | null }[]
  readonly gates: readonly { readonly name: string; readonly state: string; readonly detail: string }[]
}

type JsonObject = { readonly [key: string]: Json }

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

const text = (value: Json | undefined) => (typeof value === 'string' ? value : '')
const numberOr = <T>(value: Json | undefined, otherwise: T) => (typeof value === 'number' ? value : otherwise)

function toSamples(value: Json | undefined): readonly EvidenceSample[] {
  return objects(value).map((each) => ({ at: numberOr(each['at'], 0), requests: numberOr(each['requests'], 0), errors: numberOr(each['errors'], 0), p99Ms: numberOr(each['p99Ms'], null) }))
}

/** Reads what it knows; evidence of another shape gives empty parts. */
export function readEvidence(evidence: Json): KnownEvidence {
  if (!isObject(evidence)) return { samples: null, results: [], gates: [] }
  const found = evidence['samples'] ?? evidence['samplesBefore']
  const samples = isObject(found) ? { blue: toSamples(found['blue']), green: toSamples(found['green']), candidate: [] } : Array.isArray(found) ? { blue: [], green: [], candidate: toSamples(found) } : null
  return {
    samples: samples && samples.blue.length + samples.green.length + samples.candidate.length > 1 ? samples : null,
    results: objects(evidence['results']).map((each) => ({ metric: text(each['metric']), verdict: text(each['verdict']), why: text(each['why']), limit: numberOr(each['limit'], null) })),
    gates: objects(evidence['gates']).map((each) => ({ name: text(each['name']), state: text(each['state']), detail: text(each['detail']) })),
  }
}
