import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

/** What electron-builder writes into app-update.yml when a place to publish is configured. Read strictly: anything else is no feed. */
const feedSchema = z.object({
  provider: z.literal('generic'),
  url: z.url({ protocol: /^https$/ }),
  publisherName: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(),
})

export interface UpdateFeed {
  readonly url: string
  /** Whose signature an update must carry (Windows); empty elsewhere. */
  readonly publishers: readonly string[]
}

/** Where updates come from, or why there are none. */
export type UpdateDecision = { readonly feed: UpdateFeed } | { readonly off: string }

/**
 * Updates are off unless everything that makes them safe is there: a feed over https, and a signature that is checked
 * before anything runs. `feedText` is app-update.yml, or null.
 */
export function decideUpdates(feedText: string | null, platform: NodeJS.Platform, packaged: boolean): UpdateDecision {
  if (!packaged) return { off: 'not an installed app' }
  // AppImage updates are checked against a hash from the same server only, and .deb belongs to the package manager.
  if (platform !== 'win32' && platform !== 'darwin') return { off: 'use the package manager' }
  if (feedText === null) return { off: 'this build names no place to update from' }
  const feed = feedSchema.safeParse(tryParse(feedText))
  if (!feed.success) return { off: 'the place to update from is not valid' }
  const publishers = [feed.data.publisherName ?? []].flat()
  // electron-updater skips the check without a word when no publisher is named.
  if (platform === 'win32' && publishers.length === 0) return { off: 'no publisher to check signatures against' }
  return { feed: { url: feed.data.url, publishers } }
}

/** app-update.yml beside the app's archive, or null. */
export function readFeed(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/** The members of electron-updater's AppUpdater that are used. */
export interface Updater {
  autoDownload: boolean
  autoInstallOnAppQuit: boolean
  allowDowngrade: boolean
  allowPrerelease: boolean
  disableWebInstaller: boolean
  verifyUpdateCodeSignature?: (publishers: string[], file: string) => Promise<string | null>
  checkForUpdates(): Promise<{ readonly isUpdateAvailable: boolean; readonly updateInfo: { readonly version: string } } | null>
  downloadUpdate(): Promise<unknown>
  quitAndInstall(): void
}

/** Sets an updater so that nothing is fetched or installed that a person did not ask for, or that is not signed. */
export function restrain(updater: Updater, feed: UpdateFeed, platform: NodeJS.Platform, run: RunPowerShell = runPowerShell): void {
  updater.autoDownload = false
  updater.autoInstallOnAppQuit = false
  updater.allowDowngrade = false
  updater.allowPrerelease = false
  updater.disableWebInstaller = true
  // Its own check passes a file when PowerShell cannot be asked; this one does not.
  if (platform === 'win32') updater.verifyUpdateCodeSignature = (_named, file) => whyNotSigned(file, feed.publishers, run)
}

export type RunPowerShell = (script: string, environment: Readonly<Record<string, string>>) => Promise<string>

const signatureSchema = z.object({ Status: z.literal(0), Subject: z.string().min(1) })
const SIGNATURE = '$s = Get-AuthenticodeSignature -LiteralPath $env:SIGNALBOX_FILE; @{Status = [int]$s.Status; Subject = $s.SignerCertificate.Subject} | ConvertTo-Json -Compress'

/** Why a file may not be run, or null when it carries a valid signature of one of the publishers. Any doubt is a reason. */
export async function whyNotSigned(file: string, publishers: readonly string[], run: RunPowerShell): Promise<string | null> {
  try {
    const signature = signatureSchema.safeParse(JSON.parse(await run(SIGNATURE, { SIGNALBOX_FILE: file })))
    if (!signature.success) return 'the update carries no valid signature'
    const name = /(?:^|,\s*)CN=(?:"([^"]*)"|([^,]*))/.exec(signature.data.Subject)
    const signer = (name?.[1] ?? name?.[2] ?? '').trim()
    return publishers.some((publisher) => publisher === signer || publisher === signature.data.Subject) ? null : `the update is signed by ${signer === '' ? 'nobody known' : signer}`
  } catch (error) {
    return `the signature could not be checked: ${error instanceof Error ? error.message : String(error)}`
  }
}

function runPowerShell(script: string, environment: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = ['-NoProfile', '-NonInteractive', '-InputFormat', 'None', '-Command', script]
    execFile('powershell.exe', args, { env: { ...process.env, ...environment }, timeout: 60_000 }, (error, stdout) => (error ? reject(error) : resolve(stdout)))
  })
}

function tryParse(text: string): unknown {
  try {
    return parse(text)
  } catch {
    return null
  }
}
