import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { nowMs } from '../../../../bench/measure.ts'
import type { MigrationPhase, MigrationStep } from '../../../../contract/migration.ts'
import type { TestServer } from '../../testing/servers.ts'
import { installControl } from '../structure/install.ts'
import { openSessions } from '../session.ts'
import { type Compared, compareWithControl, makeDatabase, withClient } from './database.ts'
import { type DriverTask, type FromDriver, type Goal } from './driver-protocol.ts'
import { type Kill, type KillEvent, startKiller } from './kills.ts'
import { openFaultyNetwork } from './proxy.ts'
import { courseAcross, courseIn, type Scenario } from './scenarios.ts'
import { startWriters, type WritersReport } from './writers.ts'

export interface KilledWalkOptions {
  readonly server: TestServer
  readonly database: string
  readonly scenario: Scenario
  readonly seed: number
  readonly customers: number
  readonly goals: readonly Goal[]
  readonly kills: readonly Kill[]
  readonly killEveryMs: number
  /** After so many it goes on in peace. */
  readonly mostKills?: number
  readonly truncateChance?: number
  readonly pauseMs?: number
  /** The whole of it may take so long. */
  readonly withinMs: number
}

export interface KilledWalk {
  readonly phase: MigrationPhase
  readonly kills: readonly KillEvent[]
  readonly report: WritersReport
  readonly compared: readonly Compared[]
  /** From each kill of the driver until its successor drives: a new process, and the migration is its own. */
  readonly resumedMs: readonly number[]
  /** What of that its process took to begin: Node's start, and reading the program. */
  readonly startedMs: readonly number[]
  /** Committed batches that lie wholly or partly before an earlier one's end. */
  readonly batchesRedone: number
  readonly batches: number
  readonly steps: readonly { readonly step: MigrationStep; readonly tookMs: number }[]
  readonly retries: readonly string[]
}

const LOG_SQL = `
CREATE TABLE stress.log (seq bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT clock_timestamp(), what text NOT NULL, unit text, rows_done bigint);
CREATE FUNCTION stress.log_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO stress.log (what, unit, rows_done) VALUES (NEW.work, NEW.unit, NEW.rows_done); RETURN NULL; END $$;
CREATE FUNCTION stress.log_owner() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO stress.log (what) VALUES ('owner'); RETURN NULL; END $$;
CREATE TRIGGER stress_log AFTER INSERT OR UPDATE ON signalbox.checkpoints FOR EACH ROW EXECUTE FUNCTION stress.log_checkpoint();
CREATE TRIGGER stress_log AFTER INSERT OR UPDATE OF epoch ON signalbox.migrations FOR EACH ROW EXECUTE FUNCTION stress.log_owner();
ALTER TABLE signalbox.checkpoints ENABLE ALWAYS TRIGGER stress_log;`

