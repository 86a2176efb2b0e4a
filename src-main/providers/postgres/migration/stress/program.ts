import { seededRandom } from '../../../../bench/measure.ts'
import { type Access, type Course, type Side, sideOf } from './access.ts'
import { type ClientConnection, StatementFailed } from './client.ts'
import type { IdPool } from './pool-of-ids.ts'
import { type Entity, type Field, TENANTS, tenantOf } from './shape.ts'
import { changeKey, control, copyIn, EMPTYING, insert, lock, readBoth, remove, SHARING, type Statement, truncate, update, updateMany, upsert } from './statements.ts'

/** A read that found something else than the control table said in the same snapshot. */
export interface WrongRead {
  readonly searchPath: string
  readonly table: string
  readonly id: number
  readonly found: string
  readonly expected: string
}

export interface ProgramOptions {
  readonly number: number
  readonly clients: number
  readonly seed: number
  readonly connection: ClientConnection
  readonly pool: IdPool
  readonly course: () => Course
  /** Ids above it are free. */
  readonly highestId: number
  /** Chance of a transaction to empty all tables. */
  readonly truncateChance: number
  readonly onWrongRead: (read: WrongRead) => void
}

/** One client program: `turn` is one transaction, chosen by its seed. Never throws for what a statement may meet. */
export interface Program {
  turn(): Promise<'committed' | 'rolledBack' | 'failed'>
  readonly kinds: ReadonlyMap<string, number>
}

const KINDS: readonly (readonly [kind: string, weight: number])[] = [
  ['read', 22],
  ['update', 24],
  ['updateMany', 7],
  ['insert', 9],
  ['upsert', 7],
  ['delete', 8],
  ['changeKey', 9],
  ['copy', 2],
  ['cascade', 0.6],
  ['script', 12],
]
const FIELDS: readonly (readonly Field[])[] = [['first', 'last'], ['email'], ['cents'], ['first', 'last', 'email', 'cents']]
const WORDS = ['Ada', 'Berta', 'Carl', 'Dora', 'Emil', 'Frida', 'Gustav', 'Hanna', 'Ivan', 'Juno', 'Karla', 'Leo', 'Mira', 'Nils', 'Olga', 'Paul']

