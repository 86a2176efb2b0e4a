import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { consolePaths, defaultDataFolder } from './console-options.ts'

let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-options-')))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** As npm calls a script: in the package's folder, with the caller's in INIT_CWD. */
const paths = (options: Parameters<typeof consolePaths>[0]) => consolePaths(options, { INIT_CWD: folder, XDG_DATA_HOME: '/data' })

describe('which workspace', () => {
  test('the one named, relative to where the command was given', () => {
    writeFileSync(join(folder, 'other.yaml'), '')
    expect(paths({ workspace: 'other.yaml' }).workspaceFile).toBe(join(folder, 'other.yaml'))
    expect(paths({ workspace: join(folder, 'other.yaml') }).workspaceFile).toBe(join(folder, 'other.yaml'))
  })

  test('else signalbox.yaml there, else none: the demo', () => {
    expect(paths({}).workspaceFile).toBeNull()
    writeFileSync(join(folder, 'signalbox.yaml'), '')
    expect(paths({}).workspaceFile).toBe(join(folder, 'signalbox.yaml'))
  })

  test('one that is not there, or is a folder, is a fault that names it', () => {
    expect(() => paths({ workspace: 'gone.yaml' })).toThrow(join(folder, 'gone.yaml'))
    expect(() => paths({ workspace: '.' })).toThrow(folder)
    expect(() => paths({ audit: 'gone.db' })).toThrow('gone.db')
  })
})

describe('which data folder', () => {
  test('the one named, which need not exist', () => {
    expect(paths({ data: 'd' }).dataFolder).toBe(join(folder, 'd'))
  })

  test('else one per workspace, told apart by its path', () => {
    const one = defaultDataFolder('/a/shop/signalbox.yaml', {}, 'linux')
    expect(one).toMatch(/\/\.local\/share\/signalbox\/shop-[0-9a-f]{8}$/)
    expect(defaultDataFolder('/b/shop/signalbox.yaml', {}, 'linux')).not.toBe(one)
    expect(defaultDataFolder(null, { XDG_DATA_HOME: '/data' }, 'linux')).toBe('/data/signalbox/demo')
    expect(defaultDataFolder(null, { XDG_DATA_HOME: 'not/absolute' }, 'linux')).toMatch(/\.local\/share\/signalbox\/demo$/)
    expect(defaultDataFolder(null, {}, 'darwin')).toMatch(/Library\/Application Support\/Signalbox\/demo$/)
    expect(defaultDataFolder(null, { LOCALAPPDATA: '/local' }, 'win32')).toBe('/local/Signalbox/demo')
  })
})
