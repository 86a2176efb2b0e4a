import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { faultDataSchema } from '../../contract/fault.ts'
import { fileSettingsSchema } from '../flagd/file-settings.ts'
import { environmentNameSchema, versionRefSchema, weightsSchema } from '../../contract/traffic.ts'

/**
 * What a console and the supervisor say to each other: one JSON object per line over a local socket.
 *
 * The supervisor opens with a challenge; the console answers with an HMAC-SHA256 over both nonces under the shared
 * token; the supervisor proves itself the same way. Only then is anything else read. Requests carry a number, answers
 * repeat it; `watch` and `tailLogs` are answered many times until cancelled. A method or a field the other end does
 * not know may be added within a version; what exists keeps its meaning.
 */
export const CONTROL_VERSIONS = { oldest: 1, newest: 1 } as const

/** Longest line either end accepts, bytes. */
export const MAX_LINE_BYTES = 8 << 20

export function proof(token: Buffer, who: 'console' | 'supervisor', challenge: string, nonce: string): string {
  return createHmac('sha256', token).update(`signalbox ${who}\n${challenge}\n${nonce}`).digest('hex')
}

/** Constant-time in the content (not in the length, which is no secret). */
export function sameProof(a: string, b: string): boolean {
  const left = Buffer.from(a)
  const right = Buffer.from(b)
  return left.length === right.length && timingSafeEqual(left, right)
}

const versionRangeSchema = z.object({ oldest: z.int(), newest: z.int() })
export const challengeSchema = z.object({ challenge: z.string().min(16), versions: versionRangeSchema, pid: z.int() })
export const helloSchema = z.object({ hello: z.string(), nonce: z.string().min(16), versions: versionRangeSchema })
export const welcomeSchema = z.object({ welcome: z.string(), version: z.int() })

/** The newest version both ends speak; null when there is none. */
export function agreeVersion(a: z.infer<typeof versionRangeSchema>, b: z.infer<typeof versionRangeSchema>): number | null {
  const newest = Math.min(a.newest, b.newest)
  return newest >= Math.max(a.oldest, b.oldest) ? newest : null
}

const operationSchema = z.object({ id: z.string().min(1).max(300), fence: z.int() })
const named = { service: z.string() }
const milliseconds = z.number().min(0)
/** Values of the variables that the settings refer to, see references.ts. Left out by consoles that know no references. */
const variables = z.record(z.string(), z.string()).optional()

/** Also the name of a folder. */
const practiceNameSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)

export const leaseRequestSchema = z.object({ id: z.string(), ttlMs: milliseconds, onExpiry: z.enum(['hold', 'revert']), revertTo: weightsSchema })

export const requestSchemas = {
  register: z.object({ name: z.string().min(1).max(100), settings: z.unknown(), variables }),
  observe: z.object(named),
  watch: z.object(named),
  deploy: z.object({ ...named, operation: operationSchema, environment: environmentNameSchema, version: versionRefSchema, variables }),
  setWeights: z.object({
    operation: operationSchema,
    request: z.object({
      ...named,
      weights: weightsSchema,
      expectGeneration: z.int().nullable(),
      overrideStickiness: z.boolean(),
      force: z.boolean(),
      lease: leaseRequestSchema.nullable(),
    }),
  }),
  renewLease: z.object({ ...named, leaseId: z.string(), ttlMs: milliseconds }),
  stop: z.object({ ...named, operation: operationSchema, environment: environmentNameSchema, drainMs: milliseconds }),
  tailLogs: z.object({ ...named, environment: environmentNameSchema, lines: z.int().min(0) }),
  metrics: z.object({ ...named, fromAt: z.number() }),
  cancel: z.object({ id: z.int() }),
  status: z.object({}),
  /** Ends services, router and the supervisor itself. */
  stopAll: z.object({ drainMs: milliseconds }),
  /** Starts a router from another file on the same sockets; the old one drains. */
  upgradeRouter: z.object({ entry: z.string().nullable(), drainMs: milliseconds }),
  /** The supervisor ends and the router brings up the one in this file, handing the sockets back. */
  upgradeSupervisor: z.object({ entry: z.string().nullable() }),
  /** Starts a practice database's server when it does not run, and answers its address. The same again is harmless. */
  'practice.start': z.object({ name: practiceNameSchema, port: z.int().min(0).max(65_535) }),
  'practice.status': z.object({ name: practiceNameSchema }),
  /** Starts a source's flag server when it does not run, and answers its ports. The same again is harmless. */
  'flags.start': z.object({ name: practiceNameSchema, settings: fileSettingsSchema }),
  /** Everything stops when no console was connected for so long; null: never. */
  setIdleExit: z.object({ idleExitMs: milliseconds.nullable() }),
} as const
export type MethodName = keyof typeof requestSchemas
export type RequestOf<M extends MethodName> = z.infer<(typeof requestSchemas)[M]>

export const requestLineSchema = z.object({ id: z.int(), method: z.string(), params: z.unknown() })
export const answerLineSchema = z.object({
  id: z.int(),
  /** One of: the answer, one of many, or why not. */
  result: z.unknown().optional(),
  event: z.unknown().optional(),
  fault: faultDataSchema.optional(),
})
/** The last line of a supervisor that ends on purpose: consoles do not bring it back by themselves. */
export const goodbyeSchema = z.object({ goodbye: z.string() })

export const practiceViewSchema = z.object({
  name: z.string(),
  state: z.enum(['stopped', 'starting', 'ready', 'crashed']),
  port: z.int().nullable(),
  pid: z.int().nullable(),
  /** Why it is not ready. */
  detail: z.string(),
})

export const flagServerViewSchema = z.object({
  name: z.string(),
  state: z.enum(['stopped', 'starting', 'ready', 'crashed']),
  httpPort: z.int().nullable(),
  syncPort: z.int().nullable(),
  pid: z.int().nullable(),
  /** Why it is not ready. */
  detail: z.string(),
})

export const supervisorStatusSchema = z.object({
  pid: z.int(),
  version: z.int(),
  startedAt: z.number(),
  /** How many times it was brought back over live processes. */
  adoptions: z.int(),
  consoles: z.int(),
  idleExitMs: z.number().nullable(),
  routers: z.array(z.object({ pid: z.int(), retiring: z.boolean() })),
  services: z.array(
    z.object({
      name: z.string(),
      liveAddress: z.string().nullable(),
      previewAddress: z.string().nullable(),
      environments: z.record(environmentNameSchema, z.object({ readiness: z.string(), version: z.string().nullable(), pid: z.int().nullable(), port: z.int().nullable() })),
    }),
  ),
  /** Practice databases that were asked for. An earlier supervisor runs none. */
  practice: z.array(practiceViewSchema).default([]),
  /** Flag servers that were asked for. An earlier supervisor runs none. */
  flagServers: z.array(flagServerViewSchema).default([]),
})
export type SupervisorStatus = Readonly<z.infer<typeof supervisorStatusSchema>>

/** Splits a stream of bytes into lines; throws when one grows beyond the limit. */
export function lineSplitter(onLine: (line: string) => void, maxBytes = MAX_LINE_BYTES): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let held = 0
  return (chunk) => {
    let start = 0
    for (;;) {
      const end = chunk.indexOf(10, start)
      if (end < 0) break
      parts.push(chunk.subarray(start, end))
      const whole = parts.length === 1 ? parts[0] : Buffer.concat(parts)
      parts = []
      held = 0
      start = end + 1
      if (whole && whole.length > 0) onLine(whole.toString('utf8'))
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start))
      held += chunk.length - start
      if (held > maxBytes) throw new Error('line too long')
    }
  }
}
