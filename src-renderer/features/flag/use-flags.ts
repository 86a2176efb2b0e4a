import { useQueries } from '@tanstack/react-query'
import { useDeferredValue, useMemo } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { FlagSummary } from '../../../src-main/contract/flag.ts'
import { useConsole, useFlagLines, useFlagSources } from '../../lib/console-context.tsx'
import { flagListQuery, type FetchedFlags } from '../../lib/flag-queries.ts'
import { flagId, type FlagLine } from '../../lib/live-flags.ts'
import { toFault } from '../../lib/session.ts'

const NONE: readonly FlagSummary[] = []

export interface Flags {
  readonly flags: readonly FlagSummary[]
  /** Nothing has come from at least one source yet. */
  readonly loading: boolean
  /** Why a source's list could not be had, by its name. */
  readonly faults: ReadonlyMap<string, FaultData>
}

/** Every flag of every source: lists as they were fetched, with what the stream said since. */
export function useFlags(enabled = true): Flags {
  const { session, store } = useConsole()
  const sources = useFlagSources()
  // Whoever types goes first: a burst of lines is drawn when there is time.
  const lines = useDeferredValue(useFlagLines())
  const results = useQueries({
    queries: sources.map(({ name, digest }) => ({ ...flagListQuery(session, store, name, digest), enabled })),
    combine: (all) => ({
      lists: all.map(({ data }) => data),
      loading: all.some(({ isPending }) => isPending),
      errors: all.map(({ error }) => error),
    }),
  })
  const { lists, loading, errors } = results
  // `combine` hands out the same array as long as nothing in it changed: sorting and filtering are done on it.
  const flags = useMemo(() => (lists.length === 0 ? NONE : lists.flatMap((list) => (list ? withLines(list, lines) : []))), [lists, lines])
  const faults = new Map(errors.flatMap((error, index) => (error ? [[sources[index]?.name ?? '', toFault(error)] as const] : [])))
  return { flags, loading: loading && sources.length > 0, faults }
}

/** What the stream brought after a list was asked for stands in place of the list's own. */
export function withLines({ flags, asOf }: FetchedFlags, lines: ReadonlyMap<string, FlagLine>): readonly FlagSummary[] {
  if (lines.size === 0) return flags
  return flags.map((flag) => {
    const line = lines.get(flagId(flag.source, flag.key))
    return line && line.number > asOf ? line.summary : flag
  })
}
