import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Criterion } from '../contract/analysis.ts'
import type { Workspace } from '../contract/workspace.ts'
import { emptyDocument, putFlag, writeDocument } from '../core/flags/flag-set.ts'
import { booleanFlag } from '../core/flags/testing/flags.ts'
import type { Engine } from '../engine/engine.ts'
import type { Migrations } from '../engine/migrations/migrations.ts'
import { createMemoryStore, createSimulatedDisk } from '../engine/sim/memory-store.ts'
import { type FlagServer, startFlagServer } from '../providers/flagd/flag-server/start-flag-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../providers/flagd/testing/temporary-folder.ts'
import { createFlagging, type Flagging } from './flagging.ts'
import { SYSTEM_CLOCK } from './system-ports.ts'

const ERRORS: Criterion = { name: 'Errors', metric: { source: 'router', of: 'errorRatio' }, judge: { kind: 'threshold', limit: 0.2, harm: 'above', windowMs: 5000, minRequests: 20, consecutive: 1 }, severity: 'fail', graceMs: 0, absence: { action: 'hold', afterMs: 60_000 } }
const ADA = { id: 'ada@host', name: 'Ada', email: '', known: 'osUser' } as const

let folder: TemporaryFolder
let server: FlagServer
let flagging: Flagging

beforeEach(async () => {
  folder = await temporaryFolder()
  const sets = join(folder.path, 'sets')
  await mkdir(sets)
  await writeFile(join(sets, 'dev.json'), writeDocument(putFlag(emptyDocument(), booleanFlag('new-checkout'))))
  server = await startFlagServer({ folder: sets, host: '127.0.0.1', httpPort: 0, syncPort: 0, defaultSet: 'dev' })
  const workspace: Pick<Workspace, 'tier' | 'flags' | 'migrations' | 'services'> = {
    tier: 'dev',
    services: [],
    migrations: [],
    flags: [{ name: 'shop', kind: 'file', sets: [{ tier: 'dev', set: 'dev' }], services: [], criteria: [ERRORS], stages: [], needs: [], code: [], settledForMs: 1e9, silentForMs: 1e9, settings: { folder: sets, seed: null, httpPort: 0, syncPort: 0, defaultSet: 'dev' } }],
  }
  flagging = createFlagging({
    workspace: workspace as Workspace,
    // Nothing else of a console is needed here: no service, no migration, no metrics provider.
    engine: () => ({ service: () => null, samples: () => ({ blue: [], green: [] }) }) as unknown as Engine,
    migrations: () => ({ phase: () => null }) as unknown as Migrations,
    metrics: () => {
      throw new Error('no criterion is a query')
    },
    flagServer: { start: async () => ({ httpPort: server.httpPort, syncPort: server.syncPort }) },
    dataFolder: join(folder.path, 'data'),
    ports: { store: createMemoryStore(createSimulatedDisk(), SYSTEM_CLOCK, () => false), operator: () => ({ operator: ADA, role: 'operator' }), readOnly: () => null, publish: () => {}, log: () => {}, crashPoint: () => {} },
  })
  flagging.flags.start()
})
afterEach(async () => {
  await flagging.stop()
  await server.close()
  await folder.remove()
})

async function report(variant: string, count: number, errors: number): Promise<void> {
  await fetch(`http://127.0.0.1:${server.httpPort}/signalbox/v1/events`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ events: [{ kind: 'requests', flag: 'new-checkout', variant, count, errors }] }) })
}

/** An app reports while it is looked whether it holds; false when it never does. */
async function whileReporting(errors: number, holds: (phase: string | undefined, verdict: string | undefined) => boolean): Promise<boolean> {
  const end = Date.now() + 30_000
  while (Date.now() < end) {
    await Promise.all([report('on', 10, errors), report('off', 30, 0)])
    const { rollout } = await flagging.flags.get('shop', 'new-checkout')
    if (holds(rollout?.rollout.phase, rollout?.rollout.analysis[0]?.verdict)) return true
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  return false
}

async function start(): Promise<void> {
  const { version } = await flagging.flags.get('shop', 'new-checkout')
  const plan = { flag: 'new-checkout', variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages: [{ audience: { kind: 'everyone' as const }, percent: 25, holdMs: 600_000, approval: false, criteria: null }] }
  await flagging.flags.startRollout({ source: 'shop', flag: 'new-checkout', plan, expectedVersion: version, reason: 'try', operationId: `operation-${Math.random()}` }, ADA)
}

test('what apps report to the flag server takes a harmful variant back, and lets a good one be', { timeout: 90_000 }, async () => {
  await start()
  expect(await whileReporting(0, (phase, verdict) => phase === 'holding' && verdict === 'pass')).toBe(true)
  expect(await whileReporting(6, (phase) => phase === 'rolledBack')).toBe(true)
  const { rollout, definition } = await flagging.flags.get('shop', 'new-checkout')
  expect(rollout?.rollout.rollback).toMatchObject({ byGuard: true, to: 'before' })
  expect(definition).toEqual(expect.objectContaining({ defaultVariant: 'off', targeting: { kind: 'rules', rules: [] } }))
  expect(flagging.flags.waiting()).toMatchObject([{ title: 'Taken back by the guard' }])
})
