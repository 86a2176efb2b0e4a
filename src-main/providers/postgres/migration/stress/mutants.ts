import { Client } from 'pg'
import { setTimeout as wait } from 'node:timers/promises'
import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { TestServer } from '../../testing/servers.ts'
import { openMigrationTarget } from '../target.ts'
import { compareWithControl, makeDatabase, withClient, wrongRows } from './database.ts'
import { REKEY } from './scenarios.ts'
import { REKEYED_SHAPE } from './shape.ts'
import { openStatementRewriter } from './statement-rewriter.ts'
import { createWalk } from './walk.ts'

/** Invariants of the algorithm, each with a fixed interleaving in which an algorithm without it loses data. */
export const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5'] as const
export type Invariant = (typeof INVARIANTS)[number]

export interface Outcome {
  /** Against the control table. */
  readonly wrongRows: number
  /** What a full pass found. */
  readonly mismatches: number
  /** Statements that were changed on their way; 0 for the algorithm as it is. */
  readonly mutated: number
}

const ROWS = 60
const PAGE_ROWS = 10
const GATE = 8_150_001
const GATED_EMAIL = 'gated@example.test'

/** An expression that is as good as constant, but takes as long as somebody wishes on one row. It waits for no lock, so that no lock timeout ends it. */
const GATE_SQL = `
CREATE FUNCTION stress.gate(email text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF email = '${GATED_EMAIL}' THEN
    WHILE NOT pg_try_advisory_lock_shared(${GATE}) LOOP PERFORM pg_sleep(0.002); END LOOP;
    PERFORM pg_advisory_unlock_shared(${GATE});
  END IF;
  RETURN email;
END $$;
CREATE TABLE public.renames (customer int PRIMARY KEY, full_name text NOT NULL);
CREATE FUNCTION public.rename_customer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.customers SET full_name = NEW.full_name WHERE id = NEW.customer; RETURN NULL; END $$;
CREATE TRIGGER rename_customer AFTER INSERT ON public.renames FOR EACH ROW EXECUTE FUNCTION public.rename_customer();
`

interface Bench {
  readonly url: string
  /** A client program's connection; each call is another one. */
  client(): Promise<Client>
  /** Runs the backfill to its end. */
  backfill(): Promise<void>
  /** Resolves when the backfill has committed its first page, and stands still before the next. */
  firstPage(): Promise<void>
  goOn(): void
  /** Resolves when a session of the migration, or a client's, waits for a lock or in the gate; or need not any more. */
  waits(who: 'signalbox' | 'mutant-client', kind: 'lock' | 'gate', orNot?: () => boolean): Promise<void>
}

/** The page of a backfill: every statement of it that makes rows of the new table. */
const PAGE = /^INSERT INTO "public"\."accounts"/
const KEY_SCAN = /ORDER BY f\."id" OFFSET \d+ LIMIT 1$/

interface Interleaving {
  /** Null: the statement is not one that the mutant has otherwise. */
  mutate(sql: string): string | null
  run(bench: Bench): Promise<void>
  /** A row that the gate holds. */
  readonly gated?: number
}

const replaced = (sql: string, from: string | RegExp, to: string): string | null => (sql.search(from) === -1 ? null : sql.replaceAll(typeof from === 'string' ? from : new RegExp(from, 'g'), to))

