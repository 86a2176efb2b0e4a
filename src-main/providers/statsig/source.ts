import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import type { JsonValue } from '../../contract/flag-definition.ts'
import type { FlagSource, ObservedFlag } from '../../core/flags/ports.ts'
import { createHttpApi, type HttpAnswer, type HttpMethod } from '../http-api.ts'
import { jsonDigest } from '../json-digest.ts'
import { namedSegments, vendorFlagSource } from '../vendor-flag-source.ts'
import { ARCHIVED, definitionOf } from './gate-definition.ts'
import { type Gate, gateSchema } from './model.ts'
import { statsigSettingsSchema } from './settings.ts'
import { essence, type GateStep, isAsWanted, nativeOf, stepsTo, wantedGate } from './wanted-gate.ts'

const CAPABILITIES = {
  define: 'Gates are made and edited in Statsig, where they get an owner, a type and their id type.',
  segments: 'Segments are made and edited in Statsig.',
  percent: null,
  audiences: null,
  compareAndSet: 'Statsig’s Console API compares nothing: the gate is read right before it is changed, and read back.',
  evaluations: 'Signalbox does not read Statsig’s counts of checks: look at the gate there.',
  experiments: 'Statsig keeps its experiments to itself: look at them there.',
  outcomes: 'Statsig has no requests, errors or latency by variant.',
  archive: null,
} as const

const PAGE = 100

