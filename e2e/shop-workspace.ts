import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PROGRAM = `
const { createServer } = require('node:http')
const { VERSION, PORT } = process.env
const isBroken = VERSION === '3.0.0'
createServer((request, response) => {
  response.statusCode = isBroken && request.url !== '/health' ? 500 : 200
  response.end(VERSION)
}).listen(PORT, '127.0.0.1')
`
const TITLES: Readonly<Record<string, string>> = { '1.0.0': 'The first shop', '2.0.0': 'Faster totals', '3.0.0': 'A new cart', '4.0.0': 'Gift cards' }

export interface ShopWorkspace {
  readonly file: string
  readonly folder: string
  text(): string
  write(text: string): void
  remove(): void
}

/**
 * A workspace with one small real service, `checkout`, on ports that are picked. 3.0.0 passes its gate and answers 500
 * to everybody else; the others are good. Holds are short.
 */
export function shopWorkspace(): ShopWorkspace {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-workspace-'))
  for (const [version, title] of Object.entries(TITLES)) {
    mkdirSync(join(folder, 'releases', version), { recursive: true })
    writeFileSync(join(folder, 'releases', version, 'server.cjs'), PROGRAM)
    writeFileSync(join(folder, 'releases', version, 'version.json'), JSON.stringify({ title, changes: [`what is new in ${version}`] }))
  }
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
services:
  checkout:
    run: "'${process.execPath}' server.cjs"
    versions: ./releases
    ready: /health
    initial: 1.0.0
    plan:
      steps: [{weight: 25, hold: manual}, {weight: 50, hold: 3s}, 100]
      smoke: [/health]
      criteria: [{metric: error-ratio, limit: 5%, min-requests: 1000000}]
      bake: 2s
      drain: 1s
      rollback-window: 1h
`,
  )
  return { file, folder, text: () => readFileSync(file, 'utf8'), write: (text) => writeFileSync(file, text), remove: () => rmSync(folder, { recursive: true, force: true }) }
}
