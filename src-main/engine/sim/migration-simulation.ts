import { seededRandom } from '../../bench/measure.ts'
import type { CriterionResult } from '../../contract/analysis.ts'
import type { Fault } from '../../contract/fault.ts'
import type { MigrationDefinition } from '../../contract/migration-definition.ts'
import type { MigrationCommand, MigrationState } from '../../contract/migration.ts'
import type { Operator } from '../../contract/release.ts'
import type { Role } from '../../contract/vocabulary.ts'
import type { VersionInUse } from '../../core/interlocks/migration-rules.ts'
import { SAMPLE_DEFINITION } from '../../core/migration/exploration.ts'
import type { Clock } from '../../core/ports.ts'
import type { ReadsFlags } from '../migrations/deps.ts'
import { createMigrations, type Migrations } from '../migrations/migrations.ts'
import { createFakeDatabase, createFakeTarget } from './fake-database.ts'
import { createMemoryStore, createSimulatedDisk } from './memory-store.ts'
import { createVirtualClock } from './virtual-clock.ts'

export const ADA: Operator = { id: 'ada@host', name: 'Ada', email: '', known: 'osUser' }

export interface MigrationSimulationOptions {
  readonly seed?: number
  readonly definition?: Partial<MigrationDefinition>
  readonly versions?: () => readonly VersionInUse[]
  readonly judge?: (state: MigrationState) => readonly CriterionResult[] | null
  readonly readsFlags?: ReadsFlags
  readonly role?: () => Role
  readonly rows?: number
  /** Name of the rehearsal database. */
  readonly rehearsal?: string
}

/** The engine of migrations on virtual time, a simulated disk and a simulated database; consoles come and go. */
export function createMigrationSimulation(options: MigrationSimulationOptions = {}) {
  const random = seededRandom(options.seed ?? 1)
  const time = createVirtualClock()
  const disk = createSimulatedDisk()
  const database = createFakeDatabase(time.clock)
  const definition: MigrationDefinition = { ...SAMPLE_DEFINITION, policy: { ...SAMPLE_DEFINITION.policy, soakMs: 10_000, readHoldMs: 5_000, switchSoakMs: 10_000, tombstoneMs: 20_000 }, services: [], ...options.definition }
  const log: string[] = []
  let diskFails = false
  let commitLost = false
  let counter = 0
  let crash: { name: string; nth: number } | null = null
  let current: { migrations: Migrations; kill: () => void; alive: () => boolean } | null = null
  for (let row = 0; row < (options.rows ?? 23); row += 1) database.write(`row-${row}`, `value-${row}`)

  function boot(name = 'console-1', restarted = true) {
    let dead = false
    const hang = new Promise<never>(() => {})
    const mortal: Clock = { ...time.clock, setTimer: (delayMs, callback) => time.clock.setTimer(delayMs, () => dead || callback()) }
    const guard = <T extends object>(port: T): T =>
      new Proxy(port, {
        get(target, key, receiver) {
          const member: unknown = Reflect.get(target, key, receiver)
          if (typeof member !== 'function') return member
          return (...args: unknown[]): unknown => {
            if (dead) return hang
            const answer: unknown = Reflect.apply(member, target, args)
            return answer instanceof Promise ? answer.then((value: unknown) => (dead ? hang : value), (error: unknown) => (dead ? hang : Promise.reject(error as Error))) : answer
          }
        },
      })
    // The session of a console that died is gone, and its advisory lock with it.
    if (restarted) database.rows.owner = null
    const target = guard(createFakeTarget(database, time.clock, { console: name, commitLost: () => commitLost && random() < 0.5 }))
    const migrations = createMigrations(
      {
        clock: mortal,
        ids: { next: () => `id-${(counter += 1)}`, random },
        store: guard(createMemoryStore(disk, time.clock, () => diskFails)),
        definitions: [definition],
        target: () => target,
        rehearsalOf: () => options.rehearsal ?? null,
        consoleName: name,
        operator: () => ({ operator: ADA, role: options.role?.() ?? 'admin' }),
        readOnly: () => null,
        versions: () => ({ inUse: options.versions?.() ?? [], unknown: [] }),
        judge: options.judge ?? (() => null),
        readsFlags: options.readsFlags ?? { given: () => ({ given: 'nobody', words: '' }), needing: () => [], takeBack: async () => {} },
        rehearsed: async () => [],
        publish: () => {},
        log: (line) => log.push(line),
        crashPoint: (point) => {
          if (dead) return
          if (crash?.name !== point) return
          crash = { name: point, nth: crash.nth - 1 }
          if (crash.nth > 0) return
          crash = null
          dead = true
          throw new Error(`crashed at ${point}`)
        },
      },
      async () => ({ digest: 'digest', summary: 'Rehearsed.', steps: [{ step: 'expand', title: 'Expand', tookMs: 5, lock: '', waitedMs: null }], mismatches: {}, evidence: null }),
    )
    current = { migrations, kill: () => (dead = true), alive: () => !dead }
    migrations.start()
    return migrations
  }

  function migrations(): Migrations {
    if (!current) throw new Error('the console is not running')
    return current.migrations
  }

  /** Calls and lets time pass until it is answered; undefined when it never is. */
  async function act<T>(call: Promise<T>, patienceMs = 60_000): Promise<T | Fault | Error | undefined> {
    let answer: { value: T | Fault | Error } | undefined
    call.then(
      (value) => (answer = { value }),
      (error: unknown) => (answer = { value: error instanceof Error ? error : new Error(String(error)) }),
    )
    await time.settle()
    for (let waited = 0; !answer && waited < patienceMs && (current?.alive() ?? false); waited += 50) await time.advance(50)
    return answer?.value
  }

  return {
    time,
    disk,
    database,
    definition,
    log,
    random,
    boot,
    migrations,
    act,
    alive: () => current?.alive() ?? false,
    async restart(downMs = 0): Promise<void> {
      current?.kill()
      current = null
      await time.advance(downMs)
      boot()
      await time.settle()
    },
    crashAt(name: string, nth = 1): void {
      crash = { name, nth }
    },
    disarm(): void {
      crash = null
    },
    failDisk(on: boolean): void {
      diskFails = on
    },
    loseCommits(on: boolean): void {
      commitLost = on
    },
    command: (command: MigrationCommand, change: { typed?: string; operationId?: string; by?: Operator; expectedRevision?: number } = {}) =>
      act(migrations().command({ migration: definition.id, command, reason: 'because', typed: change.typed ?? '', operationId: change.operationId ?? `op-${command}-${(counter += 1)}`, expectedRevision: change.expectedRevision }, change.by ?? ADA)),
    view: () => {
      const found = migrations().snapshot().find((item) => item.kind === 'migration')
      if (!found) throw new Error('no migration is declared')
      return found.migration
    },
    state: () => database.rows.state,
  }
}
export type MigrationSimulation = ReturnType<typeof createMigrationSimulation>
