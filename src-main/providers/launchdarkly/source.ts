import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import type { JsonValue } from '../../contract/flag-definition.ts'
import type { FlagSource, ObservedFlag } from '../../core/flags/ports.ts'
import { createHttpApi, type HttpAnswer } from '../http-api.ts'
import { jsonDigest } from '../json-digest.ts'
import { namedSegments, vendorFlagSource } from '../vendor-flag-source.ts'
import { definitionOf } from './flag-definition.ts'
import { type FlagRep, flagSchema, nativeSchema } from './model.ts'
import { launchDarklySettingsSchema } from './settings.ts'
import { instructionsTo, isAsWanted, nativeOf, wantedPlace } from './wanted-place.ts'

const CAPABILITIES = {
  define: 'Flags are made and edited in LaunchDarkly, where they get variations, a maintainer and the SDKs that may see them.',
  segments: 'Segments are made and edited in LaunchDarkly.',
  percent: null,
  audiences: null,
  compareAndSet: 'LaunchDarkly’s semantic patch compares nothing: the flag is read right before it is changed, and read back.',
  evaluations: 'Signalbox does not read LaunchDarkly’s evaluation counts: look at the flag there.',
  experiments: 'LaunchDarkly keeps its experiments to itself: look at them there.',
  outcomes: 'LaunchDarkly has no requests, errors or latency by variant.',
  archive: null,
} as const

const SEMANTIC_PATCH = 'application/json; domain-model=launchdarkly.semanticpatch'
const PAGE = 100

