import type { ServiceView } from '../../src-main/contract/service.ts'
import type { TestWorld } from '../lib/test-core.ts'
import { makeRelease, makeService, MIRA } from '../lib/test-fixtures.ts'
import { shifting } from './cases.ts'
import { FLAG_WORLDS } from './flags.ts'
import { MIGRATION_WORLDS } from './migrations.ts'

/** The fleet with another checkout. */
function withCheckout(checkout: (now: number) => ServiceView): TestWorld {
  const world = shifting()
  world.services.set('checkout', checkout(Date.now()))
  return world
}

/** Readings stopped coming 12 s ago; the connection to the core is fine. */
function stale(): TestWorld {
  const world = shifting()
  const at = Date.now() - 12_000
  const aged = (service: ServiceView): ServiceView => ({
    ...service,
    observed: service.observed.kind === 'known' ? { ...service.observed, observedAt: at } : service.observed,
    latest: { blue: service.latest.blue && { ...service.latest.blue, at }, green: service.latest.green && { ...service.latest.green, at } },
  })
  for (const [name, service] of world.services) world.services.set(name, aged(service))
  world.status = { ...world.status, providers: world.status.providers.map((provider) => ({ ...provider, ok: false, detail: 'the supervisor does not answer', lastAnswerAt: at })) }
  return world
}

/** Roll back was pressed, the router has not said yet that it has it. */
const rollingBack = () =>
  withCheckout((now) =>
    makeService('checkout', {
      now,
      green: '1.9.0',
      weights: { blue: 75, green: 25 },
      desired: { blue: 100, green: 0 },
      health: 'failing',
      healthReason: 'green error ratio 4.1 %, limit 1 %.',
      release: makeRelease({
        now,
        actions: [],
        waitsFor: 'provider',
        next: 'All live traffic is being sent to blue (1.8.0).',
        changes: { phase: 'rollingBack', desiredWeights: { blue: 100, green: 0 }, shiftPending: true, dueAt: null, dueSince: null, rollback: { by: MIRA, reason: 'carts answer 500', at: now - 400, forced: false, waitingForReady: false } },
      }),
    }),
  )

/** The very first version is on its way to blue: there is nothing to go back to. */
const firstRelease = () =>
  withCheckout((now) =>
    makeService('checkout', {
      now,
      blue: '1.0.0',
      green: null,
      stable: null,
      weights: { blue: 0, green: 0 },
      environments: { blue: { readiness: 'starting', detail: 'waits for /ready, 4 s of 60 s', instances: { ready: 0, wanted: 1 }, startedAt: now - 4000 } },
      release: makeRelease({
        now,
        waitsFor: 'provider',
        next: 'When blue is ready, its gates are tested.',
        actions: [{ command: 'abandon', label: 'Abandon', effect: 'Stops 1.0.0 on blue. No live traffic was sent to it.', blocks: [], weight: 'quiet', needsReason: false }],
        changes: { phase: 'deploying', stepIndex: -1, gates: [], analysis: [], stable: null, candidateEnvironment: 'blue', candidate: { version: '1.0.0', configDigest: 'x' }, desiredWeights: { blue: 0, green: 0 }, dueAt: null, dueSince: null, createdAt: now - 6000, startedAt: now - 6000 },
      }),
    }),
  )

/** States that last moments, or that nobody wants; beside the worlds of cases.ts. */
export const STATES: Readonly<Record<string, () => TestWorld>> = { stale, rollingBack, firstRelease, ...MIGRATION_WORLDS, ...FLAG_WORLDS }
/** Nothing is measured in these. */
export const WITHOUT_METRICS: ReadonlySet<string> = new Set(['first', 'firstRelease', 'stale'])
