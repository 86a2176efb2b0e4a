import { MIGRATION_STAGES, type MigrationView } from '../../../src-main/contract/migration.ts'
import { phaseLine, STAGE_TITLES } from './migration-words.ts'

/** Where it is on the four phases, small, with the point of no return before the last of it. */
export function MiniPhases({ view }: { readonly view: MigrationView }) {
  const here = view.stage === null ? (view.phase === 'completed' ? MIGRATION_STAGES.length : -1) : MIGRATION_STAGES.indexOf(view.stage)
  const words = view.stage === null ? phaseLine(view) : `${STAGE_TITLES[view.stage]}, ${phaseLine(view)}`
  return (
    <span role="img" aria-label={words} className="flex h-[15px] items-center gap-[3px]">
      {MIGRATION_STAGES.map((stage, index) => (
        <span key={stage} className={`flex-1 ${index < here ? 'h-0.5 bg-ink-2' : index === here ? 'h-[5px] bg-ink-1' : 'h-0.5 bg-line-2'}`} />
      ))}
      <span className="h-[9px] w-[3px] flex-none border-x border-ink-3" />
      <span className={`w-2 ${view.phase === 'completed' ? 'h-0.5 bg-ink-2' : 'h-0.5 bg-line-2'}`} />
    </span>
  )
}
