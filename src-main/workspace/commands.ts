import { createHash } from 'node:crypto'
import type { DeclaredCommand } from '../contract/workspace.ts'

/**
 * SHA-256 over what the workspace would run, hex: what trust is given to. The order of services in the file does not
 * matter; a changed command, variable or folder does.
 */
export function commandsDigest(commands: readonly DeclaredCommand[]): string {
  const lines = commands.map(({ service, purpose, command, folder }) => JSON.stringify([service, purpose, command, folder]))
  return createHash('sha256').update(['signalbox commands 1', ...lines.toSorted()].join('\n')).digest('hex')
}
