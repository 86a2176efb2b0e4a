import type { JsonObject, JsonValue } from '../../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject } from '../../../core/flags/json.ts'
import { type FakeApi, startFakeApi } from '../../testing/fake-api.ts'

interface Place {
  on: boolean
  rules: JsonObject[]
  fallthrough: JsonObject
  offVariation: number | null
  targets: JsonObject[]
  prerequisites: JsonObject[]
  version: number
}
export interface FakeLaunchDarkly extends FakeApi {
  approval: JsonObject | null
  readonly requests: JsonObject[]
  makeFlag(key: string, change?: { readonly variations?: readonly JsonValue[]; readonly offVariation?: number | null; readonly tags?: readonly string[] }): void
  placeOf(key: string): Place
}

const TOKEN = 'api-a-secret-access-token'

/** Answers by LaunchDarkly's published model (https://launchdarkly.com/docs/api). It evaluates nothing. */
export async function startFakeLaunchDarkly(): Promise<FakeLaunchDarkly> {
  const flags = new Map<string, { flag: JsonObject; variations: JsonObject[]; archived: boolean; place: Place }>()
  let ids = 0
  let entries = 0
  const shown = (key: string): JsonObject => {
    const found = flags.get(key)
    if (!found) return {}
    return { ...found.flag, archived: found.archived, variations: found.variations, environments: { production: JSON.parse(JSON.stringify(found.place)) as JsonObject } }
  }

  function apply(key: string, instruction: JsonObject): string | null {
    const found = flags.get(key)
    if (!found) return 'not found'
    const { place, variations } = found
    const indexOf = (id: JsonValue | undefined): number => variations.findIndex((one) => one['_id'] === id)
    const serve = (): JsonObject | string => {
      const weights = instruction['rolloutWeights']
      return servedBy(weights, instruction['variationId'], instruction['rolloutContextKind'])
    }
    const servedBy = (weights: JsonValue | undefined, variation: JsonValue | undefined, kind: JsonValue | undefined): JsonObject | string => {
      if (!isJsonObject(weights)) return indexOf(variation) < 0 ? 'invalid variation id' : { variation: indexOf(variation) }
      const sum = Object.values(weights).reduce<number>((total, weight) => total + Number(weight), 0)
      if (sum !== 100_000 || Object.values(weights).some((weight) => !Number.isInteger(weight))) return `rollout weights must sum to 100000, not ${sum}`
      return { rollout: { contextKind: kind ?? 'user', variations: variations.map((one, variation) => ({ variation, weight: Number(weights[String(one['_id'] as string)] ?? 0) })) } }
    }
    switch (instruction['kind']) {
      case 'turnFlagOff':
        place.on = false
        return null
      case 'turnFlagOn':
        place.on = true
        return null
      case 'updateOffVariation':
        place.offVariation = indexOf(instruction['variationId'])
        return null
      case 'archiveFlag':
        found.archived = true
        return null
      case 'updateFallthroughVariationOrRollout': {
        const what = serve()
        if (typeof what === 'string') return what
        place.fallthrough = what
        return null
      }
      case 'updateRuleVariationOrRollout': {
        const what = serve()
        const index = place.rules.findIndex((rule) => rule['_id'] === instruction['ruleId'])
        const rule = place.rules[index]
        if (typeof what === 'string' || !rule) return typeof what === 'string' ? what : 'no such rule'
        place.rules[index] = { _id: rule['_id'] ?? '', clauses: rule['clauses'] ?? [], trackEvents: false, ...what }
        return null
      }
      case 'replaceRules': {
        const rules: JsonObject[] = []
        for (const rule of isJsonArray(instruction['rules']) ? instruction['rules'] : []) {
          if (!isJsonObject(rule)) return 'no rule'
          const what = servedBy(rule['rolloutWeights'], rule['variationId'], rule['rolloutContextKind'])
          if (typeof what === 'string') return what
          rules.push({ _id: `rule-${(ids += 1)}`, clauses: (isJsonArray(rule['clauses']) ? rule['clauses'] : []).map((clause) => (isJsonObject(clause) ? { _id: `clause-${(ids += 1)}`, ...clause } : clause)), trackEvents: false, ...what })
        }
        place.rules = rules
        return null
      }
      default:
        return `unknown instruction ${JSON.stringify(instruction['kind'])}`
    }
  }

  const api = await startFakeApi(({ method, path, query, headers, body }) => {
    if (headers['authorization'] !== TOKEN) return { status: 401, body: { code: 'unauthorized', message: 'Invalid access token' } }
    const notFound = { status: 404, body: { code: 'not_found', message: 'Unknown resource' } }
    const [, , area, project, ...rest] = path
    if (area === 'auditlog') return { status: 200, body: { items: [{ _id: `entry-${entries}` }] } }
    if (project !== 'shop') return notFound
    if (area === 'segments') return { status: 200, body: { items: Number(query.get('offset')) === 0 ? [{ key: 'internal', name: 'Internal users', rules: [] }, { key: '7.of-them', name: 'Seven' }] : [] } }
    if (area === 'projects' && rest[0] === 'environments') return rest[1] === 'production' ? { status: 200, body: { key: 'production', approvalSettings: fake.approval } } : notFound
    if (area === 'projects') {
      if (method === 'GET') return { status: 200, body: { items: fake.requests } }
      const request = { _id: `request-${fake.requests.length + 1}`, status: 'pending', ...(isJsonObject(body) ? body : {}) }
      fake.requests.push(request)
      return { status: 201, body: request }
    }
    const [key] = rest
    if (key === undefined) {
      const offset = Number(query.get('offset'))
      // Without `summary=0` there would be no rules.
      return { status: 200, body: { items: [...flags.keys()].slice(offset, offset + Number(query.get('limit'))).map((one) => (query.get('summary') === '0' ? shown(one) : { key: one })), totalCount: flags.size } }
    }
    const found = flags.get(key)
    if (!found) return notFound
    if (method === 'GET') return { status: 200, body: shown(key) }
    if (headers['content-type'] !== 'application/json; domain-model=launchdarkly.semanticpatch' || !isJsonObject(body) || !isJsonArray(body['instructions'])) return { status: 400, body: { code: 'invalid_request', message: 'not a semantic patch' } }
    if (fake.approval?.['required'] === true && fake.approval['tokenMayBypass'] !== true) return { status: 405, body: { code: 'method_not_allowed', message: 'Approval is required for this change' } }
    const before = JSON.stringify([found.place, found.archived])
    for (const instruction of body['instructions']) {
      const problem = isJsonObject(instruction) ? apply(key, instruction) : 'no instruction'
      if (problem === null) continue
      // All of it or nothing.
      const [place, archived] = JSON.parse(before) as [Place, boolean]
      Object.assign(found.place, place)
      found.archived = archived
      return { status: 400, body: { code: 'invalid_request', message: problem } }
    }
    found.place.version += 1
    entries += 1
    return { status: 200, body: shown(key) }
  })

  const fake: FakeLaunchDarkly = Object.assign(api, {
    token: TOKEN,
    approval: null,
    requests: [],
    makeFlag(key: string, change: Parameters<FakeLaunchDarkly['makeFlag']>[1] = {}) {
      const variations = (change.variations ?? [true, false]).map((value, index) => ({ _id: `${key}-variation-${index}`, value }))
      flags.set(key, {
        flag: { key, name: key, kind: change.variations ? 'multivariate' : 'boolean', description: 'Made for a test', temporary: true, creationDate: 1_700_000_000_000, _version: 1, tags: [...(change.tags ?? [])] },
        variations,
        archived: false,
        place: { on: false, rules: [], fallthrough: { variation: 0 }, offVariation: change.offVariation === undefined ? variations.length - 1 : change.offVariation, targets: [], prerequisites: [], version: 1 },
      })
      entries += 1
    },
    placeOf(key: string): Place {
      const found = flags.get(key)
      if (!found) throw new Error(`no flag ${key}`)
      entries += 1
      return found.place
    },
  })
  return fake
}
