import type { Criterion } from '../../contract/analysis.ts'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import type { MigrationPhase } from '../../contract/migration.ts'
import type { Operator } from '../../contract/release.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { EnvironmentName, Role, Tier } from '../../contract/vocabulary.ts'
import type { FlagSource } from '../../core/flags/ports.ts'
import type { OpenEvaluator } from '../../core/flags/preview.ts'
import type { Clock, CrashPoint, Ids, MetricsSource, Store } from '../../core/ports.ts'

/** Where keys stand in code, as a scan found them. */
export interface CodeScan {
  readonly references: ReadonlyMap<string, readonly { readonly file: string; readonly line: number; readonly column: number; readonly text: string }[]>
  readonly files: number
  readonly lines: number
  readonly skipped: number
  readonly tookMs: number
  readonly problems: readonly string[]
}

/** Requests of a service's live side lately. */
export interface LiveTraffic {
  readonly requestsPerSecond: number
  readonly errorRatio: number
  readonly historyMs: number
}

/** What drives rollouts touches this and nothing else; the same for the simulator. */
export interface FlagsDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly store: Store
  /** Of the workspace: which of a source's sets rollouts act on. */
  readonly tier: Tier
  readonly configs: readonly FlagSourceConfig[]
  /** Opens it on first use. Faults: `notFound`, `invalidInput`, `unsupported`. */
  readonly source: (name: string) => FlagSource
  /** Answers criteria that are queries; null: nobody does. */
  readonly metrics: MetricsSource | null
  /** What guards a service's releases: for sources that declare no criteria of their own. */
  readonly serviceCriteria: (service: string) => readonly Criterion[]
  /** Null: it cannot be observed, or had no traffic. */
  readonly liveTraffic: (service: string) => LiveTraffic | null
  /** The environment with most of a service's traffic; null: not known. */
  readonly liveEnvironment: (service: string) => EnvironmentName | null
  /** Versions of a service with live traffic; null: they cannot be observed. */
  readonly liveVersions: (service: string) => readonly string[] | null
  /** Null: not declared, or its database cannot be read. */
  readonly migrationPhase: (id: string) => MigrationPhase | null
  readonly operator: () => { readonly operator: Operator; readonly role: Role }
  readonly readOnly: () => string | null
  readonly openEvaluator: OpenEvaluator
  readonly scan: (folders: readonly string[], keys: readonly string[]) => Promise<CodeScan>
  readonly publish: (item: WatchItem) => void
  readonly log: (line: string) => void
  readonly crashPoint: CrashPoint
}
