import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { digestOfPart, installRuntime, type RuntimeManifest, runtimeManifestSchema } from './runtime.ts'

let folder = ''
let source = ''
let target = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-runtime-'))
  source = join(folder, 'app')
  target = join(folder, 'data', 'runtime')
})
afterEach(() => rmSync(folder, { recursive: true }))

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** An installed app with these files, and the manifest it was built with. */
function app(files: Readonly<Record<string, string>>): RuntimeManifest {
  const parts: Record<string, { files: Record<string, string> }> = { node: { files: {} }, local: { files: {} }, demo: { files: {} } }
  for (const [path, text] of Object.entries(files)) {
    const [part = '', ...rest] = path.split('/')
    mkdirSync(dirname(join(source, path)), { recursive: true })
    writeFileSync(join(source, path), text)
    parts[part]!.files[rest.join('/')] = sha256(text)
  }
  return runtimeManifestSchema.parse(parts)
}
const first = () => app({ 'node/node': 'binary 1', 'local/supervisor.mjs': 's 1', 'local/router.mjs': 'r 1', 'demo/signalbox.yaml': 'demo', 'demo/service/server.cjs': 'serve' })
const install = (manifest: RuntimeManifest, inUse = true) => installRuntime({ manifest, source, target, inUse })

test('each part is copied under its own digest, for its owner only', async () => {
  const manifest = first()
  const folders = await install(manifest)
  expect(folders.node).toBe(join(target, `node-${digestOfPart(manifest.node).slice(0, 16)}`))
  expect(readFileSync(join(folders.demo, 'service', 'server.cjs'), 'utf8')).toBe('serve')
  expect(readdirSync(target)).toHaveLength(3)
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
  expect([mode(target), mode(folders.node), mode(join(folders.node, 'node')), mode(join(folders.local, 'router.mjs'))]).toEqual(['700', '700', '700', '600'])
})

test('a copy that is whole is used as it is, even when the app is gone', async () => {
  const manifest = first()
  const { node } = await install(manifest)
  const before = statSync(join(node, 'node'))
  rmSync(source, { recursive: true })
  expect((await install(manifest)).node).toBe(node)
  expect(statSync(join(node, 'node')).ino).toBe(before.ino)
})

test('an update stands beside the older copy while that may be in use, and takes its place when not', async () => {
  const old = await install(first())
  const newer = app({ 'node/node': 'binary 1', 'local/supervisor.mjs': 's 2', 'local/router.mjs': 'r 1', 'demo/signalbox.yaml': 'demo', 'demo/service/server.cjs': 'serve' })
  const manifest = { ...newer }
  const folders = await install(manifest)
  expect(folders.node).toBe(old.node)
  expect(folders.local).not.toBe(old.local)
  expect(readFileSync(join(old.local, 'supervisor.mjs'), 'utf8')).toBe('s 1')
  await install(manifest, false)
  expect(existsSync(old.local)).toBe(false)
  expect(readdirSync(target)).toHaveLength(3)
})

test.each<[string, (folders: Readonly<Record<string, string>>) => void]>([
  ['changed', ({ node }) => writeFileSync(join(node!, 'node'), 'binary X')],
  ['cut short', ({ node }) => writeFileSync(join(node!, 'node'), '')],
  ['missing', ({ node }) => rmSync(join(node!, 'node'))],
  ['a link to somewhere else', ({ node }) => (rmSync(join(node!, 'node')), symlinkSync('/bin/sh', join(node!, 'node')))],
])('a copy that is %s is made anew', async (_what, spoil) => {
  const manifest = first()
  const folders = await install(manifest)
  spoil(folders)
  await install(manifest)
  expect(readFileSync(join(folders.node, 'node'), 'utf8')).toBe('binary 1')
})

test('a damaged app starts nothing, and leaves nothing half done', async () => {
  const manifest = first()
  writeFileSync(join(source, 'node', 'node'), 'binary 1 and more')
  await expect(install(manifest)).rejects.toMatchObject({ data: { code: 'internal', message: expect.stringContaining('is not the file it was built with') } })
  expect(readdirSync(target).filter((name) => name.startsWith('node-'))).toEqual([])
})

test('a folder left open is closed; one that is not ours is not used', async () => {
  mkdirSync(target, { recursive: true })
  chmodSync(target, 0o777)
  await install(first())
  expect(statSync(target).mode & 0o777).toBe(0o700)
  rmSync(target, { recursive: true })
  mkdirSync(join(folder, 'elsewhere'))
  symlinkSync(join(folder, 'elsewhere'), target)
  await expect(install(first())).rejects.toMatchObject({ data: { code: 'internal' } })
})

test.each(['../evil', 'a/../../b', '/etc/passwd', 'a//b', 'a/./b', '', '..'])('a manifest with the path %j is no manifest', (path) => {
  const part = { files: { [path]: sha256('x') } }
  expect(runtimeManifestSchema.safeParse({ node: part, local: { files: {} }, demo: { files: {} } }).success).toBe(false)
})