/** A migration driven by a process of its own, from goal to goal, while clients write and things are killed. */
export async function killedWalk(options: KilledWalkOptions): Promise<KilledWalk> {
  const { server, scenario } = options
  const url = await server.createDatabase(options.database)
  const ids = await makeDatabase(url, options.customers)
  const sessions = openSessions({ database: 'stress', url: () => Promise.resolve(url) })
  await installControl(sessions)
  await sessions.close()
  await withClient(url, (client) => client.query(LOG_SQL))
  const network = await openFaultyNetwork(url)
  const writers = startWriters({ url, seed: options.seed, course: courseIn(scenario, 'planned'), ids, truncateChance: options.truncateChance ?? 0, pauseMs: options.pauseMs ?? 4 })
  const steps: { step: MigrationStep; tookMs: number }[] = []
  const retries: string[] = []
  const driverKilledMs: number[] = []
  const startedMs: number[] = []
  let goals = options.goals
  let child: ChildProcess | null = null
  let phase: MigrationPhase = 'planned'
  let failed: Error | null = null

  async function hear(from: ChildProcess, message: FromDriver): Promise<void> {
    if (message.type === 'began') startedMs.push(message.afterMs)
    else if (message.type === 'failed') failed = new Error(message.message)
    else if (message.type === 'retried') retries.push(`${message.what}: ${message.code}: ${message.message}`)
    else if (message.type === 'reached') goals = goals.slice(1)
    else if (message.type === 'beforeStep') {
      await writers.move(courseAcross(scenario, message.from, message.to))
      if (from.connected) from.send({ type: 'go' })
    } else {
      phase = message.phase
      if (message.type === 'afterStep') {
        steps.push({ step: message.step, tookMs: message.tookMs })
      }
      await writers.move(courseIn(scenario, phase))
    }
  }

  function spawn(): Promise<void> {
    const task: DriverTask = { url: network.url, scenario: scenario.name, consoleName: `console-${driverKilledMs.length}`, goals }
    const started = fork(fileURLToPath(new URL('driver.ts', import.meta.url)), [JSON.stringify(task)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child = started
    // What it said is heard in its order, each to its end.
    let heard: Promise<void> = Promise.resolve()
    started.on('message', (message: FromDriver) => {
      heard = heard.then(() => hear(started, message))
    })
    return new Promise((resolve, reject) => {
      started.once('exit', () => {
        heard.then(resolve, reject)
      })
    })
  }

  const killer = startKiller({
    targets: {
      server,
      database: options.database,
      network,
      driver: {
        kill() {
          if (child?.exitCode !== null || !child.kill('SIGKILL')) return
          driverKilledMs.push(Date.now())
        },
      },
    },
    seed: options.seed,
    kinds: options.kills,
    everyMs: options.killEveryMs,
    ...(options.mostKills === undefined ? {} : { most: options.mostKills }),
  })
  const endMs = nowMs() + options.withinMs
  while (goals.length > 0 && !failed) {
    await spawn()
    if (nowMs() > endMs) failed ??= new Error(`not at its goal after ${options.withinMs} ms, but ${phase}; steps ${steps.map(({ step, tookMs }) => `${step} ${Math.round(tookMs)} ms`).join(', ')}; last retries: ${retries.slice(-5).join('; ')}`)
  }
  await killer.stop()
  await writers.rest()
  const accesses = courseIn(scenario, phase)
  const compared = await compareWithControl(url, [...accesses.old, ...accesses.new])
  const report = await writers.stop()
  await network.close()
  if (failed) throw failed
  const { resumedMs, batches, batchesRedone } = await readLog(url, driverKilledMs, killer.events)
  return { phase, kills: killer.events, report, compared, resumedMs, startedMs, batches, batchesRedone, steps, retries }
}

async function readLog(url: string, killedMs: readonly number[], kills: readonly KillEvent[]): Promise<Pick<KilledWalk, 'resumedMs' | 'batches' | 'batchesRedone'>> {
  const { rows } = await withClient(url, (client) => client.query<{ ms: number; what: string; unit: string | null; done: number | null }>(`SELECT (extract(epoch FROM at) * 1000)::float AS ms, what, unit, rows_done::int AS done FROM stress.log ORDER BY seq`))
  const resumedMs = killedMs.flatMap((at) => {
    const next = rows.find(({ what, ms }) => what === 'owner' && ms > at)
    // One that was hit again on its way says nothing of the first blow.
    const alone = next && !kills.some(({ kill, wallMs }) => kill !== 'clients' && wallMs > at + 1 && wallMs < next.ms)
    return alone ? [next.ms - at] : []
  })
  const batches = rows.filter(({ what }) => what === 'backfill')
  const highest = new Map<string, number>()
  let batchesRedone = 0
  for (const { unit, done } of batches) {
    const before = highest.get(unit ?? '') ?? -1
    if ((done ?? 0) < before) batchesRedone += 1
    highest.set(unit ?? '', Math.max(before, done ?? 0))
  }
  return { resumedMs, batches: batches.length, batchesRedone }
}

