import type { CriterionResult } from '../../contract/analysis.ts'
import type { MigrationState } from '../../contract/migration.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { Operator } from '../../contract/release.ts'
import type { WatchItem } from '../../contract/system.ts'
import type { Role } from '../../contract/vocabulary.ts'
import type { FlagReads, NeedingFlag, VersionInUse } from '../../core/interlocks/migration-rules.ts'
import type { MigrationTarget } from '../../core/migration/ports.ts'
import type { Clock, CrashPoint, Ids, Store } from '../../core/ports.ts'
import type { Rehearsed } from './board.ts'

export type ReadsFlag = NonNullable<MigrationDefinition['readsFlag']>

/** Flags that decide where code reads, and the way back of them. */
export interface ReadsFlags {
  /** As last read. */
  given(flag: ReadsFlag): FlagReads
  /** Flags that users have now and that need the new shape of a migration. */
  needing(migration: string): readonly NeedingFlag[]
  /** Nobody gets its variant when this has ended: its rollout is rolled back, or else the safe variant is served. */
  takeBack(flag: ReadsFlag, operator: Operator, reason: string, operationId: string): Promise<void>
}

/** What drives migrations touches this and nothing else; the same for the simulator. */
export interface MigrationsDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly store: Store
  readonly definitions: readonly MigrationDefinition[]
  /** Opens it on first use. Throws `invalidInput` when the workspace has no such database. */
  readonly target: (database: string) => MigrationTarget
  /** Name of the database a database's migrations are rehearsed in, or null. */
  readonly rehearsalOf: (database: string) => string | null
  /** Names this console to others: `ada@host`. */
  readonly consoleName: string
  readonly operator: () => { readonly operator: Operator; readonly role: Role }
  readonly readOnly: () => string | null
  /** What of these services runs, stands by, or is the way back; and which cannot be observed. */
  readonly versions: (services: readonly string[]) => { readonly inUse: readonly VersionInUse[]; readonly unknown: readonly string[] }
  /** Judges the services' criteria on their live side since then; null: nothing can be judged. */
  readonly judge: (state: MigrationState) => readonly CriterionResult[] | null
  /** Flags that migrations' reads follow. */
  readonly readsFlags: ReadsFlags
  /** The last rehearsal of each migration, as the journal has them. */
  readonly rehearsed: () => Promise<readonly ({ readonly migration: string } & Rehearsed)[]>
  readonly publish: (item: WatchItem) => void
  readonly log: (line: string) => void
  readonly crashPoint: CrashPoint
}
