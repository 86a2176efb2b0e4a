import { openClient } from '../../../contract/client.ts'
import { Fault } from '../../../contract/fault.ts'
import type { WatchItem } from '../../../contract/system.ts'
import { ANNA, createSimulation, type Simulation, type SimulationOptions } from '../../../engine/sim/simulation.ts'
import type { CoreApi } from '../../../rpc/core-api.ts'
import { memoryPipes } from '../../../rpc/memory-pipe.ts'
import { createDispatcher } from '../../../rpc/serve.ts'
import { coreDouble, statusDouble } from '../../../rpc/testing/core-double.ts'
import type { OpenLink } from '../link.ts'

export interface EngineUnderTerminal {
  readonly sim: Simulation
  readonly openLink: OpenLink
  /** Scopes the links were asked for. */
  readonly scopes: string[]
  stop(): void
}

/** The real engine on a fake world, its simulated time running along with ours, behind the real dispatcher. */
export async function engineUnderTerminal(options: SimulationOptions = {}, overrides: Partial<CoreApi> = {}): Promise<EngineUnderTerminal> {
  const sim = createSimulation(options)
  sim.boot()
  await sim.time.advance(3000)
  let busy = false
  const pump = setInterval(() => {
    if (busy) return
    busy = true
    void sim.time.advance(50).finally(() => {
      busy = false
    })
  }, 5)
  const found = <T>(value: T | null): T => {
    if (value === null) throw new Fault('notFound', 'No such service.', 'See signalbox status.')
    return value
  }
  const engine = () => sim.engine()
  const api = coreDouble({
    system: {
      status: () => Promise.resolve(statusDouble),
      async *watch(_input, { signal }) {
        const services = (): WatchItem[] => engine().services().map((service) => ({ kind: 'service', service }))
        yield { kind: 'status', status: statusDouble }
        yield* services()
        yield { kind: 'waiting', items: [] }
        yield { kind: 'ready' }
        while (!signal.aborted) {
          await new Promise((resolve) => setTimeout(resolve, 5))
          yield* services()
        }
      },
      stopAll: () => Promise.resolve({ stopped: ['checkout blue', 'router'] }),
    },
    service: {
      get: async ({ service }) => found(engine().service(service)),
      versions: () => Promise.resolve([{ version: '2.0.0', configDigest: '', title: 'Faster', changes: ['a', 'b'], createdAt: null, problem: null, deployedOn: null }]),
      async *tailLogs(_input, { signal }) {
        yield { at: 0, stream: 'stdout', text: 'listening' }
        yield { at: 1000, stream: 'stderr', text: 'a warning' }
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
    },
    release: {
      create: async (input) => engine().create(input, ANNA),
      command: async (input) => engine().command({ ...input, expectedRevision: input.expectedRevision }, ANNA),
      explain: async ({ releaseId, reason, operationId }) => engine().explain(releaseId, reason, ANNA, operationId),
      get: async ({ releaseId }) => found(engine().release(releaseId)),
      list: async ({ service, limit }) => [...engine().releasesOf(service, limit)],
    },
    ...overrides,
  })
  const scopes: string[] = []
  return {
    sim,
    scopes,
    async openLink(scope) {
      scopes.push(scope)
      const [here, there] = memoryPipes()
      createDispatcher(api, { log: (line) => process.stderr.write(`${line}\n`), validateOutputs: true }).serve(there)
      return { client: await openClient(here), carriesCore: false, close: () => Promise.resolve(here.close()) }
    },
    stop: () => clearInterval(pump),
  }
}
