import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSecrets, type Vault } from './secrets.ts'

const SECRET = 'ghp_a-token-nobody-may-see'
const turned = (text: string) => text.split('').toReversed().join('')
let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-secrets-'))
  file = join(folder, 'secrets.json')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Turns text around; told apart by a mark, as a real vault's key would. Counts what it encrypts. */
function vault(options: { readonly backend?: string; readonly available?: boolean; readonly key?: string } = {}): Vault & { stale: boolean; encrypted: number } {
  const { backend = 'gnome_libsecret', available = true, key = 'k1' } = options
  return {
    stale: false,
    encrypted: 0,
    isAsyncEncryptionAvailable: () => Promise.resolve(available),
    getSelectedStorageBackend: () => backend,
    encryptStringAsync(text) {
      this.encrypted += 1
      return Promise.resolve(Buffer.from(`${key}:${turned(text)}`))
    },
    decryptStringAsync(encrypted) {
      const text = encrypted.toString()
      if (!text.startsWith(`${key}:`)) return Promise.reject(new Error(`cannot decrypt ${text}`))
      return Promise.resolve({ result: turned(text.slice(key.length + 1)), shouldReEncrypt: this.stale })
    },
  }
}

test('a secret comes back, and is nowhere in the clear', async () => {
  const secrets = openSecrets(file, vault(), 'linux')
  expect(await secrets.get('github')).toBeNull()
  await secrets.put('github', SECRET)
  await secrets.put('other', 'x')
  expect(await openSecrets(file, vault(), 'linux').get('github')).toBe(SECRET)
  expect(readFileSync(file, 'utf8')).not.toContain(SECRET)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  secrets.remove('github')
  expect(await secrets.get('github')).toBeNull()
  expect(await secrets.get('other')).toBe('x')
})

test('a secret whose key was rotated is encrypted anew', async () => {
  const rotating = vault()
  const secrets = openSecrets(file, rotating, 'linux')
  await secrets.put('a', SECRET)
  expect(await secrets.get('a')).toBe(SECRET)
  expect(rotating.encrypted).toBe(1)
  rotating.stale = true
  expect(await secrets.get('a')).toBe(SECRET)
  expect(rotating.encrypted).toBe(2)
  rotating.stale = false
  expect(await secrets.get('a')).toBe(SECRET)
})

describe('refused aloud, with nothing written', () => {
  test.each<[string, Parameters<typeof vault>[0], NodeJS.Platform]>([
    ['a password that is in everybody’s source', { backend: 'basic_text' }, 'linux'],
    ['a backend not yet chosen', { backend: 'unknown' }, 'linux'],
    ['no encryption', { available: false }, 'darwin'],
    ['no encryption', { available: false }, 'win32'],
  ])('%s (%j, %s)', async (_what, options, platform) => {
    const refused = openSecrets(file, vault(options), platform)
    await expect(refused.put('a', SECRET)).rejects.toMatchObject({ data: { code: 'unsupported', message: expect.stringContaining('keeps no secrets safely') } })
    expect(existsSync(file)).toBe(false)
    await openSecrets(file, vault(), 'linux').put('a', SECRET)
    await expect(refused.get('a')).rejects.toMatchObject({ data: { code: 'unsupported' } })
  })

  test('control: the same backends elsewhere than on Linux mean nothing', async () => {
    await openSecrets(file, vault({ backend: 'basic_text' }), 'win32').put('a', SECRET)
    expect(existsSync(file)).toBe(true)
  })
})

test('what cannot be read any more is said without quoting it', async () => {
  await openSecrets(file, vault(), 'linux').put('a', SECRET)
  const error: unknown = await openSecrets(file, vault({ key: 'k2' }), 'linux').get('a').then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ data: { code: 'internal', next: 'Enter it again.' } })
  expect(String((error as Error).stack)).not.toContain(turned(SECRET))
  writeFileSync(file, '{"a": 7}')
  await expect(openSecrets(file, vault(), 'linux').get('a')).rejects.toMatchObject({ data: { code: 'internal' } })
})
