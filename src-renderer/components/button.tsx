import type { ButtonHTMLAttributes } from 'react'

const LOOKS = {
  plain: 'border-line-2 bg-bg-2 hover:border-line-3 hover:bg-bg-3',
  bare: 'border-transparent text-ink-2 hover:text-ink-1 hover:bg-bg-2 px-1.5',
  accent: 'border-accent bg-accent text-accent-on font-semibold',
} as const

/** A small button. One that cannot be pressed keeps its place in the tab order and says why beside it. */
export function Button({ look = 'plain', off = false, className = '', onClick, ...rest }: { readonly look?: keyof typeof LOOKS; readonly off?: boolean } & ButtonHTMLAttributes<HTMLButtonElement>) {
  const style = off ? 'border-dashed border-line-2 bg-transparent text-ink-3 cursor-not-allowed' : LOOKS[look]
  return (
    <button
      type="button"
      aria-disabled={off || undefined}
      onClick={off ? (event) => event.preventDefault() : onClick}
      className={`inline-flex h-[26px] flex-none items-center gap-1.5 rounded-2 border px-2.5 text-12 font-medium whitespace-nowrap ${style} ${className}`}
      {...rest}
    />
  )
}

export function Kbd({ children }: { readonly children: string }) {
  return <kbd className="kbd">{children}</kbd>
}
