import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MIN_HEIGHT, MIN_WIDTH, placeWindow, readWindowState, type WindowState, writeWindowState } from './window-state.ts'

const laptop = { x: 0, y: 25, width: 1512, height: 920 }
const wide = { x: 1512, y: 0, width: 2560, height: 1400 }
const saved = (extra: Partial<WindowState> = {}): WindowState => ({ x: 1700, y: 100, width: 2000, height: 1200, maximized: false, fullScreen: false, ...extra })

test('a window comes back where it was', () => {
  expect(placeWindow(saved(), [laptop, wide]).bounds).toEqual({ x: 1700, y: 100, width: 2000, height: 1200 })
})

test('a display that is gone: in the middle of the primary one, no larger than it', () => {
  expect(placeWindow(saved(), [laptop]).bounds).toEqual({ width: 1512, height: 920 })
})

test.each([
  ['left of everything', { x: -5000 }],
  ['a sliver at the right edge', { x: 1512 + 2560 - 20 }],
  ['its title above the display', { y: -200 }],
  ['its title below the display', { y: 1390 }],
])('out of reach, %s: in the middle', (_what, extra) => {
  expect(placeWindow(saved(extra), [laptop, wide]).bounds.x).toBeUndefined()
})

test('never smaller than can be used, and without a past it has its first size', () => {
  expect(placeWindow(saved({ x: 10, y: 30, width: 3, height: 3 }), [laptop]).bounds).toMatchObject({ width: MIN_WIDTH, height: MIN_HEIGHT })
  expect(placeWindow(null, [wide]).bounds).toEqual({ width: 1440, height: 900 })
  expect(placeWindow(null, [laptop]).bounds).toEqual({ width: 1440, height: 900 })
  expect(placeWindow(null, [])).toMatchObject({ bounds: { width: 1440, height: 900 }, maximized: false })
})

test('maximised and full screen are kept', () => {
  expect(placeWindow(saved({ maximized: true }), [laptop, wide])).toMatchObject({ maximized: true, fullScreen: false })
  expect(placeWindow(saved({ fullScreen: true }), [laptop, wide])).toMatchObject({ fullScreen: true })
})

test('what was written is read; what is no state is nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-window-'))
  const file = join(folder, 'window.json')
  expect(readWindowState(file)).toBeNull()
  writeWindowState(file, saved())
  expect(readWindowState(file)).toEqual(saved())
  for (const text of ['', '{}', '[]', '{"x":"1"}', JSON.stringify({ ...saved(), width: 1.5 }), JSON.stringify({ ...saved(), extra: 1 })]) {
    writeFileSync(file, text)
    expect(readWindowState(file)).toBeNull()
  }
  writeWindowState(join(folder, 'missing', 'window.json'), saved())
  rmSync(folder, { recursive: true })
})
