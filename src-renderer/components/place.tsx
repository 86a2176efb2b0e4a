import type { EnvironmentName } from '../../src-main/contract/vocabulary.ts'

/** An environment as a filled plate, always with its word. */
export function Plate({ environment }: { readonly environment: EnvironmentName }) {
  const hue = environment === 'blue' ? 'bg-blue text-blue-on' : 'bg-green text-green-on'
  return <span className={`inline-block rounded-1 px-[7px] font-sans text-12 leading-[18px] font-semibold tracking-normal ${hue}`}>{environment}</span>
}

/** An environment inside a sentence or a table. */
export function Place({ environment, square = true }: { readonly environment: EnvironmentName; readonly square?: boolean }) {
  const isBlue = environment === 'blue'
  return (
    <span className={`whitespace-nowrap font-medium ${isBlue ? 'text-blue-ink' : 'text-green-ink'}`}>
      {square && <span aria-hidden="true" className={`mr-[5px] inline-block size-2 ${isBlue ? 'bg-blue' : 'bg-green'}`} />}
      {environment}
    </span>
  )
}

/** A version as it is written everywhere. */
export function Version({ version, className = '' }: { readonly version: string; readonly className?: string }) {
  return <span className={`mono ${className}`}>{version}</span>
}

/** A place, and the version right after it: in brackets, or with a dot in it and no percent behind. */
const PLACE_WORD = /\b(blue|green)\b(?: \(([^()]+)\)| (v?\d+(?:\.[\w+-]+)+)(?![\w+-]| ?%))?/g

/** Sets the places and versions inside a sentence from the core apart: "Send 25 % to green (1.9.0)". */
export function PlaceText({ text, square = true }: { readonly text: string; readonly square?: boolean }) {
  const parts: React.ReactNode[] = []
  let from = 0
  for (const match of text.matchAll(PLACE_WORD)) {
    if (match.index > from) parts.push(text.slice(from, match.index))
    parts.push(<Place key={match.index} environment={match[1] === 'blue' ? 'blue' : 'green'} square={square} />)
    const version = match[2] ?? match[3]
    if (version) parts.push(' ', <Version key={`${match.index}v`} version={version} />)
    from = match.index + match[0].length
  }
  parts.push(text.slice(from))
  return <>{parts}</>
}
