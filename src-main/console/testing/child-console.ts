import { type ChildProcess, fork } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { faultFromData, type FaultData } from '../../contract/fault.ts'
import type { JournalEntry } from '../../contract/journal.ts'
import type { ServiceView, WaitingItem } from '../../contract/service.ts'
import type { ComposeOptions, CoreApi } from '../../rpc/core-api.ts'

export type Ask = { readonly kind: 'call'; readonly id: number; readonly noun: string; readonly verb: string; readonly input: unknown } | { readonly kind: 'arm'; readonly at: string } | { readonly kind: 'close' }
export type Answer =
  | { readonly kind: 'open'; readonly composeMs: number; readonly composeCpuMs: number }
  | { readonly kind: 'entry'; readonly entry: JournalEntry }
  | { readonly kind: 'waiting'; readonly items: readonly WaitingItem[] }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'fault'; readonly id: number; readonly fault: FaultData }
  | { readonly kind: 'broken'; readonly id: number; readonly message: string }

/** The contract as plain calls into the child. A stream answers with all of its items, once it has ended. */
export type Calls = {
  readonly [N in keyof CoreApi]: {
    readonly [V in keyof CoreApi[N]]: CoreApi[N][V] extends (input: infer I, context: never) => infer R ? (input?: I) => R extends AsyncIterable<infer Item> ? Promise<readonly Item[]> : R : never
  }
}

export interface ChildOptions extends Pick<ComposeOptions, 'dataFolder' | 'workspaceFile' | 'trustWorkspace'> {
  readonly env?: NodeJS.ProcessEnv
  /** Runs it as somebody else, where this process may. */
  readonly uid?: number
}

/** A console in a process of its own. */
export interface ChildConsole extends Calls {
  readonly pid: number
  /** From the call of composeCore to a core that answers. */
  readonly composeMs: number
  /** Processor time of all its threads meanwhile: what the former would be at most on a machine with nothing else to do. */
  readonly composeCpuMs: number
  /** From the start of its process to the same. */
  readonly startMs: number
  /** Entries that it said are in the journal. */
  readonly entries: readonly JournalEntry[]
  /** Its inbox, as it last told it. */
  waiting(): readonly WaitingItem[]
  /** What it wrote to its log. */
  log(): string
  /** Ends the process, by SIGKILL, at the nth passing of a named crash point from now on; '' disarms. */
  arm(at: string): void
  readonly alive: boolean
  /** Settles when the process is gone, however it went. */
  readonly gone: Promise<void>
  kill(): Promise<void>
  close(): Promise<void>
  /** Polls the service `web` until it is as wanted. */
  until(what: string, holds: (view: ServiceView) => boolean | Promise<boolean>, timeoutMs?: number): Promise<ServiceView>
}

/** Calls whose console ended before it answered. */
export class ConsoleGone extends Error {}

export async function openChildConsole(options: ChildOptions): Promise<ChildConsole> {
  const compose: ComposeOptions = { host: 'terminal', auditFile: null, scope: 'whole', dataFolder: options.dataFolder, workspaceFile: options.workspaceFile, trustWorkspace: options.trustWorkspace }
  const startedMs = performance.now()
  const child: ChildProcess = fork(fileURLToPath(new URL('console-process.ts', import.meta.url)), [JSON.stringify(compose)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache'), SIGNALBOX_CRASH_AT: '', ...options.env },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  })
  let log = ''
  child.stdout?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')))
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString('utf8')))
  const entries: JournalEntry[] = []
  let waitingItems: readonly WaitingItem[] = []
  const waiting = new Map<number, { readonly resolve: (value: unknown) => void; readonly reject: (error: unknown) => void }>()
  let alive = true
  let count = 0
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      alive = false
      for (const { reject } of waiting.values()) reject(new ConsoleGone('the console ended before it answered'))
      waiting.clear()
      resolve()
    })
  })
  const opened = await new Promise<Extract<Answer, { kind: 'open' }>>((resolve, reject) => {
    void gone.then(() => reject(new Error(`the console did not start:\n${log}`)))
    child.on('message', (answer: Answer) => {
      if (answer.kind === 'open') return resolve(answer)
      if (answer.kind === 'entry') return entries.push(answer.entry)
      if (answer.kind === 'waiting') {
        waitingItems = answer.items
        return
      }
      const { resolve: done, reject: failed } = waiting.get(answer.id) ?? {}
      waiting.delete(answer.id)
      if (answer.kind === 'result') done?.(answer.value)
      else failed?.(answer.kind === 'fault' ? faultFromData(answer.fault) : new Error(answer.message))
    })
  })
  const startMs = performance.now() - startedMs
  const send = (ask: Ask) => alive && child.connected && child.send(ask, () => {})

  function call(noun: string, verb: string, input: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!alive) return reject(new ConsoleGone('the console is gone'))
      waiting.set((count += 1), { resolve, reject })
      send({ kind: 'call', id: count, noun, verb, input })
    })
  }
  const nounProxy = (noun: string) => new Proxy({}, { get: (_target, verb) => (input: unknown) => call(noun, String(verb), input) })
  const nouns = Object.fromEntries(['system', 'workspace', 'service', 'release', 'flag', 'journal'].map((noun) => [noun, nounProxy(noun)])) as unknown as Calls

  return {
    ...nouns,
    pid: child.pid ?? 0,
    composeMs: opened.composeMs,
    composeCpuMs: opened.composeCpuMs,
    startMs,
    entries,
    waiting: () => waitingItems,
    log: () => log,
    arm: (at) => void send({ kind: 'arm', at }),
    get alive() {
      return alive
    },
    gone,
    async kill() {
      child.kill('SIGKILL')
      await gone
    },
    async close() {
      send({ kind: 'close' })
      const late = setTimeout(() => child.kill('SIGKILL'), 8000)
      await gone
      clearTimeout(late)
    },
    async until(what, holds, timeoutMs = 15_000) {
      const deadline = performance.now() + timeoutMs
      for (;;) {
        const view = await nouns.service.get({ service: 'web' })
        if (await holds(view)) return view
        if (performance.now() > deadline) throw new Error(`never happened: ${what}; ${JSON.stringify({ release: view.release, observed: view.observed, health: [view.health, view.healthReason] })}\n${log}`)
        await new Promise((resolve) => setTimeout(resolve, 15))
      }
    },
  }
}
