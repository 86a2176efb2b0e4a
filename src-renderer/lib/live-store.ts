import type { JournalEntry } from '../../src-main/contract/journal.ts'
import type { MigrationReading, MigrationSample, MigrationView } from '../../src-main/contract/migration.ts'
import type { ServiceView, WaitingItem } from '../../src-main/contract/service.ts'
import type { SystemStatus, WatchItem } from '../../src-main/contract/system.ts'
import type { MetricSample } from '../../src-main/contract/traffic.ts'
import { createLiveFlags, type LiveFlags } from './live-flags.ts'

export type Connection =
  | { readonly kind: 'connecting'; readonly since: number }
  | { readonly kind: 'live'; readonly since: number }
  | { readonly kind: 'lost'; readonly since: number; readonly why: string; readonly next: string }

/** The newest samples of both environments, oldest first, at most `RECENT_SAMPLES` of each. */
export interface RecentMetrics {
  readonly blue: readonly MetricSample[]
  readonly green: readonly MetricSample[]
  /** The weights changed: samples count from this instant on. Absent: they did not. */
  readonly from?: number
}
export const RECENT_SAMPLES = 15
export const RECENT_ENTRIES = 400
/** Half an hour of a migration's samples, one a second: what its charts show. */
export const RECENT_MIGRATION_SAMPLES = 30 * 60
/** What is counted, sorted or filtered over all services is redone no more often than this, milliseconds. One service's own row or page is not held back. */
export const LIST_EVERY_MS = 200
/** Services whose screens are told in one turn: drawing more rows anew takes longer than a frame. */
export const ROWS_PER_TURN = 12
/** Turns after which the list no longer waits for rows. */
const MAX_TURNS = 6
const NO_METRICS: RecentMetrics = { blue: [], green: [] }

export interface LastReading {
  readonly reading: MigrationReading
  readonly at: number
  /** What was shown with it. */
  readonly view: MigrationView
}
const NO_SAMPLES: readonly MigrationSample[] = []

/**
 * What changed: one service, one service's metrics, or one of the whole lists.
 * A subscriber to a service hears nothing of the other 499.
 */
export type LiveKey = 'connection' | 'status' | 'services' | 'waiting' | 'journal' | 'migrations' | `service:${string}` | `metrics:${string}` | `migration:${string}` | `migrationSamples:${string}` | 'flagSources' | 'flags' | 'rollouts' | `flag:${string}`

export interface LiveStore {
  subscribe(key: LiveKey, listener: () => void): () => void
  connection(): Connection
  status(): SystemStatus | null
  /** Every service by name; the same array until one of them changes, at most every `LIST_EVERY_MS`. */
  services(): readonly ServiceView[]
  /** Their names alone: the same array until one comes or goes. */
  names(): readonly string[]
  readonly service: (name: string) => ServiceView | null
  metrics(name: string): RecentMetrics
  /** Every migration by id; the same array until one of them changes. */
  migrations(): readonly MigrationView[]
  migration(id: string): MigrationView | null
  /** What its database said last, and when: still there while it cannot be read. */
  lastReading(id: string): LastReading | null
  /** Oldest first, at most `RECENT_MIGRATION_SAMPLES`. */
  migrationSamples(id: string): readonly MigrationSample[]
  /** Sources of flags, lines and rollouts. */
  readonly flags: LiveFlags
  waiting(): readonly WaitingItem[]
  /** Entries that arrived while this screen was open, oldest first. */
  journal(): readonly JournalEntry[]
  /** True once a whole snapshot has arrived. */
  ready(): boolean
  /** The core's wall clock, milliseconds. */
  readonly now: () => number
  apply(item: WatchItem): void
  setConnection(connection: Connection): void
  /** Hears each item as it arrives, before screens are told. */
  onItem(listener: (item: WatchItem) => void): () => void
}

export interface LiveStoreOptions {
  readonly wallMs?: () => number
  /** Runs `flush` soon. Changes until then reach screens together. */
  readonly schedule?: (flush: () => void) => void
  readonly listEveryMs?: number
}

function appendSample(samples: readonly MetricSample[], sample: MetricSample | null): readonly MetricSample[] {
  if (!sample || sample.at <= (samples.at(-1)?.at ?? 0)) return samples
  return [...samples.slice(-(RECENT_SAMPLES - 1)), sample]
}

