import { isMap, Pair, Scalar, YAMLMap } from 'yaml'
import type { Node } from 'yaml'
import type { Plan } from '../contract/plan.ts'
import { planSchema } from '../contract/plan.ts'
import type { Tier } from '../contract/vocabulary.ts'
import type { DeclaredCommand, ServiceConfig } from '../contract/workspace.ts'
import { entriesOf, entryOf, field, mapping, overlay } from './collections.ts'
import type { Fields } from './collections.ts'
import type { CriteriaContext } from './criterion-subject.ts'
import { dataReader } from './data-reader.ts'
import { startOf } from './parse.ts'
import { completePlan, PLAN_DEEP_KEYS, planReader } from './plan-reader.ts'
import type { PlanRead } from './plan-reader.ts'
import { PROBE_DEFAULTS, probesReader } from './probes-reader.ts'
import { collectProblems } from './problems.ts'
import type { ProviderShape, ShapeContext, ShapePort } from './provider-shape.ts'
import { describe, isNothing, reportAt, scalarText, startReading } from './reading.ts'
import type { Reader, Reading } from './reading.ts'
import { versionName, word } from './scalars.ts'
import { nearest } from './suggest.ts'
import { clip } from './units.ts'

export const DEFAULT_PROVIDER = 'local'

/** What surrounds the services in the file. */
export interface ServiceSurroundings {
  readonly tier: Tier
  readonly providers: Readonly<Record<string, ProviderShape>>
  readonly context: ShapeContext
  readonly plans: YAMLMap
  readonly defaults: YAMLMap
  /** Metrics providers that criteria may name. */
  readonly metrics: CriteriaContext['metrics']
}

export interface ServiceRead {
  /** Null when a problem was reported; the rest is as far as it could be read. */
  readonly config: ServiceConfig | null
  readonly commands: readonly DeclaredCommand[]
  readonly ports: readonly (ShapePort & { readonly service: string })[]
}

/** Keys people may put into a service that belong into its plan. */
const BELONGS_IN_PLAN = Object.fromEntries(
  ['steps', 'smoke', 'criteria', 'bake', 'drain', 'rollback-window', 'lease'].map((key) => [key, `\`${key}\` belongs under \`plan\`.`]),
)

/** The general keys of a service; a provider's come on top. */
function generalFields(around: ServiceSurroundings, probes: CriteriaContext['probes'] = null) {
  return {
    provider: field('provider', word(Object.keys(around.providers))),
    plan: field('plan', planOf(around, { metrics: around.metrics, probes })),
    probes: field('probes', probesReader),
    data: field('data', dataReader(around.context)),
    initial: field('initialVersion', versionName),
  }
}

/** A plan's name, or a plan; either is completed by the plan of `defaults`. */
function planOf(around: ServiceSurroundings, criteria: CriteriaContext): Reader<PlanRead> {
  const read = planReader(criteria)
  const below = entryOf(around.defaults, 'plan')?.value
  return (node, at) => {
    const own = namedPlan(node, around.plans, at)
    if (!own) return undefined
    const under = below && below !== node ? (isMap(below) ? below : entryOf(around.plans, scalarText(below) ?? '')?.value) : undefined
    return read(isMap(under) && under !== own ? overlay(own, under, PLAN_DEEP_KEYS) : own, at)
  }
}

function namedPlan(node: Node, plans: YAMLMap, at: Reading): YAMLMap | undefined {
  if (isMap(node)) return node
  const name = scalarText(node)
  if (name === null || isNothing(node)) return reportAt(node, at, `${describe(node)} where a plan is needed`, 'the name of a plan under `plans`, or a mapping with `steps`')
  const found = entryOf(plans, name)?.value
  if (found === undefined) {
    const known = plans.items.map(({ key }) => scalarText(key as Node) ?? '')
    const near = nearest(name, known)
    return reportAt(node, at, `there is no plan \`${clip(name)}\``, near === null ? `a name under \`plans\`${known.length === 0 ? ', which has none' : `: ${known.slice(0, 10).join(', ')}`}` : `did you mean \`${near}\`?`)
  }
  // A plan that is no mapping is reported where it stands.
  return isMap(found) ? found : undefined
}

/** Reads `defaults` for its own sake, so that what is wrong in it is found even with no service to use it. */
export function checkDefaults(at: Reading, around: ServiceSurroundings): void {
  const shape = shapeOf(around.defaults, around)
  const { initial: _initial, ...general } = generalFields(around)
  const own = new Set([...(shape?.ownKeys ?? []), 'initial'])
  const fields: Fields = { ...general, ...shape?.fields(around.context) }
  // Nothing is required in `defaults`.
  const allowed = Object.fromEntries(Object.entries(fields).flatMap(([key, { into, read }]) => (own.has(key) ? [] : [[key, field(into, read)]])))
  mapping('`defaults`', allowed, { ...BELONGS_IN_PLAN, ...Object.fromEntries([...own].map((key) => [key, `\`${key}\` belongs to one service.`])) })(around.defaults, at)
}

function shapeOf(map: YAMLMap, around: ServiceSurroundings): ProviderShape | undefined {
  const written = entryOf(map, 'provider')?.value
  const name = (written && scalarText(written)) ?? DEFAULT_PROVIDER
  return Object.hasOwn(around.providers, name) ? around.providers[name] : undefined
}

