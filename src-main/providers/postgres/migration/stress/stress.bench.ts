/**
 * M5, M6, M7 and M8: migrations of columns and of tables under eight writers, while driver, backends, network and server
 * are killed; to the end and back from every phase.
 *     npm run bench -- stress [--seeds 2] [--version 15|18|14] [--customers 4000] [--kill-every 1000] [--kills 20] [--json]
 * A run without a migration and with the same kills is what failures are held against; broken algorithms must lose rows.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { median, numberOption, quantile, report, seededRandom } from '../../../../bench/measure.ts'
import { serverOrWhy, type ServerVersion, startServer, type TestServer } from '../../testing/servers.ts'
import { OLD_TABLES } from './access.ts'
import type { ClientFailure } from './client.ts'
import { compareWithControl, makeDatabase, wrongRows } from './database.ts'
import { BOTH_SIDES, ROLLED_BACK_FROM } from './goals.ts'
import { killedWalk, type KilledWalk } from './killed-walk.ts'
import { type Kill, KILLS, metInView, startKiller, unexplained } from './kills.ts'
import { interleave, INVARIANTS } from './mutants.ts'
import { SCENARIOS } from './scenarios.ts'
import { failuresByCode, startWriters, type WritersReport } from './writers.ts'
import { writtenWalk, type WrittenWalk } from './written-walk.ts'

const VERSIONS: readonly ServerVersion[] = ['14', '15', '18']
const version = VERSIONS.find((one) => one === String(numberOption('version', 15))) ?? '15'
const seeds = numberOption('seeds', 2)
const customers = numberOption('customers', 4000)
const killEveryMs = numberOption('kill-every', 1000)
const mostKills = numberOption('kills', 20)
const PHASES = ['shadowReads', 'backfilling', 'dualWrites', 'switchingReads', 'switchedWrites', 'tombstoned'] as const
const WITHIN_MS = 240_000
const CONTROL_MS = 15_000

const why = serverOrWhy(version)
if (why) {
  console.error(`SKIPPED: ${why}`)
  process.exit(0)
}
const quiet = process.argv.includes('--json')
const say = (text: string) => void (quiet || console.log(`  ${text}`))

async function withServer<T>(work: (server: TestServer) => Promise<T>): Promise<T> {
  const server = await startServer(version)
  try {
    return await work(server)
  } finally {
    await server.stop('immediate')
  }
}

/** The same kills, and no migration. */
function controlRun(seed: number) {
  return withServer(async (server) => {
    const url = await server.createDatabase('control')
    const writers = startWriters({ url, seed, course: OLD_TABLES, ids: await makeDatabase(url, customers), truncateChance: 0.0005, pauseMs: 4 })
    const kinds = KILLS.map((kill): Kill => (kill === 'restart' ? kill : 'clients'))
    const killer = startKiller({ targets: { server, database: 'control', driver: null, network: null }, seed, kinds, everyMs: killEveryMs })
    await wait(CONTROL_MS)
    await killer.stop()
    await writers.rest()
    const wrong = wrongRows(await compareWithControl(url, OLD_TABLES.old))
    const result = await writers.stop()
    return { result, kills: killer.events, wrong }
  })
}

const killed: KilledWalk[] = []
const written: WrittenWalk[] = []
const broken: string[] = []
for (let seed = 1; seed <= seeds; seed += 1) {
  for (const [i, scenario] of SCENARIOS.entries()) {
    const phase = PHASES[Math.floor(seededRandom(seed * 31 + i)() * PHASES.length)] ?? 'dualWrites'
    for (const [name, goals] of [['to completed', BOTH_SIDES], [`back from ${phase}`, ROLLED_BACK_FROM(phase)]] as const) {
      try {
        const walk = await withServer((server) => killedWalk({ server, database: 'killed', scenario, seed: seed * 100 + i, customers, goals, kills: KILLS, killEveryMs, mostKills, truncateChance: 0.0005, pauseMs: 6, withinMs: WITHIN_MS }))
        killed.push(walk)
        const beyond = unexplained(walk.report.failures, walk.kills).filter((failure) => !metInView(failure))
        say(`seed ${seed}, ${scenario.name} ${name}: ${walk.kills.length} kills, ${walk.report.statements} statements, beyond control ${JSON.stringify(failuresByCode(beyond))}, wrong rows ${wrongRows(walk.compared)}, wrong reads ${walk.report.wrongReads.length}`)
        for (const { code, text, message, detail, searchPath } of beyond.slice(0, 3)) say(`    ${code} ${searchPath}: ${text}: ${message} ${detail}`)
      } catch (error) {
        broken.push(`seed ${seed}, ${scenario.name} ${name}: ${error instanceof Error ? error.message : String(error)}`)
        say(`BROKEN ${broken.at(-1)}`)
      }
    }
    const walk = await withServer((server) => writtenWalk({ server, database: 'written', scenario, seed: seed * 100 + i, customers, goals: BOTH_SIDES, pauseMs: 6 }))
    written.push(walk)
    say(`seed ${seed}, ${scenario.name}, nothing killed: ${walk.report.statements} statements, failures ${JSON.stringify(failuresByCode(walk.report.failures))}, longest stall at a step ${Math.round(Math.max(...walk.steps.map(({ stallMs }) => stallMs)))} ms`)
  }
}
const control = await controlRun(1)
const mutants: { invariant: string; safe: number; wrong: number; found: number }[] = []
await withServer(async (server) => {
  for (const invariant of INVARIANTS) {
    const safe = await interleave(server, `safe_${invariant.toLowerCase()}`, invariant, 'safe')
    const mutant = await interleave(server, `mutant_${invariant.toLowerCase()}`, invariant, 'mutant')
    mutants.push({ invariant, safe: safe.wrongRows + safe.mismatches, wrong: mutant.wrongRows, found: mutant.mismatches })
  }
})

