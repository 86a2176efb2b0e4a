import { z } from 'zod'
import { Fault } from '../contract/fault.ts'
import { rehearsedStepSchema } from '../contract/migration.ts'
import { ENVIRONMENTS } from '../contract/vocabulary.ts'
import type { Workspace } from '../contract/workspace.ts'
import type { VersionInUse } from '../core/interlocks/migration-rules.ts'
import type { MigrationTarget, Rehearse } from '../core/migration/ports.ts'
import type { Engine } from '../engine/engine.ts'
import type { Flags } from '../engine/flags/flags.ts'
import type { MigrationsDeps } from '../engine/migrations/deps.ts'
import { createMigrations, type Migrations } from '../engine/migrations/migrations.ts'
import { createServiceGuard } from '../engine/migrations/service-guard.ts'
import type { JournalReaderClient } from '../store/reader-client.ts'
import { createReadsFlags } from './reads-flags.ts'
import { SYSTEM_CLOCK, SYSTEM_IDS } from './system-ports.ts'

export interface MigratingParts {
  readonly workspace: Workspace | null
  readonly engine: () => Engine
  /** Opens a database of the workspace by name, on first use. */
  readonly open: (database: Workspace['databases'][number]) => MigrationTarget
  readonly rehearse: Rehearse
  /** What keeps the flags that reads follow. */
  readonly flags: () => Flags
  readonly consoleName: string
  readonly ports: Pick<MigrationsDeps, 'store' | 'operator' | 'readOnly' | 'publish' | 'log' | 'crashPoint' | 'rehearsed'>
}

/** The migrations of a workspace and the databases they run in. */
export interface Migrating {
  readonly migrations: Migrations
  /** Everything that could be missing between console and one database. Faults: `notFound`. */
  test(database: string): Promise<{ name: string; ok: boolean; detail: string; next: string }[]>
  start(): void
  stop(): Promise<void>
}

export function createMigrating(parts: MigratingParts): Migrating {
  const { workspace, engine } = parts
  const targets = new Map<string, MigrationTarget>()

  function target(name: string): MigrationTarget {
    const found = targets.get(name)
    if (found) return found
    const database = workspace?.databases.find((each) => each.name === name)
    if (!database) throw new Fault('notFound', `The workspace has no database ${name}.`, 'Look at `databases` in the workspace file.')
    const opened = parts.open(database)
    targets.set(name, opened)
    return opened
  }

  const guard = createServiceGuard({
    clock: SYSTEM_CLOCK,
    config: (name) => workspace?.services.find((service) => service.name === name) ?? null,
    samples: (service) => engine().samples(service),
    observed: (service) => {
      const observed = engine().service(service)?.observed
      return observed?.kind === 'known' ? observed.value : null
    },
  })

  const readsFlags = createReadsFlags(parts.flags, workspace?.migrations ?? [], SYSTEM_CLOCK)
  const migrations = createMigrations(
    {
      ...parts.ports,
      clock: SYSTEM_CLOCK,
      ids: SYSTEM_IDS,
      definitions: workspace?.migrations ?? [],
      target,
      rehearsalOf: (name) => workspace?.databases.find((database) => database.name === name)?.rehearsal ?? null,
      consoleName: parts.consoleName,
      versions: (services) => versionsOf(engine(), services),
      judge: (state) => guard.judge(state),
      readsFlags,
    },
    parts.rehearse,
  )

  return {
    migrations,
    test: async (name) => [...(await target(name).test())],
    start() {
      readsFlags.start()
      migrations.start()
    },
    async stop() {
      readsFlags.stop()
      await migrations.stop()
      await Promise.all([...targets.values()].map((opened) => opened.close().catch(() => undefined)))
    },
  }
}

/** What runs, stands by, or would be started by a roll back. What cannot be observed is named, never taken for nothing. */
function versionsOf(engine: Engine, services: readonly string[]): ReturnType<MigrationsDeps['versions']> {
  const inUse: VersionInUse[] = []
  const unknown: string[] = []
  for (const service of services) {
    const view = engine.service(service)
    if (!view) continue
    if (view.observed.kind === 'unknown') {
      unknown.push(service)
      continue
    }
    const { weights, environments } = view.observed.value
    for (const environment of ENVIRONMENTS) {
      const { deployed, readiness } = environments[environment]
      if (deployed && readiness !== 'empty' && readiness !== 'stopped') inUse.push({ service, environment, version: deployed.version, as: weights[environment] > 0 ? 'live' : 'idle' })
    }
    const release = view.release && !view.release.ended ? view.release.release : null
    const back = release?.stable
    if (release && back && !inUse.some((each) => each.service === service && each.version === back.version)) {
      inUse.push({ service, environment: release.candidateEnvironment === 'blue' ? 'green' : 'blue', version: back.version, as: 'wayBack' })
    }
    for (const queued of view.queued) inUse.push({ service, environment: queued.release.candidateEnvironment, version: queued.release.candidate.version, as: 'idle' })
  }
  return { inUse, unknown }
}

const rehearsedSchema = z.object({ at: z.number(), database: z.string(), digest: z.string(), summary: z.string(), mismatches: z.record(z.string(), z.number()), steps: z.array(rehearsedStepSchema.omit({ ranMs: true })) })

/** The last rehearsal of each migration that the journal has. */
export async function rehearsedBefore(reader: Pick<JournalReaderClient, 'search'>): Promise<Awaited<ReturnType<MigrationsDeps['rehearsed']>>> {
  const { entries } = await reader.search({ text: '', action: 'migration.rehearse', kind: 'outcome', outcome: 'verified' }, undefined, 200)
  const found = new Map<string, z.infer<typeof rehearsedSchema>>()
  for (const { target, after } of entries) {
    const read = rehearsedSchema.safeParse(after)
    if (target.migration !== undefined && read.success && !found.has(target.migration)) found.set(target.migration, read.data)
  }
  return [...found].map(([migration, rehearsed]) => ({ migration, ...rehearsed }))
}
