import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JournalDraft } from '../../contract/journal.ts'
import type { Release } from '../../contract/release.ts'
import type { CommitBatch } from '../../core/ports.ts'
import { seededRandom } from '../../bench/measure.ts'
import type { OpenStoreOptions } from '../store.ts'

/** A folder that is gone after `dispose`. */
export function temporaryFolder(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), 'signalbox-store-'))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

export function storeOptions(folder: string): OpenStoreOptions {
  let ids = 0
  let now = 1_800_000_000_000
  return {
    folder,
    appVersion: '0.1.0',
    hostId: 'host-a',
    workspaceDigest: 'f'.repeat(64),
    wallMs: () => (now += 7),
    nextId: () => `0199b0c0-0000-7000-8000-${String((ids += 1)).padStart(12, '0')}`,
    retryMs: 0,
  }
}

export const EMPTY_BATCH: CommitBatch = { entries: [], releases: [], services: [], outboxAdd: [], outboxRemove: [], operation: null }

export function batch(part: Partial<CommitBatch>): CommitBatch {
  return { ...EMPTY_BATCH, ...part }
}

export function draft(part: Partial<JournalDraft> = {}): JournalDraft {
  return {
    kind: 'intent',
    action: 'release.promote',
    operator: { id: 'ada@box', name: 'Ada', email: 'ada@example.test', known: 'selfDeclared' },
    target: { service: 'payments', environment: 'green', releaseId: 'rel-1' },
    summary: 'Send 25 % to green (1.9.0)',
    reason: '',
    ticket: '',
    before: { blue: 100, green: 0 },
    after: { blue: 75, green: 25 },
    operationId: 'operation-1',
    outcome: 'sent',
    evidence: null,
    ...part,
  }
}

/** A release as far as the store looks at one: id, service, phase and revision; the rest it only keeps. */
export function release(part: Partial<Release> & { readonly id: string }): Release {
  const row: Partial<Release> = { service: 'payments', revision: 1, phase: 'planned', candidate: { version: '1.9.0', configDigest: 'c' }, reason: '', ...part }
  return row as Release
}

const SERVICES = ['payments', 'checkout', 'search', 'catalogue', 'identity', 'mail', 'ledger', 'pricing']
const PEOPLE = ['ada', 'grace', 'edsger', 'barbara', 'donald', 'margaret']
const WORDS = ['latency', 'errors', 'customer', 'deploy', 'retry', 'timeout', 'window', 'database', 'cache', 'queue', 'memory', 'canary', 'hotfix', 'rollback', 'freeze', 'weekend']

/** Drafts with the mix of a busy year: common words, rare words, tickets, ids; the same for the same seed. */
export function* variedDrafts(count: number, seed = 1): Generator<JournalDraft> {
  const random = seededRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  const uuid = () => `0199${hex(4)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`
  let releaseId = uuid()
  let service = pick(SERVICES)
  let operationId = uuid()
  for (let i = 0; i < count; i++) {
    if (i % 12 === 0) {
      releaseId = uuid()
      service = pick(SERVICES)
    }
    if (i % 3 === 0) operationId = uuid()
    const person = pick(PEOPLE)
    const version = `${Math.floor(random() * 4)}.${Math.floor(random() * 40)}.${Math.floor(random() * 10)}`
    const share = pick([5, 10, 25, 50, 100])
    const kind = pick(['intent', 'intent', 'intent', 'outcome', 'outcome', 'outcome', 'event'] as const)
    const isRefusal = random() < 0.004
    yield draft({
      kind: isRefusal ? 'refusal' : kind,
      action: pick(['release.promote', 'effect.setWeights', 'release.rollBack', 'effect.deploy', 'release.create']),
      operator: { id: `${person}@box`, name: person, email: `${person}@example.test`, known: 'selfDeclared' },
      target: { service, environment: pick(['blue', 'green']), releaseId },
      summary: `Send ${share} % to green (${version}) of ${service}`,
      reason: random() < 0.7 ? `${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)} ${pick(WORDS)}` : '',
      ticket: random() < 0.3 ? `CHG-${Math.floor(random() * 1_000_000)}` : '',
      operationId,
      outcome: isRefusal ? 'refused' : kind === 'intent' ? 'sent' : kind === 'event' ? 'recorded' : 'verified',
      evidence: { samples: Array.from({ length: 4 }, () => Math.floor(random() * 1000)) },
    })
  }
}
