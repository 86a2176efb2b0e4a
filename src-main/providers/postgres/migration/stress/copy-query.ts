import type { Connection, Submittable } from 'pg'

interface CopyConnection {
  query(text: string): void
  sync(): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** `COPY ... FROM STDIN` as the protocol has it, which `pg` leaves to others: one chunk, then the end. */
export function copyQuery(text: string, rows: string, done: (error: Error | null) => void): Submittable {
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
      done(null)
    },
    // After an error `pg` does not forward "ready" any more; queries behind this one wait for it all the same.
    handleError(error: Error) {
      done(error)
    },
  }
  return query
}
