import { Band, Empty } from '../components/pane.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { useTitle } from '../lib/console-context.tsx'

/** Places that are kept for what this version does not do; they say so. */
export function FlagsRoute() {
  useTitle('Flags')
  return (
    <>
      <Band title="Flags" sentence="Not here yet." levers={<AnyBackLever />} />
      <main className="min-h-0 flex-1 bg-bg-1">
        <Empty title="This version moves traffic only">
          Feature flags with staged rollouts, guard metrics and a kill switch will stand here. Until then, your flag system goes on by itself; Signalbox neither reads nor changes it.
        </Empty>
      </main>
    </>
  )
}
