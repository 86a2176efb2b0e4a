import { useSearch } from '@tanstack/react-router'
import { Band, Skeleton } from '../components/pane.tsx'
import { StateMark } from '../components/state-mark.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { DefinitionForm } from '../features/flag/definition-form.tsx'
import { FlagList } from '../features/flag/flag-list.tsx'
import { tabOf } from '../features/flag/flag-words.ts'
import { SegmentsForm } from '../features/flag/segments-form.tsx'
import { flagsSentence, SourceOverview } from '../features/flag/source-overview.tsx'
import { useFlags } from '../features/flag/use-flags.ts'
import { useFlagSources, useReady, useTitle } from '../lib/console-context.tsx'
import { plural } from '../lib/format.ts'

export function FlagsRoute() {
  const { view, source: named } = useSearch({ from: '/flags' })
  const sources = useFlagSources()
  const ready = useReady()
  const source = sources.find(({ name }) => name === named) ?? sources[0] ?? null
  const title = view === 'new' ? 'New flag' : view === 'segments' ? 'Segments' : 'Flags'
  useTitle(title)
  return (
    <>
      <Band title={view === undefined && ready ? <FlagsTitle /> : title} sentence={!ready ? 'Connecting.' : view === 'new' ? 'Nobody is exposed by making it: everyone gets its default variant.' : view === 'segments' ? 'People who belong together, under a name that rules of any flag refer to.' : <FlagsSentence />} levers={<AnyBackLever />} />
      <main className="flex min-h-0 flex-1 bg-bg-1 narrow:flex-col">
        {sources.length > 0 && <FlagList current={null} />}
        <div className="flex min-h-0 min-w-0 flex-1 flex-col">{!ready ? <Skeleton rows={8} /> : view === 'new' && source ? <DefinitionForm key={`new ${source.name}`} source={source} view={null} /> : view === 'segments' && source ? <SegmentsForm key={source.name} source={source} /> : <SourceOverview />}</div>
      </main>
    </>
  )
}

function FlagsTitle() {
  const sources = useFlagSources()
  const count = sources.reduce((sum, { flags }) => sum + flags, 0)
  return <>{sources.length === 0 ? 'Flags' : plural(count, 'flag')}</>
}

/** All of them in one sentence; what is fine is not mentioned. */
function FlagsSentence() {
  const sources = useFlagSources()
  const { flags } = useFlags()
  const moving = flags.filter((flag) => tabOf(flag) === 'moving').length
  const failing = sources.filter(({ broken, problem }) => broken !== null || problem !== '')
  return (
    <>
      {flagsSentence(sources, moving, flags.filter((flag) => tabOf(flag) === 'cleanUp').length)}
      {failing.length > 0 && (
        <>
          {' '}
          <StateMark state="fail">{failing.map(({ name, broken }) => `${name} ${broken ? 'is broken' : 'does not answer'}`).join(', ')}.</StateMark>
        </>
      )}
    </>
  )
}
