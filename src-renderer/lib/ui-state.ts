import type { RolloutCommand } from '../../src-main/contract/flag.ts'
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

/** A confirm about a flag that is open. */
export interface OpenFlagConfirm {
  readonly source: string
  readonly key: string
  readonly command: RolloutCommand | 'archive'
  /** Finish: with this one. */
  readonly variant?: string
}

export interface UiState {
  readonly palette: boolean
  /** What stands in the palette when it opens. */
  readonly paletteText: string
  readonly keys: boolean
  readonly notices: boolean
  readonly confirm: OpenConfirm | null
  readonly migrationConfirm: OpenMigrationConfirm | null
  readonly flagConfirm: OpenFlagConfirm | null
  /** The service that was last looked at or selected; what levers outside a service page act on. */
  readonly selectedService: string | null
  /** The flag in view, if one is: what the kill switch acts on without asking which. */
  readonly flagInView: { readonly source: string; readonly key: string } | null
}

export function createUiState(): ValueStore<UiState> {
  return createValueStore<UiState>({ palette: false, paletteText: '', keys: false, notices: false, confirm: null, migrationConfirm: null, flagConfirm: null, selectedService: null, flagInView: null })
}
