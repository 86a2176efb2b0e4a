import { Fault } from '../contract/fault.ts'
import type { Plan } from '../contract/plan.ts'
import { type Block, type Operator, type Release, SYSTEM_OPERATOR } from '../contract/release.ts'
import type { VersionRef } from '../contract/traffic.ts'
import type { ReleaseCommand } from '../contract/vocabulary.ts'
import { blocksForExposed } from '../core/interlocks/exposed-flags.ts'
import { blocksVersion } from '../core/interlocks/migration-rules.ts'
import { type Facts, blocksFor, blocksNewRelease } from '../core/interlocks/rules.ts'
import { describe, overrulesAnalysis } from '../core/release/actions.ts'
import { legalCommands, transition } from '../core/release/machine.ts'
import { planRelease, rebase, sameVersion, takenBackByGuard } from '../core/release/state.ts'
import { phaseWords } from '../core/release/words.ts'
import type { EngineDeps } from './deps.ts'
import { commandDraft } from './drafts.ts'
import type { Memory } from './memory.ts'
import { batchOf, type Ledger, queue } from './ledger.ts'

/** How long a new release waits for its provider, which may just be starting. */
const REGISTRATION_WAIT_MS = 15_000

export interface CommandRequest {
  readonly releaseId: string
  readonly command: ReleaseCommand
  readonly expectedRevision?: number | undefined
  readonly reason: string
  readonly force: boolean
  readonly forMs?: number | undefined
  readonly operationId: string
}

export interface CreateRequest {
  readonly service: string
  readonly version: string
  readonly reason: string
  readonly ticket: string
  readonly notes: string
  readonly plan?: Plan | undefined
  readonly start: boolean
  readonly queue: boolean
  readonly endRollbackWindow: boolean
  readonly operationId: string
}

