import { randomBytes } from 'node:crypto'
import { nowMs } from '../../../../bench/measure.ts'
import type { MigrationPhase, MigrationStep, MigrationWork } from '../../../../contract/migration.ts'
import type { TestServer } from '../../testing/servers.ts'
import { openMigrationTarget } from '../target.ts'
import { type Compared, compareWithControl, makeDatabase } from './database.ts'
import { type Goal, reaches } from './driver-protocol.ts'
import { courseAcross, courseIn, type Scenario } from './scenarios.ts'
import { createWalk, reach } from './walk.ts'
import { longestStall, startWriters, type WritersReport } from './writers.ts'

export interface WrittenWalkOptions {
  readonly server: TestServer
  readonly database: string
  readonly scenario: Scenario
  readonly seed: number
  readonly customers: number
  readonly goals: readonly Goal[]
  readonly clients?: number
  readonly pauseMs?: number
  readonly truncateChance?: number
  /** Once the tables are there, before anything writes. */
  readonly prepare?: (url: string) => Promise<void>
  readonly atEachGoal?: (phase: MigrationPhase, url: string) => Promise<void>
  /** Writers go on so long in each goal's phase. */
  readonly stayMs?: number
}

export interface WrittenWalk {
  readonly url: string
  readonly report: WritersReport
  /** At each goal, writers going on. */
  readonly compared: readonly Compared[]
  /** When all had come to rest. */
  readonly inTheEnd: readonly Compared[]
  readonly steps: readonly { readonly step: MigrationStep; readonly to: MigrationPhase; readonly tookMs: number; readonly stallMs: number }[]
  readonly works: readonly MigrationWork[]
  /** Open mismatches when the last goal was reached. */
  readonly openMismatches: number
  readonly quarantined: number
}

/** A migration from goal to goal while clients write, each program moving on or back just before the step that wants it. */
export async function writtenWalk(options: WrittenWalkOptions): Promise<WrittenWalk> {
  const { server, scenario } = options
  const url = await server.createDatabase(`${options.database}_${randomBytes(3).toString('hex')}`)
  const ids = await makeDatabase(url, options.customers)
  await options.prepare?.(url)
  const writers = startWriters({
    url,
    seed: options.seed,
    course: courseIn(scenario, 'planned'),
    ids,
    ...(options.clients === undefined ? {} : { clients: options.clients }),
    pauseMs: options.pauseMs ?? 3,
    truncateChance: options.truncateChance ?? 0.0005,
  })
  const target = openMigrationTarget({ database: 'stress', url: () => Promise.resolve(url), consoleName: 'stress' })
  const steps: { step: MigrationStep; to: MigrationPhase; tookMs: number; stallMs: number }[] = []
  const works: MigrationWork[] = []
  const compared: Compared[] = []
  const walk = createWalk(target, scenario.definition, 'stress', {
    beforeStep: (_step, from, to) => writers.move(courseAcross(scenario, from.phase, to.phase)),
    async afterStep(step, { phase }, tookMs) {
      steps.push({ step, to: phase, tookMs, stallMs: longestStall(writers.report().slow, nowMs() - tookMs) })
      await writers.move(courseIn(scenario, phase))
    },
    beforeWork: async (work) => void works.push(work),
  })
  try {
    for (const goal of options.goals) {
      await reach(walk, goal)
      await new Promise((resolve) => setTimeout(resolve, options.stayMs ?? 300))
      compared.push(...(await compareWithControl(url, waysOf(scenario, reaches(goal)))))
      await options.atEachGoal?.(reaches(goal), url)
    }
    await writers.rest()
    const last = options.goals.at(-1)
    const inTheEnd = await compareWithControl(url, waysOf(scenario, last ? reaches(last) : 'planned'))
    const reading = await target.read(scenario.definition.id)
    const openMismatches = Object.values(reading?.verification.open ?? {}).reduce<number>((sum, count) => sum + Number(count), 0)
    return { url, report: await writers.stop(), compared, inTheEnd, steps, works, openMismatches, quarantined: reading?.quarantined ?? 0 }
  } finally {
    await writers.stop()
    await walk.release()
    await target.close()
  }
}

function waysOf(scenario: Scenario, phase: MigrationPhase) {
  const course = courseIn(scenario, phase)
  return [...course.old, ...course.new]
}
