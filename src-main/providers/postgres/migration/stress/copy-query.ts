import type { Connection, Submittable } from 'pg'

interface CopyConnection {
  query(text: string): void
  sync(): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** `COPY ... FROM STDIN` as the protocol has it, which `pg` leaves to others: one chunk, then the end. */
export function copyQuery(text: string, rows: string, done: (error: Error | null) => void): Submittable {
  let failed: Error | null = null
  const query = {
    // What `pg` looks at of a query in its queue.
    callback: null,
    submit(connection: Connection) {
      ;(connection as unknown as CopyConnection).query(text)
    },
    handleCopyInResponse(connection: CopyConnection) {
      connection.sendCopyFromChunk(Buffer.from(rows))
      connection.endCopyFrom()
    },
    handleCommandComplete() {},
    handleRowDescription() {},
    handleDataRow() {},
    handlePortalSuspended() {},
    handleEmptyQuery() {},
    handleReadyForQuery() {
      done(failed)
    },
    handleError(error: Error, connection: { readonly stream?: { readonly destroyed?: boolean } } | undefined) {
      failed = error
      // An error of the statement is followed by "ready"; one of the connection by nothing.
      if (!('code' in error) || !connection || connection.stream?.destroyed) done(error)
    },
  }
  return query
}
