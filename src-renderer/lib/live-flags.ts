import type { VerdictChange } from '../../src-main/contract/analysis.ts'
import type { FlagSourceView, FlagSummary, RolloutView } from '../../src-main/contract/flag.ts'
import type { LiveKey } from './live-store.ts'

/** Names a flag of a source in a map. No source's name holds a line break. */
export function flagId(source: string, key: string): string {
  return `${source}\n${key}`
}

/** What the stream says of flags between two readings of the lists. */
export interface LiveFlags {
  /** By name; the same array until one of them changes. */
  sources(): readonly FlagSourceView[]
  /** Lines that came by themselves, by `flagId`, with a number that grows: those above a list's own are newer than it. */
  lines(): ReadonlyMap<string, FlagLine>
  /** The number of the newest line. */
  lineNumber(): number
  line(source: string, key: string): FlagSummary | null
  /** The newest rollout of the flag that the stream has brought. */
  rollout(source: string, key: string): RolloutView | null
  /** Rollouts that have not ended, by source and flag; the same array until one changes. */
  rollouts(): readonly RolloutView[]
  /** How each criterion's verdict changed since this screen is open, oldest first. */
  verdicts(rollout: string): readonly VerdictChange[]
  putSource(view: FlagSourceView): void
  putLine(summary: FlagSummary): void
  putRollout(view: RolloutView): void
  /** A snapshot begins: what it does not bring again is gone when it is whole. */
  beginSnapshot(): void
  endSnapshot(): void
}

export interface FlagLine {
  readonly number: number
  readonly summary: FlagSummary
}

/** Of two rollouts of a flag the one that goes on, or the later one, or the later state of the same. */
function isNewer(next: RolloutView, before: RolloutView | undefined): boolean {
  if (!before) return true
  if (next.rollout.id === before.rollout.id) return next.rollout.revision >= before.rollout.revision
  return next.rollout.number > before.rollout.number
}

const KEPT_VERDICTS = 400
const NO_VERDICTS: readonly VerdictChange[] = []

export function createLiveFlags(touch: (key: LiveKey) => void): LiveFlags {
  let sources: readonly FlagSourceView[] = []
  let lines: ReadonlyMap<string, FlagLine> = new Map()
  let pending: Map<string, FlagLine> | null = null
  let number = 0
  let rollouts = new Map<string, RolloutView>()
  let going: readonly RolloutView[] = []
  let incomingSources: Set<string> | null = new Set()
  let incomingRollouts: Map<string, RolloutView> | null = new Map()

  const verdicts = new Map<string, readonly VerdictChange[]>()
  const note = ({ rollout }: RolloutView) => {
    const said = verdicts.get(rollout.id) ?? []
    const changes = rollout.analysis.flatMap((result): VerdictChange[] => {
      const last = said.findLast(({ name }) => name === result.name)
      // Whoever comes later knows when it failed, not since when it had passed.
      const verdict = result.verdict === 'fail' && result.severity === 'warn' ? 'warn' : result.verdict
      return last?.verdict === verdict ? [] : [{ at: last || verdict === 'fail' || verdict === 'warn' ? result.toAt : Math.max(result.fromAt, rollout.stageSince), releaseId: rollout.id, version: rollout.plan.variants.map(({ variant }) => variant).join(', '), name: result.name, verdict, why: result.why }]
    })
    if (changes.length > 0) verdicts.set(rollout.id, [...said, ...changes].slice(-KEPT_VERDICTS))
  }

  const relist = () => {
    going = [...rollouts.values()].filter((view) => !view.ended).toSorted((a, b) => (flagId(a.rollout.source, a.rollout.flag) < flagId(b.rollout.source, b.rollout.flag) ? -1 : 1))
    touch('rollouts')
  }
  // Thousands of lines may come in one burst: the map that screens hold is copied once for all of them.
  const settleLines = () => {
    if (pending) lines = pending
    pending = null
    return lines
  }

  return {
    sources: () => sources,
    lines: settleLines,
    lineNumber: () => number,
    line: (source, key) => settleLines().get(flagId(source, key))?.summary ?? null,
    rollout: (source, key) => rollouts.get(flagId(source, key)) ?? null,
    rollouts: () => going,
    verdicts: (rollout) => verdicts.get(rollout) ?? NO_VERDICTS,
    putSource(view) {
      sources = [...sources.filter(({ name }) => name !== view.name), view].toSorted((a, b) => (a.name < b.name ? -1 : 1))
      incomingSources?.add(view.name)
      touch('flagSources')
    },
    putLine(summary) {
      number += 1
      const id = flagId(summary.source, summary.key)
      pending ??= new Map(lines)
      pending.set(id, { number, summary })
      touch('flags')
      touch(`flag:${id}`)
    },
    putRollout(view) {
      const id = flagId(view.rollout.source, view.rollout.flag)
      if (incomingRollouts && isNewer(view, incomingRollouts.get(id))) incomingRollouts.set(id, view)
      if (!isNewer(view, rollouts.get(id))) return
      rollouts.set(id, view)
      note(view)
      relist()
      touch(`flag:${id}`)
    },
    beginSnapshot() {
      incomingSources = new Set()
      incomingRollouts = new Map()
    },
    endSnapshot() {
      if (incomingSources) {
        const kept = incomingSources
        sources = sources.filter(({ name }) => kept.has(name))
        touch('flagSources')
      }
      if (incomingRollouts) {
        const gone = [...rollouts.keys()].filter((id) => !incomingRollouts?.has(id))
        rollouts = incomingRollouts
        relist()
        for (const id of gone) touch(`flag:${id}`)
      }
      incomingSources = null
      incomingRollouts = null
    },
  }
}
