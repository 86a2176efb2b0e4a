import { Fault } from '../../contract/fault.ts'
import { MIGRATION_COMMANDS, type MigrationState } from '../../contract/migration.ts'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY, type MigrationDefinition } from '../../contract/migration-definition.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { type MigrationInput, type MigrationMove, type MigrationSignal, transition } from './machine.ts'
import { planMigration } from './state.ts'

/** A column split, as small as a definition gets. */
export const SAMPLE_DEFINITION: MigrationDefinition = {
  id: 'split_full_name',
  title: 'Split full_name',
  database: 'shop',
  change: {
    kind: 'columns',
    table: { schema: 'public', table: 'customers' },
    add: [
      { name: 'first_name', type: 'text', up: `split_part(full_name, ' ', 1)`, notNull: false, default: null, unique: false },
      { name: 'last_name', type: 'text', up: `substr(full_name, length(split_part(full_name, ' ', 1)) + 2)`, notNull: false, default: null, unique: false },
    ],
    replace: [{ name: 'full_name', down: `first_name || ' ' || last_name` }],
    checks: [],
  },
  entity: [],
  services: [{ service: 'customers', oldVersions: ['1.*'], newVersions: ['1.1.0', '2.*'] }],
  verify: DEFAULT_VERIFY,
  throttle: DEFAULT_THROTTLE,
  policy: { ...DEFAULT_POLICY, readSteps: [10, 100] },
}

const BROKEN = new Fault('gateFailed', 'It broke.', 'Retry.').data
const FAILED = { name: 'error ratio', severity: 'fail' as const, verdict: 'fail' as const, why: 'error ratio 4 %, limit 1 %', value: 0.04, baseline: null, against: 'limit' as const, limit: 0.01, requests: 100, statistic: null, closeness: 1, fromAt: 0, toAt: 0, absentSince: null, bothSides: false }

const SIGNALS: readonly MigrationSignal[] = [
  { type: 'workDone', work: 'shadowScan' },
  { type: 'workDone', work: 'backfill' },
  { type: 'workDone', work: 'validate' },
  { type: 'workDone', work: 'fullPass' },
  { type: 'workFailed', fault: BROKEN },
  { type: 'judged', verdict: 'pass', results: [] },
  { type: 'judged', verdict: 'fail', results: [FAILED] },
  { type: 'alarmed', why: 'A row was written past the triggers.' },
  { type: 'unused' },
]

export function everyInput(at: number): readonly MigrationInput[] {
  const commands = MIGRATION_COMMANDS.map((command): MigrationInput => ({ kind: 'command', command, by: SYSTEM_OPERATOR, reason: '', at }))
  return [...commands, ...SIGNALS.map((signal): MigrationInput => ({ kind: 'signal', signal, at }))]
}

/** Null also where the table refuses. */
export function tryMove(state: MigrationState, input: MigrationInput): MigrationMove | null {
  try {
    return transition(state, input)
  } catch (error) {
    if (error instanceof Fault && error.code === 'illegalCommand') return null
    throw error
  }
}

function shapeOf(state: MigrationState): string {
  return JSON.stringify([state.phase, state.readsPercent, state.writes, state.paused !== null, state.failure !== null, [...new Set(state.done)].toSorted(), state.rollback?.from])
}

/** Every state of the sample migration that differs for the table, reached from planned, each with the moves out of it. */
export function explore(): readonly { readonly state: MigrationState; readonly moves: readonly { readonly input: MigrationInput; readonly move: MigrationMove }[] }[] {
  const first = planMigration({ definition: SAMPLE_DEFINITION, digest: '', by: SYSTEM_OPERATOR, reason: '', at: 0, attempts: 0, revision: 0 })
  const seen = new Map<string, { state: MigrationState; moves: { input: MigrationInput; move: MigrationMove }[] }>()
  const queue = [first]
  for (let state = queue.pop(); state; state = queue.pop()) {
    const key = shapeOf(state)
    if (seen.has(key)) continue
    const from = state
    const moves = everyInput(1000).flatMap((input) => {
      const move = tryMove(from, input)
      return move ? [{ input, move }] : []
    })
    seen.set(key, { state, moves })
    queue.push(...moves.map(({ move }) => ({ ...move.next, approvals: [], done: [...new Set(move.next.done)] })))
  }
  return [...seen.values()]
}
