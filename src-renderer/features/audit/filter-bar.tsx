import { useEffect, useRef, useState } from 'react'
import { OUTCOMES } from '../../../src-main/contract/vocabulary.ts'
import { Icon } from '../../components/icons.tsx'
import { Kbd } from '../../components/button.tsx'
import { useKeys } from '../../lib/keys.ts'
import { KINDS, parseTyped, TOKENS, type AuditSearch } from './audit-search.ts'

const SPANS = [
  { label: 'All time', ms: null },
  { label: 'Last hour', ms: 3_600_000 },
  { label: 'Last 24 h', ms: 86_400_000 },
  { label: 'Last 7 days', ms: 7 * 86_400_000 },
  { label: 'Last 30 days', ms: 30 * 86_400_000 },
] as const

/** A letter alone searches at once; those of a fast hand are taken together. */
const TOGETHER_MS = 60

export interface FilterBarProps {
  readonly search: AuditSearch
  readonly onChange: (next: AuditSearch) => void
  readonly services: readonly string[]
  readonly operators: readonly string[]
  readonly now: number
  readonly found: string
}

/** One box for words and `service:checkout`, and menus for the same; all of it stands in the address. */
export function FilterBar({ search, onChange, services, operators, now, found }: FilterBarProps) {
  const [typed, setTyped] = useState(search.q ?? '')
  const [seen, setSeen] = useState(search.q)
  // The address changed by other means than typing here: a link, or Back.
  if (search.q !== seen) {
    setSeen(search.q)
    if (parseTyped(typed, {}).q !== search.q) setTyped(search.q ?? '')
  }
  const box = useRef<HTMLInputElement>(null)
  const typedAt = useRef(0)
  const latest = useRef({ search, onChange })
  useEffect(() => {
    latest.current = { search, onChange }
  })
  useKeys({ '/': () => box.current?.focus() })
  const apply = (text: string) => {
    const next = parseTyped(text, latest.current.search)
    latest.current.onChange(next)
    if (next.q !== text.trim()) setTyped(next.q ?? '')
  }
  // Typing searches by itself; `word:` waits for a space or Enter, so that half a name is not taken for one.
  useEffect(() => {
    if (typed === (search.q ?? '') || /\b[a-z]+:("[^"]*|\S*)$/.test(typed)) return
    const at = performance.now()
    const wait = at - typedAt.current > TOGETHER_MS * 2 ? 0 : TOGETHER_MS
    typedAt.current = at
    const timer = setTimeout(() => apply(typed), wait)
    return () => clearTimeout(timer)
  }, [typed, search.q])
  const without = (key: keyof AuditSearch): AuditSearch => Object.fromEntries(Object.entries(search).filter(([name]) => name !== key)) as AuditSearch
  const set = (key: keyof AuditSearch, value: string) => onChange(value === '' ? without(key) : { ...without('entry'), [key]: value })
  const span = SPANS.find((each) => each.ms !== null && search.from !== undefined && Math.abs(now - search.from - each.ms) < each.ms * 0.2)
  return (
    <div className="flex h-10 flex-none items-center gap-2 border-b border-line-1 px-4 narrow:h-auto narrow:flex-wrap narrow:py-1.5">
      <div className="flex h-7 min-w-0 max-w-[560px] flex-1 narrow:max-w-full narrow:basis-full items-center gap-2 rounded-2 border border-line-2 bg-bg-1 px-2.5 text-12 focus-within:border-line-3">
        <Icon name="search" className="text-ink-3" />
        {TOKENS.map((key) =>
          search[key] === undefined ? null : (
            <button key={key} type="button" onClick={() => onChange(without(key))} className="inline-flex max-w-44 items-center gap-1.5 rounded-1 bg-bg-3 px-1.5 leading-5">
              <span className="text-ink-3">{key}</span>
              <span className="truncate">{search[key]}</span>
              <span className="sr-only">, remove this filter</span>
              <Icon name="close" size={9} />
            </button>
          ),
        )}
        <input
          ref={box}
          type="search"
          aria-label="Search the journal"
          placeholder="any word, service:, who:, kind:, outcome:"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') apply(typed)
            else if (event.key === 'Escape') event.currentTarget.blur()
            else if (event.key === ' ' && /\b[a-z]+:\S+$/.test(typed)) apply(typed)
          }}
          className="min-w-16 flex-1 bg-transparent"
        />
        <Kbd>/</Kbd>
      </div>
      <Pick label="Service" all="All services" value={search.service} options={services} onPick={(value) => set('service', value)} />
      <Pick label="Operator" all="All people" value={search.operator} options={operators} onPick={(value) => set('operator', value)} />
      <Pick label="Kind" all="All kinds" value={search.kind} options={KINDS} onPick={(value) => set('kind', value)} />
      <Pick label="Outcome" all="All outcomes" value={search.outcome} options={OUTCOMES} onPick={(value) => set('outcome', value)} />
      <Pick
        label="Time"
        all="All time"
        value={span?.label}
        options={SPANS.slice(1).map((each) => each.label)}
        onPick={(label) => {
          const ms = SPANS.find((each) => each.label === label)?.ms ?? null
          onChange(ms === null ? without('from') : { ...without('entry'), from: Math.round((now - ms) / 60_000) * 60_000 })
        }}
      />
      <span role="status" className="ml-auto text-12 whitespace-nowrap text-ink-3">
        {found}
      </span>
    </div>
  )
}

function Pick({ label, all, value, options, onPick }: { readonly label: string; readonly all: string; readonly value: string | undefined; readonly options: readonly string[]; readonly onPick: (value: string) => void }) {
  const known = value === undefined || options.includes(value) ? options : [value, ...options]
  return (
    <select aria-label={label} value={value ?? ''} onChange={(event) => onPick(event.target.value)} className={`h-[26px] max-w-32 [field-sizing:content] rounded-2 bg-bg-1 text-12 hover:bg-bg-2 ${value === undefined ? 'text-ink-2' : 'font-medium'}`}>
      <option value="">{all}</option>
      {known.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  )
}
