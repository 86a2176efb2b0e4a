import type { Json } from '../../../src-main/contract/journal.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { DiffView } from '../audit/diff-view.tsx'

interface ConflictProps {
  readonly what: string
  /** As it was when the edit began, as somebody made it meanwhile, and as it is edited here; null: not readable yet. */
  readonly began: Json
  readonly theirs: Json
  readonly mine: Json | null
  readonly onKeepMine: () => void
  readonly onTakeTheirs: () => void
}

/** Somebody changed it while it was edited here: both changes, and nothing lost. */
export function ConflictNote({ what, began, theirs, mine, onKeepMine, onTakeTheirs }: ConflictProps) {
  return (
    <section role="alert" aria-label="Changed meanwhile" className="border-b border-line-1 bg-watch-bg px-4 py-2.5">
      <p className="flex items-start gap-2">
        <Icon name="watch" className="mt-1 text-watch" />
        <span>
          <b className="font-medium">Somebody changed {what} meanwhile.</b> <span className="text-ink-2">Nothing was written, and what you typed is still here. Look at both, then choose; nothing is written before you press again.</span>
        </span>
      </p>
      <div className="mt-2 grid grid-cols-2 gap-3 narrow:grid-cols-1">
        <div className="min-w-0 border border-line-1 bg-bg-1 py-1">
          <h2 className="px-4 text-12 font-normal text-ink-3">What they changed</h2>
          <DiffView before={began} after={theirs} />
        </div>
        <div className="min-w-0 border border-line-1 bg-bg-1 py-1">
          <h2 className="px-4 text-12 font-normal text-ink-3">What you would change of theirs</h2>
          {mine === null ? <p className="px-4 text-12 text-ink-3">What you typed has errors.</p> : <DiffView before={theirs} after={mine} />}
        </div>
      </div>
      <div className="mt-2 flex flex-wrap gap-2">
        <Button onClick={onKeepMine}>Keep mine</Button>
        <Button look="bare" onClick={onTakeTheirs}>
          Take theirs, drop mine
        </Button>
      </div>
    </section>
  )
}
