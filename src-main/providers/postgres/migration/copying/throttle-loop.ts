import type { StopSignal } from '../../../../core/ports.ts'
import type { MigrationContext } from '../context.ts'
import { rest } from '../context.ts'
import { loadReader } from './load-signs.ts'
import type { Dedicated } from '../session.ts'
import { throttleVerdict, type LoadSigns, type ThrottleVerdict } from './throttle.ts'

/** Says at any moment whether to work, by what was last seen of the server. */
export interface Throttle {
  readonly verdict: () => ThrottleVerdict
  /** What was last seen; null before the first look. */
  readonly signs: () => LoadSigns | null
  end(): Promise<void>
}

const EVERY_MS = 250
/** A look older than this tells nothing about now. */
const STALE_MS = 3000

/** Looks at the server on a connection of its own, so that looking never waits for work and work never for looking. */
export async function throttleLoop(
  context: Pick<MigrationContext, 'sessions' | 'definition'>,
  asked: { readonly paused: () => boolean; readonly foregroundHarm: () => string },
  options: { readonly probe: string | null; readonly signal: StopSignal },
): Promise<Throttle> {
  const { sessions, definition } = context
  const reader = loadReader(definition, options.probe)
  const stop = new AbortController()
  let connection: Dedicated | null = await sessions.dedicated()
  let seen: { readonly signs: LoadSigns; readonly atMs: number } | null = null

  async function look(): Promise<void> {
    connection ??= await sessions.dedicated()
    const signs = await reader.read(connection.session, Date.now())
    seen = { signs, atMs: performance.now() }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted && !options.signal.aborted) {
      try {
        await look()
      } catch {
        // Not knowing is shown by the age of the last look; another connection is tried.
        await connection?.end()
        connection = null
      }
      await rest(EVERY_MS, stop.signal)
    }
  }

  await look()
  const running = run()
  return {
    verdict() {
      if (seen === null) return { level: 'pause', reason: 'the load of the server is not known yet' }
      const ageMs = performance.now() - seen.atMs
      if (ageMs > STALE_MS) return { level: 'pause', reason: `the load of the server is unknown for ${Math.round(ageMs / 1000)} s` }
      return throttleVerdict(definition.throttle, seen.signs, { paused: asked.paused(), foregroundHarm: asked.foregroundHarm() }, Date.now())
    },
    signs: () => seen?.signs ?? null,
    async end() {
      stop.abort()
      await running
      await connection?.end()
    },
  }
}