/** The one live source of every screen: a snapshot, then what replaces parts of it. */
export function createLiveStore(options: LiveStoreOptions = {}): LiveStore {
  const wallMs = options.wallMs ?? Date.now
  const schedule = options.schedule ?? defaultSchedule
  const listEveryMs = options.listEveryMs ?? LIST_EVERY_MS
  const listeners = new Map<LiveKey, Set<() => void>>()
  const itemListeners = new Set<(item: WatchItem) => void>()
  const dirty = new Set<LiveKey>()
  let scheduled = false
  let turns = 0

  let connection: Connection = { kind: 'connecting', since: wallMs() }
  let status: SystemStatus | null = null
  let offsetMs = 0
  let ready = false
  let services = new Map<string, ServiceView>()
  /** Collects a snapshot while the old one stays on screen; null outside of one. */
  let incoming: Map<string, ServiceView> | null = new Map()
  let list: readonly ServiceView[] = []
  let names: readonly string[] = []
  let listedAt = Number.NEGATIVE_INFINITY
  let listTimer = false
  const metrics = new Map<string, RecentMetrics>()
  /** Samples that ended earlier belong to other weights. */
  const measuredFrom = new Map<string, number>()
  let migrations = new Map<string, MigrationView>()
  let incomingMigrations: Map<string, MigrationView> | null = new Map()
  let migrationList: readonly MigrationView[] = []
  const readings = new Map<string, LastReading>()
  const migrationSamples = new Map<string, readonly MigrationSample[]>()
  let waiting: readonly WaitingItem[] = []
  let journal: readonly JournalEntry[] = []

  /** Tells what changed: a burst over a few turns, whole services at a time, and the list when its rows are done. */
  function flush() {
    scheduled = false
    const now: LiveKey[] = []
    const rows = new Set<string>()
    for (const key of dirty) {
      if (key === 'services') continue
      const [, name] = key.split(/:(.*)/s)
      if (name !== undefined && listeners.has(key)) {
        if (rows.size === ROWS_PER_TURN && !rows.has(name)) continue
        rows.add(name)
      }
      now.push(key)
    }
    for (const key of now) dirty.delete(key)
    turns += 1
    if (dirty.has('services') && (dirty.size === 1 || turns >= MAX_TURNS)) {
      relist()
      if (dirty.delete('services')) now.push('services')
      turns = 0
    }
    if (dirty.size > 0) later()
    for (const key of now) for (const listener of listeners.get(key) ?? []) listener()
  }

  function later() {
    if (scheduled) return
    scheduled = true
    schedule(flush)
  }

  /** Renews the list, or puts it off when it has just been renewed. */
  function relist() {
    const wait = listedAt + listEveryMs - performance.now()
    if (wait > 0) {
      dirty.delete('services')
      if (listTimer) return
      listTimer = true
      setTimeout(() => {
        listTimer = false
        touch('services')
      }, wait)
      return
    }
    listedAt = performance.now()
    if (names.length !== services.size || names.some((name) => !services.has(name))) names = [...services.keys()].toSorted()
    list = names.flatMap((name) => services.get(name) ?? [])
  }

  function touch(key: LiveKey) {
    dirty.add(key)
    later()
  }

  function putService(view: ServiceView) {
    const before = services.get(view.name)
    services.set(view.name, view)
    incoming?.set(view.name, view)
    const generation = view.observed.kind === 'known' ? view.observed.value.generation : null
    const generationBefore = before?.observed.kind === 'known' ? before.observed.value.generation : null
    // A share measured across a change of weights would show neither the old nor the new: measure afresh.
    // The second in which it changed holds some of both, so it does not count either.
    if (generationBefore !== null && generation !== null && generation !== generationBefore && view.observed.kind === 'known') {
      const from = view.observed.observedAt + 1000
      metrics.set(view.name, { ...NO_METRICS, from })
      measuredFrom.set(view.name, from)
    }
    const known = metrics.get(view.name)
    if (!known) putMetrics(view.name, view.latest.blue, view.latest.green)
    touch(`service:${view.name}`)
    touch('services')
  }

  function putMigration(view: MigrationView) {
    migrations.set(view.id, view)
    incomingMigrations?.set(view.id, view)
    if (view.observed.kind === 'known') {
      if (view.observed.value) readings.set(view.id, { reading: view.observed.value, at: view.observed.observedAt, view })
      else readings.delete(view.id)
    }
    touchMigration(view.id)
  }

  function dropMigration(id: string) {
    migrations.delete(id)
    incomingMigrations?.delete(id)
    readings.delete(id)
    migrationSamples.delete(id)
    touchMigration(id)
  }

  function touchMigration(id: string) {
    migrationList = [...migrations.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
    touch(`migration:${id}`)
    touch('migrations')
  }

  function putMigrationSample(id: string, sample: MigrationSample) {
    const before = migrationSamples.get(id) ?? NO_SAMPLES
    if (sample.at <= (before.at(-1)?.at ?? 0)) return
    migrationSamples.set(id, [...before.slice(-(RECENT_MIGRATION_SAMPLES - 1)), sample])
    touch(`migrationSamples:${id}`)
  }

  const flags = createLiveFlags(touch)

  function putMetrics(name: string, blue: MetricSample | null, green: MetricSample | null) {
    const before = metrics.get(name) ?? NO_METRICS
    const from = measuredFrom.get(name) ?? 0
    const counted = (sample: MetricSample | null) => (sample && sample.at >= from ? sample : null)
    metrics.set(name, { ...before, blue: appendSample(before.blue, counted(blue)), green: appendSample(before.green, counted(green)) })
    touch(`metrics:${name}`)
  }

  function apply(item: WatchItem) {
    switch (item.kind) {
      case 'status':
        status = item.status
        offsetMs = item.status.now - wallMs()
        touch('status')
        break
      case 'service':
        putService(item.service)
        break
      case 'serviceRemoved':
        services.delete(item.name)
        incoming?.delete(item.name)
        metrics.delete(item.name)
        touch(`service:${item.name}`)
        touch('services')
        break
      case 'metrics':
        putMetrics(item.service, item.blue, item.green)
        break
      case 'migration':
        putMigration(item.migration)
        break
      case 'migrationRemoved':
        dropMigration(item.id)
        break
      case 'migrationSample':
        putMigrationSample(item.migration, item.sample)
        break
      case 'flagSource':
        flags.putSource(item.source)
        break
      case 'flag':
        flags.putLine(item.flag)
        break
      case 'rollout':
        flags.putRollout(item.rollout)
        break
      case 'waiting':
        waiting = item.items
        touch('waiting')
        break
      case 'journal':
        if (item.entry.seq > (journal.at(-1)?.seq ?? 0)) {
          journal = [...journal.slice(-(RECENT_ENTRIES - 1)), item.entry]
          touch('journal')
        }
        break
      case 'ready':
        if (incoming) {
          for (const name of services.keys()) if (!incoming.has(name)) touch(`service:${name}`)
          services = incoming
          incoming = null
        }
        if (incomingMigrations) {
          const gone = [...migrations.keys()].filter((id) => !incomingMigrations?.has(id))
          migrations = incomingMigrations
          incomingMigrations = null
          for (const id of gone) dropMigration(id)
        }
        flags.endSnapshot()
        ready = true
        // A new snapshot is shown at once.
        listedAt = Number.NEGATIVE_INFINITY
        connection = { kind: 'live', since: wallMs() }
        touch('connection')
        touch('services')
        break
      case 'resync':
        incoming = new Map()
        incomingMigrations = new Map()
        flags.beginSnapshot()
        break
    }
    for (const listener of itemListeners) listener(item)
  }

  return {
    subscribe(key, listener) {
      const set = listeners.get(key) ?? new Set()
      listeners.set(key, set)
      set.add(listener)
      return () => {
        set.delete(listener)
        if (set.size === 0) listeners.delete(key)
      }
    },
    connection: () => connection,
    status: () => status,
    services: () => list,
    names: () => names,
    service: (name) => services.get(name) ?? null,
    metrics: (name) => metrics.get(name) ?? NO_METRICS,
    migrations: () => migrationList,
    migration: (id) => migrations.get(id) ?? null,
    lastReading: (id) => readings.get(id) ?? null,
    migrationSamples: (id) => migrationSamples.get(id) ?? NO_SAMPLES,
    flags,
    waiting: () => waiting,
    journal: () => journal,
    ready: () => ready,
    now: () => wallMs() + offsetMs,
    apply,
    setConnection(next) {
      connection = next
      if (next.kind !== 'live') {
        incoming = new Map()
        incomingMigrations = new Map()
        flags.beginSnapshot()
      }
      touch('connection')
    },
    onItem(listener) {
      itemListeners.add(listener)
      return () => itemListeners.delete(listener)
    },
  }
}

/** Once per frame while visible; browsers stop frames in hidden tabs, so there a timer does it. */
function defaultSchedule(flush: () => void): void {
  if (typeof requestAnimationFrame === 'function' && typeof document !== 'undefined' && !document.hidden) requestAnimationFrame(flush)
  else setTimeout(flush, 100)
}
