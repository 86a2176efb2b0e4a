import type { Database } from '../../contract/migration-definition.ts'
import { Fault } from '../../contract/fault.ts'
import type { MigrationTarget, Rehearse } from '../../core/migration/ports.ts'
import { createSecretValues } from '../secret-values.ts'
import { lazyTarget } from './lazy-target.ts'

export interface OpenDatabaseOptions {
  /** Address of a practice server, started when it is not running. */
  readonly practice: (name: string, port: number) => Promise<string>
  readonly consoleName: string
}

/** A database of the workspace as a migration target. The driver is loaded, and secrets are read, when it is first used. */
export function openDatabase(database: Database, options: OpenDatabaseOptions): MigrationTarget {
  const secrets = createSecretValues(`Database ${database.name}`, (name) => process.env[name] ?? null)
  const { connection } = database
  const url = async () => (connection.kind === 'practice' ? options.practice(database.name, connection.port) : secrets.resolve(connection.url))
  return lazyTarget(database.name, async () => {
    const { openMigrationTarget } = await import('./migration/target.ts')
    return openMigrationTarget({ database: database.name, url, consoleName: options.consoleName })
  })
}

/** All phases and the way back, on a database of their own. */
export const rehearse: Rehearse = async () => {
  throw new Fault('unsupported', 'Rehearsing is not there yet.', 'Run the migration on a staging workspace.')
}
