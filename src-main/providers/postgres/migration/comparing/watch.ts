import { Fault } from '../../../../contract/fault.ts'
import { comparisonsOf } from './compare-units.ts'
import { rest } from '../context.ts'
import type { Key } from '../page.ts'
import { countingOf } from './watch-counts.ts'
import { passesLoop, queueLoop, readsLoop, samplesLoop, type Loop, type Watching, type WatchRequest } from './watch-loops.ts'

/** Statements that compare give up after this, so that watching never is what a busy server has to do. */
const STATEMENT_TIMEOUT_MS = 2000

/**
 * Compares all the time until the signal aborts. Four loops, each on a connection of its own: written keys, sampled
 * reads, full passes, and a sample of the server each second. None takes a lock that a client could wait for.
 */
export async function watch(request: WatchRequest): Promise<void> {
  const ended = new AbortController()
  const stop = () => ended.abort()
  request.signal.addEventListener('abort', stop)
  if (request.signal.aborted) stop()
  const context = await request.load()
  const standing = comparisonsOf(context)[0]?.standing.text ?? ''
  const counting = await context.sessions.use((session) => countingOf(session, context.id, standing))
  const recent: Key[] = []
  const watching: Watching = { request: { ...request, signal: ended.signal }, counting, recent }
  const loops = [kept(watching, queueLoop), kept(watching, readsLoop), kept(watching, passesLoop), kept(watching, samplesLoop)]
  try {
    await Promise.all(loops)
  } finally {
    stop()
    request.signal.removeEventListener('abort', stop)
    await Promise.allSettled(loops)
  }
}

/** Runs a loop on a connection of its own, anew when the connection or the migration's structure went from under it. */
async function kept(watching: Watching, loop: Loop): Promise<void> {
  const { load, signal } = watching.request
  for (let failures = 0; !signal.aborted; ) {
    try {
      const context = await load()
      const connection = await context.sessions.dedicated()
      try {
        await connection.session.query(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`)
        await loop(watching, context, connection.session)
        failures = 0
      } finally {
        await connection.end()
      }
    } catch (error) {
      if (error instanceof Fault && (error.code === 'staleFence' || error.code === 'notFound')) throw error
      failures = Math.min(6, failures + 1)
    }
    await rest(Math.min(5000, 100 * 2 ** failures), signal)
  }
}
