import { Fault } from '../contract/fault.ts'
import type { FlagCapabilities, FlagSourceConfig, FlagSourceKind } from '../contract/flag.ts'
import { type JsonValue, type Segment, segmentNameSchema } from '../contract/flag-definition.ts'
import type { FlagChange, FlagSource, ObservedFlag } from '../core/flags/ports.ts'
import { jsonDigest } from './json-digest.ts'
import { pollForChange } from './poll-for-change.ts'

/** A system whose flags are made there, and which the console reads and rolls out. */
export interface VendorFlags {
  readonly kind: FlagSourceKind
  /** As in "LaunchDarkly (flags)". */
  readonly who: string
  /** What keeps a vendor from making flags, holding segments, counting and the rest. */
  readonly capabilities: FlagCapabilities & { readonly define: string; readonly segments: string }
  /** Faults: `notFound`. */
  observe(set: string, key: string): Promise<ObservedFlag>
  readAll(set: string): Promise<{ readonly flags: readonly ObservedFlag[]; readonly segments: readonly Segment[] }>
  matches(change: FlagChange, observed: ObservedFlag): boolean
  /** The flag is there, not as wanted and of the version it was decided on. */
  write(request: { readonly set: string; readonly key: string; readonly change: FlagChange; readonly now: ObservedFlag; readonly comment: string }): Promise<{ readonly what: string; readonly url: string } | null>
  /** Says something else when anything may have changed. */
  newest(set: string): Promise<string>
  readonly pollMs: number
  /** One line of what answers there. */
  check(set: string): Promise<string>
  close(): Promise<void>
}

/** Segments made elsewhere, by name alone: whom they hold is known there. Names the console cannot write are left out. */
export function namedSegments(names: readonly string[], kind: string): readonly Segment[] {
  return names.filter((name) => segmentNameSchema.safeParse(name).success).map((name) => ({ name, rule: { kind: 'handwritten', logic: { [kind]: name } } }))
}

/** What is the same for each: reading, comparing, and what none of them can do. */
export function vendorFlagSource(config: FlagSourceConfig, vendor: VendorFlags): FlagSource {
  return {
    name: config.name,
    kind: vendor.kind,
    capabilities: vendor.capabilities,
    async read(set) {
      const { flags, segments } = await vendor.readAll(set)
      const versions = new Map(flags.map(({ definition, version }) => [definition.key, version]))
      const digest = jsonDigest([[...versions].toSorted(([a], [b]) => (a < b ? -1 : 1)), segments.map(({ name, rule }) => [name, JSON.stringify(rule)])] satisfies JsonValue)
      return { flagSet: { flags: flags.map(({ definition }) => definition), segments: [...segments], metadata: {} }, versions, digest, problems: [], broken: null, addresses: [] }
    },
    observe: (set, key) => vendor.observe(set, key),
    async apply({ set, key, change, expect, comment }) {
      if (change.kind === 'define') throw new Fault('unsupported', vendor.capabilities.define, 'Make and edit it there; it is listed here then.')
      const now = await vendor.observe(set, key)
      if (expect !== null && now.version !== expect) throw new Fault('staleGeneration', `${key} was changed by someone else since it was read. Nothing was written.`, 'Look at the difference, then decide again.')
      if (vendor.matches(change, now)) return { submitted: null }
      if (now.definition.facts.archived && change.kind !== 'archive') throw new Fault('notFound', `${key} is archived in ${vendor.who}. Nothing was written.`, 'Restore it there first.')
      return { submitted: await vendor.write({ set, key, change, now, comment }) }
    },
    matches: (change, observed) => vendor.matches(change, observed),
    async writeSegments() {
      throw new Fault('unsupported', vendor.capabilities.segments, 'Change them there.')
    },
    evaluations: async () => null,
    experiments: async () => null,
    outcomes: async () => null,
    subscribe: (set, onChange) => pollForChange({ everyMs: vendor.pollMs, read: () => vendor.newest(set), onChange }),
    test: () =>
      Promise.all(
        config.sets.map(async ({ set }) => {
          const name = `${config.name}: ${set}`
          try {
            return { name, ok: true, detail: await vendor.check(set), next: '' }
          } catch (error) {
            if (!(error instanceof Fault)) throw error
            return { name, ok: false, detail: error.message, next: error.data.next }
          }
        }),
      ),
    close: () => vendor.close(),
  }
}
