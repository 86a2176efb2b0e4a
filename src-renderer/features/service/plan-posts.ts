import type { Release } from '../../../src-main/contract/release.ts'
import type { ReleasePhase } from '../../../src-main/contract/vocabulary.ts'
import { formatDuration, plural } from '../../lib/format.ts'
import { holdWords } from '../../lib/release-words.ts'

export type PostState = 'done' | 'now' | 'hit' | 'todo'

/** One post on the plan line: a place the train passes. */
export interface Post {
  readonly key: string
  readonly title: string
  readonly detail: string
  readonly state: PostState
  /** Index of the plan's step, where the post is one. */
  readonly stepIndex: number | null
}

const BEFORE_STEPS: ReadonlySet<ReleasePhase> = new Set<ReleasePhase>(['planned', 'deploying', 'verifying'])
const AFTER_STEPS: ReadonlySet<ReleasePhase> = new Set<ReleasePhase>(['baking', 'completed', 'retired'])
const ENDED_EARLY: ReadonlySet<ReleasePhase> = new Set<ReleasePhase>(['failed', 'rollingBack', 'rolledBack', 'abandoned'])

/** The plan as posts, each with whether the release is past it, at it, stopped at it, or not there yet. */
export function planPosts(release: Release): readonly Post[] {
  const { plan } = release
  const at = position(release)
  const posts: Omit<Post, 'state'>[] = [
    { key: 'deploy', title: 'Deploy', detail: `${release.candidate.version} to ${release.candidateEnvironment}`, stepIndex: null },
    { key: 'gates', title: 'Gates', detail: plan.gates.length === 0 ? 'none declared' : `${release.gates.filter((gate) => gate.state === 'passed').length} of ${plural(plan.gates.length, 'gate')}`, stepIndex: null },
    ...plan.steps.map((step, index) => ({
      key: `step-${index}`,
      title: `${step.weightPercent} %`,
      detail: step.approvals > 0 ? `needs ${plural(step.approvals, 'approval')}` : step.weightPercent === 100 && plan.bakeMs > 0 ? 'then bake' : holdWords(step.hold).replace(', judged', ''),
      stepIndex: index,
    })),
    ...(plan.bakeMs > 0 ? [{ key: 'bake', title: 'Bake', detail: `${formatDuration(plan.bakeMs)}, judged`, stepIndex: null }] : []),
    { key: 'window', title: 'Rollback window', detail: plan.rollbackWindowMs > 0 ? `kept warm ${formatDuration(plan.rollbackWindowMs)}` : 'none', stepIndex: null },
  ]
  const stopped = ENDED_EARLY.has(release.phase)
  const current = posts.findIndex((post) => post.key === at)
  return posts.map((post, index) => ({
    ...post,
    state: release.phase === 'retired' || index < current ? 'done' : index > current || release.phase === 'planned' ? 'todo' : stopped ? 'hit' : 'now',
  }))
}

/** Key of the post where the release stands, or stood when it stopped. */
function position(release: Release): string {
  const phase = release.phase === 'failed' ? (release.failure?.phase ?? release.phase) : release.phase
  if (phase === 'deploying' || phase === 'planned') return 'deploy'
  if (phase === 'verifying') return 'gates'
  if (phase === 'baking') return 'bake'
  if (phase === 'completed' || phase === 'retired') return 'window'
  if (release.stepIndex < 0) return BEFORE_STEPS.has(phase) ? 'deploy' : 'gates'
  // Awaiting approval stands before the next step, on the last one that was entered.
  return AFTER_STEPS.has(phase) ? 'bake' : `step-${release.stepIndex}`
}
