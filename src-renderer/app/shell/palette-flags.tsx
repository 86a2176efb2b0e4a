import { useNavigate } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Icon } from '../../components/icons.tsx'
import { Kbd } from '../../components/button.tsx'
import { useActingOff } from '../../features/acts/acting.ts'
import { sortFlags, stateWord } from '../../features/flag/flag-words.ts'
import { useOpenKill, useRunRollout } from '../../features/flag/use-flag-press.ts'
import { useFlags } from '../../features/flag/use-flags.ts'
import { useConsole, useRollouts } from '../../lib/console-context.tsx'
import { shortcutLabel } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'
import { GROUP, ITEM, type PartProps } from './palette-parts.ts'

const SHOWN = 8

/** Flags by key; what can be done with their rollouts now; and the kill switch of each, what moves first. */
export function PaletteFlags({ fits, go, words }: PartProps & { readonly words: readonly string[] }) {
  const hasText = words.length > 0
  const navigate = useNavigate()
  const off = useActingOff()
  const { ui } = useConsole()
  const inView = useValue(ui, (state) => state.flagInView)
  const run = useRunRollout()
  const openKill = useOpenKill()
  const rollouts = useRollouts()
  // Asked for with the palette, so that a kill is two presses from anywhere; what was fetched before is there at once.
  const { flags } = useFlags()
  const acts = hasText
    ? rollouts.flatMap((view) => view.actions.filter((action) => action.command !== 'kill' && action.blocks.length === 0 && fits(`${view.rollout.flag} flag ${action.label} ${action.command} ${action.command === 'rollBack' ? 'rollback' : ''}`)).map((action) => ({ view, action }))).slice(0, SHOWN)
    : []
  const ordered = sortFlags(flags, 'moving')
  // A list that cannot be had keeps nobody from killing what is being rolled out.
  const unlisted = rollouts.filter(({ rollout }) => !flags.some(({ source, key }) => source === rollout.source && key === rollout.flag)).map(({ rollout, headline }) => ({ source: rollout.source, key: rollout.flag, exposure: headline, lifecycle: 'rollingOut' as const }))
  const isInView = (key: string, source: string) => inView?.key === key && inView.source === source
  const kills = hasText ? [...unlisted, ...ordered].filter((flag) => flag.lifecycle !== 'archived' && fits(`kill ${flag.key} flag off`)).toSorted((a, b) => Number(isInView(b.key, b.source)) - Number(isInView(a.key, a.source))).slice(0, SHOWN) : []
  const found = (hasText ? ordered.filter((flag) => fits(`${flag.key} ${flag.owner ?? ''} flag open`)) : ordered.filter(({ rollout }) => rollout !== null)).slice(0, SHOWN)
  if (acts.length + kills.length + found.length === 0) return null
  // A name alone means its page; the word means the switch.
  const asksForKill = words.some((word) => word.length > 1 && 'kill'.startsWith(word))
  const isName = words.every((word) => found.some(({ key }) => key.toLowerCase().includes(word)))
  const actItems = acts.map(({ view, action }) => (
    <Command.Item
      key={`${view.rollout.id} ${action.command} ${action.variant ?? ''}`}
      value={`act flag ${view.rollout.id} ${action.command} ${action.variant ?? ''}`}
      disabled={off !== null}
      className={ITEM}
      onSelect={() =>
        go(async () => {
          // What it does is seen where it is done.
          await navigate({ to: '/flags/$source/$key', params: { source: view.rollout.source, key: view.rollout.flag } })
          run(view, action)
        })
      }
    >
      {action.command === 'rollBack' ? <Icon name="back" /> : <Icon name="next" className="text-ink-3" />}
      <span className="mono max-w-56 truncate">{view.rollout.flag}</span>
      <span className="truncate">{action.label}</span>
      <span className="ml-auto text-12 text-ink-3">{off ?? ''}</span>
    </Command.Item>
  ))
  const killItems = kills.map(({ source, key, exposure }) => (
    <Command.Item key={`kill ${source} ${key}`} value={`kill ${source} ${key}`} disabled={off !== null} className={ITEM} onSelect={() => go(() => openKill(source, key))}>
      <Icon name="back" />
      <span>
        Kill <span className="mono">{key}</span>
      </span>
      <span className="truncate text-12 text-ink-3">{exposure}</span>
      <span className="ml-auto text-12 text-ink-3">{off ?? ''}</span>
      {isInView(key, source) && <Kbd>{shortcutLabel('mod+shift+x')}</Kbd>}
    </Command.Item>
  ))
  const openItems = found.map((flag) => (
    <Command.Item key={`${flag.source} ${flag.key}`} value={`flag ${flag.source} ${flag.key}`} className={ITEM} onSelect={() => go(() => navigate({ to: '/flags/$source/$key', params: { source: flag.source, key: flag.key } }))}>
      <span className="mono truncate">{flag.key}</span>
      <span className="ml-auto flex-none text-12 text-ink-3">{[flag.exposure, stateWord(flag)].filter(Boolean).join(', ')}</span>
    </Command.Item>
  ))
  return (
    <Command.Group heading="Flags" className={GROUP}>
      {asksForKill ? [killItems, actItems, openItems] : isName ? [openItems, actItems, killItems] : [actItems, openItems, killItems]}
    </Command.Group>
  )
}