const reports: readonly WritersReport[] = [...killed, ...written].map((walk) => walk.report)
const beyond = (failures: readonly ClientFailure[]) => failures.filter((failure) => !metInView(failure))
const failuresBeyond = [...killed.flatMap((walk) => beyond(unexplained(walk.report.failures, walk.kills))), ...written.flatMap((walk) => beyond(walk.report.failures))]
const controlBeyond = unexplained(control.result.failures, control.kills)
const compared = [...killed.flatMap((walk) => walk.compared), ...written.flatMap((walk) => [...walk.compared, ...walk.inTheEnd])]
const resumedMs = killed.flatMap((walk) => walk.resumedMs)
const flips = written.flatMap(({ steps }) => steps.filter(({ step }) => step === 'setWrites').map(({ tookMs }) => tookMs))
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const statements = sum(reports.map((one) => one.statements))

report(
  'stress',
  {
    'PostgreSQL': version,
    'walks with kills': killed.length,
    'walks without': written.length,
    'walks that did not end': broken.length,
    'client statements': statements,
    'kills': sum(killed.map((walk) => walk.kills.length)),
    'kills of the driver': resumedMs.length,
    'failures explained by kills': sum(reports.map((one) => one.failures.length)) - failuresBeyond.length,
    'told to try again by the view of sticky reads': sum(reports.map((one) => one.failures.filter(metInView).length)),
    'failures beyond control by code': JSON.stringify(failuresByCode(failuresBeyond)),
    'tables compared with the control table': compared.length,
    'batches': sum(killed.map((walk) => walk.batches)),
    'median ms to resume': median(resumedMs),
    'of that starting a process, median ms': median(killed.flatMap((walk) => walk.startedMs)),
    'flip of write authority, median ms': median(flips),
    'longest stall at a step, ms (machine shared)': Math.max(...written.flatMap(({ steps }) => steps.map(({ stallMs }) => stallMs))),
    'control: statements': control.result.statements,
    'control: failures explained by kills': control.result.failures.length - controlBeyond.length,
    ...Object.fromEntries(mutants.map(({ invariant, wrong, found }) => [`mutant ${invariant}: wrong rows, found by a pass`, `${wrong}, ${found}`])),
  },
  [
    { name: 'walks that did not end', value: broken.length, limit: 0, direction: 'atMost' },
    { name: 'M5 failed statements beyond control', value: Math.max(0, failuresBeyond.length - controlBeyond.length), limit: 0, direction: 'atMost' },
    { name: 'M6 rows lost, too many or diverged', value: wrongRows(compared), limit: 0, direction: 'atMost' },
    { name: 'M6 reads that differ from the control table', value: sum(reports.map((one) => one.wrongReads.length)), limit: 0, direction: 'atMost' },
    { name: 'M7 broken algorithms caught by oracle and pass', value: mutants.filter(({ wrong, found }) => wrong > 0 && found > 0).length, limit: INVARIANTS.length, direction: 'atLeast' },
    { name: 'M7 findings in the safe algorithm', value: sum(mutants.map(({ safe }) => safe)), limit: 0, direction: 'atMost' },
    { name: 'M8 slowest resume ms', value: resumedMs.length > 0 ? quantile(resumedMs, 1) : 0, limit: 2000, direction: 'atMost' },
    { name: 'M8 committed batches done again', value: sum(killed.map((walk) => walk.batchesRedone)), limit: 0, direction: 'atMost' },
    { name: 'M8 slowest flip of write authority ms', value: Math.max(...flips), limit: 1000, direction: 'atMost' },
    { name: 'control: wrong rows without a migration', value: control.wrong, limit: 0, direction: 'atMost' },
    { name: 'control: failures when killed', value: control.result.failures.length, limit: 1, direction: 'atLeast' },
  ],
)
process.exit()
