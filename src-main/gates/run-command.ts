import { spawn } from 'node:child_process'

/** The end of an output is what tells why it failed. */
const KEEP_BYTES = 16 * 1024

export interface CommandResult {
  /** Null when it was killed or could not be started. */
  readonly exitCode: number | null
  /** Last 16 KiB of stdout and stderr, as they came. */
  readonly output: string
  readonly ended: 'exited' | 'timeout' | 'aborted' | 'notStarted'
}

export interface CommandRequest {
  readonly command: string
  readonly folder: string
  readonly variables: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** What a command gets of the console's own environment: enough to find programs, nothing that is secret. */
export function cleanEnvironment(variables: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ', 'SYSTEMROOT'].flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), ...variables }
}

/** Runs a command with the shell, in its own process group and a clean environment, and ends all of it at the deadline. */
export function runCommand(request: CommandRequest): Promise<CommandResult> {
  return new Promise((resolve) => {
    let output = Buffer.alloc(0)
    let ended: CommandResult['ended'] = 'exited'
    const child = spawn(request.command, { shell: true, cwd: request.folder, env: cleanEnvironment(request.variables), stdio: ['ignore', 'pipe', 'pipe'], detached: process.platform !== 'win32' })
    const keep = (chunk: Buffer) => {
      output = Buffer.concat([output, chunk]).subarray(-KEEP_BYTES)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    const end = (why: CommandResult['ended']) => {
      ended = why
      if (child.pid === undefined) return
      try {
        // The group, so that what the command started ends too.
        if (process.platform === 'win32') child.kill('SIGKILL')
        else process.kill(-child.pid, 'SIGKILL')
      } catch {
        child.kill('SIGKILL')
      }
    }
    const deadline = setTimeout(() => end('timeout'), request.timeoutMs)
    const onAbort = () => end('aborted')
    request.signal.addEventListener('abort', onAbort)
    if (request.signal.aborted) end('aborted')
    const finish = (exitCode: number | null) => {
      clearTimeout(deadline)
      request.signal.removeEventListener('abort', onAbort)
      resolve({ exitCode, output: output.toString('utf8'), ended })
    }
    child.on('error', (error) => {
      output = Buffer.from(error.message)
      ended = 'notStarted'
      finish(null)
    })
    child.on('close', finish)
  })
}
