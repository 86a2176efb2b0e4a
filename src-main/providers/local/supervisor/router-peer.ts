import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import type { FromRouter, ToRouter } from '../router/messages.ts'

/** A machine may be that busy; a router that is silent for longer is taken for hung. */
const ASK_TIMEOUT_MS = 8_000

type Answered = Extract<ToRouter, { readonly n: number }>
/** A message as it is asked, before it has its number. */
export type Asked = Answered extends infer M ? (M extends Answered ? Omit<M, 'n'> : never) : never
export type Answer = Extract<FromRouter, { readonly n: number }>

/** One router process at the other end of an IPC channel. */
export interface RouterPeer {
  readonly pid: number
  readonly up: Promise<void>
  readonly gone: Promise<void>
  tell(message: ToRouter, handle?: unknown): void
  /** Rejects when the router is gone or silent. */
  ask(message: Asked, handle?: unknown, timeoutMs?: number): Promise<Answer>
  kill(): void
}

interface Channel {
  send(message: ToRouter, handle?: unknown): void
  kill(): void
}

interface PeerEnds {
  readonly peer: RouterPeer
  readonly onMessage: (message: FromRouter) => void
  readonly onGone: () => void
}

function createPeer(pid: number, channel: Channel, onSecond: (message: FromRouter & { type: 'second' }) => void): PeerEnds {
  const waiting = new Map<number, { readonly resolve: (answer: Answer) => void; readonly reject: (error: Error) => void; readonly timer: NodeJS.Timeout }>()
  const up = Promise.withResolvers<void>()
  const gone = Promise.withResolvers<void>()
  up.promise.catch(() => {})
  let count = 0
  let dead = false

  const peer: RouterPeer = {
    pid,
    up: up.promise,
    gone: gone.promise,
    tell: (message, handle) => {
      if (!dead) channel.send(message, handle)
    },
    ask: (message, handle, timeoutMs = ASK_TIMEOUT_MS) =>
      new Promise((resolve, reject) => {
        if (dead) {
          reject(new Error('the router is gone'))
          return
        }
        const n = ++count
        const timer = setTimeout(() => {
          waiting.delete(n)
          reject(new Error('the router does not answer'))
        }, timeoutMs)
        waiting.set(n, { resolve, reject, timer })
        channel.send({ ...message, n } as Answered, handle)
      }),
    kill: () => channel.kill(),
  }
  return {
    peer,
    onMessage(message: FromRouter) {
      if (message.type === 'up') up.resolve()
      else if (message.type === 'second') onSecond(message)
      else if ('n' in message) {
        const waiter = waiting.get(message.n)
        if (!waiter) return
        waiting.delete(message.n)
        clearTimeout(waiter.timer)
        waiter.resolve(message)
      }
    },
    onGone() {
      if (dead) return
      dead = true
      for (const { reject, timer } of waiting.values()) {
        clearTimeout(timer)
        reject(new Error('the router is gone'))
      }
      waiting.clear()
      up.reject(new Error('the router ended before it was up'))
      gone.resolve()
    },
  }
}

export interface RouterCommand {
  readonly node: string
  readonly entry: string
  /** File for what the router itself prints, and what a supervisor it brings back prints. */
  readonly outputFd: number
  readonly outputFile: string
}

/** Starts a router process. It leads its own session, so that a signal to the supervisor's group does not reach it. */
export function spawnRouter(command: RouterCommand, onSecond: (message: FromRouter & { type: 'second' }) => void): RouterPeer {
  const child = spawn(command.node, [command.entry], {
    detached: true,
    stdio: ['ignore', command.outputFd, command.outputFd, 'ipc'],
    env: { ...process.env, SIGNALBOX_OUTPUT: command.outputFile },
  })
  const { peer, onMessage, onGone } = createPeer(
    child.pid ?? -1,
    {
      send: (message, handle) => {
        if (child.connected) child.send(message, handle as Socket | undefined, { keepOpen: true }, () => {})
      },
      kill: () => child.kill('SIGKILL'),
    },
    onSecond,
  )
  child.on('message', onMessage)
  child.once('exit', onGone)
  child.once('error', onGone)
  return peer
}

/** The router that started this very supervisor after the one before had died. */
export function parentRouter(pid: number, onSecond: (message: FromRouter & { type: 'second' }) => void): RouterPeer {
  const { peer, onMessage, onGone } = createPeer(
    pid,
    {
      send: (message) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => {})
      },
      kill: () => {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // Gone.
        }
      },
    },
    onSecond,
  )
  process.on('message', onMessage)
  process.once('disconnect', onGone)
  return peer
}
