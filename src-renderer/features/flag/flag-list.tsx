import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import type { FlagReferencesReport } from '../../../src-main/contract/flag.ts'
import { Kbd } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { useConsole, useFlagSources } from '../../lib/console-context.tsx'
import { flagId } from '../../lib/live-flags.ts'
import { referencesQuery } from '../../lib/flag-queries.ts'
import { formatCount } from '../../lib/format.ts'
import { useKeys } from '../../lib/keys.ts'
import { FLAG_ROW_PX, FlagRow, type CodeReads } from './flag-row.tsx'
import { matchesFlag, sortFlags, TAB_WORDS, tabOf, TABS, type FlagTab } from './flag-words.ts'
import { useFlags } from './use-flags.ts'

const NO_READS: CodeReads = { reads: 0, files: 0 }

/** The same function each time: another one would measure every row anew. */
const rowHeight = () => FLAG_ROW_PX

/** Every flag of every source: four tabs, a search over all of them, and only the rows that show. */
export function FlagList({ current }: { readonly current: { readonly source: string; readonly key: string } | null }) {
  const { flags, loading, faults } = useFlags()
  const sources = useFlagSources()
  const navigate = useNavigate()
  const [picked, setPicked] = useState<FlagTab | null>(null)
  const [typed, setTyped] = useState('')
  const [cursor, setCursor] = useState<string | null>(null)
  const search = useRef<HTMLInputElement>(null)
  const scroll = useRef<HTMLDivElement>(null)
  const text = useDeferredValue(typed)
  const words = useMemo(() => text.toLowerCase().split(/\s+/).filter(Boolean), [text])

  const tabs = useMemo(() => {
    const byTab: Record<FlagTab, (typeof flags)[number][]> = { moving: [], on: [], off: [], cleanUp: [] }
    for (const flag of flags) if (matchesFlag(flag, words)) byTab[tabOf(flag)].push(flag)
    return byTab
  }, [flags, words])
  const currentFlag = current === null ? null : (flags.find(({ source, key }) => source === current.source && key === current.key) ?? null)
  // The open flag's tab, until one is chosen; what moves, if anything does; a search shows where something was found.
  const first = TABS.find((each) => tabs[each].length > 0) ?? 'moving'
  const chosen = picked ?? (currentFlag ? tabOf(currentFlag) : first)
  const tab = words.length > 0 && tabs[chosen].length === 0 ? first : chosen
  const rows = useMemo(() => sortFlags(tabs[tab], tab), [tabs, tab])
  const reads = useReads(tab === 'cleanUp' ? sources.map(({ name }) => name) : [])

  const currentId = current === null ? null : flagId(current.source, current.key)
  const at = cursor ?? currentId
  const index = rows.findIndex(({ source, key }) => flagId(source, key) === at)
  const keyOf = useCallback((row: number) => { const flag = rows[row]; return flag ? flagId(flag.source, flag.key) : row }, [rows])
  // oxlint-disable-next-line react/incompatible-library -- its functions stay in this component
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroll.current, estimateSize: rowHeight, getItemKey: keyOf, overscan: 8, useFlushSync: false })
  const reveal = useRef<string | null>(null)
  useEffect(() => {
    // A flag that was opened from elsewhere is brought into view, once.
    if (currentId === null || reveal.current === currentId || index === -1) return
    reveal.current = currentId
    virtual.scrollToIndex(index, { align: 'auto' })
  }, [currentId, index, virtual])

  const open = (row: number) => {
    const flag = rows[row]
    if (!flag) return
    setCursor(null)
    void navigate({ to: '/flags/$source/$key', params: { source: flag.source, key: flag.key } })
  }
  const move = (by: number) => {
    const next = Math.min(rows.length - 1, Math.max(0, index + by))
    const flag = rows[next]
    if (!flag) return
    setCursor(flagId(flag.source, flag.key))
    virtual.scrollToIndex(next)
  }
  useKeys({ '/': () => search.current?.focus(), j: () => move(1), k: () => move(-1) })
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 12, PageUp: -12, Home: -rows.length, End: rows.length }
    const by = steps[event.key]
    if (by !== undefined) move(by)
    else if (event.key === 'Enter') open(Math.max(0, index))
    else return
    event.preventDefault()
  }
  return (
    <nav aria-label="Flags" className="flex min-h-0 w-[264px] flex-none flex-col border-r border-line-1 bg-bg-1 max-[1100px]:w-[228px] min-[1700px]:w-[320px] narrow:h-[46vh] narrow:w-full narrow:border-r-0 narrow:border-b">
      <div className="flex h-9 flex-none items-center gap-2 border-b border-line-1 px-4">
        <Link to="/flags" className="font-semibold hover:underline">
          Flags
        </Link>
        <span className="text-12 text-ink-3">{formatCount(flags.length)}</span>
        <label className="ml-auto flex min-w-0 flex-1 items-center gap-1.5 text-12 text-ink-3">
          <Icon name="search" className="ml-auto" />
          <input
            ref={search}
            type="search"
            aria-label="Search flags"
            placeholder="key, owner, state"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                setTyped('')
                event.currentTarget.blur()
              } else if (event.key === 'Enter') open(Math.max(0, index))
              else if (event.key === 'ArrowDown') scroll.current?.focus()
            }}
            className="h-6 w-full min-w-0 bg-transparent text-ink-1 outline-none"
          />
          <Kbd>/</Kbd>
        </label>
      </div>
      <div role="group" aria-label="Which flags" className="flex h-8 flex-none items-stretch gap-3 border-b border-line-1 px-4 text-12 max-[1100px]:gap-2 max-[1100px]:text-11">
        {TABS.map((each) => (
          <button key={each} type="button" aria-pressed={each === tab} onClick={() => setPicked(each)} className={`whitespace-nowrap hover:text-ink-1 ${each === tab ? 'font-medium shadow-[inset_0_-2px_0_var(--ink-1)]' : 'text-ink-2'}`}>
            {TAB_WORDS[each]} <span className="text-ink-3">{formatCount(tabs[each].length)}</span>
          </button>
        ))}
      </div>
      {[...faults].map(([source, fault]) => (
        <FaultNote key={source} fault={fault} />
      ))}
      {loading && flags.length === 0 && <Skeleton rows={8} />}
      <div ref={scroll} role={loading && rows.length === 0 ? undefined : 'grid'} aria-label={TAB_WORDS[tab]} aria-rowcount={rows.length} aria-activedescendant={index === -1 ? undefined : `flag-row-${index}`} tabIndex={0} onKeyDown={onKey} className="min-h-0 flex-1 overflow-y-auto -outline-offset-2">
        {rows.length === 0 && !loading && (
          <div role="row">
            <p role="gridcell" className="px-4 py-3 text-12 text-ink-3">
              {words.length > 0 ? 'No flag matches.' : EMPTY[tab]}
            </p>
          </div>
        )}
        <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const flag = rows[item.index]
            if (!flag) return null
            const id = flagId(flag.source, flag.key)
            return (
              <div key={item.key} role="row" id={`flag-row-${item.index}`} aria-selected={item.index === index} aria-rowindex={item.index + 1} onClick={() => open(item.index)} className="absolute inset-x-0 cursor-default" style={{ top: item.start, height: FLAG_ROW_PX }}>
                <FlagRow flag={flag} selected={item.index === index} current={id === currentId} cleanUp={tab === 'cleanUp'} code={reads === null ? null : (reads.get(id) ?? NO_READS)} showSource={sources.length > 1} />
              </div>
            )
          })}
        </div>
      </div>
    </nav>
  )
}

const EMPTY: Readonly<Record<FlagTab, string>> = {
  moving: 'Nothing is being rolled out, and nothing depends on who asks.',
  on: 'No flag is on for everyone.',
  off: 'No flag is off for everyone.',
  cleanUp: 'Nothing to remove: no flag has been the same for everyone for long, or unread.',
}

/** How many reads of each flag stand in the code, and in how many files. */
function useReads(sources: readonly string[]): ReadonlyMap<string, CodeReads> | null {
  const { session } = useConsole()
  const [source] = sources
  const { data } = useQuery({ ...referencesQuery(session, source ?? ''), enabled: source !== undefined })
  return useMemo(() => readsOf(source ?? '', data), [source, data])
}

/** Reads of every flag that has some, once the code was searched; null: it was not. */
export function readsOf(source: string, report: FlagReferencesReport | undefined): ReadonlyMap<string, CodeReads> | null {
  return report ? new Map(Object.entries(report.byFlag).map(([key, places]) => [flagId(source, key), { reads: places.length, files: new Set(places.map(({ file }) => file)).size }])) : null
}