const INTERLEAVINGS: Readonly<Record<Invariant, Interleaving>> = {
  /** Source rows are not locked: one that is deleted between being read and being copied comes back. */
  I1: {
    gated: 5,
    mutate: (sql) => (PAGE.test(sql) ? replaced(sql, ' FOR SHARE', '') : null),
    async run(bench) {
      const [holder, client] = [await bench.client(), await bench.client()]
      await holder.query(`SELECT pg_advisory_lock(${GATE})`)
      const copying = bench.backfill()
      await bench.waits('signalbox', 'gate')
      let deleted = false
      const deleting = client.query('BEGIN; DELETE FROM stress.control WHERE id = 5; DELETE FROM customers WHERE id = 5; COMMIT').then(() => (deleted = true))
      await bench.waits('mutant-client', 'lock', () => deleted)
      await holder.query(`SELECT pg_advisory_unlock(${GATE})`)
      await deleting
      await copying
    },
  },
  /** An update is mirrored as an update: a row that moves to where copying has been already is nowhere. */
  I2: {
    mutate: (sql) =>
      sql.includes('FUNCTION signalbox."mirror_rekey_0"')
        ? replaced(sql, /INSERT INTO "public"\."accounts" AS t [^;]*;/, `IF TG_OP = 'INSERT' OR EXISTS (SELECT FROM "public"."accounts" t WHERE t."code" = key_0_0) THEN $& END IF;`)
        : null,
    async run(bench) {
      const client = await bench.client()
      const copying = bench.backfill()
      await bench.firstPage()
      await client.query('BEGIN; UPDATE stress.control SET id = 0 WHERE id = 45; UPDATE customers SET id = 0, tenant_id = 0 WHERE id = 45; COMMIT')
      bench.goOn()
      await copying
    },
  },
  /** Triggers come after the first page: what is written in between to rows of it is not mirrored. */
  I3: {
    mutate: (sql) => replaced(sql, /CREATE TRIGGER "zzz_signalbox_rekey_[a-z]+"[^;]*;?/, 'SELECT 1;'),
    async run(bench) {
      const client = await bench.client()
      const triggers = await client.query<{ sql: string }>(`SELECT pg_get_triggerdef(oid) AS sql FROM pg_trigger WHERE tgname LIKE 'zzz_signalbox_rekey_%'`)
      const copying = bench.backfill()
      await bench.firstPage()
      await client.query(`BEGIN; UPDATE stress.control SET email = 'later@example.test' WHERE id = 3; UPDATE customers SET email = 'later@example.test' WHERE id = 3; DELETE FROM stress.control WHERE id = 4; DELETE FROM customers WHERE id = 4; COMMIT`)
      if (triggers.rows.length === 0) await client.query(late.join(';\n'))
      bench.goOn()
      await copying
    },
  },
  /** The page ends with the last row that was locked: one that moves ahead while it is waited for takes the cursor along. */
  I4: {
    mutate(sql) {
      if (PAGE.test(sql)) return replaced(sql, ' FOR SHARE', ` LIMIT ${PAGE_ROWS} FOR SHARE`)
      return KEY_SCAN.test(sql) ? `${sql} FOR SHARE` : null
    },
    async run(bench) {
      const client = await bench.client()
      await client.query(`DELETE FROM stress.control WHERE id = ${ROWS - 1}; DELETE FROM customers WHERE id = ${ROWS - 1}`)
      await client.query('BEGIN')
      await client.query(`UPDATE stress.control SET id = ${ROWS - 1} WHERE id = ${PAGE_ROWS}`)
      await client.query(`UPDATE customers SET id = ${ROWS - 1}, tenant_id = ${ROWS - 1} WHERE id = ${PAGE_ROWS}`)
      const copying = bench.backfill()
      await bench.waits('signalbox', 'lock')
      await client.query('COMMIT')
      await copying
    },
  },
  /** Echoes are told by the depth of triggers: a write by a trigger of the application's own is taken for one. */
  I5: {
    mutate: (sql) => replaced(sql, /\(current_setting\('signalbox\.mirror', true\) IS DISTINCT FROM 'rekey\/\d\/' \|\| NEW\."[a-z]+"::text OR [^;]*? < 24\)/, '(pg_trigger_depth() = 0)'),
    async run(bench) {
      await bench.backfill()
      const client = await bench.client()
      await client.query(`BEGIN; UPDATE stress.control SET first = 'By', last = 'Trigger' WHERE id = 7; INSERT INTO renames VALUES (7, 'By Trigger'); COMMIT`)
    },
  },
}

