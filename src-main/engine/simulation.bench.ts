/**
 * R2, R5, R6: the real engine through seeded kills and faults in simulated time.
 *     npm run bench -- simulation [--seeds 2000] [--from 1] [--json]
 * Kills are at random times and at the named points; every run ends with a roll back that must win. Control: the same
 * runs on a provider that forgets which operations it has done must be noticed.
 */
import { nowMs, numberOption, report } from '../bench/measure.ts'
import { runChaos } from './sim/chaos.ts'

const seeds = numberOption('seeds', 2000)
const from = numberOption('from', 1)
let simulatedMs = 0
let kills = 0
let entries = 0
let releases = 0
const broken: string[] = []
const startedMs = nowMs()
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = await runChaos({ seed })
  simulatedMs += result.simulatedMs
  kills += result.crashes
  entries += result.entries
  releases += result.releases
  for (const violation of result.violations) broken.push(`seed ${seed}: ${violation}`)
}
const ratio = simulatedMs / (nowMs() - startedMs)
let noticed = 0
for (let seed = from; seed < from + 40; seed += 1) noticed += (await runChaos({ seed, sabotage: 'forgetsOperations' })).violations.length > 0 ? 1 : 0
const replayed = (await runChaos({ seed: from })).trace === (await runChaos({ seed: from })).trace
for (const line of broken.slice(0, 20)) console.error(line)
report(
  'simulation',
  { seeds, 'simulated hours': simulatedMs / 3_600_000, releases, 'journal entries': entries, 'control runs noticed, of 40': noticed },
  [
    { name: 'R2 kills', value: kills, limit: Math.min(10_000, seeds * 4), direction: 'atLeast' },
    { name: 'R2, R6 broken promises', value: broken.length, limit: 0, direction: 'atMost' },
    { name: 'R2 control: broken world noticed', value: noticed, limit: 1, direction: 'atLeast' },
    { name: 'R5 times real time', value: ratio, limit: 1000, direction: 'atLeast' },
    { name: 'R5 replay byte-identical', value: replayed ? 1 : 0, limit: 1, direction: 'atLeast' },
  ],
)
