import type { MetricReading, MetricTarget } from '../core/ports.ts'

/**
 * A system that answers queries. One folder per kind under providers/; metrics-source.ts lists them.
 *
 * Translates its vendor's errors into faults at its edge: `providerUnavailable`, `timeout`, `invalidInput` (the query
 * itself is wrong). No secret is ever in a fault or a note.
 */
export interface QueryProvider {
  /** How far apart its readings are, ms. */
  readonly intervalMs: number
  /** Readings from `fromAt` (wall ms, exclusive) to now, of one series. No data is an empty list. */
  read(query: string, target: MetricTarget, fromAt: number): Promise<MetricReading>
  /** The query as it is sent. Faults: `invalidInput` when it cannot be filled in safely. */
  filled(query: string, target: MetricTarget): string
  /** One line that says what answers there. Faults as above. */
  check(): Promise<string>
  close(): Promise<void>
}

/** What every kind of provider is given. */
export interface QueryProviderDeps {
  /** The value of a variable that a `${env:NAME}` names; null when it is not set. Called each time it is used. */
  readonly readSecret: (name: string) => string | null
  readonly wallMs: () => number
}
