import { readdirSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { localWorkspaceShape } from '../../../local/workspace-shape.ts'
import { loadWorkspace } from '../../../../workspace/load.ts'

const page = readFileSync(new URL('../../../../../docs/migrations.md', import.meta.url), 'utf8')

describe('docs/migrations.md', () => {
  it('names every check that preflight can complain with, and no other', () => {
    const folder = new URL('.', import.meta.url)
    const source = readdirSync(folder)
      .filter((name) => /^(preflight|lint)/.test(name) && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(new URL(name, folder), 'utf8'))
      .join('\n')
    const said = new Set([...source.matchAll(/finding\('([^']+)', '(?:warning|blocker)'/g)].map(([, name]) => name))
    expect(said.size).toBeGreaterThan(40)
    const rows = page.split('\n').filter((line) => line.startsWith('| `'))
    const named = new Set(rows.flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name)))
    expect([...said].filter((name) => !named.has(name))).toEqual([])
    expect([...named].filter((name) => !said.has(name))).toEqual([])
  })

  it('has an example that is a workspace', () => {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-migrations-docs-'))
    try {
      const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example)
      expect(examples.length).toBeGreaterThan(0)
      for (const example of examples) {
        writeFileSync(join(folder, 'signalbox.yaml'), example)
        const result = loadWorkspace(join(folder, 'signalbox.yaml'), { providers: { local: localWorkspaceShape }, variables: { SHOP_DATABASE_URL: 'postgres://a/b' } })
        expect('problems' in result ? result.problems : []).toEqual([])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
