import { QueryClient } from '@tanstack/react-query'
import { createActs } from '../lib/acts.ts'
import type { Console } from '../lib/console-context.tsx'
import { createLiveStore, type LiveStoreOptions } from '../lib/live-store.ts'
import { startLiveSync } from '../lib/live-sync.ts'
import { createFlagActs } from '../lib/flag-acts.ts'
import { createMigrationActs } from '../lib/migration-acts.ts'
import { createSession, type Connect } from '../lib/session.ts'
import { createUiState } from '../lib/ui-state.ts'

export interface RunningConsole {
  readonly console: Console
  readonly queries: QueryClient
  stop(): void
}

/** Wires one console: a connection, the live store it feeds, what was fetched, and the acts under way. */
export function startConsole(connect: Connect, options: LiveStoreOptions & { readonly retryMs?: readonly number[] } = {}): RunningConsole {
  const session = createSession()
  const store = createLiveStore(options)
  const acts = createActs({ service: store.service })
  const migrationActs = createMigrationActs()
  const flagActs = createFlagActs()
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false, refetchOnWindowFocus: false, refetchOnReconnect: false } } })
  const digests = new Map<string, string>()
  const stopItems = store.onItem((item) => {
    if (item.kind === 'journal') {
      acts.onEntry(item.entry)
      flagActs.onEntry(item.entry)
    }
    if (item.kind === 'rollout') {
      flagActs.onRollout(item.rollout)
      const { source, flag } = item.rollout.rollout
      void queries.invalidateQueries({ queryKey: ['flag.get', source, flag] })
    }
    // What a source holds is fetched anew when its digest says so, and what has no place in the digest once it changed.
    if (item.kind === 'flagSource' && digests.get(item.source.name) !== item.source.digest) {
      digests.set(item.source.name, item.source.digest)
      void queries.invalidateQueries({ queryKey: ['flag.get', item.source.name] })
      void queries.invalidateQueries({ queryKey: ['flag.compareTiers', item.source.name] })
    }
    if (item.kind === 'service') acts.onService(item.service)
    // A new phase of a release changes what the lists of releases and versions say.
    if (item.kind === 'journal' && item.entry.target.service !== undefined) {
      void queries.invalidateQueries({ queryKey: ['release.list', item.entry.target.service] })
      void queries.invalidateQueries({ queryKey: ['service.versions', item.entry.target.service] })
    }
  })
  const stopSync = startLiveSync({
    connect,
    session,
    store,
    onFresh: () => void queries.invalidateQueries(),
    ...(options.retryMs ? { retryMs: options.retryMs } : {}),
  })
  return {
    console: { session, store, acts, migrationActs, flagActs, ui: createUiState() },
    queries,
    stop() {
      stopItems()
      stopSync()
      queries.clear()
    },
  }
}
