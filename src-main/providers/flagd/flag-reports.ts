import { z } from 'zod'
import { seriesSchema, type Series } from '../../contract/analysis.ts'
import { Fault } from '../../contract/fault.ts'
import { jsonObjectSchema, type JsonObject } from '../../contract/flag-definition.ts'
import type { FlagSourceView } from '../../contract/flag.ts'
import type { ExperimentCounts, VariantEvaluations } from '../../core/flags/ports.ts'
import type { FlagServerPorts } from './flag-server-link.ts'
import { getJson } from './get-json.ts'

const TIMEOUT_MS = 5000
const MINUTES = 30
/** What flags are is read from their file: a server that is coming up is waited for no longer. */
const PATIENCE_MS = 1500

const evaluationsSchema = z.object({
  since: z.number(),
  variants: z.array(z.object({ set: z.string(), flag: z.string(), variant: z.string(), total: z.number(), lastAt: z.number(), perMinute: z.array(z.number()) })),
})
const metricSumsSchema = z.object({ converted: z.number(), sum: z.number(), sumOfSquares: z.number() })
const experimentsSchema = z.object({
  flags: z.array(
    z.object({
      set: z.string(),
      flag: z.string(),
      since: z.number(),
      variants: z.array(z.object({ variant: z.string(), users: z.number(), metrics: z.record(z.string(), metricSumsSchema) })),
      crossedOver: z.number(),
      notCounted: z.number(),
    }),
  ),
})
const outcomesSchema = z.object({ variants: z.record(z.string(), seriesSchema) })
const servedSchema = z.object({ document: jsonObjectSchema })

/** What the flag server of a source counted, and what it serves. */
export interface FlagReports {
  evaluations(set: string): Promise<{ readonly since: number; readonly variants: readonly VariantEvaluations[] }>
  experiments(set: string): Promise<readonly ExperimentCounts[]>
  outcomes(set: string, flag: string, fromAt: number): Promise<ReadonlyMap<string, Series>>
  /** Null: it does not answer, or has no such set. */
  served(set: string): Promise<JsonObject | null>
  /** Of the file always, of the server when it runs. Never fails, and does not wait for a server that is coming up. */
  addresses(file: string, set: string): Promise<FlagSourceView['addresses']>
  check(name: string): Promise<{ readonly name: string; readonly ok: boolean; readonly detail: string; readonly next: string }>
}

/** `find`: starts the server when it does not run. Ports are asked for again once it does not answer at the known ones. */
export function createFlagReports(find: () => Promise<FlagServerPorts | { readonly why: string }>): FlagReports {
  let known: FlagServerPorts | null = null

  async function ports(): Promise<FlagServerPorts> {
    if (known) return known
    const found = await find()
    if ('why' in found) throw new Fault('providerUnavailable', `The flag server is not to be had: ${found.why}`, 'Start the console on its workspace.')
    known = found
    return found
  }

  async function ask<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const { httpPort } = await ports()
      try {
        const { status, body } = await getJson(httpPort, `/signalbox/v1/${path}`, TIMEOUT_MS)
        if (status !== 200) throw new Fault('notFound', `The flag server answered ${status} to ${path}.`, 'Stop everything once (stop --all) and start again: the server may be of another version.')
        return schema.parse(body)
      } catch (error) {
        if (error instanceof Fault) throw error
        known = null
        // Killed and started again, it is at the same ports, or the supervisor knows better.
        if (tries > 1) throw new Fault('providerUnavailable', `The flag server does not answer: ${error instanceof Error ? error.message : String(error)}. What apps got last stays with them.`, 'It is started again by itself; try again in a moment.', { cause: error })
      }
    }
  }

  return {
    async evaluations(set) {
      const { since, variants } = await ask(`evaluations?minutes=${MINUTES}`, evaluationsSchema)
      return { since, variants: variants.filter((one) => one.set === set).map(({ set: _set, ...counted }) => counted) }
    },
    async experiments(set) {
      const { flags } = await ask('experiments', experimentsSchema)
      return flags.filter((one) => one.set === set).map(({ set: _set, ...counted }) => counted)
    },
    async outcomes(set, flag, fromAt) {
      const { variants } = await ask(`outcomes?set=${encodeURIComponent(set)}&flag=${encodeURIComponent(flag)}&from=${fromAt}`, outcomesSchema)
      return new Map(Object.entries(variants))
    },
    async served(set) {
      try {
        const answer = await Promise.race([ask(`set?set=${encodeURIComponent(set)}`, servedSchema), nothingAfter(PATIENCE_MS)])
        return answer && answer.document
      } catch (error) {
        if (error instanceof Fault) return null
        throw error
      }
    },
    async addresses(file, set) {
      const here = { way: 'File (flagd provider, offlineFlagSourcePath)', address: file }
      try {
        const found = await Promise.race([ports(), nothingAfter(PATIENCE_MS)])
        if (!found) return [here]
        const { httpPort, syncPort } = found
        return [{ way: `Sync stream (flagd provider, in process, selector ${set})`, address: `127.0.0.1:${syncPort}` }, { way: `OFREP (header flagd-selector: ${set})`, address: `http://127.0.0.1:${httpPort}` }, here]
      } catch (error) {
        if (error instanceof Fault) return [here]
        throw error
      }
    },
    async check(name) {
      try {
        const { sets } = await ask('status', z.object({ sets: z.array(z.object({ name: z.string() })) }))
        const { httpPort, syncPort } = await ports()
        return { name, ok: true, detail: `OFREP on 127.0.0.1:${httpPort}, sync on 127.0.0.1:${syncPort}, serving ${sets.map((set) => set.name).join(', ') || 'nothing yet'}`, next: '' }
      } catch (error) {
        const fault = error instanceof Fault ? error : new Fault('internal', String(error), 'Look into the log.')
        return { name, ok: false, detail: fault.message, next: fault.data.next }
      }
    },
  }
}

function nothingAfter(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(resolve, ms, null).unref())
}
