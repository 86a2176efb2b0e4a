import type { Mismatch } from '../../../src-main/contract/migration.ts'

type Row = Mismatch['old']

/** One row on both sides, column by column; what differs is marked by shape and word, not by colour alone. */
export function TwoRows({ row, writes }: { readonly row: Mismatch; readonly writes: 'old' | 'new' }) {
  const columns = [...new Set([...Object.keys(row.old ?? {}), ...Object.keys(row.new ?? {})])]
  const head = (side: 'old' | 'new') => `${side} side${writes === side ? ', authoritative' : ''}`
  const cell = 'px-2 first:pl-4 last:pr-4 align-top break-words'
  return (
    <table className="w-full flex-none table-fixed text-12 leading-[18px]">
      <caption className="sr-only">Both sides of the row</caption>
      <thead>
        <tr className="h-6 text-11 text-ink-3">
          <th scope="col" className={`w-[24%] ${cell}`}>
            column
          </th>
          <th scope="col" className={cell}>
            {head('old')}
          </th>
          <th scope="col" className={cell}>
            {head('new')}
          </th>
        </tr>
      </thead>
      <tbody className="font-mono">
        {columns.map((column) => {
          const differs = row.columns.includes(column)
          return (
            <tr key={column} className="border-t border-line-1 [&>*]:py-1">
              <th scope="row" className={`${cell} ${differs ? 'font-semibold' : 'text-ink-2'}`}>
                {column}
                {differs && <span className="sr-only"> differs</span>}
              </th>
              <td className={cell}>
                <Value row={row.old} column={column} marked={differs} />
              </td>
              <td className={cell}>
                <Value row={row.new} column={column} marked={differs} />
              </td>
            </tr>
          )
        })}
        {columns.length === 0 && (
          <tr className="border-t border-line-1">
            <td colSpan={3} className={`font-sans text-ink-2 ${cell}`}>
              The values were not kept.
            </td>
          </tr>
        )}
      </tbody>
    </table>
  )
}

/** Quoted, so that spaces at either end can be seen. */
function Value({ row, column, marked }: { readonly row: Row; readonly column: string; readonly marked: boolean }) {
  if (row === null) return <span className="font-sans text-ink-3">no row</span>
  const value = row[column]
  if (value === undefined) return <span className="font-sans text-ink-3">not here</span>
  const text = value === null ? 'null' : JSON.stringify(value)
  return marked ? <mark className="rounded-1 bg-watch-bg px-1 text-watch-ink underline decoration-dotted underline-offset-2">{text}</mark> : <span className={value === null ? 'text-ink-3' : ''}>{text}</span>
}
