import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

const terminal = fileURLToPath(new URL('../terminal/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'signalbox-serve-'))
const running: ChildProcess[] = []

afterAll(async () => {
  await Promise.all(running.map((child) => new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve).kill('SIGTERM') : resolve(null)))))
  rmSync(folder, { recursive: true })
})

/** A console as a process of its own. Resolves with what it wrote to stderr, once it has printed its address. */
function served(workspace: string, data: string): Promise<string> {
  const child = spawn(process.execPath, [terminal, 'serve', '--workspace', join(folder, workspace), '--data', join(folder, data)], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  return new Promise((resolve, reject) => {
    let out = ''
    let error = ''
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString('utf8')))
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8')
      // Two pipes have no order between them; what was written first has arrived a moment later.
      if (out.includes('#token=')) setTimeout(() => resolve(error), 200)
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${error}`)))
  })
}

test('says at once that the workspace is invalid, and that a second console only reads; and serves all the same', async () => {
  writeFileSync(join(folder, 'bad.yaml'), 'workspace: bad\ntier: dev\nservices:\n  app:\n    rum: x\n')
  const bad = await served('bad.yaml', 'bad')
  expect(bad).toMatch(/bad\.yaml:5:5 unknown key `rum` .*Expected: did you mean `run`/)
  expect(bad).not.toContain('only reads')
  const second = await served('bad.yaml', 'bad')
  expect(second).toMatch(/^This console only reads: The data folder .* is in use by process \d+/m)
  expect(second).toContain('bad.yaml:5:5')
}, 60_000)
