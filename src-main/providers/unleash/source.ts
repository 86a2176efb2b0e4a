import { Fault } from '../../contract/fault.ts'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import { type FlagDefinition, segmentNameSchema } from '../../contract/flag-definition.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import { sameJson } from '../../core/flags/json.ts'
import type { FlagChange, FlagSource, ObservedFlag } from '../../core/flags/ports.ts'
import { createHttpApi } from '../http-api.ts'
import { jsonDigest } from '../json-digest.ts'
import { pollForChange } from '../poll-for-change.ts'
import { createChangeRequests } from './change-requests.ts'
import { createUnleashClient, type ObservedFeature } from './client.ts'
import { definitionOf, offVariant, segmentOf } from './feature-definition.ts'
import { contentOf, type NativeFlag, nativeSchema, type UnleashSegment } from './model.ts'
import { unleashSettingsSchema } from './settings.ts'
import { isAsWanted, stepsTo } from './steps.ts'
import { type WantedFlag, wantedFlag } from './wanted-strategies.ts'

const CAPABILITIES = {
  define: null,
  segments: 'Segments of Unleash belong to every project and environment: they are changed there.',
  percent: null,
  audiences: null,
  compareAndSet: 'Unleash compares only within one strategy: the flag is read right before it is changed, and read back.',
  evaluations: 'Unleash counts by the hour and flag: look at the metrics of the flag there.',
  experiments: 'Unleash keeps no record of which user had which variant.',
  outcomes: 'Unleash has no requests, errors or latency by variant.',
  archive: null,
} as const

