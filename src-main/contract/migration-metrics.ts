/** The name by which criteria ask what comparing and copying measure; nothing is declared for it under `metrics`. */
export const MIGRATION_METRICS = 'migrations'

/** What is measured of each migration once a second, by its name in `MigrationSample`. */
export const MIGRATION_MEASURES = ['openMismatches', 'rowsPerSecond', 'replicaLagMs', 'probeMs', 'lockWaitMs'] as const
export type MigrationMeasure = (typeof MIGRATION_MEASURES)[number]
