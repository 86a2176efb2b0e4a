import type { Action, Release, ReleaseView } from '../../contract/release.ts'
import { type ReleaseCommand, otherEnvironment } from '../../contract/vocabulary.ts'
import { type Facts, blocksFor } from '../interlocks/rules.ts'
import { RELEASE_MACHINE, legalCommands } from './machine.ts'
import { analysisAllows, candidatePercent, missingApprovals, nextStepIndex } from './state.ts'

/** What the operator sees of a release: its state, and every legal command in the words of its result. */
export function viewRelease(release: Release, facts: Facts): ReleaseView {
  const row = RELEASE_MACHINE[release.phase]
  return {
    release,
    actions: legalCommands(release).map((command) => ({
      command,
      ...describe(release, command),
      needsReason: overrulesAnalysis(release, command),
      ...(command === 'rollBack' ? withDataLag(release, facts) : {}),
      blocks: [...blocksFor(release, command, facts)],
    })),
    ended: row.ended,
    next: whatHappensNext(release),
    waitsFor: row.waitsFor(release),
  }
}

/** A roll back is never blocked by data that lags, but whoever presses it is told. */
function withDataLag(release: Release, facts: Facts): Partial<Pick<Action, 'effect'>> {
  if (facts.data.kind === 'shared' || !facts.dataLagMs) return {}
  const { effect } = describe(release, 'rollBack')
  const lag = facts.dataLagMs.kind === 'known' ? `Its data is ${Math.round(facts.dataLagMs.value)} ms behind.` : 'How far its data is behind is not known.'
  return { effect: `${effect} ${lag}` }
}

/** "25 % to green (1.9.0)". */
function share(release: Release, percent: number): string {
  return `${percent} % to ${release.candidateEnvironment} (${release.candidate.version})`
}

function back(release: Release): string {
  return release.stable === null ? 'out of service' : `${otherEnvironment(release.candidateEnvironment)} (${release.stable.version})`
}

/** The command in the words of its result. Also the journal's summary of it. */
export function describe(release: Release, command: ReleaseCommand): Pick<Action, 'label' | 'effect' | 'weight'> {
  const percent = candidatePercent(release)
  const index = nextStepIndex(release)
  const step = index === null ? null : (release.plan.steps[index] ?? null)
  switch (command) {
    case 'start':
      return { label: `Deploy ${release.candidate.version} to ${release.candidateEnvironment}`, effect: 'Live traffic is not touched until the first step.', weight: 'forward' }
    case 'approve':
      return { label: `Approve ${share(release, step?.weightPercent ?? 100)}`, effect: `${missingApprovals(release, index ?? 0)} approval missing.`, weight: 'forward' }
    case 'promote':
      if (release.phase === 'baking') return { label: `Finish baking ${release.candidate.version}`, effect: `${release.candidate.version} becomes the stable version.`, weight: 'forward' }
      if (!step) return { label: release.plan.bakeMs > 0 ? `Start baking ${release.candidate.version}` : `Finish with ${release.candidate.version}`, effect: 'All live traffic is there already.', weight: 'forward' }
      return { label: `Send ${share(release, step.weightPercent)}`, effect: `Step ${(index ?? 0) + 1} of ${release.plan.steps.length}.`, weight: 'forward' }
    case 'promoteFully':
      return { label: `Send ${share(release, 100)}`, effect: 'Skips the steps in between.', weight: 'forward' }
    case 'pause':
      return { label: release.phase === 'completed' ? 'Keep the way back' : 'Pause', effect: pauseEffect(release, percent), weight: 'quiet' }
    case 'resume':
      return { label: 'Resume', effect: 'The plan goes on where it stopped.', weight: 'quiet' }
    case 'rollBack':
      return release.stable === null
        ? { label: `Take ${release.service} out of service`, effect: 'There is no earlier version: requests are answered with 503.', weight: 'back' }
        : release.phase === 'retired'
          ? { label: `Roll back to ${back(release)}`, effect: `Starts ${release.stable.version} again first; it is not kept warm any more.`, weight: 'quiet' }
          : { label: `Roll back to ${back(release)}`, effect: `All live traffic goes to ${back(release)}.`, weight: 'back' }
    case 'retry':
      return { label: `Try ${failedAct(release)} again`, effect: 'Does again what failed.', weight: 'forward' }
    case 'abandon':
      return { label: `Abandon ${release.candidate.version}`, effect: `${release.candidateEnvironment} is stopped. Live traffic was never on it.`, weight: 'quiet' }
    case 'suspendGuard':
      return { label: 'Suspend automatic roll back', effect: 'For a time, only people take traffic back. Analysis goes on.', weight: 'quiet' }
    case 'restoreGuard':
      return { label: 'Guard it again', effect: 'Criteria take traffic back by themselves again.', weight: 'quiet' }
    case 'retire':
      return { label: `Retire ${back(release)}`, effect: 'The instant way back ends.', weight: 'irreversible' }
  }
}