/** Flags of one project of LaunchDarkly; a set is an environment. Never run against the real service: written by its published model. */
export function openLaunchDarklySource(config: FlagSourceConfig, context: { readonly readSecret: (name: string) => string | null; readonly wallMs: () => number }): FlagSource {
  const parsed = launchDarklySettingsSchema.safeParse(config.settings)
  if (!parsed.success) throw new Fault('invalidInput', `The settings of the flag source ${config.name} are not valid: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`, 'Correct the workspace.')
  const settings = parsed.data
  const { contextKind } = settings
  const who = `LaunchDarkly (${config.name})`
  const api = createHttpApi({ who, meaning: 'Apps go on with the flags they have.', url: settings.url, headers: { authorization: settings.token, 'ld-api-version': '20240415' }, timeoutMs: settings.timeoutMs, ...context })
  const project = encodeURIComponent(settings.project)
  const flagPath = (key: string): string => `/api/v2/flags/${project}/${encodeURIComponent(key)}`
  const environmentPath = (set: string): string => `/api/v2/projects/${project}/environments/${encodeURIComponent(set)}`

  function refusal(answer: HttpAnswer): Fault {
    const said = api.said(answer)
    if (answer.status === 403 || answer.status === 405) return new Fault('notAllowed', `${who} does not allow it: ${said} Nothing was written.`, 'Give the token a role that may, or let someone who may do it there.')
    if (answer.status === 404) return new Fault('notFound', `${who} has no such thing: ${said}`, 'Look at the list of flags, and at project and environment in the workspace.')
    if (answer.status === 409) return new Fault('staleGeneration', `The flag was changed by someone else meanwhile: ${said} Nothing was written.`, 'Look at the difference, then decide again.')
    if (answer.status >= 400 && answer.status < 500) return new Fault('invalidInput', `${who} refused it: ${said} Nothing was written.`, 'Change what it names; a pending approval or schedule for the flag may be in the way.')
    return new Fault('providerUnavailable', `${who} answered ${answer.status}: ${said}`, 'Try again.')
  }

  function taken<T>(answer: HttpAnswer, schema: z.ZodType<T>): T {
    if (answer.status >= 300) throw refusal(answer)
    const read = schema.safeParse(answer.body)
    if (read.success) return read.data
    throw new Fault('providerUnavailable', `${who} answered in a way Signalbox does not know: ${read.error.issues[0]?.path.join('.') ?? ''} ${read.error.issues[0]?.message ?? ''}`, 'See what answers at that address.')
  }

  function observed({ environments, ...flag }: FlagRep, set: string): ObservedFlag {
    const place = environments[set]
    if (!place) throw new Fault('notFound', `${flag.key} has no environment ${set} in ${who}.`, 'Correct `sets` in the workspace.')
    const native = JSON.parse(JSON.stringify(nativeSchema.parse({ ...flag, place }))) as JsonValue
    const { lastModified: _at, rules, ...served } = place
    // Ids of rules are new whenever rules are replaced, and say nothing of who gets what.
    const content = [flag.archived, flag.variations, flag.description, served, rules.map(({ _id, ...rule }) => rule)]
    return { definition: definitionOf({ ...flag, place }, contextKind), native, version: jsonDigest(JSON.parse(JSON.stringify(content)) as JsonValue) }
  }

  /** Approvals an environment asks for: of all flags, or of those with a tag. */
  async function needsApproval(set: string, tags: readonly string[]): Promise<boolean> {
    const settingsSchema = z.object({ approvalSettings: z.object({ required: z.boolean().default(false), requiredApprovalTags: z.array(z.string()).default([]) }).nullish() })
    const { approvalSettings } = taken(await api.ask('GET', environmentPath(set)), settingsSchema)
    if (!approvalSettings) return false
    const { required, requiredApprovalTags } = approvalSettings
    return requiredApprovalTags.length > 0 ? tags.some((tag) => requiredApprovalTags.includes(tag)) : required
  }

  async function submit(set: string, key: string, instructions: readonly JsonValue[], comment: string): Promise<{ readonly what: string; readonly url: string }> {
    const path = `/api/v2/projects/${project}/flags/${encodeURIComponent(key)}/environments/${encodeURIComponent(set)}/approval-requests`
    const mark = `[signalbox ${jsonDigest([set, instructions]).slice(0, 8)}]`
    const requestSchema = z.object({ _id: z.string(), status: z.string().optional(), description: z.string().optional() })
    const told = (id: string) => ({ what: `Approval request ${id} in LaunchDarkly waits for approval`, url: `${settings.url.replace(/\/+$/, '')}/${project}/${encodeURIComponent(set)}/features/${encodeURIComponent(key)}/approvals/${encodeURIComponent(id)}` })
    const { items } = taken(await api.ask('GET', path), z.object({ items: z.array(requestSchema) }))
    const same = items.find(({ status, description }) => (status ?? 'pending') === 'pending' && (description ?? '').includes(mark))
    if (same) return told(same._id)
    const { _id } = taken(await api.ask('POST', path, { body: { description: `${comment} ${mark}`.trim(), instructions: [...instructions] } }), requestSchema)
    return told(_id)
  }

  async function segmentKeys(set: string): Promise<readonly string[]> {
    const keys: string[] = []
    for (let offset = 0; ; offset += PAGE) {
      const { items } = taken(await api.ask('GET', `/api/v2/segments/${project}/${encodeURIComponent(set)}?limit=${PAGE}&offset=${offset}`), z.object({ items: z.array(z.object({ key: z.string() })) }))
      keys.push(...items.map(({ key }) => key))
      if (items.length < PAGE) return keys
    }
  }

  return vendorFlagSource(config, {
    kind: 'launchdarkly',
    who,
    capabilities: CAPABILITIES,
    pollMs: settings.pollMs,
    async observe(set, key) {
      const answer = await api.ask('GET', `${flagPath(key)}?env=${encodeURIComponent(set)}`)
      if (answer.status === 404) throw new Fault('notFound', `There is no flag ${key} in ${who}, project ${settings.project}.`, 'Look at the list of flags.')
      return observed(taken(answer, flagSchema), set)
    },
    async readAll(set) {
      const flags: ObservedFlag[] = []
      for (let offset = 0; ; offset += PAGE) {
        // `summary=0`: with rules and targets.
        const { items } = taken(await api.ask('GET', `/api/v2/flags/${project}?env=${encodeURIComponent(set)}&summary=0&limit=${PAGE}&offset=${offset}`), z.object({ items: z.array(flagSchema) }))
        flags.push(...items.map((flag) => observed(flag, set)))
        if (items.length < PAGE) return { flags, segments: namedSegments(await segmentKeys(set), 'launchdarkly') }
      }
    },
    matches(change, { definition, native }) {
      const now = nativeOf(native)
      if (change.kind === 'archive') return now.archived
      return unlessRefused(() => isAsWanted(wantedPlace(change, definition, now, contextKind), now))
    },
    async write({ set, key, change, now, comment }) {
      const native = nativeOf(now.native)
      const instructions = change.kind === 'archive' ? [{ kind: 'archiveFlag' }] : instructionsTo(wantedPlace(change, now.definition, native, contextKind), native, contextKind)
      const skips = change.kind === 'kill' && settings.killSkipsApproval
      if (change.kind !== 'archive' && !skips && (await needsApproval(set, native.tags))) return await submit(set, key, instructions, comment)
      const place = change.kind === 'archive' ? {} : { environmentKey: set }
      const answer = await api.ask('PATCH', flagPath(key), { contentType: SEMANTIC_PATCH, body: { ...place, comment, instructions: [...instructions] } })
      // Settings may have changed since they were read.
      if ((answer.status === 403 || answer.status === 405) && /approval/i.test(api.said(answer)) && change.kind !== 'archive') return await submit(set, key, instructions, comment)
      if (answer.status >= 300) throw refusal(answer)
      return null
    },
    async newest() {
      const { items } = taken(await api.ask('GET', '/api/v2/auditlog?limit=1'), z.object({ items: z.array(z.object({ _id: z.string() })) }))
      return items[0]?._id ?? ''
    },
    async check(set) {
      const { key } = taken(await api.ask('GET', environmentPath(set)), z.object({ key: z.string() }))
      return `LaunchDarkly answers for ${settings.project}, ${key}`
    },
    close: () => api.close(),
  })
}

/** What a system cannot hold, it is not. */
function unlessRefused(holds: () => boolean): boolean {
  try {
    return holds()
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

