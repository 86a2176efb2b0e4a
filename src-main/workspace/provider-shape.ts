import type { ZodType } from 'zod'
import type { FlagSourceConfig } from '../contract/flag.ts'
import type { Database } from '../contract/migration-definition.ts'
import type { Fields } from './collections.ts'
import type { PathPart, Reading } from './reading.ts'

/** What a provider's readers may know of the file's surroundings. */
export interface ShapeContext {
  /** Absolute folder of the workspace file: what relative paths in it start from. */
  readonly folder: string
  /** Variables of the process, to check that a `${env:NAME}` can be resolved. Their values are never kept. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Databases of the workspace, which `${database:NAME}` may name. Left out: none. */
  readonly databases?: readonly Database[]
  /** Flag sources of the workspace, which `${flags-http:NAME}` and `${flags-sync:NAME}` may name. Left out: none. */
  readonly flags?: readonly FlagSourceConfig[]
  /** Their names as they are written, also of those with problems of their own. */
  readonly flagNames?: readonly string[]
}

/** A command the settings would run. Texts for a person who decides on trust. */
export interface ShapeCommand {
  readonly purpose: string
  readonly command: string
  readonly folder: string
}

/** A port of this machine that the settings claim; two services cannot have the same. Port 0 (picked) is never given here. */
export interface ShapePort {
  readonly path: readonly PathPart[]
  readonly host: string
  readonly port: number
}

export interface Assembled {
  /** Input for the settings schema; the same keys as the fields' `into`, so that its issues find their place. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly commands: readonly ShapeCommand[]
  readonly ports: readonly ShapePort[]
}

/**
 * How a provider's part of a service is written in the workspace file. A provider without services of its own in the
 * file has none. `settingsSchema` has the last word on what the provider is given.
 */
export interface ProviderShape {
  readonly settingsSchema: ZodType
  /** The keys it adds to a service. */
  fields(context: ShapeContext): Fields
  /** Keys that hold mappings which `defaults` completes key by key. */
  readonly deepKeys: readonly string[]
  /** Keys that make no sense shared between services: not allowed in `defaults`. */
  readonly ownKeys: readonly string[]
  /** Puts what was read together, and checks what only the whole shows. `drainMs` and `initialVersion` come from the service's general part. */
  assemble(values: Readonly<Record<string, unknown>>, at: Reading, context: ShapeContext & { readonly drainMs: number; readonly initialVersion: string | null }): Assembled
}
