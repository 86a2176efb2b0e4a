import { useState } from 'react'
import { MISMATCH_CLASSES, type MigrationReading, type MigrationView, type Mismatch, type MismatchClass } from '../../../src-main/contract/migration.ts'
import { Icon } from '../../components/icons.tsx'
import { formatCount } from '../../lib/format.ts'
import { MismatchDrill } from './mismatch-drill.tsx'
import { CLASS_WORDS, openTotal } from './migration-words.ts'

const STATUSES: readonly Mismatch['status'][] = ['open', 'accepted', 'repaired', 'gone']

/** Mismatches by class, and the rows of one class one by one. */
export function MismatchPane({ view, reading }: { readonly view: MigrationView; readonly reading: MigrationReading }) {
  const { verification, state } = reading
  const { open, accepted } = verification
  const [picked, setPicked] = useState<MismatchClass | null>(null)
  const [status, setStatus] = useState<Mismatch['status']>('open')
  const fullest = MISMATCH_CLASSES.toSorted((a, b) => open[b] - open[a])[0] ?? 'differs'
  const shown = picked ?? (open[fullest] > 0 ? fullest : null)
  const total = openTotal(verification)
  const compared = verification.reads.same + verification.reads.different
  return (
    <>
      <div className="flex h-8 flex-none items-center gap-2 px-4 text-12 whitespace-nowrap text-ink-3">
        <p className="min-w-0 flex-1 truncate">
          {state.writes === 'old' ? 'old side against new side' : 'new side against old side'}, {formatCount(verification.lastPass?.rows ?? 0)} rows and {formatCount(compared)} reads compared
        </p>
        <span role="group" aria-label="State" className="flex gap-2.5">
          {STATUSES.map((each) => (
            <button key={each} type="button" aria-pressed={each === status} onClick={() => setStatus(each)} className={`min-h-6 ${each === status ? 'text-ink-1 underline underline-offset-[3px]' : 'hover:text-ink-1'}`}>
              {each}
              {each === 'open' && ` ${formatCount(total)}`}
              {each === 'accepted' && ` ${formatCount(accepted)}`}
            </button>
          ))}
        </span>
      </div>
      {status === 'open' && <ClassTable open={open} shown={shown} onPick={setPicked} writes={state.writes} />}
      {status !== 'open' || shown !== null ? (
        <MismatchDrill key={`${status} ${status === 'open' ? shown : ''}`} view={view} writes={state.writes} kind={status === 'open' ? shown : null} status={status} total={status === 'open' && shown ? open[shown] : status === 'accepted' ? accepted : null} />
      ) : (
        <div className="flex-1 border-t border-line-2 bg-bg-2 px-4 py-4">
          <p className="font-medium">{verification.lastPass || compared > 0 ? 'Nothing differs.' : 'Nothing was compared yet.'}</p>
          <p className="max-w-[560px] text-12 text-ink-2">
            A row that differs stands here within seconds: from the full passes, from sampled reads, and from every written key, which is read again on both sides. Both rows are shown side by side, with what would mend them.
          </p>
        </div>
      )}
    </>
  )
}

interface TableProps {
  readonly open: Readonly<Record<MismatchClass, number>>
  readonly shown: MismatchClass | null
  readonly onPick: (kind: MismatchClass) => void
  readonly writes: 'old' | 'new'
}

/** Classes that have rows, one line each; the others in one line, so that the rows below have the room. */
function ClassTable({ open, shown, onPick, writes }: TableProps) {
  const cell = 'truncate px-2 first:pl-4 last:pr-4'
  const found = MISMATCH_CLASSES.filter((kind) => open[kind] > 0)
  const none = MISMATCH_CLASSES.filter((kind) => open[kind] === 0)
  return (
    <table className="w-full flex-none table-fixed text-12 [&_td]:h-[25px]">
      <caption className="sr-only">Open mismatches by class</caption>
      <thead>
        <tr className="h-6 text-11 text-ink-3">
          <th scope="col" className={`w-[124px] ${cell}`}>
            class
          </th>
          <th scope="col" className={cell}>
            what it means
          </th>
          <th scope="col" className={`w-16 text-right ${cell}`}>
            rows
          </th>
          <th scope="col" className={`w-[168px] ${cell}`}>
            repair
          </th>
        </tr>
      </thead>
      <tbody>
        {found.map((kind) => (
          <tr key={kind} className={`border-t border-line-1 ${kind === shown ? 'bg-bg-2 shadow-[inset_2px_0_0_var(--ink-1)]' : 'hover:bg-bg-2'}`}>
            <td className={cell}>
              <button type="button" aria-pressed={kind === shown} onClick={() => onPick(kind)} className="w-full font-medium hover:underline">
                {CLASS_WORDS[kind].word}
              </button>
            </td>
            <td className={`text-ink-2 ${cell}`} title={CLASS_WORDS[kind].means}>
              {CLASS_WORDS[kind].means}
            </td>
            <td className={`text-right ${cell}`}>{formatCount(open[kind])}</td>
            <td className={cell}>{kind === 'textOnly' ? <span className="text-ink-3">stops nothing</span> : REPAIRED_FROM.has(kind) ? `from the ${writes} side` : <NeedsDecision />}</td>
          </tr>
        ))}
        <tr className="border-t border-line-1 text-ink-3">
          <td colSpan={2} className={cell} title={none.map((kind) => `${CLASS_WORDS[kind].word}: ${CLASS_WORDS[kind].means}`).join('\n')}>
            {none.map((kind) => CLASS_WORDS[kind].word).join(', ')}
          </td>
          <td className={`text-right ${cell}`}>0</td>
          <td className={cell}>none needed</td>
        </tr>
      </tbody>
    </table>
  )
}

/** Classes that the authoritative side answers; each row says for itself what its repair would write. */
const REPAIRED_FROM: ReadonlySet<MismatchClass> = new Set(['missing', 'extra', 'differs', 'conflict'])

function NeedsDecision() {
  return (
    <span className="inline-flex items-center gap-1.5 font-medium text-watch-ink">
      <Icon name="watch" className="text-watch" /> needs a decision
    </span>
  )
}
