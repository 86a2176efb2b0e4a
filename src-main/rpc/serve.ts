import { randomUUID } from 'node:crypto'
import { ORPCError } from '@orpc/client'
import { implement } from '@orpc/server'
import { RPCHandler } from '@orpc/server/ws'
import { contract } from '../contract/contract.ts'
import { Fault } from '../contract/fault.ts'
import type { FramePipe } from '../contract/wire.ts'
import type { CallContext, CoreApi } from './core-api.ts'
import { endWithSignal } from './end-with-signal.ts'
import { type SessionFacts, startSession } from './session.ts'

/** Writes one line for the people who run the console. Stacks go here and nowhere else. */
export type Log = (line: string) => void

export interface Dispatcher {
  /** Serves one client until its pipe closes. */
  serve(pipe: FramePipe, facts?: SessionFacts): void
}

/**
 * The one dispatcher behind every transport: parses inputs, turns faults into the contract's FAULT, and everything
 * else into `internal` with a trace id whose stack is logged and never sent.
 */
export function createDispatcher(api: CoreApi, options: { readonly log: Log; readonly validateOutputs: boolean }): Dispatcher {
  const toWire = wireError(options.log)
  const handler = new RPCHandler(buildRouter(api, options.validateOutputs), {
    interceptors: [
      async (call) => {
        try {
          const result = await call.next()
          if (!result.matched) throw unknownProcedure(call.request.url.pathname)
          return result
        } catch (error) {
          throw toWire(error)
        }
      },
    ],
    clientInterceptors: [
      async (call) => {
        const output = await call.next()
        return isStream(output) ? endWithSignal(output, call.signal, toWire) : output
      },
    ],
  })
  return { serve: (pipe, facts) => startSession(handler, pipe, { log: options.log, ...facts }) }
}

interface RouterContext {
  readonly operator?: CallContext['operator']
}

/** Not the type oRPC infers per procedure: the loop is over all of them, and CoreApi's type has already matched each. */
function buildRouter(api: CoreApi, validateOutputs: boolean) {
  // oRPC's documented way to leave outputs unvalidated is an index that equals nothing.
  const os = implement(contract)
    .$context<RouterContext>()
    .$config({ initialInputValidationIndex: 0, initialOutputValidationIndex: validateOutputs ? 0 : Number.NaN })
  const procedures = os as unknown as Record<string, Record<string, { handler: (run: (call: HandlerCall) => unknown) => unknown }>>
  const nouns = Object.entries(api as unknown as Record<string, Record<string, (input: unknown, context: CallContext) => unknown>>)
  const router = Object.fromEntries(
    nouns.map(([noun, verbs]) => [
      noun,
      Object.fromEntries(
        Object.entries(verbs).map(([verb, run]) => [
          verb,
          procedures[noun]?.[verb]?.handler(async (call) => {
            const { operator } = call.context
            const result = await run(call.input, { signal: call.signal ?? new AbortController().signal, ...(operator ? { operator } : {}) })
            return isIterable(result) ? result[Symbol.asyncIterator]() : result
          }),
        ]),
      ),
    ]),
  )
  return os.router(router as unknown as Parameters<typeof os.router>[0])
}

interface HandlerCall {
  readonly input: unknown
  readonly context: RouterContext
  readonly signal?: AbortSignal
}

function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

function isStream(value: unknown): value is AsyncIterator<unknown> {
  return isIterable(value) && 'next' in value
}

function wireError(log: Log): (error: unknown) => ORPCError<string, unknown> {
  return (error) => {
    if (error instanceof ORPCError && error.code === 'FAULT') return error
    const fault = error instanceof Fault ? error : (inputFault(error) ?? internalFault(error, log))
    return new ORPCError('FAULT', { defined: true, status: 409, message: fault.message, data: fault.data })
  }
}

/** Names each field that is wrong; undefined when the error is not about the input. */
function inputFault(error: unknown): Fault | undefined {
  if (!(error instanceof ORPCError) || error.code !== 'BAD_REQUEST') return undefined
  const data: unknown = error.data
  const issues = typeof data === 'object' && data !== null && 'issues' in data && Array.isArray(data.issues) ? data.issues : []
  const lines = issues.slice(0, 5).map((issue: { path?: readonly unknown[]; message?: string }) => {
    const path = (issue.path ?? []).map(String).join('.')
    return path ? `${path}: ${issue.message ?? ''}` : (issue.message ?? '')
  })
  return new Fault('invalidInput', `The request was not understood, and nothing was done. ${lines.join('; ')}`.trim(), 'Correct the input and ask again.')
}

function internalFault(error: unknown, log: Log): Fault {
  const traceId = randomUUID()
  log(`internal error ${traceId}: ${describe(error)}`)
  return new Fault(
    'internal',
    'Something inside Signalbox went wrong. Traffic stays as the router has it.',
    `Look at what the screen shows now before trying again; the log has the details under ${traceId}.`,
    { traceId },
  )
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by: ${describe(error.cause)}`
  // A broken contract names each field that is wrong.
  const issues = 'issues' in error ? `\n${JSON.stringify(error.issues)}` : ''
  return `${error.stack ?? error.message}${issues}${cause}`
}

function unknownProcedure(path: string): Fault {
  return new Fault('unsupported', `This console has no procedure ${path.slice(0, 200)}. Nothing was done.`, 'Reload the page, or use the terminal of the same version.')
}
