import type { MigrationState } from '../../../contract/migration.ts'
import type { MigrationDefinition } from '../../../contract/migration-definition.ts'
import type { StopSignal } from '../../../core/ports.ts'
import type { Sessions } from './session.ts'
import type { TableDetail } from './facts.ts'

/** A started migration as work sees it. */
export interface MigrationContext {
  readonly sessions: Sessions
  readonly id: string
  readonly epoch: number
  readonly definition: MigrationDefinition
  readonly state: MigrationState
  /** Old tables as they were when it was started. */
  readonly tables: readonly TableDetail[]
}

/** Waits, or less when the signal aborts. */
export function rest(ms: number, signal: StopSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

/** SQLSTATE of an error of the driver, also inside a fault; empty when it has none. */
export function sqlState(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)) return code
  const cause: unknown = Reflect.get(error, 'cause')
  return cause === undefined || cause === error ? '' : sqlState(cause)
}

/** A row's own fault: a value that cannot be made or that a constraint refuses. */
export function isRowError(error: unknown): boolean {
  return /^(?:22|23|2F|38|39|P0)/.test(sqlState(error))
}

/** Collisions that the same transaction may be spared the next time. */
export function isCollision(error: unknown): boolean {
  return ['40P01', '40001', '55P03'].includes(sqlState(error))
}

/** A statement that took longer than it may. */
export function isTimeout(error: unknown): boolean {
  return sqlState(error) === '57014'
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
