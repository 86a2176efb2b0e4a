import type { ReactNode, SVGProps } from 'react'

export type IconName =
  | 'fine' | 'watch' | 'fail' | 'unknown' | 'pass' | 'lock' | 'wait' | 'run' | 'back' | 'next' | 'pause' | 'play'
  | 'mark' | 'down' | 'right' | 'search' | 'close' | 'more' | 'plus' | 'copy' | 'open' | 'bell'

const line = { fill: 'none', stroke: 'currentColor', strokeWidth: 1.4 } as const

/** Drawn on a 12 px grid. State shapes differ in outline, so that they are told apart without colour. */
const SHAPES: Readonly<Record<IconName, ReactNode>> = {
  fine: <circle cx="6" cy="6" r="2.6" fill="currentColor" />,
  watch: <path d="M6 .6 11.8 11.2H.2zM5.35 4.4v3.2h1.3V4.4zM5.35 8.5v1.3h1.3V8.5z" fill="currentColor" fillRule="evenodd" />,
  fail: <path d="M3.5.2h5l3.3 3.3v5l-3.3 3.3h-5L.2 8.5v-5zM3 5.2v1.6h6V5.2z" fill="currentColor" fillRule="evenodd" />,
  unknown: <circle cx="6" cy="6" r="4.4" {...line} strokeWidth={1.6} />,
  pass: <path d="m2 6.4 2.7 2.7L10.2 3.2" {...line} strokeWidth={1.6} />,
  lock: <path d="M1.8 5.4h8.4v6H1.8zM3.7 5.2V3.6a2.3 2.3 0 0 1 4.6 0v1.6" {...line} strokeWidth={1.3} />,
  wait: (
    <>
      <circle cx="6" cy="6" r="4.6" {...line} strokeWidth={1.3} />
      <path d="M6 3.2V6l2 1.4" {...line} strokeWidth={1.3} />
    </>
  ),
  run: (
    <>
      <path d="M1.4 6a4.6 4.6 0 0 1 7.9-3.2M10.6 6a4.6 4.6 0 0 1-7.9 3.2" {...line} />
      <path d="M9.6.6v2.6H7M2.4 11.4V8.8H5" {...line} strokeWidth={1.2} />
    </>
  ),
  back: <path d="M10.8 9.6V7c0-1-.7-1.7-1.7-1.7H2M4.6 2.4 1.8 5.3l2.8 2.9" {...line} strokeWidth={1.6} />,
  next: <path d="M1 6h8.4M6 2.4 9.6 6 6 9.6" {...line} strokeWidth={1.5} />,
  pause: <path d="M3.6 1.8v8.4M8.4 1.8v8.4" {...line} strokeWidth={2} />,
  play: <path d="M3 1.6 10 6l-7 4.4z" fill="currentColor" />,
  mark: (
    <>
      <path d="M0 8.6h12" {...line} strokeWidth={2} />
      <path d="M2.3 8.6 6 3.9h6" {...line} strokeWidth={2} />
    </>
  ),
  down: <path d="m2.5 4.5 3.5 3.5 3.5-3.5" {...line} />,
  right: <path d="m4.5 2.5 3.5 3.5-3.5 3.5" {...line} />,
  search: (
    <>
      <circle cx="5" cy="5" r="3.6" {...line} strokeWidth={1.3} />
      <path d="m7.8 7.8 3.2 3.2" {...line} strokeWidth={1.3} />
    </>
  ),
  close: <path d="m2.5 2.5 7 7M9.5 2.5l-7 7" {...line} />,
  more: <path d="M1.4 5h2v2h-2zM5 5h2v2H5zM8.6 5h2v2h-2z" fill="currentColor" />,
  plus: <path d="M6 1.5v9M1.5 6h9" {...line} strokeWidth={1.6} />,
  copy: <path d="M4 4h6.5v6.5H4zM8 4V1.5H1.5V8H4" {...line} strokeWidth={1.2} />,
  open: <path d="M7 1.5h3.5V5M10.3 1.7 5.5 6.5M8.5 7v3.5h-7v-7H5" {...line} strokeWidth={1.2} />,
  bell: <path d="M2 9h8L9 7.6V5a3 3 0 0 0-6 0v2.6zM5 10.8h2" {...line} strokeWidth={1.2} />,
}

/** Always beside a word; the shape itself is silent to screen readers. */
export function Icon({ name, size = 12, className = '', ...rest }: { readonly name: IconName; readonly size?: number } & SVGProps<SVGSVGElement>) {
  return (
    <svg viewBox="0 0 12 12" width={size} height={size} aria-hidden="true" className={`inline-block flex-none overflow-visible ${className}`} {...rest}>
      {SHAPES[name]}
    </svg>
  )
}
