import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { defaultEntries } from '../launch.ts'
import type { FromRouter, RouteState, ToRouter } from '../router/messages.ts'
import { bindListener } from '../supervisor/listeners.ts'
import { findFreePort, probeOnce } from '../supervisor/probe.ts'

/** Processes a bench starts. They end with it. */
const started = new Set<ChildProcess>()
process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

const pinning = has('taskset')

/** Starts a program, on one core when `cpu` is given and the machine can pin. */
export function start(command: readonly string[], options: { cpu?: number; env?: Record<string, string>; ipc?: boolean; quiet?: boolean } = {}): ChildProcess {
  const [program = '', ...args] = options.cpu !== undefined && pinning ? ['taskset', '-c', String(options.cpu), ...command] : command
  const output = options.quiet === false ? 'inherit' : 'ignore'
  const child = spawn(program, args, { stdio: ['ignore', output, output, ...(options.ipc ? (['ipc'] as const) : [])], env: { ...process.env, ...options.env } })
  started.add(child)
  child.once('exit', () => started.delete(child))
  return child
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

export function besides(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url))
}

export async function listening(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await probeOnce({ kind: 'tcp', timeoutMs: 1000, intervalMs: 20 }, port, 500, '127.0.0.1')).ok) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`nothing listens on port ${port}`)
}

export async function startOnPort(command: readonly string[], options: { cpu?: number; env?: Record<string, string> } = {}): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const port = await findFreePort()
  const child = start(command, { ...options, env: { ...options.env, PORT: String(port) } })
  await listening(port)
  return { child, port }
}

/** The product's router process alone, routing one service between two ports. */
export async function startRouterAlone(ports: { blue: number; green: number }, weights: RouteState['weights'], cpu?: number): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = start([process.execPath, defaultEntries().router], { ipc: true, quiet: false, ...(cpu === undefined ? {} : { cpu }) })
  const { handle, port } = bindListener('127.0.0.1', 0, 'bench')
  const answered = (n: number) =>
    new Promise<void>((resolve) => {
      child.on('message', (message: FromRouter) => {
        if (message.type === 'ack' && message.n === n) resolve()
      })
    })
  const tell = (message: ToRouter, passed?: unknown) => child.send(message, passed as Socket | undefined)
  await new Promise<void>((resolve) => {
    child.on('message', (message: FromRouter) => {
      if (message.type === 'up') resolve()
    })
  })
  const endpoint = (id: string, at: number) => ({ id, host: '127.0.0.1', port: at })
  tell({
    type: 'route',
    n: 1,
    state: { name: 'bench', generation: 1, weights, pinsFrom: 0, sticky: null, preview: null, timeouts: { connectMs: 2000, headersMs: 60_000, idleMs: 600_000 }, endpoints: { blue: endpoint('b', ports.blue), green: endpoint('g', ports.green) } },
  })
  tell({ type: 'listen', n: 2, service: 'bench', kind: 'live', port }, handle)
  await answered(2)
  return { child, port }
}
