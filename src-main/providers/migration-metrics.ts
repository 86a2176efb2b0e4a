import { MIGRATION_MEASURES, type MigrationMeasure } from '../contract/migration-metrics.ts'
import type { MigrationSample } from '../contract/migration.ts'
import { Fault } from '../contract/fault.ts'
import type { QueryProvider } from './query-provider.ts'

function parse(query: string): { readonly migration: string; readonly measure: MigrationMeasure } {
  const [migration = '', name = '', ...more] = query.trim().split('.')
  const measure = MIGRATION_MEASURES.find((each) => each === name)
  if (migration === '' || !measure || more.length > 0) throw new Fault('invalidInput', `\`${query}\` is no measure of a migration.`, `Write a migration and one of ${MIGRATION_MEASURES.join(', ')}: split_full_name.openMismatches`)
  return { migration, measure }
}

/** What comparing and copying measure, as metrics: a criterion of a release can gate on a migration's mismatches. */
export function createMigrationMetrics(samples: (migration: string, fromAt: number) => readonly MigrationSample[]): QueryProvider {
  return {
    intervalMs: 1000,
    async read(query, _target, fromAt) {
      const { migration, measure } = parse(query)
      const points = samples(migration, fromAt).filter(({ at }) => at > fromAt)
      return { query, points: points.map((sample) => ({ at: sample.at, value: sample[measure], requests: 0, errors: 0, latencyMs: null })), notes: points.length === 0 ? [`Migration ${migration} is compared by nobody now.`] : [] }
    },
    filled(query) {
      parse(query)
      return query
    },
    check: async () => 'Measured by this console.',
    close: async () => {},
  }
}
