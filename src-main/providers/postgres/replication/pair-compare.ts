import { Fault } from '../../../contract/fault.ts'
import type { StopSignal } from '../../../core/ports.ts'
import { quoted, quotedTable, spoken } from '../migration/units.ts'
import { beat, untilArrived } from './pair-lag.ts'
import type { Query, Side } from './pair-side.ts'
import type { PairTable } from './pair-tables.ts'

export interface PairMismatch {
  readonly table: string
  /** `missing` and `extra` as seen from the follower. `unverifiable`: it changed each time it was looked at. */
  readonly class: 'missing' | 'extra' | 'differs' | 'unverifiable'
  readonly key: Readonly<Record<string, string | null>>
  readonly columns: readonly string[]
  readonly source: Readonly<Record<string, string | null>> | null
  readonly target: Readonly<Record<string, string | null>> | null
}

export interface PairComparison {
  readonly from: Side['name']
  readonly to: Side['name']
  readonly same: boolean
  readonly tookMs: number
  readonly tables: readonly {
    readonly table: string
    /** Rows of the source, and of the follower at the same point of the stream of changes. */
    readonly sourceRows: number
    readonly targetRows: number
    readonly chunks: number
    /** Rows that differed at first, because they were just being written, and were the same when looked at again. */
    readonly inFlight: number
    /** Tables without a key are compared as a whole; a difference while they are written says nothing then. */
    readonly keyless: boolean
  }[]
  /** The first ones. */
  readonly mismatches: readonly PairMismatch[]
  readonly mismatchCount: number
}

export interface CompareOptions {
  readonly chunkRows: number
  readonly maxMismatches: number
  /** For the follower to replay what the source had when it was read, ms. */
  readonly patienceMs: number
  readonly signal: StopSignal | null
}

/** Everything needed to read one table on both sides. */
interface Comparing {
  readonly source: Side
  readonly target: Side
  readonly table: PairTable
  readonly options: CompareOptions
  /** Resolves once the follower has replayed everything the source has committed by now. */
  readonly caughtUp: () => Promise<void>
  readonly key: readonly { readonly sql: string; readonly type: string; readonly name: string }[]
  readonly rowHash: string
}

type Key = readonly string[]
interface RowHash {
  readonly key: Key
  readonly hash: string
}

const LOOKS = 8
const SUSPECTS_PER_LOOK = 500

/**
 * Compares all rows of both sides while they are written. A chunk is read on the source, then on the follower once it
 * has replayed a mark set after that reading; count and sum of hashes agree, or the chunk's rows are listed. Rows that
 * differ then are looked at again until they either agree, or differ twice although the source did not change
 * meanwhile. Text of values is compared, in formats that both sessions pin. Faults: `timeout` when the follower does not keep up.
 */
export async function comparePair(request: { readonly source: Side; readonly target: Side; readonly pair: string; readonly generation: number; readonly tables: readonly PairTable[]; readonly targetTables: readonly PairTable[]; readonly options: CompareOptions }): Promise<PairComparison> {
  const { source, target, pair, generation, options } = request
  const begunMs = performance.now()
  const caughtUp = async () => {
    const mark = await beat(source.query, pair, source.name, generation)
    if (!(await untilArrived(target.query, pair, source.name, generation, mark.beat, options.patienceMs))) {
      throw new Fault('timeout', `${target.name} did not replay what ${source.name} had within ${options.patienceMs} ms, so rows cannot be compared.`, 'Look at the lag of the pair; compare when it keeps up.')
    }
  }
  const tables: PairComparison['tables'][number][] = []
  const mismatches: PairMismatch[] = []
  let mismatchCount = 0
  for (const table of request.tables) {
    const other = request.targetTables.find(({ name }) => spoken(name) === spoken(table.name))
    if (other === undefined) throw new Fault('gateFailed', `${spoken(table.name)} is missing on ${target.name}.`, 'Run the check of the pair.')
    const comparing = { source, target, table, options, caughtUp, key: keyOf(table, other), rowHash: rowHashOf(table) }
    const found = table.key.length === 0 ? await compareWhole(comparing) : await compareKeyed(comparing)
    tables.push(found.table)
    mismatchCount += found.count
    mismatches.push(...found.mismatches.slice(0, Math.max(0, options.maxMismatches - mismatches.length)))
  }
  return { from: source.name, to: target.name, same: mismatchCount === 0, tookMs: performance.now() - begunMs, tables, mismatches, mismatchCount }
}

interface TableFound {
  readonly table: PairComparison['tables'][number]
  readonly mismatches: readonly PairMismatch[]
  readonly count: number
}

