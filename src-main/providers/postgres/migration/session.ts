import { Client, Pool, types } from 'pg'
import type { ClientBase, ClientConfig, QueryResult } from 'pg'
import { Fault } from '../../../contract/fault.ts'
import { toFault } from './database-fault.ts'

/** One connection, as work is given it. Values come as `pg` reads them, dates and times as text. */
export type Session = Pick<ClientBase, 'query'>

export interface TransactionOptions {
  readonly lockTimeoutMs?: number
  readonly statementTimeoutMs?: number
  /** One snapshot for all statements, and no writing. */
  readonly snapshot?: boolean
}

/** Connections to one target database. Errors of all methods are faults. */
export interface Sessions {
  readonly database: string
  /** A connection of the pool, for as long as `work` takes. */
  use<T>(work: (session: Session) => Promise<T>): Promise<T>
  /** One transaction; rolled back when `work` throws. */
  transaction<T>(options: TransactionOptions, work: (session: Session) => Promise<T>): Promise<T>
  /** A connection of its own, for a lock that is held or for reads that must not wait for the pool. */
  dedicated(onLost?: (fault: Fault) => void): Promise<Dedicated>
  /** The fault of an error of the driver or the server; faults stay what they are. */
  fault(error: unknown): Fault
  /** Host and port it connects to. */
  host(): Promise<string>
  close(): Promise<void>
}

export interface Dedicated {
  readonly session: Session
  readonly lost: () => boolean
  end(): Promise<void>
}

const POOL_SIZE = 8

/**
 * What every session of Signalbox's own runs with. Formats are pinned so that text of values is the same on every
 * server. Users' expressions find functions and types in `public` and, in triggers, in the schema of their table;
 * what lives elsewhere must be written with its schema.
 */
export const SESSION_SQL = `
SET application_name = 'signalbox';
SET lock_timeout = '1s';
SET statement_timeout = '60s';
SET idle_in_transaction_session_timeout = '30s';
SET search_path = pg_catalog, public, pg_temp;
SET "DateStyle" = 'ISO, YMD';
SET "TimeZone" = 'UTC';
SET "IntervalStyle" = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET default_transaction_isolation = 'read committed';
SET default_transaction_read_only = off;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET client_min_messages = warning`

/** Dates, times and intervals stay the text the server wrote: a `Date` has neither microseconds nor infinity. */
const AS_TEXT = new Set([1082, 1083, 1114, 1184, 1186, 1266, 1115, 1182, 1183, 1185, 1187, 1270])

/**
 * Connects when first used. The address is asked for each time: a server may move, a secret may change; what is open
 * then is closed. Faults: `invalidInput` when the address is none, and those of asking for it.
 */
export function openSessions(options: { readonly database: string; readonly url: string | (() => Promise<string>) }): Sessions {
  const asked = options.url
  let current: { readonly url: string; readonly config: ClientConfig; readonly pool: Pool } | null = null
  let closed = false
  const fault = (error: unknown) => toFault(error, { database: options.database, url: current?.url ?? '' })
  const prepared = new WeakSet<object>()

  async function connection() {
    const url = typeof asked === 'string' ? asked : await asked()
    if (closed) throw new Fault('providerUnavailable', `The connections to database ${options.database} were closed.`, 'Open it again.')
    if (current?.url === url) return current
    const config = clientConfig(url)
    void current?.pool.end().catch(() => undefined)
    const pool = new Pool({ ...config, max: POOL_SIZE, idleTimeoutMillis: 30_000, allowExitOnIdle: true })
    // A connection that breaks while nobody uses it: the next use gets another.
    pool.on('error', () => undefined)
    current = { url, config, pool }
    return current
  }

  async function use<T>(work: (session: Session) => Promise<T>): Promise<T> {
    let client
    try {
      client = await (await connection()).pool.connect()
    } catch (error) {
      throw fault(error)
    }
    let broken = true
    // Without a listener, a connection that breaks between two statements would end the process.
    const onError = () => undefined
    client.on('error', onError)
    try {
      if (!prepared.has(client)) {
        await client.query(SESSION_SQL)
        prepared.add(client)
      }
      const result = await work(client)
      broken = false
      return result
    } catch (error) {
      throw fault(error)
    } finally {
      client.off('error', onError)
      // After an error nobody knows in what state the connection is.
      client.release(broken)
    }
  }

  return {
    database: options.database,
    use,
    transaction: (options, work) =>
      use(async (session) => {
        await session.query(beginSql(options))
        const result = await work(session)
        await session.query('COMMIT')
        return result
      }),
    async dedicated(onLost) {
      const { config } = await connection()
      const client = new Client(config)
      let lost = false
      let ended = false
      const lose = (error: unknown) => {
        if (lost || ended) return
        lost = true
        onLost?.(fault(error))
      }
      client.on('error', lose)
      client.on('end', () => lose(new Error('Connection terminated')))
      try {
        await client.connect()
        await client.query(SESSION_SQL)
        await client.query('SET idle_in_transaction_session_timeout = 0')
      } catch (error) {
        ended = true
        await client.end().catch(() => undefined)
        throw fault(error)
      }
      return {
        session: client,
        lost: () => lost,
        async end() {
          ended = true
          await client.end().catch(() => undefined)
        },
      }
    },
    fault,
    host: async () => new URL((await connection()).url).host,
    async close() {
      closed = true
      await current?.pool.end().catch(() => undefined)
    },
  }
}

/** First statement of a transaction, with its limits. */
export function beginSql({ lockTimeoutMs, statementTimeoutMs, snapshot }: TransactionOptions): string {
  return [
    snapshot === true ? 'BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY' : 'BEGIN',
    ...(lockTimeoutMs === undefined ? [] : [`SET LOCAL lock_timeout = ${Math.round(lockTimeoutMs)}`]),
    ...(statementTimeoutMs === undefined ? [] : [`SET LOCAL statement_timeout = ${Math.round(statementTimeoutMs)}`]),
  ].join('; ')
}

/** The rows of one statement, each read by `row`: the one place where what a server sent gets its type. */
export async function rowsOf<T>(session: Session, text: string, values: readonly unknown[], row: (row: Readonly<Record<string, unknown>>) => T): Promise<readonly T[]> {
  const result: QueryResult<Record<string, unknown>> = await session.query(text, [...values])
  return result.rows.map(row)
}

function clientConfig(url: string): ClientConfig {
  let address: URL
  try {
    address = new URL(url)
  } catch {
    throw new Fault('invalidInput', 'The address of the database is not a URL.', 'Write it as postgres://user@host:5432/database.')
  }
  if (address.protocol !== 'postgres:' && address.protocol !== 'postgresql:') throw new Fault('invalidInput', `The address of the database begins with ${address.protocol}//.`, 'Write it as postgres://user@host:5432/database.')
  return {
    connectionString: url,
    application_name: 'signalbox',
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') => (AS_TEXT.has(oid) ? (value: string) => value : types.getTypeParser(oid, format)),
    },
  }
}
