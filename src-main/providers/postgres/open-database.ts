import { Fault } from '../../contract/fault.ts'
import type { Database } from '../../contract/migration-definition.ts'
import type { MigrationTarget, Rehearse } from '../../core/migration/ports.ts'
import { createSecretValues } from '../secret-values.ts'
import { lazyTarget } from './lazy-target.ts'

export interface OpenDatabaseOptions {
  /** Address of a practice server, started when it is not running. */
  readonly practice: (name: string, port: number) => Promise<string>
  readonly consoleName: string
}

/** Its address, asked for each time it is used. */
export function urlOf(database: Database, options: Pick<OpenDatabaseOptions, 'practice'>): () => Promise<string> {
  const secrets = createSecretValues(`Database ${database.name}`, (name) => process.env[name] ?? null)
  const { connection } = database
  return async () => (connection.kind === 'practice' ? options.practice(database.name, connection.port) : secrets.resolve(connection.url))
}

/** A database of the workspace as a migration target. The driver is loaded, and secrets are read, when it is first used. */
export function openDatabase(database: Database, options: OpenDatabaseOptions): MigrationTarget {
  const url = urlOf(database, options)
  return lazyTarget(database.name, async () => {
    const { openMigrationTarget } = await import('./migration/target.ts')
    return openMigrationTarget({ database: database.name, url, consoleName: options.consoleName })
  })
}

/** All phases and the way back, on a database of their own, watched from a second connection. */
export function createRehearse(options: OpenDatabaseOptions & { readonly databases: () => readonly Database[] }): Rehearse {
  return async (target, definition) => {
    const database = options.databases().find(({ name }) => name === target.database)
    if (!database) throw new Fault('notFound', `The workspace has no database ${target.database}.`, 'Look at `databases` in the workspace file.')
    const [{ rehearse }, { openRehearsalObserver }] = await Promise.all([import('./migration/rehearsal.ts'), import('./migration/rehearsal-observer.ts')])
    const observer = openRehearsalObserver({ database: database.name, url: urlOf(database, options) })
    try {
      const report = await rehearse(target, definition, { observer, consoleName: `${options.consoleName}, rehearsing` })
      return {
        digest: report.digest,
        summary: report.summary,
        mismatches: report.mismatches,
        evidence: report,
        steps: report.steps.map(({ step, title, tookMs, plannedLock, locks }) => ({ step, title, tookMs, lock: locks ? locks.tables.map(({ table, mode }) => `${mode} on ${table}`).join(', ') : plannedLock, waitedMs: locks ? locks.othersWaitedMs : null })),
      }
    } finally {
      await observer.close()
    }
  }
}
