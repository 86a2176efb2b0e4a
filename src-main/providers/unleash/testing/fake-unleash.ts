import { createServer } from 'node:http'
import type { JsonObject, JsonValue } from '../../../contract/flag-definition.ts'
import { isJsonArray, isJsonObject, sameJson } from '../../../core/flags/json.ts'

export interface FakeUnleash {
  readonly url: string
  /** The token it takes. */
  readonly token: string
  /** Everything it was asked, oldest first: `POST /path`. */
  readonly asked: string[]
  /** The next requests are answered so, once each; headers as given. */
  readonly next: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: JsonValue }[]
  /** While true, every request is answered with 503. */
  broken: boolean
  /** The first request this holds for is answered with 502, and not done. */
  failOnce: ((asked: string) => boolean) | null
  /** Environments whose changes need approval, and whether this token may skip it. */
  approvals: { readonly environments: readonly string[]; readonly maySkip: boolean }
  readonly submitted: { readonly id: number; environment: string; title: string; state: string; changes: JsonObject[] }[]
  close(): Promise<void>
}

interface Place {
  enabled: boolean
  strategies: JsonObject[]
}
interface Feature {
  readonly name: string
  type: string
  description: string | null
  archived: boolean
  readonly places: Map<string, Place>
}
interface Reply {
  readonly status: number
  readonly body?: JsonValue
}

const ENVIRONMENTS = ['development', 'production']
const TOKEN = '*:*.a-secret-admin-token'
const ok = (body: JsonValue): Reply => ({ status: 200, body })
const refused = (status: number, name: string, message: string): Reply => ({ status, body: { id: 'some-id', name, message, details: [{ message }] } })
const notFound = (what: string): Reply => refused(404, 'NotFoundError', `Could not find ${what}`)

/**
 * A server that answers as Unleash 8.2 does, as far as the source asks it: shapes and traps were written down from the
 * real one, against which the same tests run (SIGNALBOX_REAL_UNLEASH=1). It evaluates nothing.
 */
