import type { Operator } from '../contract/release.ts'
import type { WaitingItem } from '../contract/service.ts'
import type { WatchItem } from '../contract/system.ts'
import type { Role } from '../contract/vocabulary.ts'
import type { ServiceConfig } from '../contract/workspace.ts'
import type { ExposedFlag } from '../core/interlocks/exposed-flags.ts'
import type { SchemaPhase } from '../core/interlocks/migration-rules.ts'
import type { Clock, CrashPoint, DataSync, EnvironmentsProvider, GateRunner, Ids, MetricsSource, MetricsStore, Store } from '../core/ports.ts'

/** Everything the engine touches. All of it is injected, so that the simulator runs the very same engine. */
export interface EngineDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly store: Store
  /** Null: no history is kept. */
  readonly metricsStore: MetricsStore | null
  /** Answers queries and probes. Null: none are declared. */
  readonly metrics: MetricsSource | null
  readonly gates: GateRunner
  readonly dataSync: DataSync
  readonly services: readonly ServiceConfig[]
  /** Throws when no such provider is registered. */
  readonly provider: (name: string) => EnvironmentsProvider
  /** Everything stops when no console is there, so a console that opens starts again what had live traffic. */
  readonly resumesStopped: boolean
  /** Who acts through this console, unless the call says otherwise. */
  readonly operator: () => { readonly operator: Operator; readonly role: Role }
  /** Phases of the migrations whose tables a service uses: what shape of them a version finds. */
  readonly schema: (service: string) => readonly SchemaPhase[]
  /** Flags that users have now and that need certain versions of a service. */
  readonly exposed: (service: string) => readonly ExposedFlag[]
  /** What waits for a person besides releases. */
  readonly otherWaiting: () => readonly WaitingItem[]
  /** Why this console may only read, or null. */
  readonly readOnly: () => string | null
  readonly publish: (item: WatchItem) => void
  /** Where a problem goes that no operator asked about. */
  readonly log: (line: string) => void
  readonly crashPoint: CrashPoint
  readonly sha256: (text: string) => string
}
