import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MenuItemConstructorOptions } from 'electron'
import { describe, expect, test } from 'vitest'
import { menuTemplate } from './menu.ts'

const actions = { go: () => {}, openWorkspace: () => {}, checkForUpdates: () => {} }
const menu = (platform: NodeJS.Platform, packaged = true) => menuTemplate({ platform, packaged, updatesOff: null }, actions)
const items = (template: readonly MenuItemConstructorOptions[]): MenuItemConstructorOptions[] => template.flatMap((entry) => [entry, ...(Array.isArray(entry.submenu) ? items(entry.submenu) : [])])
const roles = (platform: NodeJS.Platform) => items(menu(platform)).map((item) => item.role)

test('macOS has an app menu with settings, hiding and quitting; its window menu', () => {
  expect(menu('darwin').map((entry) => entry.label ?? entry.role)).toEqual(['Signalbox', 'File', 'Edit', 'View', 'windowMenu'])
  expect(roles('darwin')).toEqual(expect.arrayContaining(['about', 'services', 'hide', 'hideOthers', 'unhide', 'quit', 'close', 'copy', 'paste', 'selectAll']))
  expect(items(menu('darwin')[0]?.submenu as MenuItemConstructorOptions[]).find((item) => item.id === 'settings')?.accelerator).toBe('CmdOrCtrl+,')
})

test.each(['linux', 'win32'] as const)('%s has quitting under File, about under Help, and letters to reach the menus by', (platform) => {
  expect(menu(platform).map((entry) => entry.label)).toEqual(['&File', '&Edit', '&View', '&Help'])
  expect(roles(platform)).toEqual(expect.arrayContaining(['quit', 'close', 'about', 'copy', 'paste']))
  expect(roles(platform)).not.toContain('hide')
  expect(items(menu(platform)).find((item) => item.role === 'quit')).toMatchObject({ label: platform === 'win32' ? 'Exit' : 'Quit', accelerator: 'Ctrl+Q' })
})

describe.each(['darwin', 'linux', 'win32'] as const)('on %s', (platform) => {
  test('no accelerator is there twice, and none is one of the page’s', () => {
    const ours = items(menu(platform)).flatMap((item) => (typeof item.accelerator === 'string' ? [item.accelerator.replace('CmdOrCtrl', 'mod').replace('Ctrl', 'mod').toLowerCase()] : []))
    expect(new Set(ours).size).toBe(ours.length)
    const pageKeys: string[] = pageText().match(/mod\+[a-z+]+/g) ?? []
    expect(pageKeys).toContain('mod+k')
    expect(ours.filter((accelerator) => pageKeys.includes(accelerator))).toEqual([])
  })

  test('no act on traffic is in a menu', () => {
    expect(items(menu(platform)).filter((item) => /roll|promote|deploy|stop|release/i.test(item.label ?? ''))).toEqual([])
  })

  test('developer tools are not in an installed app; control: they are in development', () => {
    expect(roles(platform)).not.toContain('toggleDevTools')
    expect(items(menu(platform, false)).map((item) => item.role)).toContain('toggleDevTools')
  })

  test('updates that are off say why', () => {
    const off = items(menuTemplate({ platform, packaged: true, updatesOff: 'no publisher' }, actions)).find((item) => item.id === 'updates')
    expect(off).toMatchObject({ enabled: false, label: 'Updates are off: no publisher' })
  })
})

function pageText(): string {
  const folder = fileURLToPath(new URL('../../../src-renderer', import.meta.url))
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  return files.map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')).join('\n')
}
