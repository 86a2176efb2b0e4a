import type { FlagSourceConfig, FlagSourceKind } from '../contract/flag.ts'
import type { FlagSource } from '../core/flags/ports.ts'
import { openFileSource } from './flagd/file-source.ts'
import { type FlagServerLink, NO_FLAG_SERVER } from './flagd/flag-server-link.ts'
import { openLaunchDarklySource } from './launchdarkly/source.ts'
import { openStatsigSource } from './statsig/source.ts'
import { openUnleashSource } from './unleash/source.ts'

/** What sources need of the console they work for. */
export interface FlagSourceContext {
  /** The value of a variable; null when it is not set. */
  readonly readSecret: (name: string) => string | null
  readonly wallMs: () => number
  /** Of the console: for what a source keeps for itself. Left out: only sources that keep nothing can be opened. */
  readonly dataFolder?: string
  /** For the built-in source alone. */
  readonly flagServer: FlagServerLink
}

/** Everything of this process, and no flag server unless one is given. */
export function flagSourceContext(dataFolder: string, flagServer: FlagServerLink = NO_FLAG_SERVER): FlagSourceContext {
  return { readSecret: (name) => process.env[name] ?? null, wallMs: Date.now, dataFolder, flagServer }
}

/** The one place a further flag system joins: its kind, and what makes a source of its configuration. */
const KINDS: Readonly<Record<FlagSourceKind, (config: FlagSourceConfig, context: FlagSourceContext) => FlagSource>> = {
  file: openFileSource,
  unleash: openUnleashSource,
  launchdarkly: openLaunchDarklySource,
  statsig: openStatsigSource,
}

/** Opens the source a workspace declares. Asks nobody yet. Faults: `invalidInput`. */
export function openFlagSource(config: FlagSourceConfig, context: FlagSourceContext): FlagSource {
  return KINDS[config.kind](config, context)
}
