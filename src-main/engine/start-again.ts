import { Fault } from '../contract/fault.ts'
import type { Block, Operator } from '../contract/release.ts'
import type { VersionRef } from '../contract/traffic.ts'
import { ENVIRONMENTS, type EnvironmentName } from '../contract/vocabulary.ts'
import { blocksNewRelease } from '../core/interlocks/rules.ts'
import type { OutboxItem } from '../core/ports.ts'
import type { EngineDeps } from './deps.ts'
import { moveDraft } from './drafts.ts'
import { batchOf, type Ledger, queue } from './ledger.ts'
import type { Memory } from './memory.ts'

export interface Stopped {
  readonly environment: EnvironmentName
  readonly version: VersionRef
}

/** Environments that have live traffic and were stopped, not crashed: nobody brings them back by itself. */
export function stoppedLive(memory: Memory, service: string): readonly Stopped[] {
  const reading = memory.observed(service)
  if (reading.kind === 'unknown') return []
  const { weights, environments } = reading.value
  return ENVIRONMENTS.flatMap((environment) => {
    const { readiness, deployed } = environments[environment]
    return weights[environment] > 0 && readiness === 'stopped' && deployed ? [{ environment, version: deployed }] : []
  })
}

/** Rules that say who may act and whether the journal can; what is live already is not made less safe by running. */
const RULES = ['role', 'readOnly', 'journal']

export function startAgainAction(memory: Memory, service: string): { label: string; effect: string; blocks: Block[] } | null {
  const stopped = stoppedLive(memory, service)
  if (stopped.length === 0) return null
  return {
    label: `Start ${stopped.map(({ environment, version }) => `${environment} (${version.version})`).join(' and ')} again`,
    effect: 'Live traffic is answered again once it is ready.',
    blocks: blocksNewRelease(null, memory.facts(service, null)).filter(({ rule }) => RULES.includes(rule)),
  }
}

/** Starts again what carries live traffic and was stopped: after a reboot, a stop --all, or a demo that ended by itself. */
export async function startAgain(deps: EngineDeps, memory: Memory, ledger: Ledger, request: { service: string; reason: string; operationId: string }, operator: Operator): Promise<readonly OutboxItem[]> {
  const { service, reason, operationId } = request
  return ledger.inTurn(service, async () => {
    const carrier = memory.active(service) ?? memory.newestStarted(service)
    const action = startAgainAction(memory, service)
    if (!carrier || !action) throw new Fault('illegalCommand', `Nothing of ${service} that has live traffic is stopped.`, 'Nothing is to be done.')
    const block = action.blocks[0]
    if (block) throw new Fault(block.rule === 'readOnly' ? 'readOnly' : block.rule === 'journal' ? 'journalUnavailable' : 'notAllowed', block.reason, block.unblocks)
    const record = memory.record(service)
    const effects = stoppedLive(memory, service).map(({ environment, version }) => ({ type: 'deploy' as const, environment, version }))
    const queued = queue(record, carrier, effects, operationId, deps.clock.wallMs(), `again-${operationId}`)
    const applied = { before: carrier, next: carrier, queued }
    const next = { ...record, fence: queued.at(-1)?.fence ?? record.fence, revision: record.revision + 1 }
    const draft = moveDraft('service.startAgain', action.label, applied, { operator, reason, operationId })
    await ledger.persist(batchOf({ entries: [draft], services: [next], outboxAdd: queued }), false)
    ledger.adopt([], next, applied)
    return queued
  })
}
