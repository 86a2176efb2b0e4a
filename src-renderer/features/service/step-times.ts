import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { Release } from '../../../src-main/contract/release.ts'

/** When each step's weight was seen in the data plane, by index of the step. */
export type StepTimes = ReadonlyMap<number, number>

/** Reads the steps' times out of the journal: the outcome that verified each weight. */
export function stepTimes(release: Release, entries: readonly JournalEntry[]): StepTimes {
  const times = new Map<number, number>()
  for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) {
    if (entry.target.releaseId !== release.id || entry.outcome !== 'verified' || entry.action !== 'effect.setWeights') continue
    const weight = candidateWeight(entry, release)
    if (weight === null) continue
    const index = release.plan.steps.findIndex((step) => step.weightPercent === weight)
    if (index >= 0 && !times.has(index)) times.set(index, entry.at)
  }
  return times
}

/** The candidate's weight after an entry, where the entry holds weights at all. */
export function candidateWeight(entry: JournalEntry, release: Release): number | null {
  const after = weightsIn(entry.after)
  return after ? (after[release.candidateEnvironment] ?? null) : null
}

/** Weights somewhere near the top of a before or after value. */
export function weightsIn(value: unknown): Readonly<Record<'blue' | 'green', number>> | null {
  if (typeof value !== 'object' || value === null) return null
  if ('blue' in value && 'green' in value && typeof value.blue === 'number' && typeof value.green === 'number') return { blue: value.blue, green: value.green }
  for (const key of ['weights', 'effect'] as const) {
    if (key in value) {
      const inner = weightsIn((value as Readonly<Record<string, unknown>>)[key])
      if (inner) return inner
    }
  }
  return null
}