export async function startFakeUnleash(): Promise<FakeUnleash> {
  const features = new Map<string, Feature>()
  const events: { id: number; featureName: string }[] = []
  let ids = 0
  const segments: JsonValue[] = [{ id: 1, name: 'internal', description: null, constraints: [{ contextName: 'email', operator: 'STR_ENDS_WITH', values: ['@example.com'], inverted: false, caseInsensitive: false }] }]

  const happened = (featureName: string): void => void events.unshift({ id: (ids += 1), featureName })

  function strategyOf(feature: Feature, body: JsonObject): JsonObject {
    const given = isJsonObject(body['parameters']) ? body['parameters'] : {}
    // Its own defaults: a share that is not named is everyone.
    const parameters = inDatabaseOrder({ ...Object.fromEntries(Object.entries(given).map(([name, value]) => [name, textOf(value)])), rollout: (textOf(given['rollout']) || '100'), stickiness: given['stickiness'] || 'default', groupId: given['groupId'] || feature.name })
    return { name: body['name'] ?? 'flexibleRollout', title: body['title'] ?? null, disabled: body['disabled'] ?? false, parameters, constraints: body['constraints'] ?? [], variants: body['variants'] ?? [], segments: body['segments'] ?? [] }
  }

  function changing(feature: Feature, environment: string, place: Place, [part, id]: readonly string[], method: string, body: JsonValue): Reply {
    if (fake.approvals.environments.includes(environment) && !fake.approvals.maySkip) return { status: 403, body: { name: 'PermissionError', message: 'You don\'t have the required permissions to perform this operation. To perform this action, you need the "SKIP_CHANGE_REQUEST" permission.', permissions: ['SKIP_CHANGE_REQUEST'] } }
    happened(feature.name)
    if (part === 'on' || part === 'off') {
      place.enabled = part === 'on'
      if (place.enabled && place.strategies.length === 0) place.strategies.push({ id: `s${(ids += 1)}`, sortOrder: 0, ...strategyOf(feature, {}) })
      return { status: 200 }
    }
    const object = isJsonObject(body) ? body : {}
    if (method === 'POST' && id === 'set-sort-order' && isJsonArray(body)) {
      const order = new Map(body.map((one) => (isJsonObject(one) ? [one['id'], Number(one['sortOrder'])] : ['', 0])))
      place.strategies = place.strategies.map((one) => ({ ...one, sortOrder: order.get(one['id']) ?? 99 })).toSorted((a, b) => a.sortOrder - b.sortOrder)
      return { status: 200 }
    }
    if (method === 'POST') {
      const made = { id: `s${(ids += 1)}`, sortOrder: place.strategies.length, ...strategyOf(feature, object) }
      place.strategies.push(made)
      return ok(made)
    }
    const index = place.strategies.findIndex((one) => one['id'] === id)
    const before = place.strategies[index]
    if (!before) return notFound(`strategy ${id ?? ''}`)
    if (method === 'DELETE') {
      place.strategies.splice(index, 1)
      // With the last one the environment goes off.
      if (place.strategies.length === 0) place.enabled = false
      return { status: 200 }
    }
    const after = method === 'PUT' ? { id: before['id'] ?? null, sortOrder: before['sortOrder'] ?? 0, ...strategyOf(feature, object) } : patched(before, body)
    if (after === null) return refused(500, 'UnknownError', 'Test operation failed\nname: TEST_OPERATION_FAILED\nindex: 0')
    place.strategies[index] = after
    return ok(after)
  }

  function answer(method: string, path: readonly string[], query: URLSearchParams, body: JsonValue): Reply {
    const [area, project, kind, key, , environment, ...rest] = path
    if (area === 'segments') return ok({ segments })
    if (area === 'environments') return ok({ version: 1, environments: ENVIRONMENTS.map((name) => ({ name, enabled: true, visible: true })) })
    if (area === 'search' && project === 'events') return ok({ events: events.slice(0, Number(query.get('limit'))), total: events.length })
    if (area === 'search') return ok({ features: [...features.values()].filter(({ archived, name }) => archived && name.includes(query.get('query') ?? '')).map(({ name, type, description }) => ({ name, type, description, createdAt: '2026-01-01T00:00:00.000Z', environments: [] })), total: 1 })
    if (area === 'features-batch' && isJsonObject(body)) {
      const at = textOf(body['environment'])
      const live = [...features.values()].filter(({ archived }) => !archived)
      return ok({
        features: live.map(({ name, type, description }) => ({ name, type, description, archived: false })),
        featureStrategies: live.flatMap(({ name, places }) => (places.get(at)?.strategies ?? []).map(({ sortOrder: _order, ...strategy }) => ({ ...strategy, featureName: name }))),
        featureEnvironments: live.map(({ name, places }) => ({ featureName: name, name, environment: at, enabled: places.get(at)?.enabled ?? false, variants: [] })),
        dependencies: [],
        segments: [],
      })
    }
    if (area !== 'projects' || project !== 'default') return notFound(path.join('/'))
    if (kind === 'change-requests' || (kind === 'environments' && path[4] === 'change-requests')) return changeRequest(method, path, body)
    if (kind !== 'features') return notFound(path.join('/'))
    if (key === undefined && method === 'GET') return ok({ version: 2, features: [...features.values()].filter(({ archived }) => !archived).map(({ name, type }) => ({ name, type })) })
    if (key === undefined && isJsonObject(body)) {
      const name = textOf(body['name'])
      if (features.has(name)) return refused(409, 'NameExistsError', 'A flag with that name already exists')
      features.set(name, { name, type: (textOf(body['type']) || 'release'), description: typeof body['description'] === 'string' ? body['description'] : null, archived: false, places: new Map(ENVIRONMENTS.map((one) => [one, { enabled: false, strategies: [] }])) })
      happened(name)
      return { status: 201, body: { name } }
    }
    const feature = features.get(key ?? '')
    if (!feature || feature.archived) return notFound(`feature flag with name ${key ?? ''}`)
    if (environment !== undefined) {
      const place = feature.places.get(environment)
      return place ? changing(feature, environment, place, rest, method, body) : notFound(environment)
    }
    if (method === 'DELETE') feature.archived = true
    if (method === 'PUT' && isJsonObject(body)) {
      feature.type = textOf(body['type'])
      feature.description = textOf(body['description'])
    }
    if (method !== 'GET') happened(feature.name)
    return ok({ name: feature.name, type: feature.type, description: feature.description, createdAt: '2026-01-01T00:00:00.000Z', archived: false, dependencies: [], environments: [...feature.places].map(([name, place]) => ({ name, enabled: place.enabled, strategies: place.strategies })) })
  }

  function changeRequest(method: string, path: readonly string[], body: JsonValue): Reply {
    if (fake.approvals.environments.length === 0) return notFound(path.join('/'))
    const object = isJsonObject(body) ? body : {}
    if (path[3] === 'config') return ok(ENVIRONMENTS.map((environment) => ({ environment, changeRequestEnabled: fake.approvals.environments.includes(environment), requiredApprovals: 1, type: environment })))
    if (path[3] === 'pending') return ok(fake.submitted.map(({ changes: _changes, ...request }) => request))
    if (method === 'POST') {
      const draft = fake.submitted.find(({ state, environment }) => state === 'Draft' && environment === path[3]) ?? { id: fake.submitted.length + 1, environment: path[3] ?? '', title: '', state: 'Draft', changes: [] }
      if (!fake.submitted.includes(draft)) fake.submitted.push(draft)
      draft.changes.push(object)
      return ok({ id: draft.id, state: draft.state, environment: draft.environment, title: draft.title })
    }
    const request = fake.submitted.find(({ id }) => String(id) === path[3])
    if (!request) return notFound('change request')
    if (path[4] === 'title') request.title = textOf(object['title'])
    if (path[4] === 'state') request.state = textOf(object['state'])
    return ok({ id: request.id })
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://fake')
      fake.asked.push(`${request.method ?? ''} ${url.pathname}`)
      const reply = (): Reply & { readonly headers?: Readonly<Record<string, string>> } => {
        const prepared = fake.next.shift()
        if (prepared) return prepared
        if (fake.broken) return { status: 503 }
        if (fake.failOnce?.(fake.asked.at(-1) ?? '') === true) {
          fake.failOnce = null
          return { status: 502 }
        }
        if (request.headers.authorization !== TOKEN) return refused(401, 'UnauthorizedError', 'You must log in to use Unleash.')
        const text = Buffer.concat(chunks).toString()
        return answer(request.method ?? '', url.pathname.replace('/api/admin/', '').split('/').map(decodeURIComponent), url.searchParams, text === '' ? null : (JSON.parse(text) as JsonValue))
      }
      const { status, body, headers } = reply()
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body === undefined ? '' : JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const fake: FakeUnleash = {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    token: TOKEN,
    asked: [],
    next: [],
    broken: false,
    failOnce: null,
    approvals: { environments: [], maySkip: true },
    submitted: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return fake
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
}

/** Its database gives keys back in an order of its own. */
function inDatabaseOrder(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** JSON Patch, as far as it is used; null when a test does not hold. */
function patched(strategy: JsonObject, patch: JsonValue): JsonObject | null {
  let result = strategy
  for (const operation of isJsonArray(patch) ? patch : []) {
    if (!isJsonObject(operation)) continue
    const [name = '', inner] = textOf(operation['path']).slice(1).split('/')
    const now = result[name]
    const value = operation['value'] ?? null
    if (operation['op'] === 'test') {
      if (!sameJson(inner === undefined ? now : isJsonObject(now) ? now[inner] : undefined, value)) return null
    } else result = { ...result, [name]: inner === undefined ? value : { ...(isJsonObject(now) ? now : {}), [inner]: value } }
  }
  return result
}
