import { z } from 'zod'

/**
 * Every error that may cross from the core to a screen or a terminal.
 *
 * `cause` tells two kinds apart, because people act on them differently: `refused` is a rule that said no
 * (change something, then ask again); `errored` is something that broke (retry, or mend it first).
 * `retryable`: the very same call may succeed later without anyone changing anything.
 */
export const FAULTS = {
  invalidInput: { cause: 'refused', retryable: false },
  notFound: { cause: 'refused', retryable: false },
  notAllowed: { cause: 'refused', retryable: false },
  readOnly: { cause: 'refused', retryable: false },
  illegalCommand: { cause: 'refused', retryable: false },
  interlocked: { cause: 'refused', retryable: false },
  staleRevision: { cause: 'refused', retryable: false },
  staleFence: { cause: 'refused', retryable: false },
  staleGeneration: { cause: 'refused', retryable: true },
  releaseInProgress: { cause: 'refused', retryable: false },
  versionUnknown: { cause: 'refused', retryable: false },
  workspaceInvalid: { cause: 'refused', retryable: false },
  workspaceUntrusted: { cause: 'refused', retryable: false },
  environmentNotReady: { cause: 'refused', retryable: true },
  gateFailed: { cause: 'refused', retryable: false },
  readinessTimeout: { cause: 'errored', retryable: false },
  processCrashed: { cause: 'errored', retryable: false },
  commandNotFound: { cause: 'errored', retryable: false },
  portTaken: { cause: 'errored', retryable: false },
  notVerified: { cause: 'errored', retryable: true },
  providerUnavailable: { cause: 'errored', retryable: true },
  timeout: { cause: 'errored', retryable: true },
  journalUnavailable: { cause: 'errored', retryable: true },
  dataFolderBusy: { cause: 'errored', retryable: true },
  unsupported: { cause: 'refused', retryable: false },
  disconnected: { cause: 'errored', retryable: true },
  internal: { cause: 'errored', retryable: false },
} as const satisfies Record<string, { cause: 'refused' | 'errored'; retryable: boolean }>

export type FaultCode = keyof typeof FAULTS
export const FAULT_CODES = Object.keys(FAULTS) as [FaultCode, ...FaultCode[]]

/** A place in a file an operator can open. Line and column count from 1. */
export const filePlaceSchema = z.strictObject({
  file: z.string(),
  line: z.int().min(1),
  column: z.int().min(1),
})
export type FilePlace = z.infer<typeof filePlaceSchema>

export const faultDataSchema = z.strictObject({
  code: z.enum(FAULT_CODES),
  /** What happened, then what it means for traffic if anything, in one or two sentences. */
  message: z.string(),
  /** The one next step. */
  next: z.string(),
  cause: z.enum(['refused', 'errored']),
  retryable: z.boolean(),
  /** Set for `internal` only: finds the stack in the log. */
  traceId: z.string().optional(),
  place: filePlaceSchema.optional(),
  /** What was asked of said when to ask again, ms from then. */
  retryAfterMs: z.number().min(0).optional(),
})
export type FaultData = z.infer<typeof faultDataSchema>

/** An expected error. Anything else that is thrown is a bug and crosses as `internal`. */
export class Fault extends Error {
  readonly data: FaultData

  constructor(code: FaultCode, message: string, next: string, extra: { place?: FilePlace; traceId?: string; retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'Fault'
    this.data = {
      code,
      message,
      next,
      ...FAULTS[code],
      ...(extra.place ? { place: extra.place } : {}),
      ...(extra.traceId ? { traceId: extra.traceId } : {}),
      ...(extra.retryAfterMs === undefined ? {} : { retryAfterMs: extra.retryAfterMs }),
    }
  }

  get code(): FaultCode {
    return this.data.code
  }
}

/** Rebuilds a Fault from its data, at the other end of a wire or out of the store. */
export function faultFromData(data: FaultData): Fault {
  return new Fault(data.code, data.message, data.next, {
    ...(data.place ? { place: data.place } : {}),
    ...(data.traceId ? { traceId: data.traceId } : {}),
    ...(data.retryAfterMs === undefined ? {} : { retryAfterMs: data.retryAfterMs }),
  })
}
