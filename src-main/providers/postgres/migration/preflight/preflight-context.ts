import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { PreflightCheck } from '../../../../contract/migration.ts'
import type { TableDetail } from '../facts.ts'
import { finding } from './lint.ts'
import type { Session } from '../session.ts'
import { rowsOf } from '../session.ts'

/** What checks are given. Everything they ask is read only: the session refuses to write. */
export interface PreflightContext {
  readonly session: Session
  readonly definition: MigrationDefinition
  /** Of the old tables that are there. */
  readonly tables: readonly TableDetail[]
  /** `server_version_num`. */
  readonly serverVersion: number
}

export type Check = (context: PreflightContext) => Promise<readonly PreflightCheck[]>

export type CatalogRow = Readonly<Record<string, unknown>>

/** Rows of a catalog query as they come. */
export function ask(session: Session, text: string, values: readonly unknown[] = []): Promise<readonly CatalogRow[]> {
  return rowsOf(session, text, values, (row) => row)
}

export function textOf(row: CatalogRow, column: string): string {
  const value = row[column]
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

export function numberOf(row: CatalogRow, column: string): number {
  return Number(textOf(row, column))
}

export function listOf(row: CatalogRow, column: string): readonly string[] {
  const value = row[column]
  return Array.isArray(value) ? value.map(String) : []
}

/** `12 MB`, in powers of 1000. */
export function spokenBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  return `${Number((bytes / 1000 ** power).toPrecision(3))} ${units[power] ?? 'B'}`
}

export function spokenMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

/** The SQLSTATE and words of an error the server threw. */
export function serverError(error: unknown): { readonly code: string; readonly message: string } {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  return { code, message: error instanceof Error ? error.message : String(error) }
}

/** What a check found; when it could not look, that is what it found. */
export async function guarded(name: string, state: PreflightCheck['state'], check: () => Promise<readonly PreflightCheck[]>): Promise<readonly PreflightCheck[]> {
  try {
    return await check()
  } catch (error) {
    const { code, message } = serverError(error)
    if (isLost(error)) throw error
    return [finding(name, state, `This could not be looked at: ${message}${code === '' ? '' : ` (${code})`}.`, code === '42501' ? 'Grant the right to read it, or connect as another user.' : 'Try again; look at the log of the server.')]
  }
}

/** The connection itself is gone: there is nobody left to ask. */
export function isLost(error: unknown): boolean {
  const { code, message } = serverError(error)
  return code.startsWith('08') || code.startsWith('57P') || /^E[A-Z]+$/.test(code) || /Connection terminated|not queryable|socket|ended/i.test(message)
}

/** A statement was ended because it took too long, or because it was asked to end. */
export function isTimeout(error: unknown): boolean {
  return ['57014', '55P03', '25P04', '57P05'].includes(serverError(error).code)
}
