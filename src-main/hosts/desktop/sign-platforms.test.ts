import { expect, test } from 'vitest'
import { type Attention, NOTHING_KNOWN } from './attention.ts'
import { createSigns } from './signs.ts'
import { BrowserWindow, seen } from './testing/electron-double.ts'
import type { ConsoleWindow } from './window.ts'

const shown = new BrowserWindow({ webPreferences: {} })
let opened = 0
const window = { show: () => (opened += 1), reload: () => {}, mainFrame: () => undefined, isShowing: () => false, current: () => shown } as unknown as ConsoleWindow
const failing: Attention = {
  ...NOTHING_KNOWN,
  known: true,
  workspace: 'shop',
  health: new Map(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => [name, { state: 'failing', reason: '' }] as const)),
  rolledBack: new Set(['a']),
}

test('Windows: an overlay with words on the taskbar, no count; a click on the tray opens', () => {
  const signs = createSigns(window, '/icons', 'win32')
  signs.present(failing)
  expect(shown.overlay).toEqual({ icon: { path: '/icons/badge.png' }, description: '1 thing to look at' })
  expect(seen.badge).toBe(0)
  seen.trays.at(-1)?.emit('click')
  expect(opened).toBe(1)
  signs.present({ ...failing, rolledBack: new Set() })
  expect(shown.overlay).toBeNull()
})

test('macOS: a template image, which the system colours, and a count on the dock', () => {
  const signs = createSigns(window, '/icons', 'darwin')
  signs.present(failing)
  expect(seen.trays.at(-1)?.image).toEqual({ path: '/icons/tray-failingTemplate.png' })
  expect(seen.badge).toBe(1)
})

test('many services are counted rather than listed, in a tooltip no longer than any system shows', () => {
  const signs = createSigns(window, '/icons', 'linux')
  signs.present({ ...failing, workspace: 'a workspace with a name that goes on and on, as names do when nobody stops them; and then some more of it' })
  const tray = seen.trays.at(-1)
  expect(tray?.menu?.template[0]).toEqual({ label: 'Failing: a, b, c and 7 more', enabled: false })
  expect(tray?.menu?.template.filter((entry) => /^[a-j]$/.test(entry.label ?? ''))).toHaveLength(8)
  expect(tray?.tooltip.length).toBeLessThanOrEqual(127)
  signs.remove()
  expect(tray?.destroyed).toBe(true)
})
