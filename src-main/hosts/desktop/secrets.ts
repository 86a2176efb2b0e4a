import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { Fault } from '../../contract/fault.ts'

/** Small secrets (tokens of providers) kept by the operating system's own means. Names are no secret. */
export interface Secrets {
  /** Faults: `unsupported` where this computer cannot keep a secret. */
  put(name: string, value: string): Promise<void>
  /** Null when there is none. Faults: `unsupported`; `internal` when what is kept can no longer be read. */
  get(name: string): Promise<string | null>
  remove(name: string): void
}

/** The part of Electron's safeStorage that is used: its asynchronous half. */
export interface Vault {
  isAsyncEncryptionAvailable(): Promise<boolean>
  encryptStringAsync(text: string): Promise<Buffer>
  decryptStringAsync(encrypted: Buffer): Promise<{ readonly result: string; readonly shouldReEncrypt: boolean }>
  /** Linux only. */
  getSelectedStorageBackend(): string
}

const keptSchema = z.record(z.string(), z.base64())
/** Not yet chosen, or a password written in Chromium's source: both keep nothing secret. */
const NO_VAULT = ['basic_text', 'unknown']

/** `file` holds what was encrypted, readable by its owner only. Nothing is ever written in the clear. */
export function openSecrets(file: string, vault: Vault, platform: NodeJS.Platform = process.platform): Secrets {
  function read(): Record<string, string> {
    try {
      return keptSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
      throw new Fault('internal', `${file} holds no secrets that can be read. Traffic is not affected.`, 'Remove the file and enter the secrets again.')
    }
  }
  function write(kept: Record<string, string>): void {
    writeFileSync(`${file}.new`, JSON.stringify(kept), { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
  }
  async function assertVault(): Promise<void> {
    const available = await vault.isAsyncEncryptionAvailable()
    const backend = platform === 'linux' ? vault.getSelectedStorageBackend() : ''
    if (available && !NO_VAULT.includes(backend)) return
    const why = platform === 'linux' ? `no secret service answers (${backend === '' ? 'none' : backend})` : 'the system offers no encryption to this app'
    const next = platform === 'linux' ? 'Install and unlock GNOME Keyring or KWallet, then start Signalbox again; or give the secret as an environment variable.' : 'Unlock the keychain or sign in again, then start Signalbox again.'
    throw new Fault('unsupported', `This computer keeps no secrets safely: ${why}. Nothing was stored or read. Traffic is not affected.`, next)
  }

  return {
    async put(name, value) {
      await assertVault()
      const encrypted = await vault.encryptStringAsync(value)
      write({ ...read(), [name]: encrypted.toString('base64') })
    },
    async get(name) {
      const kept = read()[name]
      if (kept === undefined) return null
      await assertVault()
      try {
        const { result, shouldReEncrypt } = await vault.decryptStringAsync(Buffer.from(kept, 'base64'))
        if (shouldReEncrypt) write({ ...read(), [name]: (await vault.encryptStringAsync(result)).toString('base64') })
        return result
      } catch {
        // Whatever the system says of it stays out of logs: it may quote what it was given.
        throw new Fault('internal', `The secret ${name} can no longer be read on this computer. Traffic is not affected.`, 'Enter it again.')
      }
    },
    remove(name) {
      const { [name]: _gone, ...others } = read()
      write(others)
    },
  }
}
