import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryFolder {
  readonly path: string
  remove(): Promise<void>
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'signalbox-flags-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Waits until it holds; fails with what it last came to. */
export async function eventually<T>(look: () => T | Promise<T>, holds: (value: T) => boolean, withinMs = 10_000): Promise<T> {
  const until = performance.now() + withinMs
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    if (performance.now() > until) throw new Error(`It never came: last ${JSON.stringify(value)}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