async function compareKeyed(comparing: Comparing): Promise<TableFound> {
  const { source, target, table, options } = comparing
  const totals = { sourceRows: 0, targetRows: 0, chunks: 0, inFlight: 0 }
  const mismatches: PairMismatch[] = []
  let count = 0
  for (let after: Key | null = null; ; ) {
    if (options.signal?.aborted === true) throw new Fault('timeout', 'The comparison was stopped before its end.', 'Compare again.')
    const page = await readPage(source.query, comparing, after)
    const upTo: Key | null = page.rows < options.chunkRows ? null : page.last
    await comparing.caughtUp()
    const theirs = await readRange(target.query, comparing, after, upTo)
    totals.chunks += 1
    totals.sourceRows += page.rows
    if (page.rows === theirs.rows && page.hash === theirs.hash) totals.targetRows += theirs.rows
    else {
      const ours = await listRange(source.query, comparing, after, upTo)
      await comparing.caughtUp()
      const suspects = differing(ours, await listRange(target.query, comparing, after, upTo))
      const listed = suspects.slice(0, Math.max(options.maxMismatches - mismatches.length, 0))
      const real = await lookAgain(comparing, listed)
      const unlooked = suspects.length - listed.length
      totals.inFlight += listed.length - real.length
      totals.targetRows += page.rows - real.filter((row) => row.class === 'missing').length + real.filter((row) => row.class === 'extra').length
      mismatches.push(...real)
      count += real.length + unlooked
    }
    if (upTo === null) break
    after = upTo
  }
  return { table: { table: spoken(table.name), ...totals, keyless: false }, mismatches, count }
}

/** Without a key only the whole can be compared: the number of rows and the sum of their hashes. */
async function compareWhole(comparing: Comparing): Promise<TableFound> {
  const { source, target, table } = comparing
  const ours = await readRange(source.query, comparing, null, null)
  await comparing.caughtUp()
  const theirs = await readRange(target.query, comparing, null, null)
  const same = ours.rows === theirs.rows && ours.hash === theirs.hash
  const told: PairMismatch = { table: spoken(table.name), class: ours.rows > theirs.rows ? 'missing' : ours.rows < theirs.rows ? 'extra' : 'differs', key: {}, columns: [], source: null, target: null }
  return {
    table: { table: spoken(table.name), sourceRows: ours.rows, targetRows: theirs.rows, chunks: 1, inFlight: 0, keyless: true },
    mismatches: same ? [] : [told],
    count: same ? 0 : Math.max(1, Math.abs(ours.rows - theirs.rows)),
  }
}

async function readPage(query: Query, comparing: Comparing, after: Key | null): Promise<{ readonly rows: number; readonly hash: string; readonly last: Key }> {
  const { table, key, rowHash, options } = comparing
  const names = key.map((_, index) => `k${index}`)
  const [row] = await query(
    `WITH page AS MATERIALIZED (SELECT ${key.map(({ sql }, index) => `${sql} AS k${index}`).join(', ')}, ${rowHash} AS h FROM ONLY ${quotedTable(table.name)} t ${within(comparing, after, null).sql} ORDER BY ${key.map(({ sql }) => sql).join(', ')} LIMIT ${options.chunkRows})
     SELECT count(*)::int AS rows, coalesce(sum(h), 0)::text AS hash, (SELECT array[${names.map((name) => `${name}::text`).join(', ')}] FROM page ORDER BY ${names.map((name) => `page.${name} DESC`).join(', ')} LIMIT 1) AS last FROM page`,
    within(comparing, after, null).values,
  )
  return { rows: Number(row?.['rows']), hash: String(row?.['hash']), last: texts(row?.['last']) }
}

async function readRange(query: Query, comparing: Comparing, after: Key | null, upTo: Key | null): Promise<{ readonly rows: number; readonly hash: string }> {
  const { sql, values } = within(comparing, after, upTo)
  const [row] = await query(`SELECT count(*)::int AS rows, coalesce(sum(${comparing.rowHash}), 0)::text AS hash FROM ONLY ${quotedTable(comparing.table.name)} t ${sql}`, values)
  return { rows: Number(row?.['rows']), hash: String(row?.['hash']) }
}

async function listRange(query: Query, comparing: Comparing, after: Key | null, upTo: Key | null): Promise<readonly RowHash[]> {
  const { sql, values } = within(comparing, after, upTo)
  const rows = await query(`SELECT array[${comparing.key.map((column) => `${column.sql}::text`).join(', ')}] AS key, ${comparing.rowHash}::text AS hash FROM ONLY ${quotedTable(comparing.table.name)} t ${sql}`, values)
  return rows.map((row) => ({ key: texts(row['key']), hash: String(row['hash']) }))
}

