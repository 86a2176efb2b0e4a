import type { MigrationAction } from '../../src-main/contract/migration.ts'
import type { ReleaseCommand } from '../../src-main/contract/vocabulary.ts'
import { createValueStore, type ValueStore } from './value-store.ts'

/** A confirm that is open, over whatever screen. */
export interface OpenConfirm {
  readonly service: string
  readonly releaseId: string
  readonly command: 'rollBack' | 'irreversible' | 'reason'
  /** The act a reason is asked for. */
  readonly act?: ReleaseCommand
}

/** A confirm about a migration that is open. */
export interface OpenMigrationConfirm {
  readonly id: string
  readonly command: MigrationAction['command']
}

export interface UiState {
  readonly palette: boolean
  readonly keys: boolean
  readonly notices: boolean
  readonly confirm: OpenConfirm | null
  readonly migrationConfirm: OpenMigrationConfirm | null
  /** The service that was last looked at or selected; what levers outside a service page act on. */
  readonly selectedService: string | null
}

export function createUiState(): ValueStore<UiState> {
  return createValueStore<UiState>({ palette: false, keys: false, notices: false, confirm: null, migrationConfirm: null, selectedService: null })
}
