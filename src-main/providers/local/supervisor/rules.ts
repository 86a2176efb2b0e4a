import { Fault } from '../../../contract/fault.ts'
import type { VersionRef, Weights } from '../../../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../../../contract/vocabulary.ts'
import type { Operation } from '../../../core/ports.ts'
import type { ServiceDurable } from './durable.ts'
import type { EnvironmentView } from './environment.ts'

/** What the rules look at. */
export interface Doors {
  readonly name: string
  readonly durable: ServiceDurable
  readonly readiness: Readonly<Record<EnvironmentName, EnvironmentView>>
}

/** Refuses who was overtaken by a later act. */
export function checkFence({ name, durable }: Doors, operation: Operation): void {
  if (operation.fence >= durable.fence) return
  throw new Fault('staleFence', `This act on ${name} (token ${operation.fence}) comes from before a later one (token ${durable.fence}). It was not done; traffic is unchanged.`, 'Read the service again; somebody else, or a later act of yours, is in charge.')
}

export function checkGeneration({ name, durable }: Doors, expected: number | null): void {
  if (expected === null || expected === durable.generation) return
  throw new Fault('staleGeneration', `The weights of ${name} are at generation ${durable.generation}, not ${expected}: they were changed by ${durable.cause}. Traffic is unchanged by this act.`, 'Look at the weights as they are now, then ask again.')
}

export function checkReady({ name, readiness }: Doors, weights: Weights): void {
  for (const environment of ENVIRONMENTS) {
    const view = readiness[environment]
    if (weights[environment] === 0 || view.readiness === 'ready') continue
    throw new Fault('environmentNotReady', `The ${environment} environment of ${name} is ${view.readiness}${view.detail ? ` (${view.detail})` : ''}, so it gets no traffic. Traffic is unchanged.`, 'Start it and wait until it is ready, or force the shift.')
  }
}

/** True when the environment holds this very version with this very configuration. */
export function holds({ durable }: Doors, environment: EnvironmentName, version: VersionRef): boolean {
  const { deployed } = durable[environment]
  return deployed?.ref.version === version.version && deployed.ref.configDigest === version.configDigest
}

/**
 * An environment with traffic is neither replaced nor stopped. The very version that it holds may be deployed again: that
 * leaves it alone when it is ready, and brings it back when it is not. `version` null: it is to be stopped.
 */
export function checkIdle(doors: Doors, environment: EnvironmentName, version: VersionRef | null): void {
  const { name, durable, readiness } = doors
  const weight = durable.weights[environment]
  const { deployed } = durable[environment]
  if (weight === 0 || (version !== null && (holds(doors, environment, version) || !deployed))) return
  const down = ['stopped', 'crashed', 'empty'].includes(readiness[environment].readiness)
  throw new Fault(
    'interlocked',
    `The ${environment} environment of ${name} has ${weight} % of the traffic${down ? ', although it is down' : ''}. It was left as it is.`,
    down && deployed ? `Deploy version ${deployed.ref.version} there to bring it back, or move traffic away first.` : 'Move traffic to the other environment first.',
  )
}
