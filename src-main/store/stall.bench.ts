/**
 * P12 (100 k; 1 M with --entries): how much an auditor's work delays the thread that acts.
 *     npm run bench -- stall [--entries 100000] [--seconds 4] [--json]
 * Event-loop delay p99 of the committing thread while the journal is exported and verified over and over in the
 * reader's thread, over the same thread idle; arms in turns. Control: the same verification on the committing thread.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { bootstrapMedian, median, numberOption, quantile, report } from '../bench/measure.ts'
import { openJournalReader } from './journal-reader.ts'
import { openReaderClient } from './reader-client.ts'
import { openStore } from './store.ts'
import { fillJournal } from './testing/fill.ts'
import { batch, draft, storeOptions, temporaryFolder } from './testing/fixtures.ts'

const count = numberOption('entries', 100_000)
const seconds = numberOption('seconds', 4)
const rounds = numberOption('rounds', 7)
const folder = temporaryFolder()
try {
  await fillJournal(folder.path, count, 0.0001)
  const store = openStore(storeOptions(folder.path))
  const reader = await openReaderClient({ file: join(folder.path, 'journal.db'), indexFile: join(folder.path, 'search.db'), checkpointLog: true, wallMs: () => Date.now() })
  for (;;) {
    const { indexed, total } = await reader.indexProgress()
    if (indexed >= total - 1) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }

  /** Acts ten times a second, as a busy console does, and watches the loop. */
  const watch = async (): Promise<{ readonly p99Ms: number; readonly commitMs: readonly number[] }> => {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    const commitMs: number[] = []
    delay.enable()
    const until = performance.now() + seconds * 1000
    while (performance.now() < until) {
      const start = performance.now()
      await store.commit(batch({ entries: [draft()] }))
      commitMs.push(performance.now() - start)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    delay.disable()
    return { p99Ms: delay.percentile(99) / 1e6, commitMs }
  }

  let exports = 0
  let verifications = 0
  const audit = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      for await (const item of reader.verify(null, signal)) if (item.kind === 'result') verifications += 1
      for await (const item of reader.export('jsonl', undefined, signal)) if (item.kind === 'result') exports += 1
    }
  }

  const idle: number[] = []
  const busy: number[] = []
  const excess: number[] = []
  const idleCommits: number[] = []
  const busyCommits: number[] = []
  for (let round = 0; round < rounds; round++) {
    const arms = [
      async () => {
        const { p99Ms, commitMs } = await watch()
        idle.push(p99Ms)
        idleCommits.push(...commitMs)
      },
      async () => {
        const stop = new AbortController()
        const auditing = audit(stop.signal)
        const { p99Ms, commitMs } = await watch()
        stop.abort()
        await auditing
        busy.push(p99Ms)
        busyCommits.push(...commitMs)
      },
    ]
    for (const arm of round % 2 === 0 ? arms : arms.toReversed()) await arm()
    excess.push((busy.at(-1) ?? Number.NaN) - (idle.at(-1) ?? Number.NaN))
  }

  const own = openJournalReader(join(folder.path, 'journal.db'))
  let isOver = false
  const hog = (async () => {
    while (!isOver) for await (const _ of own.verify(null));
  })()
  const control = await watch()
  isOver = true
  await hog
  own.close()
  await reader.close()
  await store.close()

  const interval = bootstrapMedian(excess)
  const ratio = median(busyCommits) / median(idleCommits)
  report(
    'stall',
    {
      entries: count,
      'exports / verifications finished': `${exports} / ${verifications}`,
      'event-loop delay p99 idle, ms': median(idle),
      'event-loop delay p99 during, ms': median(busy),
      'control (verify on this thread) p99, ms': control.p99Ms,
      'commit p50 idle, ms': median(idleCommits),
      'commit p50 during, ms': median(busyCommits),
      'commit p99 during, ms': quantile(busyCommits, 0.99),
      'commit during / idle': ratio,
    },
    [
      { name: 'excess event-loop delay p99, ms', value: interval.median, limit: 5, direction: 'atMost', interval },
      { name: 'control must be worse, ms', value: control.p99Ms - median(idle), limit: 5, direction: 'atLeast' },
      { name: 'audits were really running', value: exports + verifications, limit: rounds, direction: 'atLeast' },
    ],
  )
} finally {
  folder.dispose()
}
