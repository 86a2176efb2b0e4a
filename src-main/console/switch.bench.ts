/**
 * P1: what a promote costs over the least it could cost. P2: how soon a roll back takes every request off the bad side.
 *     npm run bench -- switch [--promotes 90] [--rollbacks 60] [--json]
 * Product: a whole console with a real supervisor, router and service; from the dispatcher's receipt of the command to
 * its outcome committed. Floor: two SQLite commits (WAL, FULL), and a peer process that syncs one line and answers two
 * round trips over a unix socket.
 */
import Database from 'better-sqlite3'
import { fork } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { openLoop, targetOf } from '../bench/load.ts'
import { bootstrapMedian, comparePairs, median, numberOption, quantile, report, timeMs } from '../bench/measure.ts'
import { BENCH_PLAN, openBenchConsole } from './bench/bench-console.ts'

const promotes = numberOption('promotes', 90)
const rollBacks = numberOption('rollbacks', 60)
const RATE = 300

const bench = await openBenchConsole()
const peer = fork(new URL('./bench/floor-peer.ts', import.meta.url), [join(bench.folder, 'floor.sock'), join(bench.folder, 'floor.log')])
try {
  await new Promise((resolve) => peer.once('message', resolve))
  const socket = connect(join(bench.folder, 'floor.sock')).setEncoding('utf8')
  const ask = (line: string) =>
    new Promise<void>((resolve) => {
      socket.once('data', () => resolve())
      socket.write(`${line}\n`)
    })
  const db = new Database(join(bench.folder, 'floor.db'))
  db.pragma('journal_mode=WAL')
  db.pragma('synchronous=FULL')
  db.exec('CREATE TABLE entry (id INTEGER PRIMARY KEY, body TEXT)')
  const insert = db.prepare('INSERT INTO entry (body) VALUES (?)')
  const body = JSON.stringify({ filler: 'x'.repeat(1200) })
  const floor = async () => {
    insert.run(body)
    await ask('set 10')
    await ask('get')
    insert.run(body)
  }

  let view = await bench.release('2')
  let step = 0
  const promote = async () => {
    if (step === 48) {
      await bench.timeAct(view, 'rollBack')
      view = await bench.release('2')
      step = 0
    }
    step += 1
    return (await bench.timeAct(view, 'promote')).tookMs
  }
  const compared = await comparePairs({ name: 'floor', run: () => timeMs(floor) }, { name: 'promote', run: promote }, { pairs: promotes, warmups: 3 })
  await bench.timeAct(view, 'rollBack')

  // Half the users are on the bad side when it is rolled back; the promote beside it sends it its first half.
  const half = { ...BENCH_PLAN, steps: [1, 50, 100].map((weightPercent) => ({ weightPercent, hold: { kind: 'manual' as const }, approvals: 0 })) }
  const address = (await bench.until(() => true)).observed
  if (address.kind !== 'known' || !address.value.liveAddress) throw new Error('no live address')
  const lastBadMs: number[] = []
  const backCosts: number[] = []
  const ratios: number[] = []
  let errors = 0
  let maxLagMs = 0
  for (let round = 0; round < rollBacks; round += 1) {
    const released = await bench.release('2', half)
    let lastBad = 0
    const load = openLoop(targetOf(address.value.liveAddress), RATE, (sample) => {
      if (sample.body === '2') lastBad = Math.max(lastBad, sample.sentMs)
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    const forward = await bench.timeAct(released, 'promote')
    await new Promise((resolve) => setTimeout(resolve, 150))
    const back = await bench.timeAct(released, 'rollBack')
    await new Promise((resolve) => setTimeout(resolve, 150))
    const loaded = await load.stop()
    errors += Object.values(loaded.errors).reduce((sum, count) => sum + count, 0)
    maxLagMs = Math.max(maxLagMs, loaded.maxLagMs)
    lastBadMs.push(Math.max(0, lastBad - back.startedMs))
    backCosts.push(back.tookMs)
    ratios.push(back.tookMs / forward.tookMs)
  }
  db.close()
  socket.destroy()

  const backToForward = bootstrapMedian(ratios)
  report(
    'switch',
    {
      'floor median ms': median(compared.floor),
      'promote median ms': median(compared.product),
      'roll back median ms, under load': median(backCosts),
      'last request sent to the bad side, median ms after the command': median(lastBadMs),
      'requests in error meanwhile': errors,
      'load generator lag, worst ms': maxLagMs,
    },
    [
      { name: 'P1 promote over floor, median', value: compared.ratio.median, limit: 3, direction: 'atMost', interval: compared.ratio },
      { name: 'P1 promote p99 ms', value: quantile(compared.product, 0.99), limit: 60, direction: 'atMost' },
      { name: 'P2 last request to the bad side, p99 ms after the command', value: quantile(lastBadMs, 0.99), limit: 50, direction: 'atMost' },
      { name: 'P2 roll back over promote, median', value: backToForward.median, limit: 1.2, direction: 'atMost', interval: backToForward },
      { name: 'requests in error', value: errors, limit: 0, direction: 'atMost' },
    ],
  )
} finally {
  peer.kill()
  await bench.close()
}
process.exit()
