import { Fault } from '../../contract/fault.ts'
import type { JournalEntry } from '../../contract/journal.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import type { Release } from '../../contract/release.ts'
import type { Clock, CommitBatch, OutboxItem, ServiceRecord, Store } from '../../core/ports.ts'

/** What survives a simulated crash: the disk. */
export interface SimulatedDisk {
  readonly entries: JournalEntry[]
  readonly releases: Map<string, Release>
  readonly services: Map<string, ServiceRecord>
  readonly outbox: Map<string, OutboxItem>
  readonly operations: Map<string, string>
  readonly rollouts: Map<string, FlagRollout>
  readonly emergency: CommitBatch[]
}

export function createSimulatedDisk(): SimulatedDisk {
  return { entries: [], releases: new Map(), services: new Map(), outbox: new Map(), operations: new Map(), rollouts: new Map(), emergency: [] }
}

/** The store port on a simulated disk: commits that fail do so whole, before anything is written. */
export function createMemoryStore(disk: SimulatedDisk, clock: Clock, failing: () => boolean): Store {
  function write(batch: CommitBatch, emergency: boolean): readonly JournalEntry[] {
    const written = batch.entries.map((draft, index): JournalEntry => ({
      ...draft,
      seq: disk.entries.length + index + 1,
      id: `entry-${disk.entries.length + index + 1}`,
      hostId: 'simulated',
      at: clock.wallMs(),
      appVersion: '0',
      workspaceDigest: '',
      emergency,
      previousHash: '',
      bodyHash: '',
      hash: '',
    }))
    disk.entries.push(...written)
    for (const release of batch.releases) disk.releases.set(release.id, release)
    for (const service of batch.services) disk.services.set(service.name, service)
    for (const rollout of batch.rollouts ?? []) if (rollout.revision >= (disk.rollouts.get(rollout.id)?.revision ?? 0)) disk.rollouts.set(rollout.id, rollout)
    for (const item of batch.outboxAdd) disk.outbox.set(item.id, item)
    for (const id of batch.outboxRemove) disk.outbox.delete(id)
    if (batch.operation) disk.operations.set(batch.operation.id, batch.operation.releaseId)
    return written
  }

  function merge(): void {
    for (const batch of disk.emergency.splice(0)) write(batch, true)
  }

  if (!failing()) merge()
  return {
    load() {
      // What waits in the emergency file counts, even while it cannot be merged.
      const seen = { releases: new Map(disk.releases), services: new Map(disk.services), outbox: new Map(disk.outbox), rollouts: new Map(disk.rollouts) }
      for (const batch of disk.emergency) {
        for (const release of batch.releases) seen.releases.set(release.id, release)
        for (const service of batch.services) seen.services.set(service.name, service)
        for (const rollout of batch.rollouts ?? []) seen.rollouts.set(rollout.id, rollout)
        for (const item of batch.outboxAdd) seen.outbox.set(item.id, item)
        for (const id of batch.outboxRemove) seen.outbox.delete(id)
      }
      return { releases: [...seen.releases.values()], services: [...seen.services.values()], outbox: [...seen.outbox.values()], rollouts: [...seen.rollouts.values()] }
    },
    commit: async (batch) => {
      if (failing()) throw new Fault('journalUnavailable', 'The simulated disk is full.', 'Free it.')
      merge()
      for (const rollout of batch.rollouts ?? []) {
        const there = disk.rollouts.get(rollout.id)
        if (there && there.revision >= rollout.revision && JSON.stringify(there) !== JSON.stringify(rollout)) throw new Fault('staleRevision', `The rollout of ${rollout.flag} has moved on from revision ${rollout.revision}.`, 'Look at the current state and decide again.')
      }
      return write(batch, false)
    },
    findOperation: (id) => {
      const releaseId = disk.operations.get(id)
      return releaseId === undefined ? null : { releaseId }
    },
    release: (id) => disk.releases.get(id) ?? null,
    releasesOf: (service, limit) => [...disk.releases.values()].filter((release) => release.service === service).slice(-limit).toReversed(),
    rollout: (id) => disk.rollouts.get(id) ?? null,
    rolloutsOf: (source, flag, limit) => [...disk.rollouts.values()].filter((rollout) => rollout.source === source && rollout.flag === flag).slice(-limit).toReversed(),
    commitEmergency: async (batch) => {
      disk.emergency.push(batch)
    },
    problem: () => (failing() ? 'The simulated disk is full.' : ''),
    checkpoint: () => ({ count: disk.entries.length, head: '', at: clock.wallMs() }),
    close: async () => {},
  }
}
