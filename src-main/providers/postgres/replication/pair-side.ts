import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import { openSessions } from '../migration/session.ts'
import type { Session } from '../migration/session.ts'

export type Row = Readonly<Record<string, unknown>>
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

/** One of the two databases. Errors come as faults that name it. */
export interface Side {
  readonly name: EnvironmentName
  /** As people call it: "green (10.0.0.5:5432/shop)". Holds no secret. */
  readonly label: string
  /** How the other server reaches this database. */
  peerUrl(): Promise<string>
  readonly query: Query
  /** One transaction, rolled back when the work throws. */
  transaction<T>(work: (query: Query) => Promise<T>, options?: { readonly snapshot?: boolean }): Promise<T>
  /** A session of its own that is held until the work ends: for session locks, and for what must run under them. */
  held<T>(work: (held: Held) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface Held {
  readonly query: Query
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
}

/** An address that is asked for each time it is used, when a server may move or a secret change. */
export type Address = string | (() => Promise<string>)

export function openSide(name: EnvironmentName, url: Address, peerUrl: Address): Side {
  const label = typeof url === 'string' ? `${name} (${addressOf(url)})` : name
  const sessions = openSessions({ database: label, url })
  return {
    name,
    label,
    peerUrl: async () => (typeof peerUrl === 'string' ? peerUrl : peerUrl()),
    query: (text, values) => sessions.use((session) => queryOn(session)(text, values)),
    transaction: (work, options = {}) => sessions.transaction(options, (session) => work(queryOn(session))),
    async held(work) {
      const dedicated = await sessions.dedicated()
      const query = queryOn(dedicated.session)
      try {
        return await work({
          query,
          async transaction(inner) {
            await query('BEGIN')
            try {
              const result = await inner(query)
              await query('COMMIT')
              return result
            } catch (error) {
              await query('ROLLBACK').catch(() => undefined)
              throw error
            }
          },
        })
      } catch (error) {
        throw sessions.fault(error)
      } finally {
        await dedicated.end()
      }
    },
    close: () => sessions.close(),
  }
}

/** Several statements in one text answer with a list, of which nobody needs the rows. */
function queryOn(session: Session): Query {
  return async (text, values = []) => {
    const result = (await session.query<Row>(text, [...values])) as { readonly rows?: readonly Row[] }
    return result.rows ?? []
  }
}

function addressOf(url: string): string {
  if (!URL.canParse(url)) return 'an address that cannot be read'
  const { hostname, port, pathname } = new URL(url)
  return `${hostname === '' ? 'local socket' : hostname}:${port === '' ? '5432' : port}${decodeURIComponent(pathname)}`
}
