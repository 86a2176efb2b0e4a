import type { CoreApi } from '../../src-main/rpc/core-api.ts'
import type { Client } from '../lib/session.ts'

/** The double as a client, with no wire in between. */
export function directClient(api: CoreApi): Client {
  const nouns = Object.entries(api as unknown as Record<string, Record<string, (input: unknown, context: { signal: AbortSignal }) => unknown>>)
  const client = Object.fromEntries(
    nouns.map(([noun, verbs]) => [
      noun,
      Object.fromEntries(Object.entries(verbs).map(([verb, run]) => [verb, async (input: unknown, options?: { signal?: AbortSignal }) => run(input, { signal: options?.signal ?? new AbortController().signal })])),
    ]),
  )
  return client as unknown as Client
}
