import type { ReactNode } from 'react'

/** The heading of a pane. Panes meet at hairlines; there are no cards. */
export function PaneHeading({ title, detail, end, level = 2 }: { readonly title: ReactNode; readonly detail?: ReactNode; readonly end?: ReactNode; readonly level?: 2 | 3 }) {
  const Tag = level === 2 ? 'h2' : 'h3'
  return (
    <div className="flex h-8 items-center gap-2 px-4 whitespace-nowrap">
      <Tag className="text-13">{title}</Tag>
      {detail !== undefined && <span className="min-w-0 truncate text-12 text-ink-3">{detail}</span>}
      {end !== undefined && <span className="ml-auto flex flex-none items-center gap-2 text-12 text-ink-3">{end}</span>}
    </div>
  )
}

/** What a place is for, why it is empty, and the one next step. */
export function Empty({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <div className="max-w-[560px] px-4 py-6">
      <p className="text-14 font-semibold">{title}</p>
      <div className="mt-1 text-ink-2">{children}</div>
    </div>
  )
}

/** Grey lines where content will be; they show only after 150 ms. */
export function Skeleton({ rows = 5 }: { readonly rows?: number }) {
  return (
    <div role="status" aria-label="Loading" className="late grid gap-3 p-4">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} className="block h-4 bg-bg-2" style={{ width: `${90 - ((index * 37) % 50)}%` }} />
      ))}
    </div>
  )
}

/** Headline on the left, levers on the right, under the bar of every screen. */
export function Band({ title, sentence, levers }: { readonly title: ReactNode; readonly sentence: ReactNode; readonly levers?: ReactNode }) {
  return (
    <section data-band aria-label="Headline" className="flex min-h-[76px] flex-none flex-wrap items-stretch border-b border-line-1 bg-bg-1 px-4 print:hidden">
      <div className="flex min-w-[220px] flex-1 flex-col justify-center gap-0.5 py-2 pr-4">
        <h1 className="flex min-w-0 items-baseline gap-2.5 text-20 tracking-[-0.012em] whitespace-nowrap narrow:flex-wrap narrow:whitespace-normal narrow:[overflow-wrap:anywhere]">{title}</h1>
        <p className="line-clamp-2 leading-[18px] narrow:line-clamp-none text-ink-2">{sentence}</p>
      </div>
      {levers && <div className="flex items-center py-2 narrow:w-full">{levers}</div>}
    </section>
  )
}
