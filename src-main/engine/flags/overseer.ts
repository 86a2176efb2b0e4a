import type { FlagRollout } from '../../contract/flag.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { overallVerdict } from '../../core/analysis/judge.ts'
import { describe } from '../../core/flags/rollout/actions.ts'
import { criteriaInForce, holdingResults, isAcknowledged } from '../../core/flags/rollout/state.ts'
import { blocksAutomatic, type RolloutFacts } from '../../core/interlocks/flag-rules.ts'
import { isWarning } from '../../core/release/state.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { plain, rolloutDraft } from './drafts.ts'
import type { Guard, Judgement } from './guard.ts'
import { type Maker, operationOf } from './maker.ts'
import { type Rollouts, toFault } from './rollouts.ts'

/** The part of the time judges may take. */
const JUDGING_SHARE = 0.3

export interface OverseerPorts {
  /** Once at a time per key. */
  readonly once: (key: string, act: () => Promise<void>) => Promise<void>
  /** Wall clock ms, without the jump that is being followed; null while it is. */
  readonly now: () => number | null
  readonly factsOf: (rollout: FlagRollout) => RolloutFacts
}

/** Judges what is exposed, takes it back, and ends holds. */
export function createOverseer(deps: FlagsDeps, board: Board, rollouts: Rollouts, guard: Guard, maker: Maker, ports: OverseerPorts) {
  const { clock } = deps
  const { once } = ports
  const paces = new Map<string, number>()

  const JUDGED: readonly FlagRollout['phase'][] = ['exposing', 'holding', 'awaitingApproval', 'finishing', 'failed']

  /** Judges what is exposed, as long as anything is and is not settled. */
  function judge(rollout: FlagRollout): void {
    if (!JUDGED.includes(rollout.phase) || rollout.verifiedStage === -1) return
    if (criteriaInForce(rollout).length === 0) return checkDue(rollout)
    const startedMs = clock.monotonicMs()
    const pace = paces.get(rollout.id)
    if (pace !== undefined && startedMs < pace) return checkDue(rollout)
    const judgement = guard.judge(rollout)
    // Many rollouts at once are judged less often, rather than keeping the console from everything else.
    const tookMs = clock.monotonicMs() - startedMs
    paces.set(rollout.id, startedMs + (tookMs * board.unended().length) / JUDGING_SHARE)
    board.analysis.set(rollout.id, judgement.told)
    const counted = judgement.told.filter((result) => !isAcknowledged(rollout, result))
    const verdict = overallVerdict(counted)
    if (verdict === 'fail') {
      void once(`judge ${rollout.id}`, () => act(rollout, judgement, 'fail'))
      return
    }
    const settled = rollout.phase === 'holding' || rollout.phase === 'awaitingApproval'
    if (verdict === 'warn' && !rollout.paused && settled) {
      void once(`judge ${rollout.id}`, () => act(rollout, judgement, 'warn'))
      return
    }
    checkDue(rollout)
  }

  async function act(rollout: FlagRollout, judgement: Judgement, verdict: 'fail' | 'warn'): Promise<void> {
    const decides = (result: Judgement['results'][number]) => result.verdict === 'fail' && (verdict === 'warn' ? isWarning(result) : result.severity === 'fail')
    const worst = judgement.told.find(decides)
    const evidence = { results: judgement.results, judged: judgement.evidence(decides) }
    // Taking it back never waits for a journal that cannot take the evidence.
    const note = rolloutDraft({ kind: 'event', action: verdict === 'fail' ? 'analysis.failed' : 'analysis.warned', summary: worst?.why ?? 'A criterion failed.', outcome: 'recorded', operationId: operationOf(rollout), evidence: plain(evidence) }, rollout)
    await rollouts.persist({ entries: [note] }, false).catch((error: unknown) => deps.log(`evidence of ${rollout.id} was not kept: ${toFault(error).message}`))
    await rollouts.move({
      rolloutId: rollout.id,
      input: { kind: 'signal', signal: { type: 'judged', verdict, results: judgement.told }, at: clock.wallMs() },
      action: verdict === 'fail' ? 'rollout.rollBack' : 'rollout.pause',
      summary: verdict === 'fail' ? describe(rollout, 'rollBack').label : 'Hold, and ask',
      reason: worst?.why ?? '',
      operationId: operationOf(rollout),
      operator: SYSTEM_OPERATOR,
      check: (now) => now.rollback === null && now.stageIndex === rollout.stageIndex,
    })
  }

  /** An overdue hold advances once, through the same interlocks as a person's. */
  function checkDue(rollout: FlagRollout): void {
    const now = ports.now()
    if (now === null || rollout.phase !== 'holding' || rollout.dueAt === null || rollout.paused || now < rollout.dueAt) return
    if (blocksAutomatic(rollout, ports.factsOf(rollout)).length > 0 || holdingResults(board.judged(rollout)).length > 0) return
    void once(`due ${rollout.id}`, async () => {
      // Decided on what is there now, not on what was there two seconds ago.
      const observed = await maker.look(rollout)
      if (!observed || !maker.isOurs(rollout, observed)) return maker.drifted(rollout, observed)
      const judgement = guard.judge(rollout)
      const judged = { ...rollout, analysis: [...judgement.told] }
      if (holdingResults(judged).length > 0) return
      const passes = (result: Judgement['results'][number]) => result.verdict === 'pass'
      const passed = judgement.results.filter(passes)
      await rollouts.move({
        rolloutId: rollout.id,
        input: { kind: 'signal', signal: { type: 'due' }, at: clock.wallMs() },
        analysis: judgement.told,
        action: 'rollout.advance',
        summary: rollout.plan.stages[rollout.stageIndex]?.approval ? 'Hold over; wait for approval' : describe(rollout, 'advance').label,
        operationId: operationOf(rollout),
        // Named with its revision: a hold that was paused or advanced meanwhile is left alone.
        check: (found) => found.phase === 'holding' && found.stageIndex === rollout.stageIndex && found.dueAt === rollout.dueAt && !found.paused,
        entries: () => (passed.length === 0 ? [] : [rolloutDraft({ kind: 'event', action: 'analysis.passed', summary: `Analysis passed: ${passed.map(({ name }) => name).join(', ')}`, outcome: 'recorded', operationId: operationOf(rollout), evidence: plain({ results: judgement.results, judged: judgement.evidence(passes) }) }, rollout)]),
      })
    })
  }

  return { judge }
}
export type Overseer = ReturnType<typeof createOverseer>
