import type { LocalEntries } from './local/launch.ts'
import { createLocalProvider, type LocalProvider } from './local/provider.ts'
import { localWorkspaceShape } from './local/workspace-shape.ts'

/** How services of each provider are written in the workspace file. A new provider is one folder and one line here. */
export const PROVIDER_SHAPES = { local: localWorkspaceShape } as const

export interface Providers {
  readonly local: LocalProvider
}

/** Opens the providers of a data folder. Nothing is started until a service needs it. */
export function openProviders({ idleStopMs, ...options }: { readonly dataFolder: string; readonly idleStopMs: number | null; readonly nodePath: string; readonly entries?: LocalEntries; readonly onlyLooks: boolean }): Providers {
  return { local: createLocalProvider({ ...options, idleExitMs: idleStopMs }) }
}
