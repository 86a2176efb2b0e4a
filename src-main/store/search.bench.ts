/**
 * P6 and the search bar at 100 k: any term, any filter, newest 50.
 *     npm run bench -- search [--entries 3000000] [--folder KEPT] [--json]
 * Queries go through the reader's thread as screens send them; time is from asking to having the page.
 */
import Database from 'better-sqlite3'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { journalFilterSchema, type JournalFilter } from '../contract/journal.ts'
import { median, numberOption, quantile, report, seededRandom, timeMs } from '../bench/measure.ts'
import { openReaderClient } from './reader-client.ts'
import { temporaryFolder } from './testing/fixtures.ts'
import { fillJournal } from './testing/fill.ts'

const count = numberOption('entries', 100_000)
const at = process.argv.indexOf('--folder')
const named = at === -1 ? undefined : process.argv[at + 1]
const folder = named ? { path: named, dispose: () => undefined } : temporaryFolder()
try {
  mkdirSync(folder.path, { recursive: true })
  const file = join(folder.path, 'journal.db')
  const fillMs = existsSync(file) ? 0 : await timeMs(() => fillJournal(folder.path, count, 0.0001))
  const reader = await openReaderClient({ file, indexFile: join(folder.path, 'search.db'), wallMs: () => Date.now() })
  const indexMs = await timeMs(async () => {
    for (;;) {
      const { indexed, total } = await reader.indexProgress()
      if (indexed >= total - 1) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })
  const random = seededRandom(7)
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const samples = await Promise.all(Array.from({ length: 50 }, () => reader.get(1 + Math.floor(random() * count))))
  const times = samples.map((entry) => entry.at).toSorted((a, b) => a - b)

  const texts = ['send', 's', 'green', 'chg', 'chg-9', 'weekend', 'weekend hotfix', 'latency customer window', 'nothinglikeit', 'send green of 25', '1.9.0', 'ledger mail', 'verified sent', 'promote rollback', 'ada grace']
  const maybe = <T>(chance: number, value: T | undefined): T | undefined => (random() < chance ? value : undefined)
  const filters: JournalFilter[] = texts.map((text) => journalFilterSchema.parse({ text }))
  // Each alone common, together nowhere: what a list merge cannot bound.
  for (const [kind, outcome] of [['intent', 'verified'], ['outcome', 'sent'], ['event', 'sent']] as const) filters.push(journalFilterSchema.parse({ kind, outcome, text: 'send green' }))
  while (filters.length < 400) {
    const sample = pick(samples)
    if (!sample) break
    const from = random() < 0.3 ? pick(times) : undefined
    filters.push(
      journalFilterSchema.parse({
        text: random() < 0.5 ? (pick([...texts, sample.ticket, sample.operationId, sample.target.releaseId ?? '']) ?? '') : '',
        service: maybe(0.4, pick(samples)?.target.service),
        operator: maybe(0.3, pick(samples)?.operator.id),
        action: maybe(0.3, pick(samples)?.action),
        kind: maybe(0.3, pick(['intent', 'outcome', 'event', 'refusal'] as const)),
        outcome: maybe(0.2, pick(['sent', 'verified', 'refused', 'recorded'] as const)),
        releaseId: maybe(0.1, sample.target.releaseId),
        fromAt: from,
        toAt: from === undefined ? maybe(0.2, pick(times)) : from + 60_000,
      }),
    )
  }
  for (const filter of filters.slice(0, 20)) await reader.search(filter, undefined, 50)
  const costs: { readonly filter: JournalFilter; readonly ms: number; readonly insideMs: number }[] = []
  const trips: number[] = []
  for (const filter of filters) {
    // The way to the thread and back, with nothing to do there: what of the figure is the machine's.
    trips.push(await timeMs(() => reader.checkpoint()))
    let insideMs = 0
    const ms = await timeMs(async () => {
      insideMs = (await reader.search(filter, undefined, 50)).tookMs
    })
    costs.push({ filter, ms, insideMs })
  }
  const slowest = costs.toSorted((a, b) => b.ms - a.ms)[0]

  const db = new Database(file, { readonly: true })
  const like = db.prepare('SELECT seq FROM journal WHERE body LIKE ? ORDER BY seq DESC LIMIT 50')
  const scans: number[] = []
  for (const word of ['%nothinglikeit%', '%zebra%', '%quokka%']) scans.push(await timeMs(() => like.all(word)))
  db.close()
  await reader.close()

  const all = costs.map((cost) => cost.ms)
  report(
    'search',
    {
      entries: count,
      queries: costs.length,
      'fill, s': fillMs / 1000,
      'index, s': indexMs / 1000,
      'journal, MB': statSync(file).size / 1e6,
      'index, MB': statSync(join(folder.path, 'search.db')).size / 1e6,
      'search p50, ms': median(all),
      'search p50 inside the thread, ms': median(costs.map((cost) => cost.insideMs)),
      'search p95, ms': quantile(all, 0.95),
      'empty round trip p50 / p95, ms': `${median(trips).toFixed(3)} / ${quantile(trips, 0.95).toFixed(3)}`,
      'LIKE scan, ms': median(scans),
      'slowest query': slowest ? JSON.stringify(slowest.filter) : '',
    },
    [
      { name: 'search p95, ms', value: quantile(all, 0.95), limit: 10, direction: 'atMost' },
      { name: 'slowest search, ms', value: slowest?.ms ?? Number.NaN, limit: 50, direction: 'atMost' },
      ...(count >= 1_000_000 ? [{ name: 'LIKE scan / search p95', value: median(scans) / quantile(all, 0.95), limit: 100, direction: 'atLeast' as const }] : []),
    ],
  )
} finally {
  folder.dispose()
}
