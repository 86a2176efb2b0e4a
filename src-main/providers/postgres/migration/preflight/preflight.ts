import type { StopSignal } from '../../../../core/ports.ts'
import { Fault } from '../../../../contract/fault.ts'
import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { Mismatch, PreflightCheck, PreflightReport } from '../../../../contract/migration.ts'
import { migrationDigest } from '../structure/digest.ts'
import { oldTables, readFacts } from '../facts.ts'
import type { TableDetail } from '../facts.ts'
import { finding, lintDefinition } from './lint.ts'
import { checkNames, checkNewTables } from './preflight-collisions.ts'
import { ask, guarded, numberOf, serverError } from './preflight-context.ts'
import type { Check, PreflightContext } from './preflight-context.ts'
import { checkDependents } from './preflight-dependents.ts'
import { checkExpressions, checkSteadiness } from './preflight-expressions.ts'
import { roundTrip } from './preflight-round-trip.ts'
import { scanRows } from './preflight-rows.ts'
import { checkControl, checkEventTriggers, checkReplication, checkSessions, checkSettings, checkVersion } from './preflight-server.ts'
import { checkLocksNow, checkTables } from './preflight-tables.ts'
import { checkTriggers } from './preflight-triggers.ts'
import type { Sessions } from '../session.ts'
import { spoken } from '../units.ts'

export interface PreflightOptions {
  /** How long rows may be tried, ms; the checks of the catalog come on top. */
  readonly scanMs?: number
}

const DEFAULT_SCAN_MS = 20_000
const STATEMENT_TIMEOUT_MS = 10_000

/**
 * Everything that could stand in the way of a migration, looked up without writing anything: the session refuses to
 * write. Each finding says what mends it. Never throws for what it finds; a lost connection is a finding too.
 */
export async function preflight(sessions: Pick<Sessions, 'dedicated' | 'fault'>, definition: MigrationDefinition, signal: StopSignal, options: PreflightOptions = {}): Promise<PreflightReport> {
  const at = Date.now()
  const checks: PreflightCheck[] = []
  const rows: Mismatch[] = []
  let rowsScanned = 0
  let digest = ''
  const report = (): PreflightReport => ({ at, tookMs: Date.now() - at, ok: checks.every(({ state }) => state !== 'blocker'), checks, rows, rowsScanned, digest })
  let dedicated: Awaited<ReturnType<Sessions['dedicated']>>
  try {
    dedicated = await sessions.dedicated()
  } catch (error) {
    checks.push(connectionFinding(sessions.fault(error)))
    return report()
  }
  const stop = () => void dedicated.end()
  signal.addEventListener('abort', stop)
  try {
    const { session } = dedicated
    await session.query(`SET default_transaction_read_only = on; SET statement_timeout = ${STATEMENT_TIMEOUT_MS}; SET lock_timeout = 1000`)
    const [version = {}] = await ask(session, `SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby`)
    const base = { session, definition, tables: [], serverVersion: numberOf(version, 'version') }
    const run = async (name: string, state: PreflightCheck['state'], check: Check, context: PreflightContext = base) => {
      if (signal.aborted) throw new Error('stopped')
      checks.push(...(await guarded(name, state, () => check(context))))
    }
    await run('connection', 'blocker', checkVersion)
    if (version['standby'] === true) return report()
    await run('control schema', 'blocker', checkControl)
    if (checks.some(({ name, state, detail }) => name === 'under way' && state === 'blocker' && detail.startsWith('This migration'))) return report()
    for (const [name, check] of [['settings', checkSettings], ['sessions', checkSessions], ['replication', checkReplication], ['event triggers', checkEventTriggers]] as const) await run(name, 'warning', check)
    const context = { ...base, tables: await tablesOf(base, checks) }
    const wholeTables = context.tables.length === oldTables(definition.change).length
    checks.push(...lintDefinition(definition, context.tables))
    await run('table', 'blocker', checkTables, context)
    await run('locks', 'warning', checkLocksNow, context)
    await run('triggers', 'blocker', checkTriggers, context)
    if (!wholeTables) return report()
    const sound = () => !checks.some(({ name, state }) => state === 'blocker' && ['table', 'declaration', 'expressions', 'types', 'columns', 'links', 'key', 'generated columns'].includes(name))
    if (!sound()) return report()
    await run('names', 'blocker', checkNames, context)
    await run('new tables', 'blocker', checkNewTables, context)
    await run('dependents', 'blocker', checkDependents, context)
    await run('expressions', 'blocker', checkExpressions, context)
    if (!sound() || checks.some(({ name, state }) => state === 'blocker' && name === 'row security')) return report()
    digest = digestOf(definition, context.tables, checks)
    await run('steady', 'warning', checkSteadiness, context)
    const limits = { signal, deadlineAt: Date.now() + (options.scanMs ?? DEFAULT_SCAN_MS) }
    checks.push(
      ...(await guarded('rows', 'warning', async () => {
        const scanned = await scanRows(context, limits)
        rows.push(...scanned.rows)
        rowsScanned = scanned.scanned
        return scanned.checks
      })),
    )
    if (!rows.some((row) => row.class === 'rejected')) {
      checks.push(
        ...(await guarded('round trip', 'warning', async () => {
          const tried = await roundTrip(context, limits)
          rows.push(...tried.rows)
          return tried.checks
        })),
      )
    }
    return report()
  } catch (error) {
    checks.push(signal.aborted ? finding('connection', 'blocker', 'Preflight was stopped before its end.', 'Run it again.') : connectionFinding(sessions.fault(error)))
    return report()
  } finally {
    signal.removeEventListener('abort', stop)
    await dedicated.end()
  }
}

function connectionFinding({ data }: Fault): PreflightCheck {
  return finding('connection', 'blocker', data.message, data.next)
}

async function tablesOf({ session, definition }: PreflightContext, checks: PreflightCheck[]): Promise<readonly TableDetail[]> {
  const found: TableDetail[] = []
  for (const name of oldTables(definition.change)) {
    try {
      found.push(...(await readFacts(session, [name])))
    } catch (error) {
      if (error instanceof Fault) checks.push(finding('table', 'blocker', error.data.message, error.data.next))
      else if (serverError(error).code === '42501') checks.push(finding('table', 'blocker', `What ${spoken(name)} is made of may not be read: ${serverError(error).message}.`, 'Connect as the owner of the table.'))
      else throw error
    }
  }
  return found
}

/** Making the SQL of every step is a check of its own. */
function digestOf(definition: MigrationDefinition, tables: readonly TableDetail[], checks: PreflightCheck[]): string {
  try {
    return migrationDigest(definition, tables)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    checks.push(finding('declaration', 'blocker', error.data.message, error.data.next))
    return ''
  }
}
