// A console's part in a process of its own, so that it can be killed at any moment: node driver.ts TASK, with an IPC channel.
import { openMigrationTarget } from '../target.ts'
import { type DriverTask, type FromDriver, reaches, type ToDriver } from './driver-protocol.ts'
import { SCENARIOS } from './scenarios.ts'
import { createWalk, reach } from './walk.ts'

const task = JSON.parse(process.argv[2] ?? '') as DriverTask
const scenario = SCENARIOS.find(({ name }) => name === task.scenario)
if (!scenario) throw new Error(`no scenario ${task.scenario}`)

const tell = (message: FromDriver) => void process.send?.(message)
tell({ type: 'began', afterMs: process.uptime() * 1000 })
let go = () => {}
process.on('message', (message: ToDriver) => {
  if (message.type === 'go') go()
})
process.on('disconnect', () => process.exit(0))

const target = openMigrationTarget({ database: 'stress', url: () => Promise.resolve(task.url), consoleName: task.consoleName })
const walk = createWalk(target, scenario.definition, task.consoleName, {
  beforeStep(step, from, to) {
    const going = new Promise<void>((resolve) => {
      go = resolve
    })
    tell({ type: 'beforeStep', step, from: from.phase, to: to.phase })
    return going
  },
  async afterStep(step, { phase }, tookMs) {
    tell({ type: 'afterStep', step, phase, tookMs })
  },
  onRetry: (what, { data }) => tell({ type: 'retried', what, code: data.code, message: data.message }),
})

try {
  for (const goal of task.goals) {
    const phase = await walk.phase()
    tell({ type: 'at', phase })
    if (phase !== reaches(goal)) await reach(walk, goal)
    tell({ type: 'reached', goal })
  }
  await walk.release()
  await target.close()
  process.exit(0)
} catch (error) {
  tell({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.exit(1)
}
