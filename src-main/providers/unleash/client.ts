import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'
import type { JsonValue } from '../../contract/flag-definition.ts'
import type { HttpAnswer, HttpApi, HttpMethod } from '../http-api.ts'
import { contentOf, exportSchema, featureSchema, type NativeFlag, segmentsSchema, type UnleashSegment } from './model.ts'
import { patchOf, type Step } from './steps.ts'

/** So many flags are read one by one. */
const FEW = 50
const EVENTS = 100

export interface ObservedFeature {
  readonly native: NativeFlag
  readonly createdAt: number | null
}

/** Unleash's admin API, of one project. Faults as the port of flag sources says. */
export interface UnleashClient {
  /** Null: there is none of that name. An archived one is found too. */
  feature(environment: string, key: string): Promise<ObservedFeature | null>
  /** Every flag of the project. A project of many is read by Unleash's export, which its audit log then names. */
  features(environment: string): Promise<readonly ObservedFeature[]>
  segments(): Promise<readonly UnleashSegment[]>
  environments(): Promise<readonly { readonly name: string; readonly enabled: boolean }[]>
  /**
   * What Unleash's event log has of the project after the event `after`: the newest event's number, and the flags they
   * are about; `flags` null: too many to say. Null: this Unleash does not say.
   */
  eventsAfter(after: number): Promise<{ readonly newest: number; readonly flags: ReadonlySet<string> | null } | null>
  create(feature: { readonly name: string; readonly type: string; readonly description: string }): Promise<void>
  describe(key: string, feature: { readonly type: string; readonly description: string }): Promise<void>
  archive(key: string): Promise<void>
  perform(environment: string, key: string, step: Step): Promise<void>
  /** Answers of the API itself, for what only some editions have. */
  ask(method: HttpMethod, path: string, body?: JsonValue): Promise<HttpAnswer>
  refusal(answer: HttpAnswer): Fault
}

