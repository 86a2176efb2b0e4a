import { createVirtualClock } from '../../engine/sim/virtual-clock.ts'
import { DEFAULT_TEST_PLAN } from '../../engine/sim/test-plan.ts'
import { describeProvider } from '../conformance.ts'
import { createFakeProvider } from './fake-provider.ts'
import { createFakeWorld } from './fake-world.ts'

describeProvider('fake', async () => {
  const time = createVirtualClock()
  const world = createFakeWorld(time.clock)
  world.script('3.0.0', { neverReady: true })
  const provider = createFakeProvider({ world, clock: time.clock, versions: ['1.0.0', '2.0.0', '3.0.0'] })
  return {
    provider,
    config: { name: 'checkout', provider: 'fake', plan: DEFAULT_TEST_PLAN, data: { kind: 'shared' }, settings: {}, probes: [], initialVersion: null },
    versions: { stable: '1.0.0', candidate: '2.0.0', neverReady: '3.0.0' },
    passTime: (ms) => time.advance(ms),
    dispose: () => provider.close(),
  }
})
