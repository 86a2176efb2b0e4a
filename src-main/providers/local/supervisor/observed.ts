import type { ObservedEnvironment } from '../../../contract/traffic.ts'
import type { EnvironmentReading } from '../router/messages.ts'
import type { EnvironmentDurable } from './durable.ts'
import type { EnvironmentView } from './environment.ts'
import type { Usage } from './usage.ts'

/** One environment as the contract tells it: from its process, what is durable, the router's reading and /proc. */
export function observedEnvironment(view: EnvironmentView, durable: EnvironmentDurable, reading: EnvironmentReading, usage: Usage | null): ObservedEnvironment {
  const ready = view.readiness === 'ready'
  const used = view.pid === null ? null : usage
  return {
    readiness: view.readiness,
    deployed: durable.deployed?.ref ?? null,
    detail: ready ? '' : view.detail,
    instances: { ready: ready ? 1 : 0, wanted: durable.wanted === 'running' ? 1 : 0 },
    restarts: view.restarts,
    startedAt: view.startedAt,
    cpuPercent: used?.cpuPercent ?? null,
    memoryBytes: used?.memoryBytes ?? null,
    inFlight: reading.inFlight,
    connections: reading.connections,
  }
}

export function addressOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
