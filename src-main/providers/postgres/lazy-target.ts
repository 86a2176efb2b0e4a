import type { MigrationTarget } from '../../core/migration/ports.ts'

/** A target whose driver is loaded, and whose server is looked for, with the first call: a console without migrations pays for neither. */
export function lazyTarget(database: string, open: () => Promise<MigrationTarget>): MigrationTarget {
  let opening: Promise<MigrationTarget> | null = null
  let opened: MigrationTarget | null = null
  const target = async (): Promise<MigrationTarget> => {
    opening ??= open().then((made) => (opened = made))
    // What could not be opened is tried anew by the next call.
    return opening.catch((error: unknown) => {
      opening = null
      throw error
    })
  }
  return {
    database,
    read: async (migration) => (await target()).read(migration),
    preflight: async (definition, signal) => (await target()).preflight(definition, signal),
    sql: async (definition) => (await target()).sql(definition),
    acquire: async (migration, name) => (await target()).acquire(migration, name),
    release: async (ownership) => opened?.release(ownership),
    apply: async (request) => (await target()).apply(request),
    work: async (request) => (await target()).work(request),
    watch: async (request) => (await target()).watch(request),
    progress: (migration) => opened?.progress(migration) ?? null,
    events: async (afterId, limit) => (await target()).events(afterId, limit),
    mismatches: async (migration, filter) => (await target()).mismatches(migration, filter),
    repair: async (request) => (await target()).repair(request),
    async test() {
      try {
        return await (await target()).test()
      } catch (error) {
        return [{ name: database, ok: false, detail: error instanceof Error ? error.message : String(error), next: 'Look at the database in the workspace file.' }]
      }
    },
    close: async () => opened?.close(),
  }
}
