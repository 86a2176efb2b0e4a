import { z } from 'zod'
import { Fault } from '../../../contract/fault.ts'
import { requestSchemas, type MethodName, type RequestOf } from '../protocol.ts'
import type { Console } from './control-server.ts'
import type { Supervisor } from './supervisor.ts'
import type { Watchers } from './watchers.ts'

type Handlers = { readonly [M in MethodName]: (params: RequestOf<M>, id: number, console: Console) => Promise<unknown> }

/** Every request a console may make, by name. */
export function createHandlers(supervisor: Supervisor, watchers: Watchers): (method: string, params: unknown, id: number, console: Console) => Promise<unknown> {
  const handlers: Handlers = {
    register: ({ name, settings, variables }) => supervisor.register(name, settings, variables ?? {}),
    observe: ({ service }) => supervisor.service(service).observe(),
    async watch({ service }, id, console) {
      supervisor.service(service)
      const stop = watchers.add(service, { onObserved: (observed) => console.event(id, { observed }), onFault: (fault) => console.event(id, { fault: fault.data }) })
      console.onEnd(id, stop)
    },
    deploy: ({ service, operation, environment, version, variables }) => supervisor.service(service).deploy(operation, environment, version, variables ?? {}),
    setWeights: ({ operation, request }) => supervisor.service(request.service).setWeights(operation, request),
    renewLease: ({ service, leaseId, ttlMs }) => supervisor.service(service).renewLease(leaseId, ttlMs),
    stop: ({ service, operation, environment, drainMs }) => supervisor.service(service).stop(operation, environment, drainMs),
    async tailLogs({ service, environment, lines }, id, console) {
      const log = supervisor.service(service).log(environment)
      log.poll()
      console.event(id, log.recent(lines))
      console.onEnd(id, log.subscribe((fresh) => console.event(id, fresh)))
    },
    metrics: async ({ service, fromAt }) => supervisor.service(service).metrics(fromAt),
    cancel: async ({ id: other }, _, console) => console.end(other),
    status: async () => supervisor.status(),
    stopAll: ({ drainMs }) => supervisor.stopAll(drainMs, 'Stopped: stop --all.'),
    upgradeRouter: ({ entry, drainMs }) => supervisor.upgradeRouter(entry, drainMs),
    upgradeSupervisor: ({ entry }) => supervisor.upgradeSupervisor(entry),
    'practice.start': async ({ name, port }) => ({ url: await supervisor.practice.start(name, port) }),
    'practice.status': async ({ name }) => supervisor.practice.view(name),
    'flags.start': ({ name, settings }) => supervisor.flagServers.start(name, settings),
    setIdleExit: ({ idleExitMs }) => supervisor.setIdleExit(idleExitMs),
  }

  return async (method, params, id, console) => {
    if (!isMethod(method)) throw new Fault('unsupported', `This supervisor does not know the request ${method}; it is older than the console.`, 'Stop everything once (stop --all) and start again, which brings the newer supervisor.')
    const parsed = requestSchemas[method].safeParse(params)
    if (!parsed.success) throw new Fault('invalidInput', `The request ${method} is not valid: ${z.prettifyError(parsed.error)}`, 'This is a fault of the console, or of two versions that do not fit.')
    const handler = handlers[method] as (params: unknown, id: number, console: Console) => Promise<unknown>
    return handler(parsed.data, id, console)
  }
}

function isMethod(method: string): method is MethodName {
  return Object.hasOwn(requestSchemas, method)
}
