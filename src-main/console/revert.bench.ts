/**
 * From the first bad answer of a bad version, as a client sees it, to the last request sent to it: nobody presses anything.
 *     npm run bench -- revert [--releases 12] [--rps 100] [--json]
 * A whole console with a real supervisor, router and service; the default criteria; the candidate at 10 %; 5 % of its
 * answers are 500. Control: the same with no criteria must go on being served.
 */
import { openLoop, type Sample, targetOf } from '../bench/load.ts'
import { median, nowMs, numberOption, quantile, report } from '../bench/measure.ts'
import { DEFAULT_CRITERIA } from '../core/analysis/default-criteria.ts'
import { BENCH_PLAN, openBenchConsole } from './bench/bench-console.ts'

const releases = numberOption('releases', 12)
const rps = numberOption('rps', 100)
const LONGEST_MS = 90_000
const HISTORY_MS = 60_000
const SERVICE = `
const http = require('node:http')
const { VERSION, PORT } = process.env
http.createServer((request, response) => {
  response.statusCode = VERSION === '2' && Math.random() < 0.05 ? 500 : 200
  response.end(VERSION)
}).listen(PORT, '127.0.0.1')
`
const PLAN = { ...BENCH_PLAN, steps: [{ weightPercent: 10, hold: { kind: 'analysis' as const, ms: 600_000 }, approvals: 0 }, { weightPercent: 100, hold: { kind: 'timed' as const, ms: 0 }, approvals: 0 }], criteria: [...DEFAULT_CRITERIA] }

const bench = await openBenchConsole(SERVICE)
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
try {
  const ready = (await bench.until((view) => view.observed.kind === 'known' && view.observed.value.liveAddress !== null && view.release?.ended === true)).observed
  if (ready.kind !== 'known' || !ready.value.liveAddress) throw new Error('no live address')
  const seen = { firstBadMs: Infinity, lastBadSideMs: 0, toBadSide: 0, badAnswers: 0 }
  const load = openLoop(targetOf(ready.value.liveAddress), rps, (sample: Sample) => {
    if (sample.body !== '2') return
    seen.toBadSide += 1
    seen.lastBadSideMs = Math.max(seen.lastBadSideMs, sample.sentMs)
    if (sample.status !== 500) return
    seen.badAnswers += 1
    seen.firstBadMs = Math.min(seen.firstBadMs, sample.endedMs)
  })
  const forget = () => Object.assign(seen, { firstBadMs: Infinity, lastBadSideMs: 0, toBadSide: 0, badAnswers: 0 })
  await sleep(HISTORY_MS)

  const tookMs: number[] = []
  const badAnswers: number[] = []
  for (let round = 0; round < releases; round += 1) {
    forget()
    const released = await bench.release('2', PLAN, true)
    const startMs = nowMs()
    await bench.until((view) => view.release?.release.id === released.release.id && view.release.ended, LONGEST_MS)
    await sleep(200)
    if (nowMs() - startMs > LONGEST_MS) throw new Error('it was never taken back')
    tookMs.push(seen.lastBadSideMs - seen.firstBadMs)
    badAnswers.push(seen.badAnswers)
    process.stderr.write(`  ${round + 1}: off ${Math.round(tookMs.at(-1) ?? 0)} ms after the first bad answer, ${seen.badAnswers} bad answers\n`)
  }
  const reverted = (await bench.entries('analysis.failed')).length

  forget()
  const unguarded = await bench.release('2', { ...PLAN, criteria: [], steps: PLAN.steps.map((step) => ({ ...step, hold: { kind: 'manual' as const } })) }, true)
  await sleep(Math.max(...tookMs) + 5_000)
  const controlStillServed = nowMs() - seen.lastBadSideMs < 2_000
  await bench.timeAct(unguarded, 'rollBack')
  const loaded = await load.stop()

  report(
    'revert',
    {
      'releases taken back by the guard': reverted,
      'first bad answer to last request sent to it, median s': median(tookMs) / 1000,
      'bad answers that users saw, median': median(badAnswers),
      'load generator lag, worst ms': loaded.maxLagMs,
    },
    [
      { name: 'first bad answer to traffic off, median s (P3 through real traffic)', value: median(tookMs) / 1000, limit: 14, direction: 'atMost' },
      { name: 'the same, p95 s', value: quantile(tookMs, 0.95) / 1000, limit: 28, direction: 'atMost' },
      { name: 'every one was taken back', value: reverted, limit: releases, direction: 'atLeast' },
      { name: 'control without criteria is still served', value: controlStillServed ? 1 : 0, limit: 1, direction: 'atLeast' },
    ],
  )
} finally {
  await bench.close()
}
process.exit()