export function createProgram(options: ProgramOptions): Program {
  const { connection, pool, number, clients } = options
  const random = seededRandom(options.seed * 1009 + number)
  const kinds = new Map<string, number>()
  let stamp = 0
  let fresh = Math.ceil(options.highestId / TENANTS) + 1

  const integer = (below: number) => Math.floor(random() * below)
  const word = () => WORDS[integer(WORDS.length)] ?? 'Ada'
  const isOwn = (id: number) => tenantOf(id) % clients === number

  function entity(id: number): Entity {
    stamp += 1
    return { id, first: `${word()}${stamp}`, last: `${word()}${number}`, email: `c${number}-${stamp}@example.test`, cents: integer(100_000) }
  }

  /** An id nobody has had, of a tenant of this client's own. Null when it owns none of that side. */
  function freshId(side: Side): number | null {
    const tenants = Array.from({ length: TENANTS / clients }, (_, i) => number + i * clients).filter((tenant) => sideOf(options.course(), tenant) === side)
    const tenant = tenants[integer(tenants.length)]
    if (tenant === undefined) return null
    fresh += 1
    return fresh * TENANTS + tenant
  }

  const existing = (side: Side, wanted: (id: number) => boolean = () => true) => pool.pick(random, random() < 0.3, (id) => sideOf(options.course(), id) === side && wanted(id))

  async function all(statements: readonly Statement[]): Promise<number> {
    let first: number | null = null
    for (const statement of statements) {
      const { count } = await connection.run(statement)
      first ??= count
    }
    return first ?? 0
  }

  /** Programs of several tables lock the row that says that a customer exists before they touch the rest. */
  async function locked(access: Access, ids: readonly number[]): Promise<boolean> {
    return (access.shape.length === 1 && access.locksFirst !== true) || (await all(lock(access.shape, ids))) > 0
  }

  async function doUpdate(access: Access, id: number): Promise<void> {
    const fields = FIELDS[integer(FIELDS.length)] ?? ['email']
    const next = entity(id)
    const found = (await locked(access, [id])) && (await all(update(access.shape, next, fields))) > 0
    if (found) await connection.run(control.update([id], next, fields))
    else pool.remove(id)
  }

  async function doUpdateMany(access: Access, side: Side): Promise<void> {
    const [table] = access.shape
    const ids = Array.from({ length: 2 + integer(12) }, () => existing(side)).filter((id) => id !== null)
    if (!table || ids.length === 0) return
    const wanted = [...new Set(ids)]
    const fields = FIELDS[integer(FIELDS.length)] ?? ['email']
    const next = entity(0)
    const [ask] = lock(access.shape, wanted)
    if (!ask) return
    const there = new Set((await connection.run(ask)).rows.map((row) => row[table.key.name]))
    const found = wanted.filter((id) => there.has(table.key.value(id)))
    if (found.length === 0) return
    await all(updateMany(access.shape, found, next, fields))
    await connection.run(control.update(found, next, fields))
  }

  async function doInsert(access: Access, side: Side): Promise<void> {
    const ids = Array.from({ length: access.kind === 'triggeredView' ? 1 : 1 + integer(3) }, () => freshId(side)).filter((id) => id !== null)
    if (ids.length === 0) return
    const rows = ids.map(entity)
    await all(insert(access.shape, rows))
    await connection.run(control.put(rows))
    for (const id of ids) pool.add(id)
  }

  async function doUpsert(access: Access, side: Side): Promise<void> {
    const id = random() < 0.5 ? freshId(side) : existing(side, isOwn)
    if (id === null) return
    const next = entity(id)
    await all(upsert(access.shape, next))
    await connection.run(control.put([next]))
    pool.add(id)
  }

  async function doCopy(access: Access, side: Side): Promise<void> {
    const ids = Array.from({ length: pool.size < 400 ? 120 : 12 }, () => freshId(side)).filter((id) => id !== null)
    if (ids.length === 0) return
    const rows = ids.map(entity)
    for (const { text, rows: lines } of copyIn(access.shape, rows)) await connection.copy(text, lines)
    await connection.run(control.put(rows))
    for (const id of ids) pool.add(id)
  }

  async function doDelete(access: Access, id: number): Promise<void> {
    if ((await locked(access, [id])) && (await all(remove(access.shape, id))) > 0) await connection.run(control.remove(id))
    pool.remove(id)
  }

  /** To above everything, or back into a hole: past a backfill's cursor in both directions. */
  async function doChangeKey(access: Access, id: number): Promise<void> {
    const hole = integer(Math.ceil(options.highestId / TENANTS)) * TENANTS + tenantOf(id)
    fresh += 1
    const to = random() < 0.5 && hole > 0 && !pool.has(hole) ? hole : fresh * TENANTS + tenantOf(id)
    if (!(await locked(access, [id])) || (await all(changeKey(access.shape, id, to))) === 0) return
    await connection.run(control.changeKey(id, to))
    pool.remove(id)
    pool.add(to)
  }

  async function doCascade(access: Access, side: Side): Promise<void> {
    const [table] = access.shape
    const tenant = tenantOf(existing(side, isOwn) ?? 0)
    if (!table || tenant % clients !== number) return
    // Rows in order first, so that the cascade meets no other client half way.
    await connection.run({ text: `SELECT FROM ${table.name} WHERE tenant_id = $1 ORDER BY ${table.key.name} FOR UPDATE`, values: [tenant], prepared: true })
    await connection.run({ text: 'DELETE FROM public.tenants WHERE id = $1', values: [tenant], prepared: true })
    await connection.run({ text: 'INSERT INTO public.tenants (id) VALUES ($1)', values: [tenant], prepared: true })
    await connection.run(control.removeTenant(tenant, TENANTS))
  }

  async function doRead(access: Access, side: Side): Promise<void> {
    const id = existing(side)
    if (id === null) return
    for (const [i, statement] of readBoth(access.shape, id).entries()) {
      const [row] = (await connection.run(statement)).rows
      if (row && row['found'] !== row['expected']) {
        options.onWrongRead({ searchPath: access.searchPath, table: access.shape[i]?.name ?? '', id, found: String(row['found']), expected: String(row['expected']) })
      }
    }
  }

  async function doTruncate(access: Access): Promise<void> {
    await all(truncate(access.shape))
    await connection.run(control.truncate())
    pool.clear()
  }

  /** Several acts in the order of their keys, with savepoints, some of them rolled back. */
  async function doScript(access: Access, side: Side): Promise<void> {
    const ids = Array.from({ length: 2 + integer(4) }, () => existing(side)).filter((id) => id !== null)
    for (const id of [...new Set(ids)].toSorted((a, b) => a - b)) {
      const safe = random() < 0.4
      if (safe) await connection.say('SAVEPOINT here')
      const what = random()
      if (what < 0.65) await doUpdate(access, id)
      else if (what < 0.8) await doDelete(access, id)
      else if (isOwn(id)) await doChangeKey(access, id)
      if (safe) await connection.say(random() < 0.5 ? 'ROLLBACK TO SAVEPOINT here' : 'RELEASE SAVEPOINT here')
    }
    if (random() < 0.4) await doInsert(access, side)
  }

  function choose(access: Access): string {
    if (access.kind === 'table' && random() < options.truncateChance) return 'truncate'
    if (access.kind === 'table' && pool.size < 200) return 'copy'
    let at = random() * KINDS.reduce((sum, [, weight]) => sum + weight, 0)
    const chosen = KINDS.find(([, weight]) => (at -= weight) < 0)?.[0] ?? 'read'
    // What the way there cannot do is done by others; here it is an update.
    if (chosen === 'copy' && access.kind !== 'table') return 'insert'
    if (access.kind === 'triggeredView' && (chosen === 'upsert' || chosen === 'updateMany')) return 'update'
    if (chosen === 'cascade' && !cascades(access)) return 'delete'
    return chosen
  }

  async function act(kind: string, access: Access, side: Side): Promise<void> {
    if (kind === 'read') return doRead(access, side)
    if (kind === 'updateMany') return doUpdateMany(access, side)
    if (kind === 'insert') return doInsert(access, side)
    if (kind === 'upsert') return doUpsert(access, side)
    if (kind === 'copy') return doCopy(access, side)
    if (kind === 'cascade') return doCascade(access, side)
    if (kind === 'truncate') return doTruncate(access)
    if (kind === 'script') return doScript(access, side)
    const id = existing(side, kind === 'changeKey' ? isOwn : () => true)
    if (id === null) return
    if (kind === 'update') return doUpdate(access, id)
    if (kind === 'delete') return doDelete(access, id)
    return doChangeKey(access, id)
  }

  return {
    kinds,
    async turn() {
      const course = options.course()
      const side: Side = random() < course.newShare ? 'new' : 'old'
      const accesses = course[side].length > 0 ? course[side] : course[side === 'new' ? 'old' : 'new']
      const access = accesses[integer(accesses.length)]
      if (!access) return 'committed'
      const kind = choose(access)
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      connection.in(access.searchPath, side)
      try {
        await connection.begin(`BEGIN; SET LOCAL search_path TO ${access.searchPath}; ${kind === 'truncate' ? EMPTYING : SHARING}`)
        await act(kind, access, side)
        const rollBack = kind !== 'read' && random() < 0.06
        await connection.say(rollBack ? 'ROLLBACK' : 'COMMIT')
        return rollBack ? 'rolledBack' : 'committed'
      } catch (error) {
        if (!(error instanceof StatementFailed)) throw error
        await connection.recover()
        return 'failed'
      }
    },
  }
}

/** Tenants refer to the old table and to those of its columns; a table of the new shape has no such parent. */
function cascades(access: Access): boolean {
  return access.kind !== 'triggeredView' && access.shape[0]?.name === 'customers'
}