/** What operators ask for: checked against table, interlocks, role and revision, then applied; refusals are entries too. */
export function createCommands(deps: EngineDeps, memory: Memory, ledger: Ledger) {
  const pending = new Map<string, Promise<Release>>()

  /** The same operation id is the same act: a double click gets the first press's answer. */
  function once(operationId: string, act: () => Promise<Release>): Promise<Release> {
    const running = pending.get(operationId)
    if (running) return running
    const done = deps.store.findOperation(operationId)
    const known = done && memory.release(done.releaseId)
    if (known) return Promise.resolve(known)
    const promise = act().finally(() => pending.delete(operationId))
    pending.set(operationId, promise)
    return promise
  }

  async function refuse(service: string, action: string, summary: string, operator: Operator, operationId: string, fault: Fault): Promise<never> {
    const entry = {
      kind: 'refusal' as const,
      action,
      operator,
      target: { service },
      summary: `${fault.data.cause === 'refused' ? 'Refused' : 'Failed'}: ${summary}`,
      reason: fault.message,
      ticket: '',
      before: null,
      after: null,
      operationId,
      outcome: fault.data.cause === 'refused' ? ('refused' as const) : ('failed' as const),
      evidence: { code: fault.code },
    }
    // Nothing acts, so a refusal that cannot be written is said in the log and refused all the same.
    await ledger.persist(batchOf({ entries: [entry] }), false).catch((error: unknown) => deps.log(`a refusal could not be journaled: ${String(error)}`))
    throw fault
  }

  function faultOf(block: Block): Fault {
    const code = block.rule === 'role' || block.rule === 'fourEyes' ? 'notAllowed' : block.rule === 'readOnly' ? 'readOnly' : block.rule === 'releaseInProgress' ? 'releaseInProgress' : block.rule === 'journal' ? 'journalUnavailable' : 'interlocked'
    return new Fault(code, block.reason, block.unblocks)
  }

  /** What the plan or the workspace does by itself is not held by the role of whoever happens to look on. */
  function factsFor(service: string, release: Release | null, operator: Operator): Facts {
    const facts = { ...memory.facts(service, release), operatorId: operator.id }
    return operator.id === SYSTEM_OPERATOR.id ? { ...facts, role: 'operator' } : facts
  }

  function checkAllowed(release: Release, request: CommandRequest, operator: Operator): void {
    if (request.expectedRevision !== undefined && request.command !== 'rollBack' && request.expectedRevision !== release.revision) {
      throw new Fault('staleRevision', `${release.id} has changed since you looked: it is ${phaseWords(release.phase)}${release.paused ? `, paused by ${release.paused.by.name}` : ''} now.`, 'Look at what it is now, then decide again.')
    }
    if (request.command === 'start') return
    // The table first: of two reasons, the one that no waiting will change.
    if (!legalCommands(release).includes(request.command)) transition(release, { kind: 'command', command: request.command, by: operator, reason: '', force: false, digest: '', at: 0 })
    const block = blocksFor(release, request.command, factsFor(release.service, release, operator))[0]
    if (block) throw faultOf(block)
    const judged = memory.analysis.get(release.id)
    if (request.reason.trim() === '' && operator.id !== SYSTEM_OPERATOR.id && overrulesAnalysis(judged ? { ...release, analysis: [...judged] } : release, request.command)) {
      throw new Fault('interlocked', 'This overrules the analysis, and no reason was given. Nothing was changed.', 'Say why, then press it again.')
    }
  }

  /** What an approval is bound to: if any of it changes, the approval is of something else. */
  function approvalDigest(release: Release): string {
    return deps.sha256(JSON.stringify([release.id, release.service, release.candidate, release.candidateEnvironment, release.plan, release.pendingStep]))
  }

  function command(request: CommandRequest, operator: Operator): Promise<Release> {
    return once(request.operationId, async () => {
      const found = memory.release(request.releaseId)
      if (!found) throw new Fault('notFound', `There is no release ${request.releaseId}.`, 'List the releases of the service.')
      try {
        const applied = await ledger.apply({
          releaseId: request.releaseId,
          input: { kind: 'command', command: request.command, by: operator, reason: request.reason, force: request.force, digest: approvalDigest(found), ...(request.forMs === undefined ? {} : { forMs: request.forMs }), at: deps.clock.wallMs() },
          operationId: request.operationId,
          check: (release) => {
            checkAllowed(release, request, operator)
            if (request.command === 'start') checkStart(release, operator)
          },
          ...(request.command === 'start' ? { prepare: asPlannedNow } : {}),
          entries: (applied) => [commandDraft(request.command, applied, { operator, reason: request.reason, operationId: request.operationId })],
          emergency: request.command === 'rollBack',
          remember: true,
        })
        return applied?.next ?? found
      } catch (error) {
        if (error instanceof Fault && error.data.cause === 'refused') await refuse(found.service, `release.${request.command}`, describe(found, request.command).label, operator, request.operationId, error)
        throw error
      }
    })
  }

  /** What is live, and what the guard took back, may have changed since it was planned. */
  function asPlannedNow(release: Release): Release {
    return { ...rebase(release, memory.record(release.service).stable), rejectedBefore: rejectionOf(release.service, release.candidate) }
  }

  /** Why the guard took this very version back when it last had traffic, or null: others that came since acquit it of nothing. */
  function rejectionOf(service: string, candidate: VersionRef): string | null {
    const before = memory.lastOutcome(service, candidate)
    if (before) return takenBackByGuard(before) ? (before.rollback?.reason ?? '') : null
    const { rejected } = memory.record(service)
    return rejected && sameVersion(rejected.deployed, candidate) ? rejected.why : null
  }

  function checkStart(release: Release, operator: Operator): void {
    const block = blocksFor(release, 'start', factsFor(release.service, release, operator))[0]
    if (block) throw faultOf(block)
  }

  /** Plans a release, and starts it when asked to. Nothing moves when it is refused. */
  function create(request: CreateRequest, operator: Operator): Promise<Release> {
    return once(request.operationId, async () => {
      try {
        return await createChecked(request, operator)
      } catch (error) {
        if (error instanceof Fault) await refuse(request.service, 'release.create', `release ${request.version} of ${request.service}`, operator, request.operationId, error)
        throw error
      }
    })
  }

  function registered(service: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const tooLate = () => reject(new Fault('providerUnavailable', `The provider of ${service} does not answer, so its versions are not known.`, 'See what it says under Settings, then try again.'))
      const cancel = deps.clock.setTimer(REGISTRATION_WAIT_MS, tooLate)
      void memory.whenRegistered(service).then(() => {
        cancel()
        resolve()
      })
    })
  }

  async function createChecked(request: CreateRequest, operator: Operator): Promise<Release> {
    const config = memory.configs.get(request.service)
    if (!config) throw new Fault('notFound', `The workspace has no service ${request.service}.`, `Choose one of: ${[...memory.configs.keys()].join(', ')}.`)
    // Who may not act at all need not wait for the provider to hear it.
    const refused = blocksNewRelease(null, factsFor(request.service, null, operator))[0]
    if (refused) throw faultOf(refused)
    await registered(request.service)
    const candidate = await deps.provider(config.provider).resolveVersion(request.service, request.version).catch((error: unknown) => {
      if (error instanceof Fault) memory.failedAttempts.set(request.service, `${request.version} could not be released: ${error.message} ${error.data.next}`)
      throw error
    })
    memory.failedAttempts.delete(request.service)
    // A service that never had a release may be the very one whose database is just being started.
    const unfit = blocksVersion(request.service, candidate.version, deps.schema(request.service)).find(({ rule }) => rule !== 'schemaUnknown' || operator.id !== SYSTEM_OPERATOR.id)
    if (unfit) throw faultOf(unfit)
    const unknowing = blocksForExposed(request.service, candidate.version, deps.exposed(request.service))[0]
    if (unknowing) throw faultOf(unknowing)
    return ledger.inTurn(request.service, async () => {
      const record = memory.record(request.service)
      const active = memory.active(request.service)
      const facts = factsFor(request.service, null, operator)
      // Before the way back is spoken of: of two reasons, the one that no waiting will change.
      if ((!active || active.phase === 'completed') && record.stable && sameVersion(record.stable.deployed, candidate)) {
        throw new Fault('interlocked', `${request.version} with this configuration is live already, on ${record.stable.environment}.`, 'Choose another version, or change its configuration.')
      }
      const overridable = (block: Block) => (block.rule === 'rollbackWindow' && request.endRollbackWindow) || (block.rule === 'releaseInProgress' && (request.queue || !request.start))
      const waits = (block: Block) => ['rollbackWindow', 'releaseInProgress'].includes(block.rule) && (request.queue || !request.start)
      const blocks = blocksNewRelease(active, facts).filter((block) => !overridable(block))
      const blocking = blocks.find((block) => !waits(block))
      if (blocking) throw faultOf(blocking)
      const at = deps.clock.wallMs()
      const mustWait = active !== null && !(active.phase === 'completed' && request.endRollbackWindow)
      const planned = planRelease({
        id: `${request.service}-${record.releases + 1}`,
        service: request.service,
        plan: request.plan ?? config.plan,
        candidate,
        candidateEnvironment: record.stable?.environment === 'blue' ? 'green' : 'blue',
        stable: record.stable?.deployed ?? null,
        createdBy: operator,
        at,
        reason: request.reason,
        ticket: request.ticket,
        notes: request.notes,
        queued: request.queue && mustWait,
        rejectedBefore: rejectionOf(request.service, candidate),
      })
      const startsNow = request.start && !mustWait
      const ended = startsNow && active ? transition(active, { kind: 'signal', signal: { type: 'superseded' }, at }) : null
      const started = startsNow ? transition(planned, { kind: 'command', command: 'start', by: operator, reason: request.reason, force: false, digest: '', at }) : null
      return commitCreated(request, operator, planned, started, ended?.next ?? null)
    })
  }

  async function commitCreated(request: CreateRequest, operator: Operator, planned: Release, started: ReturnType<typeof transition>, ended: Release | null): Promise<Release> {
    const record = memory.record(request.service)
    const next = started?.next ?? planned
    const queued = queue(record, next, started?.effects ?? [], request.operationId, deps.clock.wallMs())
    const applied = { before: planned, next, queued }
    const common = { operator, reason: request.reason, operationId: request.operationId }
    const summary = `Release ${planned.candidate.version} of ${planned.service} on ${planned.candidateEnvironment}${planned.queued ? ', queued' : ''}${ended ? `; ends the rollback window of ${ended.candidate.version}` : ''}`
    const draft = { ...commandDraft('start', applied, common), action: 'release.create', summary, before: null, evidence: JSON.parse(JSON.stringify({ plan: planned.plan, candidate: planned.candidate, notes: planned.notes })) as null }
    const nextRecord = { ...record, fence: queued.at(-1)?.fence ?? record.fence, revision: record.revision + 1, releases: record.releases + 1 }
    const rows = ended ? [next, ended] : [next]
    await ledger.persist(batchOf({ entries: [draft], releases: rows, services: [nextRecord], outboxAdd: queued, operation: { id: request.operationId, releaseId: planned.id } }), false)
    ledger.adopt(rows, nextRecord, applied)
    return next
  }

  /** Gives the reason an emergency left out. */
  function explain(releaseId: string, reason: string, operator: Operator, operationId: string): Promise<Release> {
    return once(operationId, () => {
      const found = memory.release(releaseId)
      if (!found) throw new Fault('notFound', `There is no release ${releaseId}.`, 'List the releases of the service.')
      return ledger.inTurn(found.service, async () => {
        const before = memory.release(releaseId) ?? found
        const who = ['role', 'readOnly']
        const block = blocksNewRelease(null, memory.facts(found.service, before)).find(({ rule }) => who.includes(rule))
        if (block) throw faultOf(block)
        if (!before.rollback) throw new Fault('illegalCommand', `${releaseId} was not rolled back.`, 'Nothing to explain.')
        const next = { ...before, revision: before.revision + 1, rollback: { ...before.rollback, reason } }
        const applied = { before, next, queued: [] }
        const draft = { ...commandDraft('rollBack', applied, { operator, reason, operationId }), kind: 'event' as const, action: 'release.explain', summary: `Reason for rolling back ${before.candidate.version} given`, outcome: 'recorded' as const }
        const record = { ...memory.record(before.service), revision: memory.record(before.service).revision + 1 }
        await ledger.persist(batchOf({ entries: [draft], releases: [next], services: [record], operation: { id: operationId, releaseId } }), false)
        ledger.adopt([next], record, applied)
        return next
      })
    })
  }

  /** Starts the oldest queued release once nothing is in its way. */
  function startQueued(service: string): Promise<Release> | null {
    const queued = memory.planned(service).find((release) => release.queued)
    if (!queued || memory.active(service)) return null
    return command({ releaseId: queued.id, command: 'start', reason: 'The release before it is over.', force: false, operationId: `queue:${queued.id}` }, SYSTEM_OPERATOR)
  }

  return { command, create, explain, startQueued }
}
export type Commands = ReturnType<typeof createCommands>
