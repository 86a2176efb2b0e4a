/**
 * P11: from the start of a durable publish (validated, fsynced, renamed) until the last of 1,000 subscribers of the sync
 * stream has it, against the same payload broadcast over bare gRPC (same library, one loop, nothing durable).
 *     npm run bench -- flags [--subscribers 1000] [--flags 50] [--pairs 20] [--json]
 * Servers and subscribers are processes of their own. Subscribers share connections (`--per-connection`, 10).
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JsonValue } from '../../contract/flag-definition.ts'
import { bootstrapMedian, nowMs, numberOption, quantile, report } from '../../bench/measure.ts'
import { emptyDocument, writeDocument } from '../../core/flags/flag-set.ts'
import { validateFlagSet } from '../../core/flags/validate-flag-set.ts'
import { publishFlagFile } from './flag-files.ts'

const subscribers = numberOption('subscribers', 1000)
const flagCount = numberOption('flags', 50)
const pairs = numberOption('pairs', 20)
const perConnection = numberOption('per-connection', 10)

function textOf(count: number, version: number): string {
  const flags: Record<string, JsonValue> = {}
  for (let index = 0; index < count; index += 1) flags[`flag-${index}`] = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: { fractional: [['on', (version % 99) + 1], ['off', 99 - (version % 99)]] } }
  return writeDocument({ ...emptyDocument(), flags, metadata: { version: String(version) } })
}

function start(file: string, args: readonly string[]): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = fork(fileURLToPath(new URL(`bench/${file}`, import.meta.url)), [...args])
  return new Promise((resolve) => child.once('message', (message: { port: number }) => resolve({ child, port: message.port })))
}

/** Latencies in ms at each subscriber of one version, from `from` on the machine's common clock. */
function arrivals(watchers: ChildProcess, version: number, from: number): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const take = (message: { version: number; at: readonly number[] }): void => {
      if (message.version !== version) return
      watchers.off('message', take)
      resolve(message.at.map((at) => at - from))
    }
    watchers.on('message', take)
    watchers.send({ expect: version })
  })
}

const folder = mkdtempSync(join(tmpdir(), 'signalbox-flags-bench-'))
const file = join(folder, 'flags.json')
await publishFlagFile(file, textOf(flagCount, 0), 'any')
const product = await start('product-server.ts', [folder])
const floor = await start('bare-broadcast.ts', [])
const ourWatchers = await start('subscribers.ts', [String(product.port), String(subscribers), String(perConnection)])
const theirWatchers = await start('subscribers.ts', [String(floor.port), String(subscribers), String(perConnection)])
const all: { ours: number[]; bare: number[] } = { ours: [], bare: [] }
const ratios: number[] = []
let version = 0

async function ours(): Promise<readonly number[]> {
  version += 1
  const text = textOf(flagCount, version)
  const from = nowMs()
  const arrived = arrivals(ourWatchers.child, version, from)
  await publishFlagFile(file, text, 'any')
  return arrived
}
async function bare(): Promise<readonly number[]> {
  version += 1
  const text = JSON.stringify(JSON.parse(textOf(flagCount, version)))
  const from = nowMs()
  const arrived = arrivals(theirWatchers.child, version, from)
  floor.child.send({ text })
  return arrived
}
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
for (let index = 0; index < 5; index += 1) {
  await ours()
  await bare()
}
for (let pair = 0; pair < pairs; pair += 1) {
  const order = pair % 2 === 0 ? [ours, bare] : [bare, ours]
  const costs = new Map<unknown, number>()
  for (const arm of order) {
    await pause()
    const latencies = await arm()
    costs.set(arm, quantile(latencies, 0.99))
    all[arm === ours ? 'ours' : 'bare'].push(...latencies)
  }
  ratios.push((costs.get(ours) ?? Number.NaN) / (costs.get(bare) ?? Number.NaN))
}
for (const { child } of [ourWatchers, theirWatchers, product, floor]) child.kill()

const many = textOf(10_000, 1)
const validating: number[] = []
for (let index = 0; index < 5; index += 1) {
  const from = nowMs()
  validateFlagSet(many)
  validating.push(nowMs() - from)
}
const publishing: number[] = []
for (let index = 0; index < 5; index += 1) {
  const from = nowMs()
  await publishFlagFile(file, many, 'any')
  publishing.push(nowMs() - from)
}
rmSync(folder, { recursive: true, force: true })

const ratio = bootstrapMedian(ratios)
report(
  'flags',
  {
    subscribers,
    'flags in the set': flagCount,
    'bytes sent to each': JSON.stringify(JSON.parse(textOf(flagCount, 1))).length,
    'publish to subscriber, median, ms': quantile(all.ours, 0.5),
    'publish to subscriber, p99, ms': quantile(all.ours, 0.99),
    'publish to subscriber, worst, ms': Math.max(...all.ours),
    'bare broadcast, median, ms': quantile(all.bare, 0.5),
    'bare broadcast, p99, ms': quantile(all.bare, 0.99),
    '10,000 flags: validate, ms': quantile(validating, 0.5),
    '10,000 flags: publish durably, ms': quantile(publishing, 0.5),
  },
  [
    { name: 'publish to subscriber, p99, ms', value: quantile(all.ours, 0.99), limit: 25, direction: 'atMost' },
    { name: 'p99 / bare gRPC broadcast p99', value: ratio.median, limit: 3, direction: 'atMost', interval: ratio },
  ],
)
