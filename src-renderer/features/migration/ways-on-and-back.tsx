import type { MigrationAction, MigrationView } from '../../../src-main/contract/migration.ts'
import type { Block } from '../../../src-main/contract/release.ts'
import { Icon, type IconName } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'

/** What a roll back would undo now, in the core's words. */
export function RollBackWords({ view }: { readonly view: MigrationView }) {
  if (view.rollBackWords === '') return null
  return (
    <section aria-label="If you roll back now" className="pb-3">
      <PaneHeading title="If you roll back now" />
      <p className="px-4 leading-[19px]">
        <PlaceText text={view.rollBackWords} />
      </p>
    </section>
  )
}

const GATES: Readonly<Record<MigrationView['gates'][number]['state'], { readonly icon: IconName; readonly hue: string }>> = {
  passed: { icon: 'pass', hue: 'text-ink-2' },
  waiting: { icon: 'wait', hue: 'text-ink-2' },
  failed: { icon: 'fail', hue: 'text-fail' },
}

/** What must hold to go on, with what was seen. */
export function MigrationGates({ view }: { readonly view: MigrationView }) {
  if (view.gates.length === 0) return null
  const open = view.gates.filter((gate) => gate.state !== 'passed').length
  return (
    <section aria-label="Gates" className="pb-2">
      <PaneHeading title="To go on" end={open === 0 ? 'all hold' : `${open} of ${view.gates.length} not yet`} />
      {view.gates.map((gate) => {
        const isOpen = gate.state !== 'passed'
        return (
          <div key={gate.name} className={`grid gap-x-1.5 px-4 ${isOpen ? 'grid-cols-[18px_minmax(0,1fr)] py-[3px] leading-5' : 'grid-cols-[18px_minmax(0,auto)_minmax(40px,1fr)] leading-6'}`}>
            <Icon name={GATES[gate.state].icon} className={`${isOpen ? 'mt-1' : 'mt-1.5'} ${GATES[gate.state].hue}`} />
            <span className="min-w-0 truncate first-letter:uppercase" title={gate.name}>
              {gate.name} <span className="sr-only">{gate.state}</span>
            </span>
            <span className={`min-w-0 text-12 ${isOpen ? 'col-start-2 leading-4' : 'truncate text-right leading-6'} ${gate.state === 'failed' ? 'text-fail-ink' : isOpen ? 'text-ink-2' : 'text-ink-3'}`} title={gate.detail}>
              {gate.detail}
            </span>
          </div>
        )
      })}
    </section>
  )
}

/** Acts that are blocked for the very same reasons, together. Gates stand above with their evidence and are not said twice. */
function groupBlocks(actions: readonly MigrationAction[]): readonly { readonly labels: readonly string[]; readonly blocks: readonly Block[] }[] {
  const groups = new Map<string, { labels: string[]; blocks: readonly Block[] }>()
  for (const action of actions) {
    const blocks = action.blocks.filter((block) => !block.rule.startsWith('gate:'))
    if (blocks.length === 0) continue
    const key = blocks.map((block) => block.reason).join('|')
    const group = groups.get(key)
    if (group) group.labels.push(action.label)
    else groups.set(key, { labels: [action.label], blocks })
  }
  return [...groups.values()]
}

/** What cannot be done now, why, and what would allow it; and whether the way back is clear. */
export function MigrationInterlocks({ view }: { readonly view: MigrationView }) {
  const blocked = groupBlocks(view.actions)
  const back = view.actions.find((action) => action.command === 'rollBack' && action.blocks.length === 0)
  if (blocked.length === 0 && !back) return null
  return (
    <section aria-label="Interlocks" className="pb-2">
      <PaneHeading title="Interlocks" />
      {blocked.map(({ labels, blocks }) => (
        <div key={labels.join()} className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="lock" className="mt-1" />
          <div>
            <b className="font-medium">{labels.join(', ')}</b> <span className="text-ink-3">{labels.length === 1 ? 'is' : 'are'} blocked</span>
            {blocks.map((block) => (
              <p key={`${block.rule} ${block.reason}`} className="text-12 leading-4 text-ink-2">
                <PlaceText text={block.reason} /> <span className="text-ink-3">Unblocks: {block.unblocks}</span>
              </p>
            ))}
          </div>
        </div>
      ))}
      {back && (
        <div className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="pass" className="mt-1" />
          <div>
            <b className="font-medium">{back.label}</b> <span className="text-ink-3">is clear</span>
            <p className="text-12 leading-4 text-ink-2">{back.effect}</p>
          </div>
        </div>
      )}
    </section>
  )
}
