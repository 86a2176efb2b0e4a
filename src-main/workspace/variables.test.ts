import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { localSettingsSchema } from '../providers/local/config.ts'
import { localWorkspaceShape } from '../providers/local/workspace-shape.ts'
import { loadWorkspace } from './load.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-variables-'))
  mkdirSync(join(folder, 'releases', '1.0.0'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))

function load(env: string) {
  const file = join(folder, 'signalbox.yaml')
  writeFileSync(
    file,
    `workspace: shop
tier: dev
databases:
  shop: {practice: true, port: 5544}
  orders: {url: "postgres://app:\${env:ORDERS_PASSWORD}@db/orders"}
  unused: {practice: true}
services:
  checkout:
    run: node server.js
    versions: ./releases
    ${env}
`,
  )
  return loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: { ORDERS_PASSWORD: 'hunter2' } })
}

it('a variable may hold the address of a database; settings get what is referred to, and no password', () => {
  const read = load('env: {A: "${database:shop}"}\n    green: {env: {B: "${database:orders}?sslmode=require"}}')
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  expect(localSettingsSchema.parse(read.workspace.services[0]?.settings).databases).toEqual({
    shop: { kind: 'practice', port: 5544 },
    orders: { kind: 'url', url: 'postgres://app:${env:ORDERS_PASSWORD}@db/orders' },
  })
  expect(JSON.stringify(read.workspace)).not.toContain('hunter2')
})

it('a database that is not declared is a problem at its place', () => {
  const read = load('env: {A: "${database:shopp}"}')
  expect('problems' in read && read.problems).toMatchObject([{ place: { line: 11, column: 14 }, message: 'there is no database `shopp`', expected: 'did you mean `${database:shop}`?' }])
})
