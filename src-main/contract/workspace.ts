import { z } from 'zod'
import { filePlaceSchema } from './fault.ts'
import { planSchema } from './plan.ts'
import { dataModeSchema } from './service.ts'
import { ROLES, TIERS } from './vocabulary.ts'

/** One thing wrong with a workspace file. */
export const workspaceProblemSchema = z.strictObject({
  place: filePlaceSchema,
  /** What is there. */
  message: z.string(),
  /** What is expected. */
  expected: z.string(),
})
export type WorkspaceProblem = Readonly<z.infer<typeof workspaceProblemSchema>>

/** A command the workspace would run on this machine. */
export const declaredCommandSchema = z.strictObject({
  service: z.string(),
  purpose: z.string(),
  command: z.string(),
  folder: z.string(),
})
export type DeclaredCommand = Readonly<z.infer<typeof declaredCommandSchema>>

export const serviceConfigSchema = z.strictObject({
  name: z.string(),
  /** Key of a folder under providers/. */
  provider: z.string(),
  plan: planSchema,
  data: dataModeSchema,
  /** Released by the console itself, without gates, holds or baking, when the service has never had a release; null: none. */
  initialVersion: z.string().nullable(),
  /** The provider's own part, parsed by the provider's own schema. */
  settings: z.unknown(),
})
export type ServiceConfig = Readonly<z.infer<typeof serviceConfigSchema>>

export const workspaceSchema = z.strictObject({
  name: z.string(),
  tier: z.enum(TIERS),
  /** Absolute path of the file. */
  file: z.string(),
  /** SHA-256 of the file's bytes, hex. */
  digest: z.string(),
  services: z.array(serviceConfigSchema),
  /** Operators (OS user name or e-mail) and their role. Empty: whoever uses this OS account is admin. */
  roles: z.record(z.string(), z.enum(ROLES)),
  commands: z.array(declaredCommandSchema),
  /** SHA-256 over the commands; what trust is given to. */
  commandsDigest: z.string(),
  demo: z.boolean(),
  /** Everything stops when no console has been connected for so long, milliseconds; null: never. */
  idleStopMs: z.int().min(1000).nullable(),
})
export type Workspace = Readonly<z.infer<typeof workspaceSchema>>

/** What screens are told of the workspace. */
export const workspaceViewSchema = z.strictObject({
  name: z.string(),
  tier: z.enum(TIERS),
  file: z.string(),
  digest: z.string(),
  demo: z.boolean(),
  problems: z.array(workspaceProblemSchema),
  commands: z.array(declaredCommandSchema),
  commandsDigest: z.string(),
  trusted: z.boolean(),
  /** Text of the file, for showing problems at their lines. */
  text: z.string(),
})
export type WorkspaceView = Readonly<z.infer<typeof workspaceViewSchema>>
