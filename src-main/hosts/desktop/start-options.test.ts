import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { defaultDataFolder } from '../console-options.ts'
import { handOver, readStart, rememberLast } from './start-options.ts'

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-start-')))
afterAll(() => rmSync(folder, { recursive: true }))
const empty = join(folder, 'cwd')
mkdirSync(empty)
const workspace = join(folder, 'signalbox.yaml')
writeFileSync(workspace, 'workspace: x\n')
const env = { INIT_CWD: empty, XDG_DATA_HOME: join(folder, 'share'), LOCALAPPDATA: join(folder, 'share') }
const linuxOnly = test.skipIf(process.platform !== 'linux')

test('npm start hands its options over whole', () => {
  const compose = { host: 'desktop', dataFolder: '/data', workspaceFile: workspace, auditFile: null, trustWorkspace: true, scope: 'whole', nodePath: '/node' } as const
  expect(readStart(['/electron', 'main.js', handOver(compose)], false, env)).toEqual(compose)
  expect(() => readStart(['/electron', 'main.js'], false, env)).toThrow(/without its options/)
})

test('an installed app takes options as npm start does, whatever the system adds, and none that are handed over', () => {
  const read = readStart(['/opt/Signalbox/signalbox', '--workspace', workspace, '--data', join(folder, 'd'), '--trust', '--enable-features=X', 'signalbox://service/a'], true, env)
  expect(read).toEqual({ host: 'desktop', workspaceFile: workspace, dataFolder: join(folder, 'd'), auditFile: null, trustWorkspace: true, scope: 'whole' })
  const handed = readStart(['/opt/Signalbox/signalbox', handOver({ ...read, dataFolder: '/evil' })], true, env)
  expect(handed.dataFolder).not.toBe('/evil')
  expect(() => readStart(['/opt/Signalbox/signalbox', '--workspace', join(folder, 'none.yaml')], true, env)).toThrow(/no file/)
})

linuxOnly('given nothing it opens what it had open last, while that is there; else the demo', () => {
  const start = () => readStart(['/opt/Signalbox/signalbox'], true, env)
  expect(start()).toMatchObject({ workspaceFile: null, trustWorkspace: false, dataFolder: join(folder, 'share', 'signalbox', 'demo') })
  rememberLast({ workspaceFile: workspace, dataFolder: join(folder, 'elsewhere') }, env)
  expect(start().workspaceFile).toBeNull()
  rememberLast({ workspaceFile: workspace, dataFolder: defaultDataFolder(workspace, env) }, env)
  expect(start().workspaceFile).toBe(workspace)
  writeFileSync(join(folder, 'share', 'signalbox', 'last-workspace.json'), '{"workspaceFile": 7}')
  expect(start().workspaceFile).toBeNull()
  const gone = join(folder, 'gone.yaml')
  rememberLast({ workspaceFile: gone, dataFolder: defaultDataFolder(gone, env) }, env)
  expect(start().workspaceFile).toBeNull()
})
