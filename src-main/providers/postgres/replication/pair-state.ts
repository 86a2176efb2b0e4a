import type { EnvironmentName } from '../../../contract/vocabulary.ts'
import type { TableName } from '../../../contract/migration-definition.ts'
import type { PairNames } from './pair-names.ts'
import type { Query, Row, Side } from './pair-side.ts'

/** What one database says of the pair. */
export interface SideState {
  /** The side whose writes count, as this database knows it; null: the pair was never set up here. */
  readonly source: EnvironmentName | null
  readonly generation: number
  /** `settled`; `closing` on the side that gives writes away; `opened` on the side that has them, until the other follows. */
  readonly step: string
  readonly tables: readonly TableName[]
  /** Writes of clients are refused. */
  readonly closed: boolean
  readonly publication: boolean
  /** Null: it follows nobody. `ready` of `tables` are copied and in step. */
  readonly subscription: { readonly enabled: boolean; readonly working: boolean; readonly ready: number; readonly tables: number } | null
  /** What this database keeps for the other. `keptBytes`: write-ahead log held back by it. */
  readonly slots: readonly { readonly name: string; readonly active: boolean; readonly lost: boolean; readonly keptBytes: number }[]
}

export const NEVER: SideState = { source: null, generation: 0, step: 'settled', tables: [], closed: false, publication: false, subscription: null, slots: [] }

/** Reads what one database says. Privileges of an ordinary role are enough. */
export async function readSide(query: Query, pair: string, names: PairNames): Promise<SideState> {
  const [known] = await query(`SELECT to_regclass('signalbox.pairs') IS NOT NULL AND to_regclass('signalbox.pair_fences') IS NOT NULL AS installed`)
  const installed = known?.['installed'] === true
  const [row] = installed ? await query(`SELECT p.*, f.closing > f.opened AS closed FROM signalbox.pairs p LEFT JOIN signalbox.pair_fences f USING (pair) WHERE p.pair = $1`, [pair]) : []
  const [publication] = await query('SELECT FROM pg_publication WHERE pubname = $1', [names.publication])
  const [subscription] = await query(
    `SELECT s.subenabled AS enabled, EXISTS (SELECT FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.pid IS NOT NULL AND w.relid IS NULL) AS working,
      (SELECT count(*) FROM pg_subscription_rel r WHERE r.srsubid = s.oid AND r.srsubstate = 'r')::int AS ready, (SELECT count(*) FROM pg_subscription_rel r WHERE r.srsubid = s.oid)::int AS tables
     FROM pg_subscription s WHERE s.subname = $1 AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [names.subscription],
  )
  const slots = await query(
    `SELECT slot_name AS name, active, coalesce(wal_status = 'lost', false) AS lost, coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::text AS kept
     FROM pg_replication_slots WHERE slot_name ~ ('^' || $1 || '(blue|green)_([0-9]+|early)$') AND database = current_database() ORDER BY 1`,
    [names.slotPrefix],
  )
  return {
    source: row === undefined ? null : sideName(row['source']),
    generation: Number(row?.['generation'] ?? 0),
    step: typeof row?.['step'] === 'string' ? row['step'] : 'settled',
    tables: Array.isArray(row?.['tables']) ? (row['tables'] as readonly TableName[]) : [],
    closed: row?.['closed'] === true,
    publication: publication !== undefined,
    subscription: subscription === undefined ? null : subscriptionOf(subscription),
    slots: slots.map((slot) => ({ name: String(slot['name']), active: slot['active'] === true, lost: slot['lost'] === true, keptBytes: Number(slot['kept']) })),
  }
}

function subscriptionOf(row: Row): NonNullable<SideState['subscription']> {
  return { enabled: row['enabled'] === true, working: row['working'] === true, ready: Number(row['ready']), tables: Number(row['tables']) }
}

function sideName(value: unknown): EnvironmentName | null {
  return value === 'blue' || value === 'green' ? value : null
}

/** Where a pair is, made of what both databases say. */
export interface PairState {
  readonly blue: SideState
  readonly green: SideState
  /** The side whose writes count: what the newer generation says; null: never set up. */
  readonly source: EnvironmentName | null
  readonly generation: number
  /**
   * `none`: never set up. `copying`: rows that were there before are still being copied. `inStep`: one side follows the
   * other. `closing`: writes are closed and no side has taken them yet. `opened`: the new side has them, the old one
   * does not follow yet. `broken`: see `words`.
   */
  readonly phase: 'none' | 'copying' | 'inStep' | 'closing' | 'opened' | 'broken'
  /** What that means, in one sentence. */
  readonly words: string
}

export async function readPair(sides: Readonly<Record<EnvironmentName, Side>>, pair: string, names: PairNames): Promise<PairState> {
  const [blue, green] = await Promise.all([readSide(sides.blue.query, pair, names), readSide(sides.green.query, pair, names)])
  return pairState(blue, green, names)
}

export function pairState(blue: SideState, green: SideState, names: PairNames): PairState {
  const newer = blue.source !== null && blue.generation >= green.generation ? blue : green
  const { source, generation } = newer
  const told = (phase: PairState['phase'], words: string): PairState => ({ blue, green, source, generation, phase, words })
  if (source === null) return told('none', 'Nothing keeps the two databases in step: the pair was never set up.')
  const target = source === 'blue' ? 'green' : 'blue'
  const [writer, follower] = source === 'blue' ? [blue, green] : [green, blue]
  if (writer.step === 'closing') return told('closing', `Writes are closed on ${source} and open nowhere yet: the switch to ${target} was begun.`)
  if (writer.step === 'opened') return told('opened', `${source} takes the writes; ${target} does not follow yet, and what is written is kept for it.`)
  const slot = writer.slots.find(({ name }) => name === names.slot(source, generation))
  if (slot?.lost === true) return told('broken', `${source} no longer has what ${target} lacks: its write-ahead log was removed. Tear the pair down, empty ${target}'s tables and set it up again.`)
  if (follower.subscription === null || slot === undefined) return told('broken', `${target} does not follow ${source}: ${follower.subscription === null ? 'its subscription' : `the slot on ${source}`} is missing. Set the pair up again.`)
  if (!follower.subscription.enabled) return told('broken', `${target}'s subscription is disabled. Enable it: ALTER SUBSCRIPTION ${names.subscription} ENABLE.`)
  if (follower.subscription.ready < follower.subscription.tables) return told('copying', `${follower.subscription.ready} of ${follower.subscription.tables} tables are copied from ${source} to ${target}.`)
  return told('inStep', `${target} follows ${source}.`)
}
