import { useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react'
import { Icon } from '../../components/icons.tsx'
import { Kbd } from '../../components/button.tsx'
import { Empty } from '../../components/pane.tsx'
import { useConsole, useServices, useStatus } from '../../lib/console-context.tsx'
import { useKeys } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'
import { FILTERS, matchesFilter, matchesText, sortByAttention, type Filter } from './attention.ts'
import { ROW_COLUMNS, ServiceRow } from './service-row.tsx'

/** The row of heads stays on top of the list. */
const HEAD_PX = 24
const ROW_PX = 33
const HEADS = ['state', 'service', 'traffic', 'environment, version, share', 'errors', 'p99', 'requests', 'now', 'left'] as const
const RIGHT = new Set(['errors', 'p99', 'requests', 'left'])

/** The same function each time: another one would measure every row anew. */
const rowHeight = () => ROW_PX

/** Every service, dense and virtual: 500 rows cost what 30 do. */
export function ServiceList() {
  const services = useServices()
  const status = useStatus()
  const { ui } = useConsole()
  const selectedName = useValue(ui, (state) => state.selectedService)
  const navigate = useNavigate()
  const [filter, setFilter] = useState<Filter>('all')
  const [text, setText] = useState('')
  const searchRef = useRef<HTMLInputElement>(null)
  const scrollRef = useRef<HTMLDivElement>(null)

  const rows = useMemo(() => sortByAttention(services).filter((service) => matchesFilter(service, filter) && matchesText(service, text)), [services, filter, text])
  const selectedIndex = rows.findIndex((service) => service.name === selectedName)
  const keyOf = useCallback((index: number) => rows[index]?.name ?? index, [rows])
  // oxlint-disable-next-line react/incompatible-library -- its functions stay in this component
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scrollRef.current, estimateSize: rowHeight, getItemKey: keyOf, scrollMargin: HEAD_PX, scrollPaddingStart: HEAD_PX, overscan: 6, useFlushSync: false })

  const select = useCallback((name: string) => ui.set((before) => ({ ...before, selectedService: name })), [ui])
  const counts = useMemo(() => FILTERS.map((each) => services.filter((service) => matchesFilter(service, each)).length), [services])
  const firstName = rows[0]?.name
  useEffect(() => {
    if (selectedIndex === -1 && firstName !== undefined) ui.set((before) => ({ ...before, selectedService: firstName }))
  }, [selectedIndex, firstName, ui])

  const move = (by: number) => {
    const index = Math.min(rows.length - 1, Math.max(0, selectedIndex + by))
    const row = rows[index]
    if (!row) return
    select(row.name)
    virtual.scrollToIndex(index)
  }
  const open = () => {
    const row = rows[selectedIndex]
    if (row) void navigate({ to: '/services/$name', params: { name: row.name } })
  }
  useKeys({ '/': () => searchRef.current?.focus(), j: () => move(1), k: () => move(-1) })
  const onGridKey = (event: KeyboardEvent) => {
    // With another key held it is somebody else's: the palette's, the browser's.
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 15, PageUp: -15, Home: -rows.length, End: rows.length }
    const by = steps[event.key]
    if (by !== undefined) move(by)
    else if (event.key === 'Enter') open()
    else return
    event.preventDefault()
  }

  return (
    <section aria-label="Services" className="flex min-h-0 flex-1 flex-col">
      <div className="flex h-[34px] flex-none items-center gap-4 border-b border-line-1 px-4 text-12 narrow:h-auto narrow:flex-wrap">
        <div role="group" aria-label="Filter" className="flex gap-4">
          {FILTERS.map((each, index) => (
            <button
              key={each}
              type="button"
              aria-pressed={each === filter}
              onClick={() => setFilter(each)}
              className={`h-[34px] capitalize hover:text-ink-1 ${each === filter ? 'font-medium shadow-[inset_0_-2px_0_var(--ink-1)]' : 'text-ink-2'}`}
            >
              {each} <span className="ml-0.5 text-ink-3">{counts[index]}</span>
            </button>
          ))}
        </div>
        <label className="ml-auto flex w-[300px] items-center gap-2 text-ink-3 narrow:ml-0 narrow:h-[34px] narrow:flex-1">
          <Icon name="search" />
          <input
            ref={searchRef}
            type="search"
            aria-label="Search services"
            placeholder="name, version, provider, state:failing"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                setText('')
                event.currentTarget.blur()
              } else if (event.key === 'Enter' || event.key === 'ArrowDown') {
                scrollRef.current?.focus()
              }
            }}
            className="min-w-0 flex-1 bg-transparent text-ink-1"
          />
          <Kbd>/</Kbd>
        </label>
        <span className="text-ink-3 max-[1100px]:hidden">sorted by need of attention</span>
      </div>
      <div
        ref={scrollRef}
        role="grid"
        aria-label="Services"
        aria-rowcount={rows.length + 1}
        aria-activedescendant={selectedIndex >= 0 ? `service-${rows[selectedIndex]?.name ?? ''}` : undefined}
        tabIndex={0}
        onKeyDown={onGridKey}
        className="min-h-0 flex-1 overflow-auto -outline-offset-2 narrow:h-[70vh] narrow:min-h-[280px] narrow:flex-none"
      >
        <div role="rowgroup" className="sticky top-0 z-10">
          <div role="row" aria-rowindex={1} className={`${ROW_COLUMNS} h-6 border-b border-line-1 bg-bg-1 text-11 text-ink-3`}>
            {HEADS.map((head) => (
              <div key={head} role="columnheader" className={`truncate ${RIGHT.has(head) ? 'text-right' : ''} ${head === 'now' ? 'pl-4' : ''} ${head === 'requests' ? 'max-[1100px]:hidden' : ''} ${head === 'traffic' ? 'narrow:hidden' : ''}`}>
                {head}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative narrow:min-w-[740px]" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const service = rows[item.index]
            if (!service) return null
            return (
              <div key={item.key} role="presentation" className="absolute inset-x-0 top-0 h-[33px] contain-strict" style={{ transform: `translateY(${item.start - HEAD_PX}px)` }} onDoubleClick={open}>
                <ServiceRow name={service.name} index={item.index} selected={service.name === selectedName} onSelect={select} />
              </div>
            )
          })}
        </div>
        {rows.length === 0 && services.length > 0 && <NothingMatches onReset={() => (setFilter('all'), setText(''))} />}
        {services.length === 0 && status?.workspace.trusted === false && <Empty title="Nothing has been started">The services of {status.workspace.name} appear here once you trust its commands, above.</Empty>}
        {services.length === 0 && status?.workspace.trusted !== false && (
          <Empty title="No services yet">
            <p>A service is what is released: a program with two environments behind one address. Declare one in signalbox.yaml under services; Settings shows the file and what is wrong with it.</p>
          </Empty>
        )}
      </div>
    </section>
  )
}

function NothingMatches({ onReset }: { readonly onReset: () => void }) {
  return (
    <Empty title="No service matches">
      <button type="button" className="link" onClick={onReset}>
        Show all services
      </button>
    </Empty>
  )
}
