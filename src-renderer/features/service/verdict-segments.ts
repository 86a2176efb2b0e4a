import type { VerdictChange } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'

/** A stretch of time over which one criterion said the same of one version. */
export interface VerdictSegment {
  readonly fromMs: number
  readonly toMs: number
  readonly verdict: VerdictChange['verdict']
  readonly version: string
  /** What it said when it began. */
  readonly why: string
  /** It still says so. */
  readonly open: boolean
}

export type ReleaseEnds = ReadonlyMap<string, number | null>

/** When judging ended per release; null: it goes on. */
export function endsOf(releases: readonly Pick<Release, 'id' | 'endedAt' | 'rollback'>[]): ReleaseEnds {
  return new Map(releases.map((release) => [release.id, release.rollback?.at ?? release.endedAt]))
}

/** Changes of verdict as stretches, by criterion, cut to the window. A release that is not known ends where the next one begins. */
export function toSegments(changes: readonly VerdictChange[], ends: ReleaseEnds, fromMs: number, toMs: number): ReadonlyMap<string, readonly VerdictSegment[]> {
  const byName = new Map<string, VerdictSegment[]>()
  const sorted = changes.toSorted((a, b) => a.at - b.at)
  sorted.forEach((change, index) => {
    const later = sorted.slice(index + 1)
    const next = later.find((other) => other.name === change.name && other.releaseId === change.releaseId)?.at
    const end = ends.get(change.releaseId) ?? later.find((other) => other.releaseId !== change.releaseId)?.at
    const until = Math.min(next ?? Number.POSITIVE_INFINITY, end ?? Number.POSITIVE_INFINITY, toMs)
    // The verdict that took traffic back came with the decision itself: it shows, however short.
    const shownTo = change.verdict === 'fail' && end !== undefined ? Math.max(until, Math.min(change.at + MIN_FAIL_MS, toMs)) : until
    if (shownTo <= fromMs || change.at >= toMs || shownTo < change.at) return
    const segments = byName.get(change.name) ?? []
    byName.set(change.name, segments)
    segments.push({ fromMs: Math.max(fromMs, change.at), toMs: shownTo, verdict: change.verdict, version: change.version, why: change.why, open: next === undefined && end === undefined })
  })
  return byName
}

const MIN_FAIL_MS = 1000