/** Triggers that a mutant held back. */
const late: string[] = []

/** One fixed interleaving, of the algorithm as it is or of the one that lacks the invariant. */
export async function interleave(server: TestServer, database: string, invariant: Invariant, as: 'safe' | 'mutant'): Promise<Outcome> {
  const interleaving = INTERLEAVINGS[invariant]
  const url = await server.createDatabase(database)
  await makeDatabase(url, ROWS)
  await withClient(url, (client) => client.query(GATE_SQL))
  if (interleaving.gated !== undefined) {
    await withClient(url, (client) => client.query(`UPDATE customers SET email = '${GATED_EMAIL}' WHERE id = ${interleaving.gated}; UPDATE stress.control SET email = '${GATED_EMAIL}' WHERE id = ${interleaving.gated}`))
  }
  let mutated = 0
  let comparing = false
  let pages = 0
  let reached = () => {}
  let goOn = () => {}
  let holding: Promise<void> | null = null
  late.length = 0
  const network = await openStatementRewriter(url, async (sql) => {
    if (PAGE.test(sql)) {
      pages += 1
      if (pages === 2 && holding) {
        reached()
        await holding
      }
    }
    const changed = as === 'mutant' && !comparing ? interleaving.mutate(sql) : null
    if (changed === null) return sql
    mutated += 1
    if (invariant === 'I3') late.push(...(sql.match(/CREATE TRIGGER "zzz_signalbox_rekey_[a-z]+"[^;]*/g) ?? []))
    return changed
  })
  const clients: Client[] = []
  const target = openMigrationTarget({ database: 'stress', url: () => Promise.resolve(network.url), consoleName: 'mutant' })
  const walk = createWalk(target, gatedDefinition(), 'mutant')
  const bench: Bench = {
    url,
    async client() {
      const client = new Client({ connectionString: url, application_name: 'mutant-client' })
      clients.push(client)
      await client.connect()
      return client
    },
    backfill: () => walk.work('backfill'),
    firstPage() {
      holding = new Promise((resolve) => {
        goOn = resolve
      })
      return new Promise((resolve) => {
        reached = resolve
      })
    },
    goOn: () => goOn(),
    waits: (who, kind, orNot) => waitsFor(url, who, kind, orNot),
  }
  try {
    await walk.advanceTo('backfilling')
    await interleaving.run(bench)
    const compared = await compareWithControl(url, [{ shape: REKEYED_SHAPE, searchPath: 'public', kind: 'table' }])
    comparing = true
    await walk.advanceTo('verifying')
    await walk.work('fullPass')
    const reading = await target.read(REKEY.definition.id)
    const mismatches = Object.values(reading?.verification.open ?? {}).reduce<number>((sum, count) => sum + Number(count), 0)
    return { wrongRows: wrongRows(compared), mismatches, mutated }
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => {})))
    await walk.release()
    await target.close()
    await network.close()
  }
}

function gatedDefinition(): MigrationDefinition {
  const { definition } = REKEY
  if (definition.change.kind !== 'tables') throw new Error('a change of tables is wanted')
  const up = definition.change.up.map((link) => ({ ...link, set: link.set.map(({ column, expression }) => ({ column, expression: column === 'email' ? 'stress.gate(email)' : expression })) }))
  return { ...definition, change: { ...definition.change, up }, throttle: { ...definition.throttle, maxBatchRows: PAGE_ROWS, niceRatio: 0.01 } }
}

async function waitsFor(url: string, who: string, kind: 'lock' | 'gate', orNot: () => boolean = () => false): Promise<void> {
  const how = kind === 'lock' ? `wait_event_type = 'Lock'` : `wait_event = 'PgSleep'`
  for (let i = 0; i < 1000; i += 1) {
    const { rows } = await withClient(url, (client) => client.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '${who}%' AND ${how}`))
    if (rows.length > 0 || orNot()) return
    await wait(5)
  }
  throw new Error(`${who} never waited for a ${kind}`)
}
