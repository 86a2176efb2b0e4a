import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { _electron, type ElectronApplication } from 'playwright/test'
import type { ComposeOptions } from '../src-main/rpc/core-api.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

type FindElectron = (options: { readonly root: string; readonly env: NodeJS.ProcessEnv; readonly platform: NodeJS.Platform; readonly uid: number | undefined; readonly fetch: () => void }) => { readonly found: string } | { readonly why: string }

/** Electron's binary, if it can run here; never fetched for a test. */
async function electron(): Promise<{ readonly found: string } | { readonly why: string }> {
  const { findElectron } = (await import(pathToFileURL(join(root, 'scripts', 'find-electron.mjs')).href)) as { findElectron: FindElectron }
  return findElectron({ root, env: process.env, platform: process.platform, uid: process.getuid?.(), fetch: () => {} })
}

/** True when the specs are to run in the desktop app: HOST=desktop npm run e2e. */
export const ON_DESKTOP = process.env['HOST'] === 'desktop'

/** Why they cannot, or null. */
export async function whyNoDesktop(): Promise<string | null> {
  if (!ON_DESKTOP) return null
  const binary = await electron()
  return 'why' in binary ? `not run: ${binary.why}` : null
}

/** Builds the desktop app and starts it, as `npm start` does. */
export async function launchElectron(compose: ComposeOptions): Promise<ElectronApplication> {
  const binary = await electron()
  if ('why' in binary) throw new Error(binary.why)
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { encoding: 'utf8' })
  if (built.status !== 0) throw new Error(`the desktop app could not be built:\n${built.stdout}${built.stderr}`)
  const handedOver = `--signalbox=${Buffer.from(JSON.stringify({ ...compose, nodePath: process.execPath })).toString('base64url')}`
  return _electron.launch({
    executablePath: binary.found,
    args: [join(root, 'dist', 'desktop', 'hosts', 'desktop', 'main.js'), handedOver],
    cwd: root,
    env: { ...(process.env as Record<string, string>), SIGNALBOX_VALIDATE_OUTPUTS: '1' },
  })
}