/** Reads one service over the defaults. */
export function readService(name: string, node: Node, at: Reading, around: ServiceSurroundings): ServiceRead | undefined {
  if (!isMap(node)) return reportAt(node, at, `${describe(node)} where a service is needed`, 'a mapping, with at least `run` and `versions` for the local provider')
  // Twice the same key: reported for the service itself, before defaults are laid under it.
  entriesOf(node, at)
  const shapeHere = shapeOf(node, around) ?? shapeOf(around.defaults, around)
  const map = overlay(node, withoutUnknown(around), shapeHere?.deepKeys ?? [])
  const shape = shapeOf(map, around)
  const general = generalFields(around, probesOf(name, map))
  const known = mapping(`service \`${clip(name)}\``, { ...general, ...shape?.fields(around.context) }, BELONGS_IN_PLAN)
  if (!shape) {
    // Without the provider nobody knows its keys; only the general ones can be judged.
    const judged = new YAMLMap()
    judged.items = map.items.filter(({ key }) => (scalarText(key as Node) ?? '') in general)
    mapping('the service', general)(judged, at)
    return undefined
  }
  const values: Readonly<Record<string, unknown>> = known(map, at) ?? {}
  const read = values as { provider?: string; plan?: PlanRead; data?: ServiceConfig['data']; initialVersion?: string; probes?: ServiceConfig['probes'] }
  const plan = checkedPlan(completePlan(read.plan ?? {}, around.tier), at)
  const generalNames = new Set<string>(Object.values(general).map(({ into }) => into))
  const ofProvider = Object.fromEntries(Object.entries(values).filter(([key]) => !generalNames.has(key)))
  const assembled = shape.assemble(ofProvider, at, { ...around.context, drainMs: plan.drainMs, initialVersion: read.initialVersion ?? null })
  const data = read.data ?? { kind: 'shared' }
  if (data.kind === 'perEnvironment' && data.sync.postgres && plan.steps.some(({ weightPercent }) => weightPercent < 100)) {
    at.problems.report(at.placeOf([...at.path, 'plan', 'steps']), 'steps below 100 % with a database each', 'one step: `steps: [100]`. One of the two databases takes the writes, so traffic goes over at once')
  }
  const folder = around.context.folder
  const commands = [
    ...assembled.commands,
    ...plan.gates.flatMap((gate) => (gate.kind === 'command' ? [{ purpose: `smoke test “${gate.name}”`, command: gate.command, folder }] : [])),
    ...(data.kind === 'perEnvironment' && data.sync.command !== null ? [{ purpose: 'how far its data is behind', command: data.sync.command, folder }] : []),
  ]
  const settings = at.problems.any ? null : checkedSettings(shape, assembled.settings, at)
  return {
    config: settings && { name, provider: read.provider ?? DEFAULT_PROVIDER, plan, data, initialVersion: read.initialVersion ?? null, probes: [...(read.probes ?? [])], settings: settings.value },
    commands: commands.map((command) => ({ service: name, ...command })),
    ports: assembled.ports.map((port) => ({ ...port, service: name })),
  }
}

/** The probes that criteria may name, before they are read for good: what is wrong with one is said once, where it stands. */
function probesOf(service: string, map: YAMLMap): CriteriaContext['probes'] {
  const written = entryOf(map, 'probes')?.value
  const everyMs = new Map<string, number>()
  if (written && isMap(written)) {
    const aside = startReading(collectProblems('', ''), startOf(written))
    for (const { key, value } of entriesOf(written, aside)) {
      const [probe] = probesReader(singleEntry(key, value), aside) ?? []
      everyMs.set(key, probe?.everyMs ?? PROBE_DEFAULTS.everyMs)
    }
  }
  return { service, everyMs }
}

function singleEntry(key: string, value: Node): YAMLMap {
  const map = new YAMLMap()
  map.items = [new Pair(new Scalar(key), value)]
  return map
}

/** The provider's own schema has the last word on its settings, and fills in its defaults. */
function checkedSettings(shape: ProviderShape, settings: unknown, at: Reading): { readonly value: unknown } | null {
  const parsed = shape.settingsSchema.safeParse(settings)
  if (parsed.success) return { value: parsed.data }
  for (const issue of parsed.error.issues) {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
    at.problems.report(at.placeOf([...at.path, ...path]), `${path.join('.')}: ${issue.message}`, 'what docs/workspace.md says of this key')
  }
  return null
}

/** What is wrong in `defaults` was said once by `checkDefaults`; it is not repeated for every service. */
function withoutUnknown(around: ServiceSurroundings): YAMLMap {
  const shape = shapeOf(around.defaults, around)
  const own = new Set([...(shape?.ownKeys ?? []), 'initial'])
  const known = new Set([...Object.keys(generalFields(around)), ...Object.keys(shape?.fields(around.context) ?? {})])
  const result = new YAMLMap()
  result.items = around.defaults.items.filter(({ key }) => {
    const name = scalarText(key as Node) ?? ''
    return known.has(name) && !own.has(name)
  })
  return result
}

/** The contract's own rules have the last word, whatever the readers let through. */
function checkedPlan(plan: Plan, at: Reading): Plan {
  const parsed = planSchema.safeParse(plan)
  if (!parsed.success && !at.problems.any) {
    for (const issue of parsed.error.issues) {
      at.problems.report(at.placeOf([...at.path, 'plan', ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))]), issue.message, 'what docs/workspace.md says of plans')
    }
  }
  return plan
}
