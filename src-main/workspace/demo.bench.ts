/**
 * What the demo costs: processor time and memory of everything that `npm start` sets going, without a browser. It runs a
 * copy of the demo on free ports, so that a demo that is open already does not matter. Linux only (reads /proc).
 *
 * Memory is given twice. Resident size counts the pages of the Node binary once for every process; proportional size
 * counts them once for all, and is what ending the demo gives back to the machine.
 */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { numberOption, report } from '../bench/measure.ts'

const TICKS_PER_SECOND = 100
const READY_WITHIN_MS = 180_000
const root = fileURLToPath(new URL('../..', import.meta.url))
const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

interface Usage {
  readonly name: string
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly proportionalBytes: number
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

/** The demo on other ports: a workspace like any other, which has to be trusted. */
async function copyDemo(folder: string): Promise<{ readonly file: string; readonly shoppers: string }> {
  cpSync(join(root, 'resources/demo'), folder, { recursive: true })
  // Its services find the OpenFeature packages above them, as in the repository.
  symlinkSync(join(root, 'node_modules'), join(dirname(folder), 'node_modules'))
  const file = join(folder, 'signalbox.yaml')
  let text = readFileSync(file, 'utf8')
  let shoppers = ''
  for (const port of ['7301', '7302', '7303', '7305', '7304']) {
    const free = String(await freePort())
    text = text.replaceAll(port, free)
    shoppers = `http://127.0.0.1:${free}`
  }
  writeFileSync(file, text)
  return { file, shoppers }
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The console, the supervisor of this data folder, and all that descends from either. */
function usages(consolePid: number, dataFolder: string): ReadonlyMap<number, Usage> {
  const parents = new Map<number, number>()
  const ours = new Set([consolePid])
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? read(`/proc/${pid}/stat`) : ''
    if (stat === '') continue
    parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    if (read(`/proc/${pid}/cmdline`).includes(dataFolder)) ours.add(pid)
  }
  const isOurs = (pid: number | undefined): boolean => pid !== undefined && pid > 1 && (ours.has(pid) || isOurs(parents.get(pid)))
  const result = new Map<number, Usage>()
  for (const pid of parents.keys()) {
    if (!isOurs(pid)) continue
    const stat = read(`/proc/${pid}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const words = read(`/proc/${pid}/cmdline`).split('\0')
    result.set(pid, {
      name: words.filter((word) => /\.(ts|mjs|cjs|js)$/.test(word)).at(0)?.split('/').slice(-2).join('/') ?? (words[0] ?? ''),
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentBytes: Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024,
      proportionalBytes: Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024,
    })
  }
  return result
}

const statsSchema = z.object({ share: z.number(), targets: z.array(z.object({ name: z.string(), sent: z.number(), ok: z.number(), errors: z.number(), failed: z.number(), notSent: z.number() })) })
async function statsOf(shoppers: string) {
  try {
    return statsSchema.parse(await (await fetch(`${shoppers}/stats`, { signal: AbortSignal.timeout(2000) })).json())
  } catch {
    return null
  }
}

const seconds = numberOption('seconds', 60)
const folder = mkdtempSync(join(tmpdir(), 'signalbox-demo-'))
const dataFolder = join(folder, 'data')
const { file, shoppers } = await copyDemo(join(folder, 'demo'))
const startedAt = performance.now()
const host = spawn(process.execPath, ['scripts/start.mjs', '--web', '--no-open', '--trust', '--workspace', file, '--data', dataFolder], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
let hostEnded = false
host.once('exit', () => (hostEnded = true))
host.stdout.resume()

try {
  let live = await statsOf(shoppers)
  while (!live || live.share < 1 || live.targets.some(({ ok }) => ok === 0)) {
    if (hostEnded || performance.now() - startedAt > READY_WITHIN_MS) throw new Error(`The demo was not live after ${Math.round((performance.now() - startedAt) / 1000)} s: ${JSON.stringify(live)}`)
    await sleep(500)
    live = await statsOf(shoppers)
  }
  const liveAfterSeconds = (performance.now() - startedAt) / 1000
  await sleep(15_000)
  const trafficBefore = (await statsOf(shoppers))?.targets ?? []
  const before = usages(host.pid ?? 0, dataFolder)
  const from = performance.now()
  await sleep(seconds * 1000)
  const after = usages(host.pid ?? 0, dataFolder)
  const tookSeconds = (performance.now() - from) / 1000
  const trafficAfter = (await statsOf(shoppers))?.targets ?? []

  const figures: Record<string, number | string> = { 'live after, s': liveAfterSeconds }
  let cpuPercent = 0
  let residentMb = 0
  let proportionalMb = 0
  for (const [pid, usage] of after) {
    const percent = ((usage.cpuSeconds - (before.get(pid)?.cpuSeconds ?? 0)) / tookSeconds) * 100
    figures[`${pid} ${usage.name}`] = `${percent.toFixed(1)} % of a core, ${Math.round(usage.residentBytes / 1e6)} MB resident, ${Math.round(usage.proportionalBytes / 1e6)} MB proportional`
    cpuPercent += percent
    residentMb += usage.residentBytes / 1e6
    proportionalMb += usage.proportionalBytes / 1e6
  }
  let notAnswered = 0
  for (const [index, { name, sent, errors, failed, notSent }] of trafficAfter.entries()) {
    const then = trafficBefore[index]
    figures[`${name}, requests/s`] = (sent - (then?.sent ?? 0)) / tookSeconds
    notAnswered += errors - (then?.errors ?? 0) + failed - (then?.failed ?? 0) + notSent - (then?.notSent ?? 0)
  }
  figures['resident in all, MB'] = residentMb
  report('demo', figures, [
    { name: 'percent of a core', value: cpuPercent, limit: 25, direction: 'atMost' },
    { name: 'proportional memory, MB', value: proportionalMb, limit: 600, direction: 'atMost' },
    { name: 'requests not answered well', value: notAnswered, limit: 0, direction: 'atMost' },
  ])
} finally {
  const stop = spawn(process.execPath, ['src-main/hosts/terminal/main.ts', 'stop', '--all', '--reason', 'bench', '--workspace', file, '--data', dataFolder], { cwd: root, stdio: 'ignore' })
  await new Promise((done) => stop.once('exit', done))
  if (!hostEnded) host.kill('SIGINT')
  for (let waited = 0; waited < 20 && usages(host.pid ?? 0, dataFolder).size > 0; waited += 1) await sleep(250)
  // What did not end when asked is ended, and named.
  for (const [pid, { name }] of usages(host.pid ?? 0, dataFolder)) {
    console.error(`still there: ${pid} ${name}`)
    process.kill(pid, 'SIGKILL')
  }
  rmSync(folder, { recursive: true, force: true })
}
