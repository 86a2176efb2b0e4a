import type { Block } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Icon } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'

/** What cannot be done now, why, and what would allow it; and whether the way back is clear. */
export function Interlocks({ service }: { readonly service: ServiceView }) {
  const actions = service.release?.actions ?? []
  const blocked: readonly { readonly command: string; readonly label: string; readonly blocks: readonly Block[] }[] = [
    ...actions.filter((action) => action.blocks.length > 0),
    ...(service.newReleaseBlocks.length > 0 ? [{ command: 'create', label: 'New release', blocks: service.newReleaseBlocks }] : []),
  ]
  const back = actions.find((action) => action.command === 'rollBack' && action.blocks.length === 0)
  if (blocked.length === 0 && !back) return null
  return (
    <section aria-label="Interlocks" className="pb-2">
      <PaneHeading title="Interlocks" />
      {blocked.map(({ command, label, blocks }) => (
        <div key={command} className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="lock" className="mt-1" />
          <div>
            <b className="font-medium">
              <PlaceText text={label} />
            </b>{' '}
            <span className="text-ink-3">is blocked</span>
            {blocks.map((block) => (
              <p key={block.rule} className="text-12 leading-4 text-ink-2">
                {block.reason} <span className="text-ink-3">Unblocks: {block.unblocks}</span>
              </p>
            ))}
          </div>
        </div>
      ))}
      {back && (
        <div className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="pass" className="mt-1" />
          <div>
            <b className="font-medium">
              <PlaceText text={back.label} />
            </b>{' '}
            <span className="text-ink-3">is clear</span>
            <p className="text-12 leading-4 text-ink-2">{back.effect}</p>
          </div>
        </div>
      )}
    </section>
  )
}
