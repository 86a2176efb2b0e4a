import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { RolloutView } from '../../../src-main/contract/flag.ts'
import type { Mark } from '../service/marks.ts'
import { stageTitle } from './flag-words.ts'

const ONE_MOMENT_MS = 3_000

/** What was done to the flag, and what the guard decided, as lines over its charts. Exposures come from the rollout itself. */
export function guardMarks(view: RolloutView, entries: readonly JournalEntry[], fromMs: number, toMs: number): readonly Mark[] {
  const marks: Mark[] = []
  const seqAt = (at: number) => entries.find((entry) => Math.abs(entry.at - at) < ONE_MOMENT_MS)?.seq ?? null
  for (const stage of view.stages) {
    if (stage.exposedAt === null) continue
    const seq = seqAt(stage.exposedAt)
    if (seq !== null) marks.push({ seq, at: stage.exposedAt, label: `${stageTitle(stage)} exposed`, hot: false })
  }
  for (const entry of entries) {
    const label = labelOf(entry)
    if (label && !marks.some((mark) => mark.label === label.label && Math.abs(mark.at - entry.at) < ONE_MOMENT_MS)) marks.push({ seq: entry.seq, at: entry.at, ...label })
  }
  return marks.filter(({ at }) => at >= fromMs && at <= toMs).toSorted((a, b) => a.at - b.at)
}

function labelOf(entry: JournalEntry): Pick<Mark, 'label' | 'hot'> | null {
  if (entry.action === 'analysis.failed') return { label: 'fail', hot: true }
  if (entry.action === 'analysis.warned') return { label: 'asks', hot: false }
  if (entry.outcome === 'failed') return { label: 'failed', hot: true }
  const act = /\.(rollBack|kill|pause|resume|drifted)$/.exec(entry.action)?.[1]
  if (act === undefined || entry.kind === 'outcome' || entry.kind === 'refusal') return null
  return { rollBack: { label: 'taken back', hot: true }, kill: { label: 'killed', hot: true }, pause: { label: 'held', hot: false }, resume: { label: 'goes on', hot: false }, drifted: { label: 'changed elsewhere', hot: true } }[act] ?? null
}