/** Goes on although the analysis has not said yes, or holds it off: whoever does says why. */
export function overrulesAnalysis(release: Release, command: ReleaseCommand): boolean {
  if (command === 'suspendGuard') return true
  return (command === 'promote' || command === 'promoteFully') && release.phase === 'shifting' && !analysisAllows(release)
}

function pauseEffect(release: Release, percent: number): string {
  if (release.phase === 'completed') return 'The rollback window stays open until you resume.'
  return percent === 0 ? 'No live traffic moves until you resume.' : `Stay at ${percent} %, keep watching.`
}

function failedAct(release: Release): string {
  if (release.failure?.phase === 'deploying') return `deploying ${release.candidate.version}`
  return release.failure?.phase === 'verifying' ? 'the gates' : `sending ${share(release, candidatePercent(release))}`
}

/** One sentence: what happens if nobody does anything. */
export function whatHappensNext(release: Release): string {
  const index = nextStepIndex(release)
  const step = index === null ? null : (release.plan.steps[index] ?? null)
  const toNext = step ? `${step.weightPercent} % goes to ${release.candidateEnvironment}` : release.plan.bakeMs > 0 ? 'baking starts' : `${release.candidate.version} is done`
  if (release.paused) return release.paused.why === '' ? 'Paused: nothing moves forward until someone resumes it.' : `Paused, and asks: ${release.paused.why}`
  switch (release.phase) {
    case 'planned':
      return release.queued ? 'It starts by itself once the release before it is over.' : 'It waits to be started.'
    case 'deploying':
      return `When ${release.candidateEnvironment} is ready, its gates are tested.`
    case 'verifying':
      return `When every gate passes, ${toNext}.`
    case 'awaitingApproval':
      return `When it is approved, ${toNext}.`
    case 'shifting': {
      if (release.shiftPending) return `${candidatePercent(release)} % is being sent to ${release.candidateEnvironment}.`
      const hold = release.plan.steps[release.stepIndex]?.hold.kind
      if (hold === 'manual') return `It stays at ${candidatePercent(release)} % until someone promotes it.`
      return hold === 'analysis' ? `When the hold is over and the analysis passes, ${toNext}.` : `When the hold is over, ${toNext}.`
    }
    case 'baking':
      return `When baking is over, ${release.candidate.version} becomes the stable version.`
    case 'completed':
      return `When the rollback window is over, ${back(release)} is retired.`
    case 'rollingBack':
      return release.rollback?.waitingForReady ? `${back(release)} is being started; traffic stays where it is until it is ready.` : `Traffic goes to ${back(release)}.`
    case 'failed':
      return 'Nothing moves until someone retries it, rolls it back or abandons it.'
    case 'retired':
      return `${release.candidate.version} is live and stable.`
    case 'rolledBack':
      return release.stable === null ? 'The service is out of service.' : `${back(release)} is live and stable.`
    case 'abandoned':
      return 'Live traffic was never touched.'
  }
}