/** Feature gates of Statsig; a set is an environment, `*` all of them. Never run against the real service: written by its published model. */
export function openStatsigSource(config: FlagSourceConfig, context: { readonly readSecret: (name: string) => string | null; readonly wallMs: () => number }): FlagSource {
  const parsed = statsigSettingsSchema.safeParse(config.settings)
  if (!parsed.success) throw new Fault('invalidInput', `The settings of the flag source ${config.name} are not valid: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`, 'Correct the workspace.')
  const settings = parsed.data
  const who = `Statsig (${config.name})`
  const api = createHttpApi({ who, meaning: 'Apps go on with the gates they have.', url: settings.url, headers: { 'statsig-api-key': settings.token, 'statsig-api-version': '20240601' }, timeoutMs: settings.timeoutMs, ...context })
  const gatePath = (key: string): string => `/console/v1/gates/${encodeURIComponent(key)}`
  /** Changes that were sent and wait for a review, by gate: Statsig lists them nowhere this API reaches. */
  const waiting = new Map<string, string>()

  function refusal(answer: HttpAnswer): Fault {
    const said = api.said(answer)
    if (/alert|safeguard/i.test(said)) return new Fault('interlocked', `${who} keeps the gate as it is while an alert of its own is open: ${said} Nothing was written.`, 'Resolve the alert in Statsig first.')
    if (answer.status === 403) return new Fault('notAllowed', `${who} does not allow it: ${said} Nothing was written.`, 'Give the key the right to write, or let someone who may do it there.')
    if (answer.status === 404) return new Fault('notFound', `${who} has no such thing: ${said}`, 'Look at the list of flags.')
    if (answer.status >= 400 && answer.status < 500) return new Fault('invalidInput', `${who} refused it: ${said} Nothing was written.`, 'Change what it names.')
    return new Fault('providerUnavailable', `${who} answered ${answer.status}: ${said}`, 'Try again.')
  }

  function taken<T>(answer: HttpAnswer, schema: z.ZodType<T>): T {
    if (answer.status >= 300) throw refusal(answer)
    const read = schema.safeParse(answer.body)
    if (read.success) return read.data
    throw new Fault('providerUnavailable', `${who} answered in a way Signalbox does not know: ${read.error.issues[0]?.path.join('.') ?? ''} ${read.error.issues[0]?.message ?? ''}`, 'See what answers at that address.')
  }

  async function gateOf(key: string): Promise<Gate> {
    const answer = await api.ask('GET', gatePath(key))
    if (answer.status === 404) throw new Fault('notFound', `There is no gate ${key} in ${who}.`, 'Look at the list of flags.')
    return taken(answer, z.object({ data: gateSchema })).data
  }

  function observed(gate: Gate, set: string): ObservedFlag {
    const archived = gate.status === ARCHIVED
    const content = [archived, gate.isEnabled, gate.description, gate.rules.map(essence), gate.holdoutIDs]
    return { definition: definitionOf(gate, set), native: JSON.parse(JSON.stringify({ id: gate.id, set, isEnabled: gate.isEnabled, archived, rules: gate.rules })) as JsonValue, version: jsonDigest(content) }
  }

  /** Reviews are gone past by every call that does not send this header. */
  async function change(method: HttpMethod, path: string, body: JsonValue | undefined, skipsReview: boolean): Promise<void> {
    const answer = await api.ask(method, path, { ...(body === undefined ? {} : { body }), headers: skipsReview ? {} : { 'x-respect-review-settings': 'true' } })
    if (answer.status >= 300) throw refusal(answer)
  }

  async function perform(key: string, step: GateStep, skipsReview: boolean): Promise<void> {
    if (step.do === 'percent') await change('PATCH', `${gatePath(key)}/rules/${encodeURIComponent(step.id)}`, { passPercentage: step.percent }, skipsReview)
    else if (step.do === 'rules') await change('PATCH', gatePath(key), { rules: JSON.parse(JSON.stringify(step.rules)) as JsonValue }, skipsReview)
    else await change('PUT', `${gatePath(key)}/${step.do}`, undefined, skipsReview)
  }

  async function readAll(set: string): Promise<readonly ObservedFlag[]> {
    const flags: ObservedFlag[] = []
    for (let page = 1; ; page += 1) {
      const { data } = taken(await api.ask('GET', `/console/v1/gates?limit=${PAGE}&page=${page}`), z.object({ data: z.array(gateSchema) }))
      flags.push(...data.map((gate) => observed(gate, set)))
      if (data.length < PAGE) return flags
    }
  }

  async function segmentNames(): Promise<readonly string[]> {
    const names: string[] = []
    for (let page = 1; ; page += 1) {
      const { data } = taken(await api.ask('GET', `/console/v1/segments?limit=${PAGE}&page=${page}`), z.object({ data: z.array(z.object({ id: z.string() })) }))
      names.push(...data.map(({ id }) => id))
      if (data.length < PAGE) return names
    }
  }

  return vendorFlagSource(config, {
    kind: 'statsig',
    who,
    capabilities: CAPABILITIES,
    pollMs: settings.pollMs,
    observe: async (set, key) => observed(await gateOf(key), set),
    readAll: async (set) => ({ flags: await readAll(set), segments: namedSegments(await segmentNames(), 'statsig') }),
    matches(wanted, { definition, native }) {
      const now = nativeOf(native)
      if (wanted.kind === 'archive') return now.archived
      try {
        return isAsWanted(wantedGate(wanted, definition, now, now.set), now)
      } catch (error) {
        if (error instanceof Fault) return false
        throw error
      }
    },
    async write({ set, key, change: asked, now }) {
      const native = nativeOf(now.native)
      const skipsReview = asked.kind === 'kill' && settings.killSkipsReview
      const steps = asked.kind === 'archive' ? [] : stepsTo(wantedGate(asked, now.definition, native, set), native)
      const told = { what: 'The change of the gate waits for a review in Statsig', url: `${settings.console.replace(/\/+$/, '')}/gates/${encodeURIComponent(key)}` }
      const sent = jsonDigest([now.version, asked.kind, JSON.parse(JSON.stringify(steps)) as JsonValue])
      if (waiting.get(key) === sent) return told
      if (asked.kind === 'archive') await change('PUT', `${gatePath(key)}/archive`, {}, skipsReview)
      else {
        // Before anything is sent: an audience may name a segment that is not there.
        for (const name of segmentsOf(steps)) {
          const answer = await api.ask('GET', `/console/v1/segments/${encodeURIComponent(name)}`)
          if (answer.status === 404) throw new Fault('unsupported', `Statsig cannot hold this audience: it has no segment "${name}". Nothing was written.`, 'Make it in Statsig, or choose another audience.')
          if (answer.status >= 300) throw refusal(answer)
        }
        for (const step of steps) await perform(key, step, skipsReview)
      }
      // What was accepted for a review is not there when it is read back.
      const after = await gateOf(key)
      if (observed(after, set).version !== now.version || !after.reviewSettings || skipsReview) {
        waiting.delete(key)
        return null
      }
      waiting.set(key, sent)
      return told
    },
    // No event is told, and the audit log is asked for as much as the list is.
    newest: async (set) => jsonDigest((await readAll(set)).map(({ definition, version }) => [definition.key, version])),
    async check() {
      taken(await api.ask('GET', '/console/v1/gates?limit=1&page=1'), z.object({ data: z.array(z.unknown()) }))
      return 'Statsig answers'
    },
    close: () => api.close(),
  })
}

function segmentsOf(steps: readonly GateStep[]): readonly string[] {
  const names = steps.flatMap((step) => (step.do === 'rules' ? step.rules : [])).flatMap(({ conditions }) => conditions.flatMap(({ type, targetValue }) => (type === 'passes_segment' && Array.isArray(targetValue) ? targetValue : [])))
  return [...new Set(names.filter((name) => typeof name === 'string'))]
}
