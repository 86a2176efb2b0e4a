import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Plan } from '../../contract/plan.ts'
import type { ReleaseView } from '../../contract/release.ts'
import type { WatchItem } from '../../contract/system.ts'
import { composeCore } from '../../compose.ts'
import type { Core } from '../../rpc/core-api.ts'
import { nowMs } from '../../bench/measure.ts'

const SERVICE = `
const http = require('node:http')
const { VERSION, PORT } = process.env
http.createServer((request, response) => response.end(VERSION)).listen(PORT, '127.0.0.1')
`
const PLAN: Plan = {
  steps: [...Array.from({ length: 49 }, (_, i) => i + 1), 100].map((weightPercent) => ({ weightPercent, hold: { kind: 'manual' as const }, approvals: 0 })),
  gates: [],
  criteria: [],
  bakeMs: 0,
  drainMs: 1000,
  rollbackWindowMs: 3_600_000,
  lease: { ttlMs: 60_000, onExpiry: 'hold' },
}

/** A whole console with one real service, for measuring acts on it from the dispatcher down. */
export async function openBenchConsole(program: string = SERVICE) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
  for (const version of ['1', '2']) {
    mkdirSync(join(folder, 'versions', version), { recursive: true })
    writeFileSync(join(folder, 'versions', version, 'server.cjs'), program)
  }
  const workspaceFile = join(folder, 'signalbox.yaml')
  writeFileSync(workspaceFile, ['workspace: bench', 'tier: dev', 'services:', '  web:', '    run: node server.cjs', '    folder: ./versions/${version}', '    versions: ./versions', '    initial: "1"', '    port: 0', '    ready: tcp', ''].join('\n'))
  const core: Core = await composeCore({ host: 'terminal', dataFolder: join(folder, 'data'), workspaceFile, auditFile: null, trustWorkspace: true, scope: 'whole' })
  const { dispatch } = core
  const aborter = new AbortController()
  const context = { signal: aborter.signal }
  const listeners = new Set<(item: WatchItem) => void>()
  void (async () => {
    for await (const item of dispatch.system.watch({ metrics: false }, context)) for (const listener of listeners) listener(item)
  })()
  let operations = 0

  async function service() {
    return dispatch.service.get({ service: 'web' }, context)
  }

  async function until(holds: (view: Awaited<ReturnType<typeof service>>) => boolean, withinMs = 20_000): Promise<Awaited<ReturnType<typeof service>>> {
    for (const endMs = nowMs() + withinMs; nowMs() < endMs; ) {
      const view = await service()
      if (holds(view)) return view
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error(`the bench's service never came to what was waited for: ${JSON.stringify((await service()).release)}`)
  }

  /** From the dispatcher's receipt of the command to its outcome committed, read back from the router. Milliseconds. */
  async function timeAct(view: ReleaseView, command: 'promote' | 'rollBack'): Promise<{ startedMs: number; tookMs: number }> {
    const operationId = `bench-operation-${(operations += 1)}`
    const outcome = new Promise<number>((resolve) => {
      const listener = (item: WatchItem) => {
        if (item.kind !== 'journal' || item.entry.operationId !== operationId || item.entry.action !== 'effect.setWeights') return
        if (item.entry.outcome !== 'verified') throw new Error(`${command} was not verified: ${item.entry.summary}`)
        listeners.delete(listener)
        resolve(nowMs())
      }
      listeners.add(listener)
    })
    const startedMs = nowMs()
    await dispatch.release.command({ releaseId: view.release.id, command, reason: 'bench', force: false, operationId }, context)
    return { startedMs, tookMs: (await outcome) - startedMs }
  }

  return {
    folder,
    until,
    timeAct,
    /** Every entry with such an action that was journaled so far, newest first. */
    entries: async (action: string) => (await dispatch.journal.search({ filter: { text: '', action }, limit: 100 }, context)).entries,
    /** Releases the version that is not live, up to its first step. */
    async release(version: string, plan: Plan = PLAN, again = false): Promise<ReleaseView> {
      await until((view) => view.release?.ended === true && view.stable !== null)
      await dispatch.release.create({ service: 'web', version, reason: '', ticket: '', notes: '', plan, start: true, queue: false, endRollbackWindow: true, operationId: `bench-operation-${(operations += 1)}` }, context)
      if (again) {
        // A version that was taken back by the guard waits for somebody to say so.
        const asked = await until((found) => found.release?.release.phase === 'shifting' || found.release?.release.paused != null)
        if (asked.release?.release.paused) await dispatch.release.command({ releaseId: asked.release.release.id, command: 'resume', reason: '', force: false, operationId: `bench-operation-${(operations += 1)}` }, context)
      }
      const view = await until((found) => found.release?.release.phase === 'shifting' && !found.release.release.shiftPending)
      if (!view.release) throw new Error('no release')
      return view.release
    },
    async close(): Promise<void> {
      await dispatch.system.stopAll({ reason: 'bench over', operationId: 'bench-stop-all' }, context)
      aborter.abort()
      await core.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
export const BENCH_PLAN = PLAN
