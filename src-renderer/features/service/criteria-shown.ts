import type { Criterion, CriterionResult } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'

export interface ShownCriterion {
  readonly criterion: Criterion
  /** What the core said last; null before it has judged. */
  readonly result: CriterionResult | null
}

export interface ShownCriteria {
  readonly kind: 'declared' | 'judging' | 'verdict'
  readonly release: Release | null
  readonly all: readonly ShownCriterion[]
  /** When it was decided, for `verdict`. */
  readonly at: number | null
}

/** A release that went back stays news so long. */
export const NEWS_MS = 30 * 60_000

/** What the service is judged by: of the release under way, of the one that just went back, or of the next one. */
export function shownCriteria(service: ServiceView, now: number): ShownCriteria {
  const view = service.release
  const release = view?.release ?? null
  const isNews = release?.phase === 'rolledBack' && release.analysis.length > 0 && now - (release.endedAt ?? 0) < NEWS_MS
  if (!view || !release || (view.ended && !isNews)) return { kind: 'declared', release: null, all: service.plan.criteria.map((criterion) => ({ criterion, result: null })), at: null }
  if (release.analysis.length === 0) return { kind: 'declared', release, all: release.plan.criteria.map((criterion) => ({ criterion, result: null })), at: null }
  const declared = declaredIn(release)
  const all = release.analysis.flatMap((result) => {
    const criterion = declared.find(({ name }) => name === result.name)
    return criterion ? [{ criterion, result }] : []
  })
  return { kind: isNews || release.rollback ? 'verdict' : 'judging', release, all, at: release.rollback?.at ?? null }
}

/** Every criterion the release declares; the ones of the step it stands on come first where names repeat. */
export function declaredIn(release: Pick<Release, 'plan' | 'stepIndex'>): readonly Criterion[] {
  const { steps, criteria } = release.plan
  return [...(steps[release.stepIndex]?.criteria ?? []), ...criteria, ...steps.flatMap((step) => step.criteria ?? [])]
}
