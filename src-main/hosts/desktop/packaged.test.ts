import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openWorkspaceSession } from '../../console/workspace-session.ts'
import { localPaths } from '../../providers/local/paths.ts'
import { withInstalledRuntime } from './packaged.ts'

let folder = ''
const path = process.env['PATH']
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'signalbox-packaged-')))
})
afterEach(() => {
  process.env['PATH'] = path
  rmSync(folder, { recursive: true })
})

/** Beside an archive: a node, the two programs, the real demo. */
function resources(): { readonly manifest: string; readonly source: string } {
  const source = join(folder, 'runtime')
  mkdirSync(join(source, 'node'), { recursive: true })
  mkdirSync(join(source, 'local'))
  writeFileSync(join(source, 'node', 'node'), '#!/bin/sh\n')
  for (const program of ['supervisor.mjs', 'router.mjs']) writeFileSync(join(source, 'local', program), program)
  cpSync(fileURLToPath(new URL('../../../resources/demo', import.meta.url)), join(source, 'demo'), { recursive: true })
  const parts = Object.fromEntries(['node', 'local', 'demo'].map((part) => [part, { files: digests(join(source, part)) }]))
  const manifest = join(folder, 'runtime.json')
  writeFileSync(manifest, JSON.stringify(parts))
  return { manifest, source }
}

function digests(part: string): Record<string, string> {
  const files = readdirSync(part, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(files.map((entry) => [relative(part, join(entry.parentPath, entry.name)), createHash('sha256').update(readFileSync(join(entry.parentPath, entry.name))).digest('hex')]))
}

test('the core is told where node, programs and demo are; the demo is the demo there too', async () => {
  const { manifest, source } = resources()
  const dataFolder = join(folder, 'data')
  const given = { host: 'desktop', dataFolder, workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' } as const
  const compose = await withInstalledRuntime(given, manifest, source)
  expect(compose).toMatchObject(given)
  const kept = relative(join(dataFolder, 'runtime'), compose.localEntries?.supervisor ?? '')
  expect(kept).toMatch(/^local-[0-9a-f]{16}\/supervisor\.mjs$/)
  expect(compose.nodePath).toMatch(/\/runtime\/node-[0-9a-f]{16}\/node$/)
  expect(process.env['PATH']?.startsWith(path ?? '')).toBe(true)
  expect(process.env['PATH']?.endsWith(join(compose.nodePath ?? '', '..'))).toBe(true)
  const view = openWorkspaceSession(null, new Set(), join(folder, 'kept.json'), compose.demoFile).view()
  expect(view).toMatchObject({ name: 'demo', demo: true, trusted: true, file: compose.demoFile, problems: [] })
})

test('copies of an older version stay while a supervisor may run from them', async () => {
  const { manifest, source } = resources()
  const dataFolder = join(folder, 'data')
  const compose = { host: 'desktop', dataFolder, workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' } as const
  const older = join(dataFolder, 'runtime', 'local-older')
  mkdirSync(older, { recursive: true })
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  writeFileSync(localPaths(dataFolder).lock, JSON.stringify({ pid: process.pid, startTime: '1', bootId }))
  await withInstalledRuntime(compose, manifest, source)
  expect(readdirSync(join(dataFolder, 'runtime'))).toContain('local-older')
  rmSync(localPaths(dataFolder).lock)
  await withInstalledRuntime(compose, manifest, source)
  expect(readdirSync(join(dataFolder, 'runtime'))).not.toContain('local-older')
})
