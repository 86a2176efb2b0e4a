import { Fault } from '../../../contract/fault.ts'

/** What an error of the driver may carry; everything else about it is unknown. */
interface DriverError {
  readonly code: string
  readonly message: string
  readonly detail: string
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT', 'EACCES'])

/**
 * The fault of an error that the driver or the server threw. SQLSTATE classes: PostgreSQL manual, appendix A.
 * The server's words are kept, after what they mean, and without the password of the address.
 */
export function toFault(error: unknown, target: { readonly database: string; readonly url: string }): Fault {
  if (error instanceof Fault) return error
  const { code, message, detail } = driverError(error)
  const said = redacted(detail === '' ? message : `${message} (${detail})`, target.url)
  const named = `Database ${target.database}`
  const make = (kind: ConstructorParameters<typeof Fault>[0], what: string, next: string) => new Fault(kind, what, next, { cause: error })
  if (UNREACHABLE.has(code)) return make('providerUnavailable', `${named} cannot be reached: ${said}.`, 'Start it, or mend its address in the workspace; nothing was changed since.')
  if (code === '28P01' || code === '28000') return make('providerUnavailable', `${named} did not accept user or password: ${said}.`, 'Mend user and password of its address.')
  if (code === '3D000') return make('providerUnavailable', `${named} is not on that server: ${said}.`, 'Mend the name at the end of its address.')
  if (code === '53300') return make('providerUnavailable', `${named} has no connection left: ${said}.`, 'Raise max_connections, or close what holds them.')
  if (code === '53100' || code === '53200') return make('providerUnavailable', `The server of ${named.toLowerCase()} is out of disk or memory: ${said}.`, 'Make room; then it goes on where it was.')
  if (code.startsWith('57P') || code.startsWith('08') || lostConnection(code, message)) return make('providerUnavailable', `The connection to ${named.toLowerCase()} was lost: ${said}.`, 'Nothing is lost: what was not committed is as before. It is tried again.')
  if (code === '55P03') return make('timeout', `A lock in ${named.toLowerCase()} was not to be had in time: ${said}. Nothing was changed.`, 'Try again, or end what holds the lock.')
  if (code === '57014') return make('timeout', `A statement in ${named.toLowerCase()} took longer than it may: ${said}. Nothing was changed.`, 'Try again when the database has less to do, or raise statement-timeout.')
  if (code === '40P01' || code === '40001') return make('timeout', `It collided with another transaction in ${named.toLowerCase()}: ${said}. Nothing was changed.`, 'Try again.')
  if (code === '25006') return make('unsupported', `${named} takes no writes; it is a standby or set to read only: ${said}.`, 'Give the address of the primary.')
  if (code === '42501') return make('notAllowed', `The user of ${named.toLowerCase()} lacks a right: ${said}.`, 'Connect as the owner of the tables, or grant the right.')
  if (code === '2BP01') return make('interlocked', `Something else in ${named.toLowerCase()} depends on what is to go: ${said}. Nothing was changed.`, 'Take the dependent object away, or change it to depend on something that stays.')
  if (code.startsWith('23')) return make('gateFailed', `Rows of ${named.toLowerCase()} do not meet a constraint: ${said}.`, 'Mend these rows, or the constraint; then try again.')
  if (code.startsWith('42') || code.startsWith('22')) return make('invalidInput', `${named} cannot run what was declared: ${said}.`, 'Mend the expression or name in the declaration of the migration.')
  if (code !== '') return make('internal', `${named} refused with ${code}: ${said}.`, 'Look at the log of the server.')
  return make('internal', `Talking to ${named.toLowerCase()} failed: ${said}.`, 'Try again; if it stays, look at the log.')
}

/** A collision or a lock that was not to be had: the same transaction may get through the next time. */
export function isLockTrouble(error: unknown): boolean {
  const { code } = driverError(error instanceof Fault ? error.cause : error)
  return code === '55P03' || code === '40P01' || code === '40001'
}

function lostConnection(code: string, message: string): boolean {
  return code === '' && /terminated|connection (?:is )?closed|not queryable|timeout (?:expired|exceeded)|client was closed|socket|server conn crashed|SSL connection/i.test(message)
}

function driverError(error: unknown): DriverError {
  if (typeof error !== 'object' || error === null) return { code: '', message: String(error), detail: '' }
  // A name with several addresses fails with one error for each of them.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  const text = (key: string): string => {
    const value: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, key) : undefined
    return typeof value === 'string' ? value : ''
  }
  return { code: text('code'), message: text('message'), detail: text('detail') }
}

/** Without the address and its password, on one line. */
function redacted(text: string, url: string): string {
  let result = text.replaceAll(url, 'its address')
  const password = URL.canParse(url) ? new URL(url).password : ''
  for (const secret of [password, decodeURIComponent(password)]) if (secret !== '') result = result.replaceAll(secret, '•••')
  return result.replaceAll(/\s+/g, ' ').replace(/\.$/, '').slice(0, 500)
}
