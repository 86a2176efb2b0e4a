import type { Hold, Plan } from '../../src-main/contract/plan.ts'
import type { Release, ReleaseView } from '../../src-main/contract/release.ts'
import type { ServiceView } from '../../src-main/contract/service.ts'
import { formatDuration } from './format.ts'

/** "step 2 of 5, 25 %", "bake", "deploy to green": where a release is, in a few words. */
export function phaseWords(release: Release): string {
  const steps = release.plan.steps.length
  const step = release.plan.steps[release.stepIndex]
  if (release.paused) return step ? `paused at ${step.weightPercent} %` : 'paused'
  switch (release.phase) {
    case 'planned':
      return release.queued ? 'queued' : 'planned'
    case 'deploying':
      return `deploy to ${release.candidateEnvironment}`
    case 'verifying':
      return 'gates'
    case 'awaitingApproval':
      return 'awaits approval'
    case 'shifting':
      return step ? `step ${release.stepIndex + 1} of ${steps}, ${step.weightPercent} %` : 'shifting'
    case 'baking':
      return 'bake'
    case 'completed':
      return 'rollback window'
    case 'retired':
      return 'done'
    case 'rollingBack':
      return release.rollback?.waitingForReady ? 'rolling back, waits for ready' : 'rolling back'
    case 'rolledBack':
      return 'rolled back'
    case 'failed':
      return 'stopped'
    case 'abandoned':
      return 'abandoned'
  }
}

/** How a step is held before the next one. */
export function holdWords(hold: Hold): string {
  switch (hold.kind) {
    case 'manual':
      return 'until promoted'
    case 'timed':
      return `hold ${formatDuration(hold.ms)}`
    case 'analysis':
      return `hold ${formatDuration(hold.ms)}, judged`
  }
}

/** The weights of a plan in one line: "5, 25, 50, 100 %". */
export function planWords(plan: Plan): string {
  return `${plan.steps.map((step) => step.weightPercent).join(', ')} %`
}

/** True while a release is on its way: between its start and its end, the rollback window not counted. */
export function isMoving(view: ReleaseView | null): boolean {
  return view !== null && !view.ended && view.release.phase !== 'completed' && view.release.phase !== 'planned'
}

/** True when nothing goes on before a person acts. */
export function isWaiting(view: ReleaseView | null): boolean {
  return view !== null && !view.ended && view.waitsFor === 'operator'
}

/** Fraction of the running hold, bake or window that has passed, 0 to 1; null when nothing timed is running. */
export function dueFraction(release: Release, now: number): number | null {
  if (release.dueAt === null || release.dueSince === null || release.dueAt <= release.dueSince) return null
  return Math.min(1, Math.max(0, (now - release.dueSince) / (release.dueAt - release.dueSince)))
}

/** An environment reachable by operators only: the candidate before it has live weight. */
export function previewEnvironment(service: ServiceView): 'blue' | 'green' | null {
  const view = service.release
  if (!view || view.ended || service.observed.kind !== 'known' || service.observed.value.previewAddress === null) return null
  // With all live traffic on it there is nothing left to preview.
  return service.observed.value.weights[view.release.candidateEnvironment] === 100 ? null : view.release.candidateEnvironment
}
