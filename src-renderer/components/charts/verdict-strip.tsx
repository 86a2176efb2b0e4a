import { useState, type KeyboardEvent } from 'react'
import { formatClock } from '../../lib/format.ts'
import { verdictLook, VerdictMark } from '../verdict-mark.tsx'

export interface StripSegment {
  readonly fromMs: number
  readonly toMs: number
  readonly verdict: 'pass' | 'warn' | 'fail' | 'inconclusive'
  readonly version: string
  readonly why: string
  readonly open: boolean
}

export interface StripProps {
  /** The criterion's name. */
  readonly name: string
  readonly segments: readonly StripSegment[]
  readonly fromMs: number
  readonly toMs: number
}

/** Height of one strip with the room under it, in pixels. */
export const STRIP_PX = 9

/** A pass is a thin line, doubt is hollow, a question is hatched and a fail is solid: told apart without their colour. */
const SHAPES: Readonly<Record<StripSegment['verdict'], string>> = {
  pass: 'top-[2px] h-0.5 bg-[repeating-linear-gradient(90deg,var(--ink-3)_0_9px,transparent_9px_11px)]',
  inconclusive: 'top-[0.5px] h-[5px] border border-ink-3',
  warn: 'top-0 h-1.5 bg-[repeating-linear-gradient(90deg,var(--watch)_0_4px,transparent_4px_6px)]',
  fail: 'top-0 h-1.5 bg-fail',
}

/** What one criterion said over time. Moved over with the pointer, or with the arrow keys once it has the focus; says when and why. */
export function VerdictStrip({ name, segments, fromMs, toMs }: StripProps) {
  const [picked, setPicked] = useState<number | null>(null)
  const last = segments.length - 1
  const index = picked === null ? null : Math.min(picked, last)
  const shown = index === null ? null : (segments[index] ?? null)
  const left = (ms: number) => ((ms - fromMs) / (toMs - fromMs)) * 100
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowLeft: Math.max(0, (index ?? last) - 1), ArrowRight: Math.min(last, (index ?? last) + 1), Home: 0, End: last }[event.key]
    if (to === undefined) return
    event.preventDefault()
    setPicked(to)
  }
  const current = segments[index ?? last]
  if (!current) return null
  return (
    <div
      role="slider"
      tabIndex={0}
      aria-label={`Verdicts of ${name}`}
      aria-readonly
      aria-valuemin={1}
      aria-valuemax={segments.length}
      aria-valuenow={(index ?? last) + 1}
      aria-valuetext={segmentWords(current)}
      onKeyDown={onKeyDown}
      onFocus={() => setPicked((before) => before ?? last)}
      onBlur={() => setPicked(null)}
      onMouseLeave={() => setPicked(null)}
      className="relative h-[9px]"
    >
      {segments.map((segment, at) => (
        // Hit area over the whole height; the shape inside.
        <span key={`${segment.fromMs} ${segment.verdict}`} aria-hidden="true" className="absolute inset-y-0 min-w-[5px]" style={{ left: `${left(segment.fromMs)}%`, width: `${Math.max(0, left(segment.toMs) - left(segment.fromMs))}%` }} onMouseEnter={() => setPicked(at)}>
          <span className={`absolute inset-x-0 mr-px ${SHAPES[segment.verdict]}`} />
        </span>
      ))}
      {shown && <Said name={name} segment={shown} at={(left(Math.max(shown.fromMs, fromMs)) + left(shown.toMs)) / 2} />}
    </div>
  )
}

function segmentWords(segment: StripSegment): string {
  return `${verdictLook(segment.verdict).word} on ${segment.version} from ${formatClock(segment.fromMs)}${segment.open ? ', still' : ` to ${formatClock(segment.toMs)}`}. ${segment.why}`
}

function Said({ name, segment, at }: { readonly name: string; readonly segment: StripSegment; readonly at: number }) {
  // Opens towards the middle of the chart, so that it stays inside.
  const side = at > 50 ? { right: `${100 - at}%` } : { left: `${at}%` }
  return (
    <span className="pointer-events-none absolute bottom-[13px] z-30 w-max max-w-[min(420px,60%)] rounded-2 border border-line-3 bg-bg-2 px-2.5 py-1.5 text-12 leading-4" style={side}>
      <span className="flex items-center gap-2">
        <b className="min-w-0 truncate font-medium">{name}</b>
        <VerdictMark look={verdictLook(segment.verdict)} />
        <span className="text-ink-3">
          {formatClock(segment.fromMs)} to {segment.open ? 'now' : formatClock(segment.toMs)}
        </span>
      </span>
      <span className="block text-ink-2">{segment.why}</span>
    </span>
  )
}
