import type { JsonObject, JsonValue } from '../../../contract/flag-definition.ts'
import { isJsonObject } from '../../../core/flags/json.ts'
import { digestOf } from '../flag-files.ts'
import type { EvaluationCounts } from './evaluation-counts.ts'
import type { EvaluatedFlag, FlagService } from './flag-service.ts'

/** OpenFeature Remote Evaluation Protocol 0.3 (https://github.com/open-feature/protocol, service/openapi.yaml). */
export interface OfrepAnswer {
  readonly status: 200 | 304 | 400 | 404 | 500
  readonly headers: Readonly<Record<string, string>>
  /** Null for 304. */
  readonly body: JsonObject | null
}

const INACTIVITY_SECONDS = 120

export interface Ofrep {
  one(set: string, key: string, body: JsonValue | undefined): OfrepAnswer
  all(set: string, body: JsonValue | undefined, ifNoneMatch: string | undefined): OfrepAnswer
}

export function createOfrep(flags: FlagService, counts: EvaluationCounts): Ofrep {
  return {
    one(set, key, body) {
      const context = contextOf(body)
      if (context === null) return answer(400, { key, errorCode: 'INVALID_CONTEXT', errorDetails: 'The body is an object with an object "context".' })
      const result = flags.evaluate(set, key, context)
      if (!result) return answer(404, { key, errorCode: 'FLAG_NOT_FOUND', errorDetails: `There is no flag set "${set}".` })
      if (result.variant !== null) counts.add(set, key, result.variant, 1)
      const code = result.error?.code
      return answer(code === undefined ? 200 : code === 'FLAG_NOT_FOUND' ? 404 : 400, bodyOf(result))
    },
    all(set, body, ifNoneMatch) {
      const context = contextOf(body)
      if (context === null) return answer(400, { errorCode: 'INVALID_CONTEXT', errorDetails: 'The body is an object with an object "context".' })
      const digest = flags.digest(set)
      if (digest === undefined) return answer(400, { errorCode: 'GENERAL', errorDetails: `There is no flag set "${set}".` })
      // The same flags and context come to the same results, unless a rule looks at the time.
      const known = flags.timeDependent(set) ? null : etagOf(`${digest}\n${JSON.stringify(context)}`)
      if (known !== null && matches(ifNoneMatch, known)) return { status: 304, headers: { etag: known }, body: null }
      const results = (flags.evaluateAll(set, context) ?? []).map(bodyOf)
      const etag = known ?? etagOf(`${digest}\n${JSON.stringify(results)}`)
      if (known === null && matches(ifNoneMatch, etag)) return { status: 304, headers: { etag }, body: null }
      return {
        status: 200,
        headers: { etag },
        body: { flags: results, eventStreams: [{ type: 'sse', endpoint: { requestUri: `/ofrep/v1/events?set=${encodeURIComponent(set)}` }, inactivityDelaySec: INACTIVITY_SECONDS }], metadata: { version: digest } },
      }
    },
  }
}

/** A context without a targeting key is taken: flags without shares need none. An empty body is an empty context. */
function contextOf(body: JsonValue | undefined): JsonObject | null {
  if (body === undefined) return {}
  if (!isJsonObject(body)) return null
  const context = body['context']
  if (context === undefined || context === null) return {}
  return isJsonObject(context) ? context : null
}

/** Without a value where the caller's own default counts: OFREP's `codeDefaultFlag`. */
function bodyOf({ key, value, variant, reason, error, metadata }: EvaluatedFlag): JsonObject {
  if (error) return { key, errorCode: error.code, errorDetails: error.message, metadata }
  return { key, reason, ...(value === undefined ? {} : { value }), ...(variant === null ? {} : { variant }), metadata }
}

function answer(status: 200 | 400 | 404, body: JsonObject): OfrepAnswer {
  return { status, headers: {}, body }
}

function etagOf(text: string): string {
  return `"${digestOf(text).slice(0, 32)}"`
}

/** RFC 9110, 13.1.2: a list, or `*`; weak tags compare by what is in them. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
