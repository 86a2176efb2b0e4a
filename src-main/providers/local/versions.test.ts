import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { localSettingsSchema, type LocalSettings, type LocalSettingsInput } from './config.ts'
import { configDigest, launchSpec, listVersions, resolveVersion } from './versions.ts'

describe('versions', () => {
  let folder: string
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'signalbox-versions-'))))
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const settings = (change: Partial<LocalSettingsInput>): LocalSettings =>
    localSettingsSchema.parse({ run: 'node server.js --port ${port}', folder, versions: { kind: 'list', versions: ['1.0', '1.1'] }, ...change })

  it('come from a list, a command or folders, each with what keeps it from running', async () => {
    expect((await listVersions(settings({}))).map((item) => [item.version, item.problem])).toEqual([['1.0', null], ['1.1', null]])
    const printed = await listVersions(settings({ versions: { kind: 'command', command: 'printf "v2\\tSecond try\\nv1\\n\\nb@d; name\\n"' } }))
    expect(printed.map(({ version, title, problem }) => [version, title, problem === null])).toEqual([['v2', 'Second try', true], ['v1', '', true], ['b@d; name', '', false]])
    for (const name of ['1.9', '1.10']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, '1.9', 'version.json'), '{ not json')
    writeFileSync(join(folder, 'notes.txt'), 'no version')
    const found = await listVersions(settings({ folder: join(folder, '${version}'), versions: { kind: 'folder', path: folder } }))
    expect(found.map((item) => item.version).toSorted((a, b) => a.localeCompare(b))).toEqual(['1.10', '1.9'])
    expect(found.find((item) => item.version === '1.9')?.problem).toBe('version.json is not JSON')
  })

  it('that cannot be listed say why, and what to do', async () => {
    await expect(listVersions(settings({ versions: { kind: 'command', command: 'echo no network >&2; exit 4' } }))).rejects.toMatchObject({ code: 'invalidInput', message: expect.stringContaining('no network') as string })
    await expect(listVersions(settings({ versions: { kind: 'folder', path: join(folder, 'gone') } }))).rejects.toMatchObject({ code: 'invalidInput' })
  })

  it('carry a digest of all that decides how they run, in either environment', async () => {
    const digests = [settings({}), settings({ env: { A: '1' } }), settings({ envGreen: { A: '1' } }), settings({ run: 'node other.js' })].map((each) => configDigest(each, '1.0'))
    expect(new Set([...digests, configDigest(settings({}), '1.1')]).size).toBe(4)
    expect(configDigest(settings({ env: { A: '1', B: '2' } }), '1.0')).toBe(configDigest(settings({ env: { B: '2', A: '1' } }), '1.0'))
    // Only where the version is part of how it runs do two versions differ by it.
    const named = settings({ run: 'node server.js ${version}' })
    expect(configDigest(named, '1.0')).not.toBe(configDigest(named, '1.1'))
    expect((await resolveVersion(named, '1.1')).configDigest).toBe(configDigest(named, '1.1'))
    expect(launchSpec(settings({ env: { AT: '${environment}:${port}:${version}' } }), '1.0', 'green').env).toEqual({ AT: 'green:${port}:1.0' })
  })
})
