import { spawn } from 'node:child_process'

/** Opens the default browser where there is one; where there is none, nothing happens, for the address is printed anyway. */
export function openBrowser(url: string, platform: NodeJS.Platform = process.platform, env: NodeJS.ProcessEnv = process.env): void {
  const command = openerFor(platform, env)
  if (!command) return
  const [program, ...args] = command
  const child = spawn(program, [...args, url], { stdio: 'ignore', detached: true })
  child.on('error', () => undefined)
  child.unref()
}

function openerFor(platform: NodeJS.Platform, env: NodeJS.ProcessEnv): readonly [string, ...string[]] | null {
  // Nobody is sitting at a build machine.
  if (env['CI']) return null
  if (platform === 'darwin') return ['open']
  // `start` is a shell word; the empty title keeps it from taking the address for one.
  if (platform === 'win32') return ['cmd', '/c', 'start', '""']
  return env['DISPLAY'] || env['WAYLAND_DISPLAY'] ? ['xdg-open'] : null
}
