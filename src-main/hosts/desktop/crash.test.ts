import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { coreEnded } from './crash.ts'
import { seen } from './testing/electron-double.ts'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-crash-'))
afterAll(() => rmSync(folder, { recursive: true }))
let n = 0
let file = ''
beforeEach(() => {
  file = join(folder, `ends-${(n += 1)}.json`)
  seen.boxes.length = 0
  seen.relaunches.length = 0
  seen.exitCode = undefined
  seen.answer = undefined
})
const end = (nowMs: number) => coreEnded(new Error('boom'), { file, nowMs: () => nowMs, restartAfterMs: 30 })

test('nobody at the desk: it starts again by itself', async () => {
  seen.answer = () => new Promise(() => {})
  await end(0)
  expect(seen.relaunches).toHaveLength(1)
  expect(seen.exitCode).toBe(0)
})

test('somebody quits: it does not', async () => {
  seen.answer = () => 1
  await end(0)
  expect(seen.relaunches).toHaveLength(0)
  expect(seen.exitCode).toBe(1)
})

test('the third time within ten minutes it waits for a person; control: spread out it does not', async () => {
  seen.answer = () => new Promise(() => {})
  for (const minute of [0, 11, 22]) await end(minute * 60_000)
  expect(seen.relaunches).toHaveLength(3)
  await end(23 * 60_000)
  let done = false
  void end(24 * 60_000).then(() => (done = true))
  await new Promise((resolve) => setTimeout(resolve, 120))
  expect(done).toBe(false)
  expect(seen.boxes.at(-1)?.detail).toContain('3 times within ten minutes')
  expect(seen.boxes.at(-1)?.cancelId).toBe(1)
})

test('a place that cannot be written does not stand in the way', async () => {
  file = join(folder, 'missing', 'ends.json')
  await end(0)
  expect(seen.relaunches).toHaveLength(1)
})
