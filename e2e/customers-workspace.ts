import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { WorkspaceOnDisk } from './one-service-workspace.ts'

const demo = fileURLToPath(new URL('../resources/demo', import.meta.url))

/** The demo's customers on a PostgreSQL of their own, and the migration of their table, with holds a test can wait for. */
export function customersWorkspace(): WorkspaceOnDisk {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-customers-'))
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
services:
  customers:
    run: "'${process.execPath}' '${demo}/customers.cjs'"
    versions: ${demo}/versions/customers
    initial: 1.0.0
    ready: {get: /ready, within: 60s}
    env: {DATABASE_URL: "\${database:shop}"}
    plan:
      steps: [{weight: 100}]
      criteria: []
      bake: 1s
      rollback-window: 5s
      drain: 1s
databases:
  shop: {practice: true}
migrations:
  split_full_name:
    title: Split full_name into first and last
    database: shop
    table: customers
    columns:
      first_name: {type: text, up: "split_part(full_name, ' ', 1)", not-null: true}
      last_name: {type: text, up: "CASE WHEN position(' ' IN full_name) > 0 THEN substr(full_name, position(' ' IN full_name) + 1) END"}
    replaces:
      full_name: first_name || coalesce(' ' || last_name, '')
    services:
      customers: {old-versions: [1.*], new-versions: [1.1.*, 2.*]}
    verify: {min-reads: 20}
    policy: {read-steps: [50, 100], read-hold: 1s, soak: 1s, switch-soak: 1s, tombstone: 2s}
`,
  )
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Asks the practice database of a data folder, as its owner. */
export async function askDatabase(dataFolder: string, ...statements: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  const place = join(dataFolder, 'practice', 'shop')
  const port = [...readFileSync(join(place, 'server.log'), 'utf8').matchAll(/address "127\.0\.0\.1", port (\d+)/g)].at(-1)?.[1] ?? ''
  const client = new pg.Client({ host: '127.0.0.1', port: Number(port), user: 'signalbox', password: readFileSync(join(place, 'password'), 'utf8').trim(), database: 'shop' })
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}
