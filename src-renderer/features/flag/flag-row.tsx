import { Link } from '@tanstack/react-router'
import { memo } from 'react'
import type { FlagSummary } from '../../../src-main/contract/flag.ts'
import { StateMark } from '../../components/state-mark.tsx'
import { Countdown } from '../../components/time.tsx'
import { useNow } from '../../lib/console-context.tsx'
import { formatCount } from '../../lib/format.ts'
import { attentionOf, cleanUpWords, settledWords, stateWord } from './flag-words.ts'
import { Sparkline } from './sparkline.tsx'

export const FLAG_ROW_PX = 44

export interface CodeReads {
  readonly reads: number
  readonly files: number
}

interface RowProps {
  readonly flag: FlagSummary
  readonly selected: boolean
  /** This one's page is open. */
  readonly current: boolean
  readonly cleanUp: boolean
  /** Its reads as the code was searched here; null: not here. */
  readonly code: CodeReads | null
  readonly showSource: boolean
}

/** Two short lines and how much of everyone it reaches, as a bar under them. */
export const FlagRow = memo(function FlagRow({ flag, selected, current, cleanUp, code, showSource }: RowProps) {
  const percent = flag.percent ?? 0
  return (
    <div role="gridcell" className={`relative h-full border-b border-line-1 px-4 pt-[5px] whitespace-nowrap ${current ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : selected ? 'bg-bg-2' : 'hover:bg-bg-2'}`}>
      <div className="flex items-baseline gap-2 leading-[17px]">
        <Link to="/flags/$source/$key" params={{ source: flag.source, key: flag.key }} tabIndex={-1} title={flag.key} className="mono min-w-0 flex-1 truncate hover:underline">
          {flag.key}
        </Link>
        <span className={`max-w-[46%] flex-none truncate ${cleanUp ? 'text-12 text-ink-2' : ''}`} title={flag.why}>
          {cleanUp ? settledWords(flag) : flag.exposure}
        </span>
      </div>
      <div className="flex items-center gap-2 text-11 leading-[16px] text-ink-3">
        {cleanUp ? (
          <span className="min-w-0 flex-1 truncate">{cleanUpWords(code ? { ...flag, references: code.reads } : flag, code?.files ?? null)}</span>
        ) : (
          <>
            <span className="min-w-0 flex-1 truncate">
              {showSource ? `${flag.source} ` : 'for '}
              <Age flag={flag} />
            </span>
            <span className="max-[1100px]:hidden">
              <Sparkline values={flag.perMinute} width={showSource ? 40 : 64} />
            </span>
            <span className="min-w-[90px] text-right">
              <Left flag={flag} />
            </span>
          </>
        )}
      </div>
      <span aria-hidden="true" className="absolute -bottom-px left-4 h-[2px] bg-ink-3" style={{ width: `calc((100% - 32px) * ${percent / 100})`, minWidth: percent > 0 ? 2 : 0 }} />
      <span className="sr-only">
        {flag.percent === null ? '' : `${formatCount(percent)} percent of everyone.`} {flag.perMinute.length > 0 && `${formatCount(flag.perMinute.at(-1) ?? 0)} evaluations in the last minute.`}
      </span>
    </div>
  )
})

const DAY_MS = 86_400_000

/** Days, hours or minutes since it is as it is. */
function Age({ flag }: { readonly flag: FlagSummary }) {
  const now = useNow(60_000)
  if (flag.changedAt === null) return <>unknown</>
  const ms = Math.max(0, now - flag.changedAt)
  const age = ms >= DAY_MS ? `${Math.floor(ms / DAY_MS)} d` : ms >= 3_600_000 ? `${Math.floor(ms / 3_600_000)} h` : `${Math.max(1, Math.floor(ms / 60_000))} min`
  return <>{age}</>
}

function Left({ flag }: { readonly flag: FlagSummary }) {
  const word = stateWord(flag)
  const state = attentionOf(flag)
  if (word === '' && flag.rollout?.dueAt) return <Countdown until={flag.rollout.dueAt} over="due" />
  return state === 'fine' ? <>{word}</> : <StateMark state={state}>{word}</StateMark>
}
