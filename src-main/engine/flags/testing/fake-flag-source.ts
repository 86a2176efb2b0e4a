import type { Series } from '../../../contract/analysis.ts'
import { Fault } from '../../../contract/fault.ts'
import type { FlagCapabilities } from '../../../contract/flag.ts'
import type { FlagDefinition, JsonObject, Segment } from '../../../contract/flag-definition.ts'
import { changedFlag } from '../../../core/flags/changed-flag.ts'
import { readFlag, writeFlag } from '../../../core/flags/flag-set.ts'
import { isJsonObject, sameJson } from '../../../core/flags/json.ts'
import type { ExperimentCounts, FlagChange, FlagSource, ObservedFlag, VariantEvaluations } from '../../../core/flags/ports.ts'
import type { Clock } from '../../../core/ports.ts'

interface Stored {
  readonly native: JsonObject
  readonly version: number
}

/** A flag system that outlives consoles: what it holds, and how it misbehaves. */
export function createFakeFlagSystem() {
  const sets = new Map<string, Map<string, Stored>>()
  const segments = new Map<string, readonly Segment[]>()
  const listeners = new Set<() => void>()
  const applied: { readonly set: string; readonly key: string; readonly kind: FlagChange['kind']; readonly comment: string }[] = []
  let versions = 0
  return {
    sets,
    segments,
    listeners,
    applied,
    /** Throws before anything is done; null: it answers. */
    failRead: null as (() => Fault | null) | null,
    failWrite: null as ((change: FlagChange) => Fault | null) | null,
    /** Throws after it was done: nobody knows. */
    loseAnswer: null as (() => boolean) | null,
    /** Hangs on its way; then the change was made, or not, by whoever let it go. */
    hold: null as ((change: FlagChange) => Promise<void> | null) | null,
    /** Asks for somebody's approval first. */
    approves: false,
    waiting: new Map<string, { readonly set: string; readonly key: string; readonly change: FlagChange }>(),
    series: new Map<string, Series>(),
    silent: false,
    evaluations: null as { since: number; variants: readonly VariantEvaluations[] } | null,
    experiments: null as readonly ExperimentCounts[] | null,
    broken: null as { readonly since: number; readonly why: string } | null,
    setOf(set: string): Map<string, Stored> {
      const found = sets.get(set) ?? new Map<string, Stored>()
      sets.set(set, found)
      return found
    },
    put(set: string, native: JsonObject, key: string): void {
      this.setOf(set).set(key, { native, version: (versions += 1) })
      for (const listener of listeners) listener()
    },
    define(set: string, definition: FlagDefinition): void {
      this.put(set, writeFlag(definition), definition.key)
    },
    /** Somebody else, elsewhere. */
    changeElsewhere(set: string, key: string, change: (definition: FlagDefinition) => FlagDefinition): void {
      const found = this.setOf(set).get(key)
      if (found) this.put(set, writeFlag(change(readFlag(key, found.native)), found.native), key)
    },
    definition(set: string, key: string): FlagDefinition {
      const found = this.setOf(set).get(key)
      if (!found) throw new Error(`there is no ${key}`)
      return readFlag(key, found.native)
    },
    approve(id: string): void {
      const found = this.waiting.get(id)
      if (!found) return
      this.waiting.delete(id)
      this.make(found.set, found.key, found.change)
    },
    make(set: string, key: string, change: FlagChange): void {
      const before = this.setOf(set).get(key)
      if (change.kind === 'restore') {
        if (!isJsonObject(change.native)) throw new Error('no native form')
        this.put(set, change.native, key)
        return
      }
      const wanted = changedFlag(change, before ? readFlag(key, before.native) : null)
      if (wanted) this.put(set, writeFlag(wanted, before?.native ?? {}), key)
    },
  }
}
export type FakeFlagSystem = ReturnType<typeof createFakeFlagSystem>

const CAN: FlagCapabilities = { define: null, segments: null, percent: null, audiences: null, compareAndSet: null, evaluations: null, experiments: null, outcomes: null, archive: null }

function serving(flag: JsonObject): unknown[] {
  return [flag['state'], flag['defaultVariant'] ?? null, flag['targeting'] ?? null, flag['variants']]
}

