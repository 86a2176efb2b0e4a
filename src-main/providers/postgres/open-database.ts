import type { Database } from '../../contract/migration-definition.ts'
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
  const target = lazyTarget(database.name, async () => {
    const { openMigrationTarget } = await import('./migration/target.ts')
    return openMigrationTarget({ database: database.name, url, consoleName: options.consoleName })
  })
  addresses.set(target, url)
  return target
}

/** Of targets opened here: a rehearsal also looks at its database from a second connection. */
const addresses = new WeakMap<MigrationTarget, () => Promise<string>>()

/** All phases and the way back, on a database of their own. */
export const rehearse: Rehearse = async (target, definition) => {
  const [{ rehearse: run }, { openRehearsalObserver }] = await Promise.all([import('./migration/rehearsal.ts'), import('./migration/rehearsal-observer.ts')])
  const url = addresses.get(target)
  const observer = url === undefined ? null : openRehearsalObserver({ database: target.database, url })
  try {
    const report = await run(target, definition, { observer })
    return { digest: report.digest, summary: report.summary, evidence: report }
  } finally {
    await observer?.close()
  }
}