export function createUnleashClient(who: string, projectName: string, api: HttpApi): UnleashClient {
  const project = `/api/admin/projects/${encodeURIComponent(projectName)}`
  const featurePath = (key: string): string => `${project}/features/${encodeURIComponent(key)}`
  const placePath = (environment: string, key: string): string => `${featurePath(key)}/environments/${encodeURIComponent(environment)}`
  const ask = (method: HttpMethod, path: string, body?: JsonValue) => api.ask(method, path, body === undefined ? {} : { body })

  function refusal(answer: HttpAnswer): Fault {
    const said = api.said(answer)
    if (answer.status === 403) {
      const isApproval = said.includes('SKIP_CHANGE_REQUEST') || JSON.stringify(answer.body).includes('SKIP_CHANGE_REQUEST')
      if (isApproval) return new Fault('notAllowed', `${who} lets changes of this environment through only as approved change requests, and could not be given one. Nothing was written.`, 'Someone with the right to change it in Unleash has to make this change, or give the token the right to ask for it.')
      return new Fault('notAllowed', `${who} does not allow it: ${said} Nothing was written.`, 'Give the token what it lacks, in Unleash.')
    }
    if (answer.status === 404) return new Fault('notFound', `${who} has no such thing: ${said}`, 'Look at the list of flags.')
    // fast-json-patch throws when a test of a patch does not hold, and Unleash passes that on as an error of its own.
    if (answer.status === 409 || said.includes('TEST_OPERATION_FAILED') || said.includes('Test operation failed')) return new Fault('staleGeneration', `The flag was changed by someone else since it was read: ${who} did not take the change.`, 'Look at the difference, then decide again.')
    if (answer.status === 400 || answer.status === 415 || answer.status === 422) return new Fault('invalidInput', `${who} refused it: ${said} Nothing was written.`, 'Change what it names.')
    return new Fault('providerUnavailable', `${who} answered ${answer.status}: ${said}`, 'Look into its log, then try again.')
  }

  function taken<T>(answer: HttpAnswer, schema: z.ZodType<T>): T {
    if (answer.status >= 300) throw refusal(answer)
    const parsed = schema.safeParse(answer.body)
    if (parsed.success) return parsed.data
    throw new Fault('providerUnavailable', `${who} answered in a way Signalbox does not know: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`, 'See which version of Unleash answers there; 8.x is known.')
  }

  async function done(method: HttpMethod, path: string, body?: JsonValue): Promise<void> {
    const answer = await ask(method, path, body)
    if (answer.status >= 300) throw refusal(answer)
  }

  const client: UnleashClient = {
    ask,
    refusal,
    async feature(environment, key) {
      const answer = await ask('GET', featurePath(key))
      if (answer.status === 404) return await archivedFeature(key)
      const feature = taken(answer, featureSchema)
      const place = feature.environments.find(({ name }) => name === environment)
      if (!place) throw new Fault('notFound', `${who} has no environment ${environment} for ${key}.`, 'Name one of the project’s environments in the workspace.')
      return { createdAt: timeOf(feature.createdAt), native: { ...feature, enabled: place.enabled, strategies: inOrder(place.strategies), parents: feature.dependencies.map((parent) => parent.feature), oldVariants: (place.variants ?? []).length > 0 } }
    },
    async features(environment) {
      const { features } = taken(await ask('GET', `${project}/features`), z.object({ features: z.array(z.object({ name: z.string() })) }))
      return features.length <= FEW ? await eachOf(environment, features.map(({ name }) => name)) : await exported(environment)
    },
    async segments() {
      return taken(await ask('GET', '/api/admin/segments'), segmentsSchema).segments
    },
    async environments() {
      const answer = await ask('GET', `/api/admin/environments/project/${encodeURIComponent(projectName)}`)
      const { environments } = taken(answer, z.object({ environments: z.array(z.object({ name: z.string(), enabled: z.boolean(), visible: z.boolean().default(true) })) }))
      return environments.filter(({ visible }) => visible)
    },
    async eventsAfter(after) {
      const answer = await ask('GET', `/api/admin/search/events?limit=${EVENTS}&project=IS%3A${encodeURIComponent(projectName)}`)
      if (answer.status === 404 || answer.status === 400) return null
      const { events } = taken(answer, z.object({ events: z.array(z.object({ id: z.number(), featureName: z.string().nullish() })) }))
      const newer = events.filter(({ id }) => id > after)
      const newest = events.reduce((most, { id }) => Math.max(most, id), 0)
      return { newest, flags: newer.length === EVENTS || newest < after ? null : new Set(newer.flatMap(({ featureName }) => (featureName ? [featureName] : []))) }
    },
    create: (feature) => done('POST', `${project}/features`, feature),
    describe: (key, feature) => done('PUT', featurePath(key), feature),
    archive: (key) => done('DELETE', featurePath(key)),
    async perform(environment, key, step) {
      const place = placePath(environment, key)
      if (step.do === 'switch') await done('POST', `${place}/${step.on ? 'on' : 'off'}`)
      else if (step.do === 'add') await done('POST', `${place}/strategies`, contentOf(step.strategy))
      // Never PUT: what it leaves out is filled in, the share with 100.
      else if (step.do === 'change') await done('PATCH', `${place}/strategies/${encodeURIComponent(step.from.id)}`, patchOf(step))
      else await done('DELETE', `${place}/strategies/${encodeURIComponent(step.id)}`)
    },
  }
  return client

  async function eachOf(environment: string, keys: readonly string[]): Promise<readonly ObservedFeature[]> {
    const found: (ObservedFeature | null)[] = []
    // As many at once as there are connections.
    for (let index = 0; index < keys.length; index += 4) found.push(...(await Promise.all(keys.slice(index, index + 4).map((key) => client.feature(environment, key)))))
    return found.filter((feature): feature is ObservedFeature => feature !== null && !feature.native.archived)
  }

  async function exported(environment: string): Promise<readonly ObservedFeature[]> {
    const all = taken(await ask('POST', '/api/admin/features-batch/export', { environment, project: projectName, downloadFile: false }), exportSchema)
    const strategies = grouped(all.featureStrategies, ({ featureName }) => featureName)
    const places = new Map(all.featureEnvironments.map((place) => [place.featureName ?? place.name, place]))
    const parents = new Map(all.dependencies.map((child) => [child.feature, child.dependencies.map(({ feature }) => feature)]))
    return all.features.map(({ name, type, description, archived }) => ({
      createdAt: null,
      native: { name, type, archived, description: description ?? '', enabled: places.get(name)?.enabled ?? false, strategies: inOrder((strategies.get(name) ?? []).map(({ featureName: _name, ...strategy }) => strategy)), parents: parents.get(name) ?? [], oldVariants: (places.get(name)?.variants ?? []).length > 0 },
    }))
  }

  /** Archived flags are nowhere but in the search, whose rate limit is low: asked for those alone. */
  async function archivedFeature(key: string): Promise<ObservedFeature | null> {
    const answer = await ask('GET', `/api/admin/search/features?project=IS%3A${encodeURIComponent(projectName)}&archived=IS%3Atrue&limit=50&query=${encodeURIComponent(key)}`)
    if (answer.status === 400 || answer.status === 404) return null
    const { features } = taken(answer, z.object({ features: z.array(featureSchema.omit({ environments: true, dependencies: true, archived: true })) }))
    const found = features.find(({ name }) => name === key)
    return found ? { createdAt: timeOf(found.createdAt), native: { name: key, type: found.type, description: found.description, archived: true, enabled: false, strategies: [], parents: [], oldVariants: false } } : null
  }
}

function inOrder<T extends { readonly sortOrder: number }>(strategies: readonly T[]): T[] {
  return strategies.toSorted((a, b) => a.sortOrder - b.sortOrder)
}

function timeOf(text: string | null): number | null {
  const at = text === null ? Number.NaN : Date.parse(text)
  return Number.isFinite(at) ? at : null
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const known = groups.get(keyOf(item))
    if (known) known.push(item)
    else groups.set(keyOf(item), [item])
  }
  return groups
}
