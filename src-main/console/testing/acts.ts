import { Fault } from '../../contract/fault.ts'
import type { ReleaseView } from '../../contract/release.ts'
import type { ServiceView } from '../../contract/service.ts'
import type { ObservedService } from '../../contract/traffic.ts'
import type { ReleaseCommand } from '../../contract/vocabulary.ts'
import type { ChildConsole } from './child-console.ts'

let operations = 0
export const operationId = (): string => `operation-${process.pid}-${(operations += 1)}`

export function observedOf(view: ServiceView): ObservedService {
  if (view.observed.kind === 'unknown') throw new Error(`nothing is known of ${view.name}: ${view.observed.why}`)
  return view.observed.value
}
export const weightsOf = (view: ServiceView) => observedOf(view).weights
export const generationOf = (view: ServiceView) => observedOf(view).generation

/** The fault an act is turned down with; throws when it is not. */
export async function refusalOf(act: Promise<unknown>): Promise<Fault> {
  const error = await act.then(
    () => null,
    (caught: unknown) => caught,
  )
  if (!(error instanceof Fault)) throw new Error(`no fault, but ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return error
}

export interface CommandChange {
  readonly operationId?: string
  readonly expectedRevision?: number
  readonly reason?: string
  readonly force?: boolean
}

export function command(console: ChildConsole, view: ServiceView, name: ReleaseCommand, change: CommandChange = {}): Promise<ReleaseView> {
  return console.release.command({ releaseId: view.release?.release.id ?? '', command: name, reason: 'the test', force: false, operationId: operationId(), ...change })
}

export interface ReleaseChange {
  readonly operationId?: string
  readonly start?: boolean
  readonly queue?: boolean
  readonly endRollbackWindow?: boolean
}

export function release(console: ChildConsole, version: string, change: ReleaseChange = {}): Promise<ReleaseView> {
  return console.release.create({ service: 'web', version, reason: '', ticket: '', notes: '', start: true, queue: false, endRollbackWindow: false, operationId: operationId(), ...change })
}

/** Until the service is at rest on its first version. */
export function settled(console: ChildConsole): Promise<ServiceView> {
  return console.until('the first version is live', ({ release: found, observed }) => found?.ended === true && observed.kind === 'known')
}

/** Until the first step of a release holds, read back. */
export function holding(console: ChildConsole): Promise<ServiceView> {
  return console.until('a step holds', ({ release: found, observed }) => found?.release.phase === 'shifting' && !found.release.shiftPending && observed.kind === 'known')
}

/** Brings `good-1` up, and `version` beside it to its first step. */
export async function halfway(console: ChildConsole, version = 'good-2'): Promise<ServiceView> {
  await settled(console)
  await release(console, version)
  return holding(console)
}

export async function rolledBack(console: ChildConsole): Promise<ServiceView> {
  return console.until('it is rolled back', ({ release: found, observed }) => found?.release.phase === 'rolledBack' && observed.kind === 'known')
}
