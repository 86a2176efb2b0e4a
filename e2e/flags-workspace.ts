import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkspaceOnDisk } from './one-service-workspace.ts'

export interface FlagsWorkspace extends WorkspaceOnDisk {
  /** The set of the workspace's own tier. */
  readonly flagsFile: string
  readFlags(): string
}

const LONG_AGO = Date.UTC(2025, 0, 6)
const flag = (changes: object = {}) => ({ state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', metadata: { owner: 'checkout team', 'signalbox.safeVariant': 'off', 'signalbox.changedAt': Date.now() - 60_000 }, ...changes })

/** One small service, four flags in a file, holds a test can wait for, and code that still reads an old flag. */
export function flagsWorkspace(): FlagsWorkspace {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-flags-'))
  for (const path of ['flags', 'releases/1.0.0', 'code']) mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'releases', '1.0.0', 'server.mjs'), `import { createServer } from 'node:http'\ncreateServer((_request, response) => response.end(process.env.FLAGS)).listen(process.env.PORT, '127.0.0.1')\n`)
  writeFileSync(join(folder, 'code', 'totals.js'), `// totals\nif (flags.getBooleanValue('old-totals', false)) oldTotals()\nelse if (await isOn("old-totals")) newTotals()\n`)
  const flagsFile = join(folder, 'flags', 'dev.json')
  const set = {
    $schema: 'https://flagd.dev/schema/v0/flags.json',
    flags: { 'new-checkout': flag(), 'express-checkout': flag(), 'gift-wrap': flag({ defaultVariant: 'on' }), 'old-totals': flag({ defaultVariant: 'on', metadata: { 'signalbox.safeVariant': 'off', 'signalbox.changedAt': LONG_AGO } }) },
    $evaluators: { internal: { ends_with: [{ var: 'email' }, '@shop.test'] } },
  }
  writeFileSync(flagsFile, `${JSON.stringify(set, null, 2)}\n`)
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
services:
  checkout:
    run: "'${process.execPath}' server.mjs"
    versions: ./releases
    initial: 1.0.0
    ready: /
    env: {FLAGS: "\${flags-http:shop}"}
    plan: {steps: [100], criteria: [], bake: 1s, drain: 1s, rollback-window: 5s}
flags:
  shop:
    file: ./flags
    services: [checkout]
    criteria: [{metric: error-ratio, limit: 10%, window: 5s, min-requests: 20, consecutive: 2}]
    stages:
      - {percent: 100, audience: internal, hold: 2s}
      - {percent: 50, hold: 4s}
      - {percent: 100, hold: 2s}
    code: ./code
    stale: {settled: 30d, silent: 4s}
`,
  )
  return { file, flagsFile, readFlags: () => readFileSync(flagsFile, 'utf8'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
