import { describe, expect, it } from 'vitest'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../bench/measure.ts'
import { aftermath } from './testing/acknowledged.ts'
import { disk, parseTrace, STRACE_ARGUMENTS, type TraceEvent } from './testing/write-trace.ts'

const child = join(import.meta.dirname, 'testing/store-child.ts')
const canTrace = spawnSync('strace', ['-e', 'trace=none', 'true']).status === 0
if (!canTrace) console.warn('SKIPPED: power loss cannot be tried without a working strace (apt-get install strace)')

/** The writer's own writes and syncs, recorded from outside. */
function record(folder: string, ...args: string[]): readonly TraceEvent[] {
  const log = join(folder, 'trace.log')
  const { status } = spawnSync('strace', [...STRACE_ARGUMENTS, '-o', log, process.execPath, child, 'write', join(folder, 'data'), ...args], { stdio: 'ignore' })
  expect(status).toBe(0)
  return parseTrace(readFileSync(log, 'latin1'))
}

/** What a power cut leaves to the next opening. */
const KEPT = ['journal.db', 'journal.db-wal', 'emergency.journal']

/** Cuts the power after every event and looks at what is left, `variants` times with other luck. */
async function cutEverywhere(folder: string, events: readonly TraceEvent[], variants: readonly (() => boolean)[]): Promise<{ images: number; lost: number; broken: readonly string[]; acknowledged: number }> {
  const platter = disk()
  const said: string[] = []
  const total = { images: 0, lost: 0, broken: [] as string[], acknowledged: 0 }
  const image = join(folder, 'image')
  for (const event of events) {
    platter.apply(event)
    if (event.kind === 'said') said.push(event.line)
    if (said.length === 0 || (event.kind !== 'said' && !KEPT.includes(event.file))) continue
    for (const keep of variants) {
      mkdirSync(image)
      for (const [file, bytes] of platter.afterPowerCut(keep)) if (KEPT.includes(file)) writeFileSync(join(image, file), bytes)
      const { lost, broken, acknowledged } = await aftermath(image, said)
      rmSync(image, { recursive: true })
      total.images += 1
      total.lost += lost.length
      total.acknowledged = acknowledged
      if (broken !== '') total.broken.push(broken)
    }
  }
  return total
}

describe.skipIf(!canTrace)('power loss at every write and sync', () => {
  const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const random = seededRandom(11)

  it('loses nothing that was acknowledged, and the chain holds', { timeout: 180_000 }, async () => {
    const folder = mkdtempSync(join(inMemory, 'signalbox-power-'))
    try {
      const events = record(folder, 'checkpoints', '--commits', '5')
      const result = await cutEverywhere(folder, events, [() => false, () => random() < 0.5])
      expect(result).toMatchObject({ lost: 0, broken: [] })
      expect(result.acknowledged).toBeGreaterThan(20)
      expect(result.images).toBeGreaterThan(100)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('costs one sync per group, however many commits are in it', { timeout: 90_000 }, () => {
    const folder = mkdtempSync(join(inMemory, 'signalbox-power-'))
    try {
      const events = record(folder, '--commits', '3')
      const start = events.findIndex((event) => event.kind === 'said' && event.line === 'open')
      const syncs = events.slice(start).filter((event) => event.kind === 'sync' && event.file !== 'checkpoint.json.part')
      expect(syncs.map((event) => event.kind === 'sync' && event.file)).toEqual(['journal.db-wal', 'journal.db-wal', 'journal.db-wal'])
      expect(events.filter((event) => event.kind === 'said' && event.line.startsWith('ack'))).toHaveLength(2 * (1 + 2 + 3))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('would notice: with synchronous=NORMAL some are lost', { timeout: 180_000 }, async () => {
    const folder = mkdtempSync(join(inMemory, 'signalbox-power-'))
    try {
      const events = record(folder, 'NORMAL', '--commits', '4')
      expect((await cutEverywhere(folder, events, [() => false])).lost).toBeGreaterThan(0)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
