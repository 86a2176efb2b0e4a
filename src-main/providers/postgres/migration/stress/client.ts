import { Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import { nowMs } from '../../../../bench/measure.ts'
import { copyQuery } from './copy-query.ts'
import type { Statement } from './statements.ts'

/** A statement of a client that did not succeed. */
export interface ClientFailure {
  readonly atMs: number
  readonly client: number
  /** SQLSTATE, or the socket's code, or `connection` when it ended without a word. */
  readonly code: string
  readonly message: string
  /** Who waited for whom, where the server says so. */
  readonly detail: string
  readonly text: string
  readonly searchPath: string
}

export interface SlowStatement {
  readonly atMs: number
  readonly tookMs: number
  readonly text: string
}

/** One connection of a client program, which comes back when it is lost. */
export interface ClientConnection {
  readonly statements: number
  readonly failures: readonly ClientFailure[]
  /** Statements that took longer than 20 ms. */
  readonly slow: readonly SlowStatement[]
  /** Throws `StatementFailed` after it was counted. */
  run(statement: Statement): Promise<{ readonly rows: readonly Record<string, unknown>[]; readonly count: number }>
  copy(text: string, rows: string): Promise<void>
  /** Connects if need be. Nothing else does: what is left of a transaction whose connection was lost must not run outside of it. */
  begin(text: string): Promise<void>
  say(text: string): Promise<void>
  /** After a failure: the transaction is given up, or a new connection made. */
  recover(): Promise<void>
  /** Statements of one shape and search path are prepared apart from the same text of another: as if by another program. */
  in(searchPath: string, shape: string): void
  close(): Promise<void>
}

export class StatementFailed extends Error {}

const SLOW_MS = 20

export function openClient(options: { readonly number: number; readonly url: string; readonly stopped: () => boolean }): ClientConnection {
  const failures: ClientFailure[] = []
  const slow: SlowStatement[] = []
  let statements = 0
  let searchPath = 'public'
  let shape = ''
  let connected: Client | null = null

  async function connection(): Promise<Client> {
    while (!connected) {
      const client = new Client({ connectionString: options.url, application_name: `stress-${options.number}` })
      client.on('error', () => {
        if (connected === client) connected = null
      })
      try {
        await client.connect()
        connected = client
      } catch (error) {
        await client.end().catch(() => {})
        fail(error, 'connect')
        if (options.stopped()) throw new StatementFailed('stopped while not connected')
        await wait(25)
      }
    }
    return connected
  }

  function fail(error: unknown, text: string): StatementFailed {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'connection'
    const message = error instanceof Error ? error.message : String(error)
    const detail = error instanceof Error && 'detail' in error && typeof error.detail === 'string' ? error.detail : ''
    failures.push({ atMs: nowMs(), client: options.number, code, message, detail, text, searchPath })
    return new StatementFailed(message)
  }

  async function timed<T>(text: string, work: (client: Client) => Promise<T>): Promise<T> {
    const client = connected
    if (!client) throw fail(new Error('the connection was lost within a transaction'), text)
    const startMs = nowMs()
    statements += 1
    try {
      return await work(client)
    } catch (error) {
      throw fail(error, text)
    } finally {
      const tookMs = nowMs() - startMs
      if (tookMs > SLOW_MS) slow.push({ atMs: startMs, tookMs, text })
    }
  }

  return {
    get statements() {
      return statements
    },
    failures,
    slow,
    run: ({ text, values, prepared }) =>
      timed(text, async (client) => {
        const result = await client.query({ text, values: [...values], ...(prepared ? { name: preparedName(`${searchPath} ${shape}: ${text}`) } : {}) })
        return { rows: result.rows, count: result.rowCount ?? 0 }
      }),
    copy: (text, rows) => timed(text, (client) => new Promise<void>((resolve, reject) => void client.query(copyQuery(text, rows, (error) => (error ? reject(error) : resolve()))))),
    async begin(text) {
      await connection()
      await timed(text, (client) => client.query(text))
    },
    say: (text) => timed(text, async (client) => void (await client.query(text))),
    async recover() {
      const client = connected
      if (!client) return
      try {
        await client.query('ROLLBACK')
      } catch {
        connected = null
        await client.end().catch(() => {})
      }
    },
    in(path, of) {
      searchPath = path
      shape = of
    },
    async close() {
      await connected?.end().catch(() => {})
      connected = null
    },
  }
}

const prepared = new Map<string, string>()

/** Names of prepared statements are short and the same for the same text, on every connection. */
function preparedName(text: string): string {
  const name = prepared.get(text) ?? `s${prepared.size}`
  prepared.set(text, name)
  return name
}