function within({ key }: Comparing, after: Key | null, upTo: Key | null): { readonly sql: string; readonly values: readonly string[] } {
  const columns = key.map(({ sql }) => sql).join(', ')
  const values: string[] = []
  const bound = (operator: string, at: Key) => {
    const given = at.map((value, index) => `$${values.push(value)}::${key[index]?.type ?? 'text'}`)
    return `(${columns}) ${operator} (${given.join(', ')})`
  }
  const parts = [...(after === null ? [] : [bound('>', after)]), ...(upTo === null ? [] : [bound('<=', upTo)])]
  return { sql: parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`, values }
}

function differing(ours: readonly RowHash[], theirs: readonly RowHash[]): readonly Key[] {
  const left = new Map(theirs.map(({ key, hash }) => [JSON.stringify(key), { key, hash }]))
  const found: Key[] = []
  for (const { key, hash } of ours) {
    const name = JSON.stringify(key)
    if (left.get(name)?.hash !== hash) found.push(key)
    left.delete(name)
  }
  return [...found, ...[...left.values()].map(({ key }) => key)]
}

type Values = readonly (string | null)[]

/** Sorts what was in flight from what is wrong: source, mark, follower, source again. */
async function lookAgain(comparing: Comparing, suspects: readonly Key[]): Promise<readonly PairMismatch[]> {
  const found: PairMismatch[] = []
  for (let at = 0; at < suspects.length; at += SUSPECTS_PER_LOOK) {
    let open = suspects.slice(at, at + SUSPECTS_PER_LOOK).map((key) => ({ key, seen: '' }))
    for (let look = 1; open.length > 0 && look <= LOOKS; look += 1) {
      const keys = open.map(({ key }) => key)
      const before = await readRows(comparing.source.query, comparing, keys)
      await comparing.caughtUp()
      const theirs = await readRows(comparing.target.query, comparing, keys)
      const after = await readRows(comparing.source.query, comparing, keys)
      const next: typeof open = []
      for (const { key, seen } of open) {
        const name = JSON.stringify(key)
        const [own, other, again] = [before.get(name), theirs.get(name), after.get(name)]
        const still = JSON.stringify(own) === JSON.stringify(again)
        if (still && JSON.stringify(own) === JSON.stringify(other)) continue
        const now = still ? JSON.stringify([own, other]) : ''
        // The same difference twice in a row, around two marks: no change under way explains it.
        if (still && seen === now) found.push(mismatch(comparing, key, own, other))
        else if (look === LOOKS) found.push({ ...mismatch(comparing, key, own, other), class: 'unverifiable' })
        else next.push({ key, seen: now })
      }
      open = next
    }
  }
  return found
}

async function readRows(query: Query, { table, key }: Comparing, keys: readonly Key[]): Promise<ReadonlyMap<string, Values>> {
  const given = key.map(({ type }, index) => `k${index}::${type}`)
  const rows = await query(
    `SELECT array[${key.map(({ name }) => `t.${quoted(name)}::text`).join(', ')}] AS key, array[${table.columns.map(({ name }) => `t.${quoted(name)}::text`).join(', ')}] AS row FROM ONLY ${quotedTable(table.name)} t
     WHERE (${key.map(({ name }) => `t.${quoted(name)}`).join(', ')}) IN (SELECT ${given.join(', ')} FROM unnest(${key.map((_, index) => `$${index + 1}::text[]`).join(', ')}) u(${key.map((_, index) => `k${index}`).join(', ')}))`,
    key.map((_, index) => keys.map((values) => values[index])),
  )
  return new Map(rows.map((row) => [JSON.stringify(texts(row['key'])), row['row'] as Values]))
}

function mismatch({ table, key }: Comparing, values: Key, own: Values | undefined, other: Values | undefined): PairMismatch {
  const named = (row: Values | undefined) => (row === undefined ? null : Object.fromEntries(table.columns.map(({ name }, index) => [name, row[index] ?? null])))
  return {
    table: spoken(table.name),
    class: other === undefined ? 'missing' : own === undefined ? 'extra' : 'differs',
    key: Object.fromEntries(key.map(({ name }, index) => [name, values[index] ?? null])),
    columns: own === undefined || other === undefined ? [] : table.columns.filter((_, index) => own[index] !== other[index]).map(({ name }) => name),
    source: named(own),
    target: named(other),
  }
}

/** Ranges must hold the same keys on both servers; where their collations differ, keys are ordered byte by byte. */
function keyOf(table: PairTable, other: PairTable): Comparing['key'] {
  return table.key.map((name) => {
    const own = table.columns.find((column) => column.name === name)
    const same = own?.collation === other.columns.find((column) => column.name === name)?.collation
    return { name, type: own?.type ?? 'text', sql: same ? `t.${quoted(name)}` : `t.${quoted(name)} COLLATE "C"` }
  })
}

/** A row's text tells null from empty and is the same for the same values on every version. */
function rowHashOf(table: PairTable): string {
  return `hashtextextended(ROW(${table.columns.map(({ name }) => `t.${quoted(name)}`).join(', ')})::text, 0)`
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
