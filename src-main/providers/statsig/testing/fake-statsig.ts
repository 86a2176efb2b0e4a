import type { JsonObject, JsonValue } from '../../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject } from '../../../core/flags/json.ts'
import { type FakeApi, type FakeRequest, startFakeApi } from '../../testing/fake-api.ts'

interface FakeGate {
  readonly id: string
  isEnabled: boolean
  status: string
  rules: JsonObject[]
  reviewSettings: { requiredReview: boolean; allowedReviewers: readonly JsonValue[] }
}
export interface FakeStatsig extends FakeApi {
  makeGate(id: string, rules?: readonly JsonObject[], change?: { readonly requiredReview?: boolean }): void
  gate(id: string): FakeGate
  /** Changes that were put up for a review. */
  readonly reviews: FakeRequest[]
}

const TOKEN = 'console-a-secret-key'

/** Answers by Statsig's published model (https://docs.statsig.com/console-api). It evaluates nothing. */
export async function startFakeStatsig(): Promise<FakeStatsig> {
  const gates = new Map<string, FakeGate>()
  let ids = 0
  const shown = (gate: FakeGate): JsonObject => ({ ...(JSON.parse(JSON.stringify(gate)) as JsonObject), name: gate.id, description: 'Made for a test', idType: 'userID', type: 'TEMPORARY', tags: [], owner: { ownerName: 'checkout team' }, createdTime: 1_705_450_774_719, lastModifiedTime: 1_705_626_260_086, holdoutIDs: [] })

  const api = await startFakeApi((request) => {
    const { method, path, query, headers, body } = request
    if (headers['statsig-api-key'] !== TOKEN) return { status: 401, body: { status: 401, message: 'Invalid key' } }
    const [, , area, id, action, ruleId] = path
    if (area === 'segments' && id === undefined) return { status: 200, body: { message: 'Segments listed successfully.', data: query.get('page') === '1' ? [{ id: 'internal', name: 'internal', type: 'rule_based' }] : [] } }
    if (area === 'segments') return id === 'internal' ? { status: 200, body: { data: { id } } } : { status: 404, body: { status: 404, message: 'Segment not found' } }
    if (area !== 'gates') return { status: 404, body: { status: 404, message: 'Not found' } }
    if (id === undefined) {
      const [page, limit] = [Number(query.get('page')), Number(query.get('limit'))]
      return { status: 200, body: { message: 'Gates listed successfully.', data: [...gates.values()].slice((page - 1) * limit, page * limit).map(shown), pagination: { itemsPerPage: limit, pageNumber: page, totalItems: gates.size } } }
    }
    const gate = gates.get(id)
    if (!gate) return { status: 404, body: { status: 404, message: `Gate ${id} not found` } }
    const done = () => ({ status: 200, body: { message: 'Gate updated successfully.', data: shown(gate) } })
    if (method === 'GET') return done()
    if (gate.reviewSettings.requiredReview && headers['x-respect-review-settings'] !== undefined) {
      fake.reviews.push(request)
      return { status: 200, body: { message: 'A review was created.', data: shown(gate) } }
    }
    const object = isJsonObject(body) ? body : {}
    if (action === 'disable' || action === 'enable') gate.isEnabled = action === 'enable'
    else if (action === 'archive') gate.status = 'Archived'
    else if (action === 'rules') {
      const rule = gate.rules.findIndex((one) => one['id'] === ruleId)
      const before = gate.rules[rule]
      if (!before) return { status: 404, body: { message: 'Rule not found' } }
      gate.rules[rule] = { ...before, ...object }
    } else if (isJsonArray(object['rules'])) {
      // The list replaces the list; a rule without an id is a new one.
      gate.rules = object['rules'].flatMap((rule) => (isJsonObject(rule) ? [{ id: `rule-${(ids += 1)}`, baseID: `rule-${ids}`, ...rule }] : []))
    }
    return done()
  })
  const fake: FakeStatsig = Object.assign(api, {
    token: TOKEN,
    reviews: [],
    makeGate(id: string, rules: readonly JsonObject[] = [], { requiredReview = false }: { readonly requiredReview?: boolean } = {}) {
      gates.set(id, { id, isEnabled: true, status: 'In Progress', rules: rules.map((rule) => ({ id: `rule-${(ids += 1)}`, baseID: `rule-${ids}`, ...rule })), reviewSettings: { requiredReview, allowedReviewers: [] } })
    },
    gate(id: string): FakeGate {
      const found = gates.get(id)
      if (!found) throw new Error(`no gate ${id}`)
      return found
    },
  })
  return fake
}
