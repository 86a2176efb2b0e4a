import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { PlaceText } from '../../components/place.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { Since } from '../../components/time.tsx'
import { useLastReading } from '../../lib/console-context.tsx'
import { attentionOf, headlineRest, ifNothing, phaseLine } from './migration-words.ts'

/** Its name, and where it is. */
export function MigrationTitle({ view }: { readonly view: MigrationView }) {
  const isUnseen = useLastReading(view.id) === null && view.observed.kind === 'unknown'
  return (
    <>
      <span className="truncate" title={`${view.title} (${view.id})`}>
        {view.title || view.id}
      </span>
      <span className="flex-none text-16 font-medium text-ink-2 max-[1400px]:sr-only">{isUnseen ? 'phase not known' : phaseLine(view)}</span>
    </>
  )
}

/** What is, in the core's words, and what happens if nobody does anything. */
export function MigrationSentence({ view }: { readonly view: MigrationView }) {
  const reading = useLastReading(view.id)?.reading ?? null
  const state = attentionOf(view, reading)
  const { observed } = view
  if (observed.kind === 'unknown') {
    return (
      <StateMark wraps state="unknown">
        The database has not been read for <Since at={observed.since} />. Nothing advances; reads and writes go on as they were set.
      </StateMark>
    )
  }
  const headline = headlineRest(view)
  return (
    <>
      {headline !== '' && (state === 'fine' ? `${headline}. ` : <StateMark wraps state={state}>{headline}. </StateMark>)}
      <PlaceText text={ifNothing(view.next)} />
    </>
  )
}
