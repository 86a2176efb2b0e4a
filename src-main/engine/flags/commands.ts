import { Fault } from '../../contract/fault.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import type { Criterion } from '../../contract/analysis.ts'
import type { FlagRolloutPlan } from '../../contract/flag-definition.ts'
import type { Operator } from '../../contract/release.ts'
import { planProblems, safeVariantOf } from '../../core/flags/exposure.ts'
import type { ObservedFlag } from '../../core/flags/ports.ts'
import { describe, overrulesGuard } from '../../core/flags/rollout/actions.ts'
import { legalCommands, transition } from '../../core/flags/rollout/machine.ts'
import { killVariant, planRollout, rolloutEnded } from '../../core/flags/rollout/state.ts'
import { phaseWords } from '../../core/flags/rollout/words.ts'
import { blocksForRollout } from '../../core/interlocks/flag-rules.ts'
import { type Acts, faultOf } from './acts.ts'
import type { Board, Seat } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { differenceOf } from './difference.ts'
import { plain } from './drafts.ts'
import type { FlagRequest, RolloutCommandRequest, StartRequest } from './flags.ts'
import { type Rollouts, toFault } from './rollouts.ts'
import type { Views } from './views.ts'

/** What operators ask of rollouts: checked against table, interlocks, role and revision, then applied; refusals are entries too. */
export function createCommands(deps: FlagsDeps, board: Board, rollouts: Rollouts, acts: Acts, views: Views) {
  function known(id: string): FlagRollout {
    const found = board.rollout(id) ?? deps.store.rollout(id)
    if (!found) throw new Fault('notFound', `There is no rollout ${id}.`, 'Look at the flag.')
    return found
  }

  /** Criteria of the source, else those of its services; only what can be measured by variant. */
  function criteriaOf(seat: Seat): readonly Criterion[] {
    const declared = seat.config.criteria.length > 0 ? seat.config.criteria : seat.config.services.flatMap((service) => deps.serviceCriteria(service))
    const measurable = declared.filter(({ metric }) => metric.source === 'router' || metric.source === 'query')
    return [...new Map(measurable.map((criterion) => [criterion.name, criterion])).values()]
  }

  function checkPlan(seat: Seat, observed: ObservedFlag, request: StartRequest, criteria: readonly Criterion[]): void {
    const { definition } = observed
    const { plan, flag } = request
    const { capabilities } = deps.source(request.source)
    const invalid = (message: string) => new Fault('invalidInput', `${message} Nothing was changed.`, 'Correct the plan.')
    if (plan.flag !== flag) throw invalid(`The plan is for ${plan.flag}, not for ${flag}.`)
    if (definition.facts.archived) throw invalid(`${flag} was removed from use.`)
    const [problem] = planProblems(definition, plan)
    if (problem !== undefined) throw invalid(problem)
    const names = new Set(criteria.map(({ name }) => name))
    const unknown = plan.stages.flatMap((stage) => stage.criteria ?? []).find((name) => !names.has(name))
    if (unknown !== undefined) throw invalid(`There is no criterion "${unknown}".`)
    const segments = new Set(seat.reading?.flagSet.segments.map(({ name }) => name))
    const missing = plan.stages.flatMap(({ audience }) => (audience.kind === 'segments' ? audience.anyOf : [])).find((name) => !segments.has(name))
    if (missing !== undefined) throw invalid(`There is no segment "${missing}".`)
    if (capabilities.percent !== null && plan.stages.some(({ percent }) => percent > 0 && percent < 100)) throw new Fault('unsupported', capabilities.percent, 'Use stages of 100 %.')
    if (capabilities.audiences !== null && plan.stages.some(({ audience }) => audience.kind !== 'everyone')) throw new Fault('unsupported', capabilities.audiences, 'Use stages for everyone.')
  }

  /** The rollout a plan would make, and what is wrong with it. Nothing is written. */
  async function foresee(source: string, flag: string, plan: FlagRolloutPlan): Promise<{ readonly rollout: FlagRollout; readonly problems: readonly string[] }> {
    const seat = board.seat(source)
    const set = board.setOf(source)
    const observed = await deps.source(source).observe(set, flag)
    const criteria = criteriaOf(seat)
    const problems = [...planProblems(observed.definition, plan)]
    try {
      if (problems.length === 0) checkPlan(seat, observed, { source, flag, plan, expectedVersion: observed.version, reason: '', operationId: '' }, criteria)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      problems.push(error.data.message.replace(' Nothing was changed.', ''))
    }
    const rollout = planRollout({ id: deps.ids.next(), source, set, flag, number: 1, plan, criteria, before: observed, by: deps.operator().operator, reason: '', at: deps.clock.wallMs() })
    return { rollout, problems }
  }

  /** Written down and begun in one commit: whoever asked for it exposes its first stage. Answers its id. */
  function start(request: StartRequest, operator: Operator): Promise<string> {
    const { source, flag, plan, reason, operationId } = request
    return acts.once(
      operationId,
      async (what) => what.replace(/^rollout:/, ''),
      () =>
        rollouts.inTurn(source, flag, async () => {
          const seat = board.seat(source)
          const set = board.setOf(source)
          const summary = `Roll ${flag} out`
          try {
            const running = board.running(source, flag)
            const role = [...views.actBlocks()][0]
            if (role) throw faultOf(role)
            if (running) throw new Fault('releaseInProgress', `A rollout of ${flag} is ${phaseWords(running.phase)}.`, 'When it is over: roll it back, abandon it or let it finish.')
            const observed = await deps.source(source).observe(set, flag)
            if (observed.version !== request.expectedVersion) throw new Fault('staleRevision', `${flag} has changed since you looked. Nothing was changed.`, 'Look at what it is now, then decide again.')
            const criteria = criteriaOf(seat)
            checkPlan(seat, observed, request, criteria)
            const last = deps.store.rolloutsOf(source, flag, 1)[0]
            const at = deps.clock.wallMs()
            const planned = planRollout({ id: deps.ids.next(), source, set, flag, number: (last?.number ?? 0) + 1, plan, criteria, before: observed, by: operator, reason, at })
            const block = blocksForRollout(planned, 'start', { ...views.factsOf(planned), newestId: planned.id })[0]
            if (block) throw faultOf(block)
            const move = transition(planned, { kind: 'command', command: 'start', by: operator, reason, at })
            if (!move) throw new Fault('illegalCommand', 'It cannot be started.', 'Look at the flag.')
            await rollouts.adopt({ rolloutId: planned.id, input: { kind: 'command', command: 'start', by: operator, reason, at }, action: 'rollout.start', summary: `${summary}: ${describe(planned, 'start').label}`, operator, reason, operationId, evidence: { plan: plain(plan), criteria: criteria.map(({ name }) => name) }, remember: true }, { before: planned, next: move.next }, move.effect)
            return planned.id
          } catch (error) {
            if (error instanceof Fault && error.data.cause === 'refused') await acts.refuse({ source, flag, action: 'rollout.start', summary, operator, operationId }, error)
            throw error
          }
        }),
    )
  }

  function check(rollout: FlagRollout, request: RolloutCommandRequest): void {
    const { command } = request
    const back = command === 'rollBack' || command === 'kill'
    if (request.expectedRevision !== undefined && !back && request.expectedRevision !== rollout.revision) {
      throw new Fault('staleRevision', `The rollout of ${rollout.flag} has changed since you looked: it is ${phaseWords(rollout.phase)}${rollout.paused ? ', paused' : ''} now.`, 'Look at what it is now, then decide again.')
    }
    // The table first: of two reasons, the one that no waiting will change.
    const explains = command === 'kill' && rollout.phase === 'rolledBack'
    if (!explains && !legalCommands(rollout).includes(command)) transition(rollout, { kind: 'command', command, by: deps.operator().operator, reason: '', at: rollout.stageSince })
    if (command === 'finish' && rollout.plan.variants.length > 1 && !rollout.plan.variants.some(({ variant }) => variant === request.variant)) {
      throw new Fault('invalidInput', `Several variants were rolled out: ${rollout.plan.variants.map(({ variant }) => variant).join(', ')}. Nothing was changed.`, 'Say which one everyone gets.')
    }
    const block = blocksForRollout(rollout, command, views.factsOf(rollout))[0]
    if (block) throw faultOf(block)
    if (request.reason.trim() === '' && overrulesGuard(board.judged(rollout), command)) {
      throw new Fault('interlocked', 'This overrules what guards the rollout, and no reason was given. Nothing was changed.', 'Say why, then press it again.')
    }
  }

  function command(request: RolloutCommandRequest, operator: Operator): Promise<string> {
    const { rollout: id, command: asked, reason, operationId } = request
    return acts.once(
      operationId,
      async () => known(id).id,
      async () => {
        const found = known(id)
        board.put(found)
        const words = describe(found, asked, request.variant ?? null)
        const label = asked === 'finish' ? describe(found, asked, request.variant ?? found.finishWith ?? undefined).label : words.label
        try {
          await rollouts.move({
            rolloutId: id,
            input: { kind: 'command', command: asked, by: operator, reason, variant: request.variant, at: deps.clock.wallMs() },
            action: `rollout.${asked}`,
            summary: label,
            operator,
            reason,
            operationId,
            check: (now) => check(now, request),
            ...(board.analysis.has(id) ? { analysis: board.analysis.get(id) ?? [] } : {}),
            evidence: asked === 'resume' && found.drift ? { overwritten: found.drift.difference } : { judged: (board.analysis.get(id) ?? []).map(({ name, verdict, why }) => ({ name, verdict, why })) },
            remember: true,
          })
          return id
        } catch (error) {
          if (error instanceof Fault && error.data.cause === 'refused') await acts.refuse({ source: found.source, flag: found.flag, action: `rollout.${asked}`, summary: label, operator, operationId }, error)
          throw error
        }
      },
    )
  }

  /** Everyone gets the safe variant. With a rollout under way that ends it, and it never gives up. */
  async function kill(request: FlagRequest, operator: Operator): Promise<void> {
    const { source, flag, reason, operationId } = request
    const set = board.setOf(source)
    const newest = board.newest(source, flag)
    if (newest && !rolloutEnded(newest.phase)) {
      await command({ rollout: newest.id, command: 'kill', reason, operationId }, operator)
      return
    }
    // As it is now; as it was last read where its source does not answer: then it is tried until it does.
    const last = board.seat(source).byKey.get(flag) ?? null
    const definition = await acts.observe(source, set, flag).then((now) => now?.definition ?? null, (error: unknown) => (last ? last : Promise.reject(toFault(error))))
    const variant = definition && safeVariantOf(definition)
    const summary = `Kill ${flag}: everyone gets ${variant ?? 'its safe variant'}`
    const act = { source, set, flag, action: 'flag.kill', summary, operator, reason, operationId }
    await acts.once(
      operationId,
      async () => undefined,
      async () => {
        const block = views.actBlocks()[0]
        if (block) return acts.refuse(act, faultOf(block))
        if (!definition) return acts.refuse(act, new Fault('notFound', `${source} has no flag ${flag}.`, 'Look at the list of flags.'))
        if (variant === null) return acts.refuse(act, new Fault('interlocked', `${flag} declares no safe variant, and none of its values is plainly off. Nothing was changed.`, 'Declare which variant is safe, or change the flag.'))
        // It waits for nothing that is being done to the flag; what lands after it is looked for, and killed again.
        const kill = { ...act, change: { kind: 'kill' as const, variant }, expect: null, emergency: true }
        const beside = rollouts.isBusy(source, flag)
        await acts.perform(kill)
        if (beside) {
          await rollouts.inTurn(source, flag, async () => {
            const now = await acts.observe(source, set, flag)
            if (now && !deps.source(source).matches(kill.change, now)) await acts.perform({ ...kill, operationId: `${operationId}:again` })
          })
        }
        // Who killed it before without a word says why now.
        if (newest?.phase === 'rolledBack' && newest.rollback?.to === 'safe' && newest.rollback.reason === '' && reason !== '' && killVariant(newest) === variant) {
          await rollouts.move({ rolloutId: newest.id, input: { kind: 'command', command: 'kill', by: operator, reason, at: deps.clock.wallMs() }, action: 'rollout.explained', summary: `Say why ${flag} was killed`, operator, reason, operationId: deps.ids.next() })
        }
        return undefined
      },
    )
  }

  return { known, foresee, start, command, kill, differenceOf }
}
export type Commands = ReturnType<typeof createCommands>
