import type { Json } from '../../../src-main/contract/journal.ts'
import { diffJson } from './diff.ts'

const UNCHANGED_SHOWN = 6

/** Before and after, line by line; told by sign, not by colour. */
export function DiffView({ before, after }: { readonly before: Json; readonly after: Json }) {
  const lines = diffJson(before, after)
  const changed = before === null ? lines : lines.filter((line) => line.sign !== ' ')
  const same = before === null ? [] : lines.filter((line) => line.sign === ' ')
  if (lines.length === 0) return <p className="px-4 pb-2 text-12 text-ink-3">This entry changed nothing.</p>
  return (
    <table className="w-full font-mono text-11 leading-[18px]">
      <tbody>
        {[...changed, ...same.slice(0, UNCHANGED_SHOWN)].map((line, index) => (
          <tr key={index} className={line.sign === '+' && before !== null ? 'bg-add' : ''}>
            <td className="w-4 pl-4 align-top">
              {line.sign === '+' && before !== null ? <ins className="no-underline">+</ins> : line.sign === '-' ? <del className="no-underline">−</del> : ' '}
            </td>
            <td className={`px-2 pr-4 break-all ${line.sign === ' ' ? 'text-ink-3' : ''}`}>
              <span className="text-ink-2">{line.path === '' ? 'value' : line.path}:</span> <span className={line.sign === '-' ? 'text-ink-3 line-through' : line.sign === '+' ? 'font-semibold' : ''}>{line.value}</span>
            </td>
          </tr>
        ))}
        {same.length > UNCHANGED_SHOWN && (
          <tr>
            <td />
            <td className="px-2 font-sans text-ink-3">{same.length - UNCHANGED_SHOWN} more are the same</td>
          </tr>
        )}
      </tbody>
    </table>
  )
}
