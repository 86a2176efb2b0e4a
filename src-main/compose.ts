import { mkdirSync } from 'node:fs'
import { composeAudit } from './console/compose-audit.ts'
import { composeConsole } from './console/compose-console.ts'
import type { ComposeCore } from './rpc/core-api.ts'

/** The only place where things are wired: a console on a data folder, or a journal opened for reading alone. */
export const composeCore: ComposeCore = async (options) => {
  if (options.auditFile !== null) return composeAudit({ ...options, auditFile: options.auditFile })
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 })
  return composeConsole(options)
}
