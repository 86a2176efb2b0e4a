import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { memo, useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { subjectOf } from '../../../src-main/contract/journal-subject.ts'
import { PlaceText } from '../../components/place.tsx'
import { shortSummary } from '../../lib/entry-summary.ts'
import { formatClock, formatCount, formatDay, formatInstant, shortHash } from '../../lib/format.ts'
import { useKeys } from '../../lib/keys.ts'
import { actionWords, OutcomeWord } from './entry-words.tsx'

const COLUMNS = 'grid grid-cols-[56px_116px_104px_92px_minmax(160px,1fr)_80px_66px] max-[1240px]:grid-cols-[64px_100px_104px_88px_minmax(140px,1fr)_84px] narrow:min-w-[700px] items-center gap-x-3 px-4 whitespace-nowrap'
const HEADS = ['entry', 'time UTC', 'who', 'act', 'what', 'outcome', 'hash'] as const
/** The row of heads stays on top of the list. */
const HEAD_PX = 24
const ROW_PX = 29
/** So many screens from one frame to the next: nobody reads what passes by. */
const FLUNG_SCREENS = 2
/** Fetch the next page when so few rows are left below. */
const AHEAD = 40

/** The same function each time: another one would measure every row anew. */
const rowHeight = () => ROW_PX

export interface EntryListProps {
  readonly entries: readonly JournalEntry[]
  readonly selectedSeq: number | null
  readonly onSelect: (seq: number) => void
  readonly hasMore: boolean
  readonly loadMore: () => void
  readonly now: number
}

/** The journal, newest first; as long as it is, a screenful of it is drawn. */
export function EntryList({ entries, selectedSeq, onSelect, hasMore, loadMore, now }: EntryListProps) {
  const scroll = useRef<HTMLDivElement>(null)
  const [isFlung, setFlung] = useState(false)
  const far = useRef({ offset: 0, jumps: 0 })
  // One jump is Home or End and shows its rows at once; several in a row are a hand on the scroll bar.
  const onScroll = useCallback((instance: Virtualizer<HTMLDivElement, Element>) => {
    const { offset, jumps } = far.current
    const now = instance.scrollOffset ?? 0
    const isFar = Math.abs(now - offset) > (instance.scrollRect?.height ?? 0) * FLUNG_SCREENS
    far.current = { offset: now, jumps: instance.isScrolling && isFar ? jumps + 1 : 0 }
    setFlung(far.current.jumps > 1)
  }, [])
  // oxlint-disable-next-line react/incompatible-library -- its functions stay in this component
  const virtual = useVirtualizer({ count: entries.length, getScrollElement: () => scroll.current, estimateSize: rowHeight, scrollMargin: HEAD_PX, scrollPaddingStart: HEAD_PX, overscan: isFlung ? 0 : 6, useFlushSync: false, onChange: onScroll })
  const items = virtual.getVirtualItems()
  // As many elements as were ever drawn at once.
  const [drawn, setDrawn] = useState(0)
  const pool = Math.max(drawn, items.length)
  if (pool > drawn) setDrawn(pool)
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (hasMore && lastShown >= entries.length - AHEAD) loadMore()
  }, [hasMore, lastShown, entries.length, loadMore])

  const selectedIndex = useMemo(() => entries.findIndex((entry) => entry.seq === selectedSeq), [entries, selectedSeq])
  const move = (by: number) => {
    const index = Math.min(entries.length - 1, Math.max(0, (selectedIndex === -1 ? -1 : selectedIndex) + by))
    const entry = entries[index]
    if (!entry) return
    onSelect(entry.seq)
    virtual.scrollToIndex(index)
  }
  useKeys({ j: () => move(1), k: () => move(-1) })
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -entries.length, End: entries.length }
    const by = steps[event.key]
    if (by === undefined) return
    event.preventDefault()
    move(by)
  }
  const today = formatDay(now)
  const select = useRef(onSelect)
  useEffect(() => {
    select.current = onSelect
  })
  const onRow = useCallback((seq: number) => select.current(seq), [])
  return (
    <div
      ref={scroll}
      role="grid"
      aria-label="Entries"
      aria-rowcount={entries.length + 1}
      aria-activedescendant={selectedIndex >= 0 && items.some((item) => item.index === selectedIndex) ? `entry-${selectedSeq}` : undefined}
      tabIndex={0}
      onKeyDown={onKey}
      className="min-h-0 flex-1 overflow-auto -outline-offset-2 narrow:h-[70vh] narrow:min-h-[280px] narrow:flex-none"
    >
      <div role="rowgroup" className="sticky top-0 z-10 bg-bg-1">
        <div role="row" aria-rowindex={1} className={`${COLUMNS} h-6 border-b border-line-1 text-11 text-ink-3`}>
          {HEADS.map((head) => (
            <div key={head} role="columnheader" className={`${head === 'entry' ? 'text-right' : ''} ${head === 'hash' ? 'max-[1240px]:hidden' : ''}`}>
              {head}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="relative narrow:min-w-[700px]" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const entry = entries[item.index]
          // Rows that leave on one side come back on the other: their elements are used again.
          return entry && <EntryRow key={item.index % pool} entry={entry} index={item.index} top={item.start - HEAD_PX} today={today} selected={entry.seq === selectedSeq} onSelect={onRow} bare={isFlung} />
        })}
      </div>
    </div>
  )
}

interface EntryRowProps {
  readonly entry: JournalEntry
  readonly index: number
  readonly top: number
  readonly today: string
  readonly selected: boolean
  readonly onSelect: (seq: number) => void
  /** Passes by: where in the journal this is, and no more. */
  readonly bare: boolean
}

const EntryRow = memo(function EntryRow({ entry, index, top, today, selected, onSelect, bare }: EntryRowProps) {
  const day = formatDay(entry.at)
  return (
    <div
      role="row"
      id={`entry-${entry.seq}`}
      aria-rowindex={index + 2}
      aria-selected={selected}
      onClick={() => onSelect(entry.seq)}
      className={`${COLUMNS} absolute inset-x-0 top-0 h-[29px] border-b border-line-1 text-12 contain-strict ${selected ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : 'hover:bg-bg-2'}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div role="gridcell" className="mono text-right text-ink-3">
        {formatCount(entry.seq)}
      </div>
      <div role="gridcell" className="mono truncate text-ink-2" title={bare ? undefined : formatInstant(entry.at)}>
        {day === today ? '' : `${day} `}
        {formatClock(entry.at)}
        {!bare && <span className="text-ink-3">.{String(Math.floor(entry.at) % 1000).padStart(3, '0').slice(0, 2)}</span>}
      </div>
      {!bare && <RestOfRow entry={entry} />}
    </div>
  )
})

function RestOfRow({ entry }: { readonly entry: JournalEntry }) {
  return (
    <>
      <div role="gridcell" className={`truncate ${entry.operator.known === 'system' ? 'text-ink-2' : 'font-medium'}`} title={entry.operator.id}>
        {entry.operator.name}
      </div>
      <div role="gridcell" className="truncate text-ink-2" title={`${entry.kind}, ${entry.action}`}>
        {actionWords(entry.action)}
      </div>
      <div role="gridcell" className="truncate" title={entry.summary}>
        {subjectOf(entry) !== '' && <span className="text-ink-3">{subjectOf(entry)} </span>}
        <PlaceText text={shortSummary(entry)} square={false} />
      </div>
      <div role="gridcell">
        <OutcomeWord entry={entry} />
      </div>
      <div role="gridcell" className="mono text-ink-3 max-[1240px]:hidden" title={entry.hash}>
        {shortHash(entry.hash)}
      </div>
    </>
  )
}
