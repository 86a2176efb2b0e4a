import type { FileSettings } from './file-settings.ts'

/** Where a flag server listens, always on 127.0.0.1. */
export interface FlagServerPorts {
  readonly httpPort: number
  readonly syncPort: number
}

/** The flag server of a source, as the console reaches it: it runs elsewhere and outlives the console. */
export interface FlagServerLink {
  /** Starts it when it does not run; the same again is harmless. Null: it is not to be had here, as `why` says. */
  start(name: string, settings: FileSettings): Promise<FlagServerPorts | { readonly why: string }>
}

/** Files are read and written, and nobody serves or counts. */
export const NO_FLAG_SERVER: FlagServerLink = { start: async () => ({ why: 'No flag server runs for it here.' }) }