/** Flags of one project of Unleash. A set is an environment. Killed means: the environment is off for the flag. */
export function openUnleashSource(config: FlagSourceConfig, context: { readonly readSecret: (name: string) => string | null; readonly wallMs: () => number }): FlagSource {
  const parsed = unleashSettingsSchema.safeParse(config.settings)
  if (!parsed.success) throw new Fault('invalidInput', `The settings of the flag source ${config.name} are not valid: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`, 'Correct the workspace.')
  const settings = parsed.data
  const who = `Unleash (${config.name})`
  const api = createHttpApi({ who, meaning: 'Apps go on with the flags they have.', url: settings.url, headers: { authorization: settings.token }, timeoutMs: settings.timeoutMs, ...context })
  const client = createUnleashClient(who, settings.project, api)
  const requests = createChangeRequests(client, settings.url.replace(/\/+$/, ''), settings.project)
  /** Per environment: as of which event, and what was read. */
  const known = new Map<string, { readonly event: number; readonly features: Map<string, ObservedFeature> }>()
  let segments: readonly UnleashSegment[] = []
  const segmentName = (id: number): string | null => segments.find((segment) => segment.id === id)?.name ?? null
  const segmentId = (name: string): number | null => segments.find((segment) => segment.name === name)?.id ?? null

  async function observed(set: string, key: string): Promise<ObservedFlag> {
    const [feature] = await Promise.all([client.feature(set, key), learnSegments()])
    if (!feature) throw new Fault('notFound', `There is no flag ${key} in ${who}, project ${settings.project}.`, 'Look at the list of flags.')
    return flagOf(feature)
  }

  async function learnSegments(): Promise<void> {
    segments = await client.segments()
  }

  function flagOf({ native, createdAt }: ObservedFeature): ObservedFlag {
    const plain = nativeSchema.parse(native)
    const used = segments.filter(({ id }) => plain.strategies.some((strategy) => strategy.segments.includes(id)))
    const content = { ...plain, strategies: plain.strategies.map(contentOf) }
    return { definition: definitionOf(plain, createdAt, segmentName), native: json(plain), version: jsonDigest(json([content, used])) }
  }

  /** What the change means for this flag. Faults: `unsupported`, `invalidInput`. */
  function wantedOf(change: FlagChange, definition: FlagDefinition, native: NativeFlag | null): WantedFlag {
    if (change.kind === 'restore') {
      const before = nativeOf(change.native)
      return { enabled: before.enabled, strategies: before.strategies, disabledToo: true }
    }
    if (change.kind === 'kill') {
      if (change.variant !== definition.facts.safeVariant) throw new Fault('unsupported', `Off means "${definition.facts.safeVariant ?? ''}" in Unleash: it cannot give everyone "${change.variant}" whatever the rules. Nothing was written.`, 'Finish a rollout of that variant instead.')
      return { enabled: false, strategies: null, disabledToo: false }
    }
    const wanted = changedFlag(change, definition)
    if (!wanted) throw new Fault('notFound', `There is no flag ${definition.key}.`, 'Look at the list of flags.')
    // What is written by hand stays as it is.
    if (native && sameJson(json(wanted.targeting), json(definition.targeting)) && wanted.targeting.kind === 'handwritten') return { enabled: native.enabled, strategies: native.strategies, disabledToo: true }
    return wantedFlag(wanted, native, { stickiness: settings.stickiness, segmentId })
  }

  function matches(change: FlagChange, { definition, native }: ObservedFlag): boolean {
    const now = nativeOf(native)
    if (change.kind === 'archive') return now.archived
    try {
      return isAsWanted(wantedOf(change, definition, now), now) && (change.kind !== 'define' || isDescribed(change.definition, definition))
    } catch (error) {
      if (error instanceof Fault) return false
      throw error
    }
  }

  async function perform(set: string, key: string, change: FlagChange, native: NativeFlag, wanted: WantedFlag, comment: string): Promise<{ readonly what: string; readonly url: string } | null> {
    const steps = stepsTo(wanted, native)
    const skips = change.kind === 'kill' && settings.killSkipsApproval
    if (steps.length > 0 && !skips && (await requests.needed(set))) return await requests.submit(set, key, steps, comment)
    for (const step of steps) await client.perform(set, key, step)
    await order(set, key, wanted)
    return null
  }

  /** With variants the first strategy that lets a user in decides the variant: they stand in the order of the rules. */
  async function order(set: string, key: string, { strategies }: WantedFlag): Promise<void> {
    if (!strategies || strategies.length < 2 || !strategies.some(({ variants }) => variants.length > 0)) return
    const now = (await client.feature(set, key))?.native.strategies ?? []
    const left = [...now]
    const sorted = strategies.flatMap((wanted) => {
      const index = left.findIndex((one) => sameJson(contentOf(one), contentOf(wanted)))
      return index < 0 ? [] : left.splice(index, 1)
    })
    const ids = [...sorted, ...left].map(({ id }) => id)
    if (sameJson(ids, now.map(({ id }) => id))) return
    const path = `/api/admin/projects/${encodeURIComponent(settings.project)}/features/${encodeURIComponent(key)}/environments/${encodeURIComponent(set)}/strategies/set-sort-order`
    const answer = await client.ask('POST', path, ids.map((id, sortOrder) => ({ id, sortOrder })))
    if (answer.status >= 300) throw client.refusal(answer)
  }

  async function define(key: string, definition: FlagDefinition, now: ObservedFlag | null): Promise<void> {
    mayBeKept(definition)
    // Before anything is made: it may be that Unleash cannot hold the rules.
    if (!now) wantedOf({ kind: 'define', definition }, definition, null)
    const type = definition.facts.permanent ? 'kill-switch' : 'release'
    const description = definition.facts.description ?? ''
    if (!now) await client.create({ name: key, type, description })
    else if (!isDescribed(definition, now.definition)) await client.describe(key, { type: definition.facts.permanent === now.definition.facts.permanent ? nativeOf(now.native).type : type, description })
  }

  return {
    name: config.name,
    kind: 'unleash',
    capabilities: CAPABILITIES,
    async read(set) {
      const features = await readAll(set)
      const flags = [...features.values()].map(flagOf)
      const versions = new Map(flags.map(({ definition, version }) => [definition.key, version]))
      return { flagSet: { flags: flags.map(({ definition }) => definition), segments: segments.filter(({ name }) => segmentNameSchema.safeParse(name).success).map(segmentOf), metadata: {} }, versions, digest: jsonDigest(json([[...versions].toSorted(([a], [b]) => (a < b ? -1 : 1)), segments])), problems: [], broken: null, addresses: [] }
    },
    observe: observed,
    async apply({ set, key, change, expect, comment }) {
      const now = await observed(set, key).catch((error: unknown) => {
        if (error instanceof Fault && error.code === 'notFound' && change.kind === 'define') return null
        throw error
      })
      if (now?.definition.facts.archived && change.kind !== 'archive') throw new Fault('notFound', `${key} is archived in ${who}. Nothing was written.`, 'Revive it in Unleash first.')
      if (expect !== null && now?.version !== expect) throw new Fault('staleGeneration', `${key} was changed by someone else since it was read. Nothing was written.`, 'Look at the difference, then decide again.')
      if (now && matches(change, now)) return { submitted: null }
      if (change.kind === 'archive') {
        await client.archive(key)
        return { submitted: null }
      }
      if (change.kind === 'define') {
        if (now && expect === null) throw new Fault('staleGeneration', `There is a flag ${key} in ${who} already. Nothing was written.`, 'Change that one, or choose another key.')
        await define(key, change.definition, now)
      }
      const base = now ?? (await observed(set, key))
      const native = nativeOf(base.native)
      return { submitted: await perform(set, key, change, native, wantedOf(change, base.definition, native), comment) }
    },
    matches,
    async writeSegments() {
      throw new Fault('unsupported', CAPABILITIES.segments, 'Change them in Unleash.')
    },
    evaluations: async () => null,
    experiments: async () => null,
    outcomes: async () => null,
    subscribe(set, onChange) {
      const read = async (): Promise<string> => {
        const events = await client.eventsAfter(0)
        return events ? String(events.newest) : (await this.read(set)).digest
      }
      return pollForChange({ everyMs: settings.pollMs, read, onChange })
    },
    async test() {
      try {
        const environments = await client.environments()
        return config.sets.map(({ set }) => {
          const found = environments.find(({ name }) => name === set)
          const name = `${config.name}: ${settings.project}, ${set}`
          return found?.enabled ? { name, ok: true, detail: 'Unleash answers', next: '' } : { name, ok: false, detail: `The project ${settings.project} has no environment ${set} that is enabled.`, next: 'Correct `project` or `sets` in the workspace, or enable it in Unleash.' }
        })
      } catch (error) {
        if (!(error instanceof Fault)) throw error
        return [{ name: config.name, ok: false, detail: error.message, next: error.data.next }]
      }
    },
    close: () => api.close(),
  }

  /** Only flags that the event log names are read again. */
  async function readAll(set: string): Promise<ReadonlyMap<string, ObservedFeature>> {
    const before = known.get(set)
    const [events] = await Promise.all([client.eventsAfter(before?.event ?? 0), learnSegments()])
    if (before && events?.flags) {
      for (const key of events.flags) {
        const feature = await client.feature(set, key)
        if (feature && !feature.native.archived) before.features.set(key, feature)
        else before.features.delete(key)
      }
      known.set(set, { event: events.newest, features: before.features })
      return before.features
    }
    const features = new Map((await client.features(set)).map((feature) => [feature.native.name, feature]))
    if (events) known.set(set, { event: events.newest, features })
    return features
  }

  function mayBeKept(definition: FlagDefinition): void {
    const why = definition.facts.owner !== null ? 'an owner' : Object.keys(definition.metadata).length > 0 ? 'metadata' : definition.facts.safeVariant !== null && definition.facts.safeVariant !== offVariant(definition.type !== 'boolean') ? 'a safe variant of one’s own' : null
    if (why !== null) throw new Fault('unsupported', `Unleash has no place for ${why}. Nothing was written.`, 'Leave it empty.')
  }
}

function isDescribed(wanted: FlagDefinition, now: FlagDefinition): boolean {
  return (wanted.facts.description ?? '') === (now.facts.description ?? '') && wanted.facts.permanent === now.facts.permanent
}

function nativeOf(native: ObservedFlag['native']): NativeFlag {
  const parsed = nativeSchema.safeParse(native)
  if (parsed.success) return parsed.data
  throw new Fault('invalidInput', 'What was kept of the flag is not a flag of Unleash. Nothing was written.', 'Put it back in Unleash by hand.')
}

function json(value: unknown): ObservedFlag['native'] {
  return JSON.parse(JSON.stringify(value)) as ObservedFlag['native']
}
