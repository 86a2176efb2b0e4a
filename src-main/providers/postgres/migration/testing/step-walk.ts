import type { Change, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../../../../contract/migration-definition.ts'
import type { MigrationState, MigrationStep } from '../../../../contract/migration.ts'
import { SYSTEM_OPERATOR } from '../../../../contract/release.ts'
import type { AppliedStep, Ownership } from '../../../../core/migration/ports.ts'
import { planMigration } from '../../../../core/migration/state.ts'
import type { TestServer } from '../../testing/servers.ts'
import { applyStep } from '../structure/apply.ts'
import { lenientChecks } from '../structure/checks.ts'
import { oldTables, readFacts } from '../facts.ts'
import type { TableDetail } from '../facts.ts'
import { concurrentIndexes } from '../structure/indexes.ts'
import { unitsNow } from '../names.ts'
import { createOwners } from '../ownership.ts'
import type { Owners } from '../ownership.ts'
import { openSessions } from '../session.ts'
import type { Sessions } from '../session.ts'
import { catalogSnapshot } from './catalog-snapshot.ts'
import { quoted, quotedTable } from '../units.ts'

type Rows = Record<string, unknown>[]

/** One migration in a database of its own, taken step by step without machine and engine. */
export interface StepWalk {
  readonly name: string
  readonly url: string
  readonly definition: MigrationDefinition
  readonly sessions: Sessions
  readonly owners: Owners
  readonly facts: readonly TableDetail[]
  state(): MigrationState
  ownership(): Ownership
  readonly sql: (text: string) => Promise<Rows>
  /** One step with the state that goes with it. */
  step(step: MigrationStep, patch?: Partial<MigrationState>, options?: { readonly deadlineMs?: number; readonly operationId?: string }): Promise<AppliedStep>
  /** Copies all rows in one statement, builds indexes and validates: what work does page by page. */
  fill(): Promise<void>
  /** Public schemas and all of the migration's own. */
  catalog(): Promise<string>
  /** From where it is to that phase. */
  to(phase: WalkPhase): Promise<void>
  collapse(): Promise<void>
  close(): Promise<void>
}

export const WALK_PHASES = ['planned', 'shadowReads', 'backfilling', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned', 'completed'] as const
export type WalkPhase = (typeof WALK_PHASES)[number]

let count = 0

export function definitionOf(change: Change, patch: Partial<MigrationDefinition> = {}): MigrationDefinition {
  return { id: 'mig', title: 'A migration', database: 'test', change, entity: [], services: [], verify: DEFAULT_VERIFY, throttle: DEFAULT_THROTTLE, policy: DEFAULT_POLICY, ...patch }
}

export async function openStepWalk(server: TestServer, tablesSql: string, change: Change, patch: Partial<MigrationDefinition> = {}): Promise<StepWalk> {
  count += 1
  const name = `steps_${process.pid}_${count}`
  const url = await server.createDatabase(name)
  await server.sql(tablesSql, name)
  const sessions = openSessions({ database: name, url })
  const owners = createOwners(sessions)
  const definition = definitionOf(change, { database: name, ...patch })
  let ownership = await owners.acquire(definition.id, 'test')
  const facts = await sessions.use((session) => readFacts(session, oldTables(change)))
  let state = planMigration({ definition, digest: '', by: SYSTEM_OPERATOR, reason: '', at: 0, attempts: 0, revision: 0 })
  let revision = 0
  let phase: WalkPhase = 'planned'
  const sql = (text: string) => server.sql(text, name)

  const walk: StepWalk = {
    name,
    url,
    definition,
    sessions,
    owners,
    facts,
    state: () => state,
    ownership: () => ownership,
    sql,
    async step(step, patch = {}, options = {}) {
      const next = { ...state, ...patch, revision: revision + 1 }
      const applied = await applyStep(sessions, { ownership, expectRevision: revision, step, next, event: { kind: 'state', summary: step, operationId: options.operationId ?? `op-${revision + 1}`, by: SYSTEM_OPERATOR, evidence: null }, deadlineMs: options.deadlineMs ?? 10_000 })
      state = next
      revision += 1
      return applied
    },
    async fill() {
      const { up } = unitsNow(definition, facts, false)
      const guarded = (text: string) => sql(`BEGIN; SET LOCAL signalbox.backfill = '${definition.id}'; ${text}; COMMIT`)
      for (const unit of up.toSorted((a, b) => Number(b.existence) - Number(a.existence))) {
        const set = unit.set.map(({ column, expression }) => ({ column: quoted(column), expression }))
        if (unit.sameRow) {
          if (set.length > 0) await guarded(`UPDATE ${quotedTable(unit.to)} SET ${set.map(({ column, expression }) => `${column} = ${expression}`).join(', ')}`)
        } else if (unit.existence) {
          await guarded(`INSERT INTO ${quotedTable(unit.to)} (${[...unit.toKey.map(({ column }) => quoted(column)), ...set.map(({ column }) => column)].join(', ')}) SELECT ${[...unit.toKey, ...unit.set].map(({ expression }) => expression).join(', ')} FROM ${quotedTable(unit.from)} ON CONFLICT DO NOTHING`)
        } else {
          await guarded(`UPDATE ${quotedTable(unit.to)} t SET ${set.map(({ column }, index) => `${column} = s.v${index}`).join(', ')} FROM (SELECT ${[...unit.toKey.map(({ expression }, index) => `${expression} AS k${index}`), ...set.map(({ expression }, index) => `${expression} AS v${index}`)].join(', ')} FROM ${quotedTable(unit.from)}) s WHERE ${unit.toKey.map(({ column }, index) => `t.${quoted(column)} = s.k${index}`).join(' AND ')}`)
        }
      }
      for (const { create } of concurrentIndexes(definition, facts)) await sql(create)
      if (change.kind === 'columns') for (const table of facts) for (const { validate } of lenientChecks(definition, table)) await sql(validate)
    },
    catalog: () => sessions.use((session) => catalogSnapshot({ query: (text, values) => session.query(text, values) }, ['public', 'app', `sb_${definition.id}_old`, `sb_${definition.id}_new`, `sb_${definition.id}_reads`])),
    async to(goal) {
      while (phase !== goal) {
        const next = WALK_PHASES[WALK_PHASES.indexOf(phase) + 1]
        if (next === undefined) throw new Error(`no way from ${phase} to ${goal}`)
        switch (next) {
          case 'planned':
            break
          case 'shadowReads':
            await walk.step('createShadow', { phase: next })
            break
          case 'backfilling':
            await walk.step('expand', { phase: next })
            break
          case 'dualWrites':
            await walk.fill()
            await walk.step('none', { phase: next })
            break
          case 'switchingReads':
            await walk.step('setReads', { phase: next, readsPercent: 50 })
            break
          case 'switchedWrites':
            await walk.step('setWrites', { phase: next, readsPercent: 100, writes: 'new' })
            break
          case 'tombstoned':
            await walk.step('tombstone', { phase: next })
            break
          case 'completed':
            await walk.step('drop', { phase: next })
            break
        }
        phase = next
      }
    },
    async collapse() {
      await walk.step('collapse', { phase: 'rolledBack', readsPercent: 0, writes: 'old' })
      phase = 'planned'
    },
    async close() {
      await owners.close()
      await sessions.close()
    },
  }
  ownership = walk.ownership()
  return walk
}
