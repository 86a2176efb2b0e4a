import { describeProvider } from '../conformance.ts'
import { createBench } from './test-bench.ts'

describeProvider('local', async () => {
  const bench = await createBench()
  return {
    provider: bench.provider,
    config: bench.config('web', { run: `exec ${bench.node} app.mjs \${version}` }),
    versions: { stable: 'good-1', candidate: 'good-2', neverReady: 'unready-1' },
    passTime: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    dispose: () => bench.dispose(),
  }
})