/** A console's way to the system. */
export function createFakeFlagSource(system: FakeFlagSystem, clock: Clock, name = 'shop', capabilities: Partial<FlagCapabilities> = {}): FlagSource {
  const later = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(ms, resolve))

  function matches(change: FlagChange, { definition, native }: ObservedFlag): boolean {
    if (!isJsonObject(native)) return false
    if (change.kind === 'archive') return definition.facts.archived
    const wanted = change.kind === 'restore' && isJsonObject(change.native) ? change.native : changedFlag(change, definition)
    if (!wanted) return false
    const flag = 'facts' in wanted && 'key' in wanted ? writeFlag(wanted as FlagDefinition, native) : (wanted as JsonObject)
    return sameJson(serving(flag) as never, serving(native) as never)
  }

  async function reach(): Promise<void> {
    await later(20)
    const fault = system.failRead?.()
    if (fault) throw fault
  }

  async function observe(set: string, key: string): Promise<ObservedFlag> {
    await reach()
    const found = system.setOf(set).get(key)
    if (!found) throw new Fault('notFound', `There is no flag ${key}.`, 'Look at the list.')
    return { definition: readFlag(key, found.native), native: found.native, version: `v${found.version}` }
  }

  return {
    name,
    kind: 'file',
    capabilities: { ...CAN, ...capabilities },
    async read(set) {
      await reach()
      const flags = [...system.setOf(set)].map(([key, { native }]) => readFlag(key, native))
      const digest = [...system.setOf(set)].map(([key, { version }]) => `${key}:${version}`).join(',')
      return { flagSet: { segments: [...(system.segments.get(set) ?? [])], flags, metadata: {} }, versions: new Map(), digest: `${digest}|${JSON.stringify(system.segments.get(set) ?? [])}`, problems: [], broken: system.broken, addresses: [] }
    },
    observe,
    async apply({ set, key, change, expect, comment }) {
      await reach()
      const held = system.hold?.(change)
      if (held) return held.then(() => ({ submitted: null }))
      const fault = system.failWrite?.(change)
      if (fault) throw fault
      const found = system.setOf(set).get(key)
      if (expect !== null && `v${found?.version ?? 0}` !== expect) throw new Fault('staleGeneration', `${key} was changed by someone else since it was read. Nothing was written.`, 'Look at the difference.')
      const now = found && { definition: readFlag(key, found.native), native: found.native, version: `v${found.version}` }
      if (now && matches(change, now)) return { submitted: null }
      if (system.approves) {
        const id = `change-${system.waiting.size + 1}`
        const known = [...system.waiting].find(([, each]) => each.key === key && sameJson(JSON.parse(JSON.stringify(each.change)) as never, JSON.parse(JSON.stringify(change)) as never))
        if (!known) system.waiting.set(id, { set, key, change })
        return { submitted: { what: known?.[0] ?? id, url: `https://flags.example/${known?.[0] ?? id}` } }
      }
      system.applied.push({ set, key, kind: change.kind, comment })
      system.make(set, key, change)
      if (system.loseAnswer?.()) throw new Fault('timeout', 'The flag system did not answer in time.', 'Try again.')
      return { submitted: null }
    },
    matches,
    async writeSegments(set, segments) {
      await reach()
      system.segments.set(set, segments)
    },
    evaluations: async () => system.evaluations,
    experiments: async () => system.experiments,
    async outcomes(_set, _key, fromAt) {
      if (system.silent) return new Map()
      return new Map([...system.series].map(([variant, series]) => {
        const from = series.at.findIndex((at) => at > fromAt)
        const cut = <T>(column: readonly T[]): T[] => (from === -1 ? [] : column.slice(from))
        return [variant, { at: cut(series.at), requests: cut(series.requests), errors: cut(series.errors), latency: cut(series.latency), values: cut(series.values) }]
      }))
    },
    subscribe(_set, onChange) {
      system.listeners.add(onChange)
      return () => system.listeners.delete(onChange)
    },
    test: async () => [{ name, ok: true, detail: '', next: '' }],
    close: async () => {},
  }
}
