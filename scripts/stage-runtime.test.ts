import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, cpSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { localWorkspaceShape } from '../src-main/providers/local/workspace-shape.ts'
import { loadWorkspace } from '../src-main/workspace/load.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

test('the demo of an installed app is whole without what needs PostgreSQL', async () => {
  const { withoutPostgres } = (await import(pathToFileURL(join(root, 'scripts', 'stage-runtime.mjs')).href)) as { withoutPostgres: (text: string) => string }
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-staged-'))
  try {
    mkdirSync(join(folder, 'demo'))
    cpSync(join(root, 'resources', 'demo'), join(folder, 'demo'), { recursive: true })
    const file = join(folder, 'demo', 'signalbox.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, withoutPostgres(text))
    const read = loadWorkspace(file, { providers: { local: localWorkspaceShape }, variables: {} })
    if ('problems' in read) throw new Error(JSON.stringify(read.problems))
    expect(read.workspace.services.map(({ name }) => name)).toEqual(['checkout', 'search', 'mailer', 'shoppers'])
    expect(read.workspace).toMatchObject({ databases: [], migrations: [] })
    expect(readFileSync(file, 'utf8')).not.toContain('customers')
    expect(text).toContain('customers=http')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
