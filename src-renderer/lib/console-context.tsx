import { createContext, use, useEffect, useSyncExternalStore, type ReactNode } from 'react'
import type { Acts } from './acts.ts'
import type { FlagActs } from './flag-acts.ts'
import { flagId } from './live-flags.ts'
import type { MigrationActs } from './migration-acts.ts'
import type { LiveKey, LiveStore } from './live-store.ts'
import type { Session } from './session.ts'
import type { UiState } from './ui-state.ts'
import type { ValueStore } from './value-store.ts'

/** What every screen works with. Made once, in app/. */
export interface Console {
  readonly session: Session
  readonly store: LiveStore
  readonly acts: Acts
  readonly migrationActs: MigrationActs
  readonly flagActs: FlagActs
  readonly ui: ValueStore<UiState>
}

const ConsoleContext = createContext<Console | null>(null)

export function ConsoleProvider(props: { readonly value: Console; readonly children: ReactNode }) {
  return <ConsoleContext value={props.value}>{props.children}</ConsoleContext>
}

export function useConsole(): Console {
  const value = use(ConsoleContext)
  if (!value) throw new Error('useConsole outside of ConsoleProvider')
  return value
}

function useLive<T>(key: LiveKey, read: (store: LiveStore) => T): T {
  const { store } = useConsole()
  return useSyncExternalStore(
    (listener) => store.subscribe(key, listener),
    () => read(store),
  )
}

export const useConnection = () => useLive('connection', (store) => store.connection())
export const useReady = () => useLive('connection', (store) => store.ready())
export const useStatus = () => useLive('status', (store) => store.status())
export const useServices = () => useLive('services', (store) => store.services())
export const useServiceNames = () => useLive('services', (store) => store.names())
export const useService = (name: string) => useLive(`service:${name}`, (store) => store.service(name))
export const useRecentMetrics = (name: string) => useLive(`metrics:${name}`, (store) => store.metrics(name))
export const useMigrations = () => useLive('migrations', (store) => store.migrations())
export const useMigration = (id: string) => useLive(`migration:${id}`, (store) => store.migration(id))
export const useLastReading = (id: string) => useLive(`migration:${id}`, (store) => store.lastReading(id))
export const useMigrationSamples = (id: string) => useLive(`migrationSamples:${id}`, (store) => store.migrationSamples(id))
export const useFlagSources = () => useLive('flagSources', (store) => store.flags.sources())
export const useFlagLines = () => useLive('flags', (store) => store.flags.lines())
export const useFlagLine = (source: string, key: string) => useLive(`flag:${flagId(source, key)}`, (store) => store.flags.line(source, key))
export const useLiveRollout = (source: string, key: string) => useLive(`flag:${flagId(source, key)}`, (store) => store.flags.rollout(source, key))
export const useRollouts = () => useLive('rollouts', (store) => store.flags.rollouts())
export const useWaiting = () => useLive('waiting', (store) => store.waiting())
export const useLiveJournal = () => useLive('journal', (store) => store.journal())

const ticks = new Map<number, { readonly listeners: Set<() => void>; timer: ReturnType<typeof setInterval> | null }>()

function subscribeTick(stepMs: number, listener: () => void): () => void {
  const tick = ticks.get(stepMs) ?? { listeners: new Set(), timer: null }
  ticks.set(stepMs, tick)
  tick.listeners.add(listener)
  tick.timer ??= setInterval(() => {
    for (const each of tick.listeners) each()
  }, stepMs)
  return () => {
    tick.listeners.delete(listener)
    if (tick.listeners.size === 0 && tick.timer) {
      clearInterval(tick.timer)
      tick.timer = null
    }
  }
}

/** The core's wall clock in steps of `stepMs`: one timer for every place that shows time. */
export function useNow(stepMs = 1000): number {
  const { store } = useConsole()
  return useSyncExternalStore(
    (listener) => subscribeTick(stepMs, listener),
    () => Math.floor(store.now() / stepMs) * stepMs,
  )
}

/** Names the page in the window's title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Signalbox`
  }, [title])
}
