/**
 * P4: what the chain costs, and what committing together gains.
 *     npm run bench -- journal [--appends 200] [--pairs 15] [--json]
 * Floor: an insert of the same columns into the same shape of table, WAL and synchronous=FULL, no hashes, no triggers,
 * no grouping. Both arms serialise the same header and body, since both store them.
 */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { bootstrapMedian, comparePairs, median, numberOption, report, timeMs } from '../bench/measure.ts'
import { RESERVED_LOG_BYTES } from './journal-writer.ts'
import { openStore } from './store.ts'
import { batch, draft, storeOptions, temporaryFolder } from './testing/fixtures.ts'

const appends = numberOption('appends', 200)
const pairs = numberOption('pairs', 15)
const folder = temporaryFolder()
try {
  // As it is after its first quiet second.
  const options = { ...storeOptions(folder.path), reserveLogBytes: RESERVED_LOG_BYTES }
  const store = openStore(options)
  const plain = new Database(join(folder.path, 'plain.db'))
  plain.pragma('journal_mode=WAL')
  plain.pragma('synchronous=FULL')
  plain.pragma('wal_autocheckpoint=0')
  plain.exec('CREATE TABLE journal (seq INTEGER PRIMARY KEY, header TEXT NOT NULL, body TEXT NOT NULL, previous_hash BLOB NOT NULL, body_hash BLOB NOT NULL, hash BLOB NOT NULL) STRICT')
  const insert = plain.prepare('INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)')
  const filler = Buffer.alloc(32, 7)
  let seq = 0
  const plainAppend = () => {
    seq += 1
    const { hostId, appVersion, workspaceDigest } = options
    const header = JSON.stringify({ v: 1, seq, id: options.nextId(), hostId, at: options.wallMs(), appVersion, workspaceDigest, emergency: false })
    insert.run(seq, header, JSON.stringify(draft()), filler, filler, filler)
  }
  const one = () => batch({ entries: [draft()] })

  const single = await comparePairs(
    {
      name: 'plain insert',
      run: () =>
        timeMs(() => {
          for (let i = 0; i < appends; i++) plainAppend()
        }),
    },
    {
      name: 'chained append',
      run: () =>
        timeMs(async () => {
          for (let i = 0; i < appends; i++) await store.commit(one())
        }),
    },
    { pairs, warmups: 2 },
  )
  const rate = single.ratios.map((ratio) => 1 / ratio)

  let groups = 0
  let transactions = 0
  const grouped = await comparePairs(
    {
      name: '100 appends, one after the other',
      run: () =>
        timeMs(async () => {
          for (let i = 0; i < 100; i++) await store.commit(one())
        }),
    },
    {
      name: '100 appends at once',
      run: async () => {
        const before = store.stats().transactions
        const ms = await timeMs(() => Promise.all(Array.from({ length: 100 }, () => store.commit(one()))))
        groups += 1
        transactions += store.stats().transactions - before
        return ms
      },
    },
    { pairs, warmups: 2 },
  )
  const gain = grouped.ratios.map((ratio) => 1 / ratio)
  await store.close()
  plain.close()

  const rateInterval = bootstrapMedian(rate)
  const gainInterval = bootstrapMedian(gain)
  report(
    'journal',
    {
      'plain insert, ms': median(single.floor) / appends,
      'chained append, ms': median(single.product) / appends,
      'chained appends per second': (1000 * appends) / median(single.product),
      'appends per second, 100 at once': 100_000 / median(grouped.product),
      'transactions per group': transactions / groups,
    },
    [
      { name: 'chained rate / plain rate', value: rateInterval.median, limit: 0.95, direction: 'atLeast', interval: rateInterval },
      { name: '100 at once / one by one', value: gainInterval.median, limit: 15, direction: 'atLeast', interval: gainInterval },
      { name: 'transactions per group', value: transactions / groups, limit: 1, direction: 'atMost' },
    ],
  )
} finally {
  folder.dispose()
}
