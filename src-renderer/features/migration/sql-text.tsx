import type { ReactNode } from 'react'

const KEYWORDS =
  'ADD|AFTER|ALTER|AND|AS|BEFORE|BEGIN|BY|CASCADE|CHECK|COLUMN|COMMIT|CONCURRENTLY|CONFLICT|CONSTRAINT|CREATE|DECLARE|DEFAULT|DELETE|DISTINCT|DO|DROP|EACH|ELSE|END|EXECUTE|EXISTS|FILTER|FOR|FROM|FUNCTION|IF|IN|INDEX|INSERT|INTO|IS|KEY|LANGUAGE|LIMIT|LOCAL|LOCK|NEW|NOT|NULL|OLD|ON|OR|ORDER|PRIMARY|RENAME|REPLACE|RETURN|RETURNS|ROW|SCHEMA|SECURITY|SELECT|SET|STATEMENT|TABLE|THEN|TO|TRIGGER|TRUNCATE|UNIQUE|UPDATE|VALID|VALIDATE|VALUES|VIEW|WHEN|WHERE|WITH'
const PART = new RegExp(`(--[^\\n]*|/\\*[\\s\\S]*?\\*/)|('(?:[^']|'')*')|\\b(${KEYWORDS})\\b`, 'gi')

/** SQL set plainly: keywords carry weight, comments and texts step back. For reading only. */
export function SqlText({ sql }: { readonly sql: string }) {
  const parts: ReactNode[] = []
  let from = 0
  for (const match of sql.matchAll(PART)) {
    if (match.index > from) parts.push(sql.slice(from, match.index))
    const [whole, comment, text] = match
    parts.push(
      <span key={match.index} className={comment === undefined && text === undefined ? 'font-semibold' : comment === undefined ? 'text-ink-2' : 'text-ink-3 italic'}>
        {whole}
      </span>,
    )
    from = match.index + whole.length
  }
  parts.push(sql.slice(from))
  return <code>{parts}</code>
}
