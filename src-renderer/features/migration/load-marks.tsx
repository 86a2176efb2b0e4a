import { Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { formatClock } from '../../lib/format.ts'
import { useMigrationEntries } from './migration-journal.tsx'
import { stepWords } from './migration-words.ts'

/** Labels nearer than this share of the width would lie on each other: the newer one is written. */
const APART = 0.2

/** The migration's own steps across all load charts, from the journal. */
export function LoadMarks({ migration, fromMs, toMs }: { readonly migration: string; readonly fromMs: number; readonly toMs: number }) {
  const entries = useMigrationEntries(migration)
  const marks = useMemo(() => toLoadMarks(entries, fromMs, toMs), [entries, fromMs, toMs])
  return (
    <div className="pointer-events-none absolute inset-y-0 right-4 left-[158px] max-[1240px]:left-[140px]">
      {marks.map(({ seq, at, words, place, isWritten }) => (
        <div key={seq} className="absolute top-0 bottom-6 border-l border-line-3" style={{ left: `${place * 100}%` }}>
          <Link to="/audit" search={{ migration, entry: seq }} title={`${words}, ${formatClock(at)} UTC, entry ${seq}`} className={`pointer-events-auto absolute top-0 left-[4px] text-11 leading-[14px] whitespace-nowrap text-ink-2 hover:underline ${isWritten ? '' : 'sr-only'}`}>
            {words}
          </Link>
        </div>
      ))}
    </div>
  )
}

interface LoadMark {
  readonly seq: number
  readonly at: number
  readonly words: string
  /** 0 to 1 over the window. */
  readonly place: number
  readonly isWritten: boolean
}

/** Newest first, as entries come: newer labels win. */
function toLoadMarks(entries: readonly JournalEntry[], fromMs: number, toMs: number): readonly LoadMark[] {
  const marks: LoadMark[] = []
  let last = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const words = entry.action === 'migration.step' && entry.outcome === 'verified' ? stepWords(entry.before, entry.after) : null
    if (words === null || entry.at < fromMs || entry.at > toMs) continue
    const place = (entry.at - fromMs) / (toMs - fromMs)
    const isWritten = place < 0.85 && last - place >= APART
    if (isWritten) last = place
    marks.push({ seq: entry.seq, at: entry.at, words, place, isWritten })
  }
  return marks
}
