import { useNavigate } from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import { useEffect } from 'react'
import type { FlagView, RolloutAction } from '../../../src-main/contract/flag.ts'
import { Icon } from '../../components/icons.tsx'
import { BackLever, Lever } from '../../components/lever.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { shortcutLabel, useKeys } from '../../lib/keys.ts'
import { useActingOff } from '../acts/acting.ts'
import { placeRolloutActions, ROLLOUT_ICONS } from './slots.ts'
import { useFlagAct, useOpenKill, useRunRollout } from './use-flag-press.ts'

/** The levers of one flag: forward and back in fixed places, the kill switch always in the same corner. */
export function FlagLevers({ view }: { readonly view: FlagView }) {
  const { source, key } = view.summary
  const { ui } = useConsole()
  const navigate = useNavigate()
  const off = useActingOff()
  const act = useFlagAct(source, key)
  const runAction = useRunRollout()
  const openKill = useOpenKill()
  const isBusy = act?.stage === 'sending'
  const isOver = view.rollout?.ended !== false
  const { places, rest } = placeRolloutActions(view.rollout?.actions ?? [])
  const run = (action: RolloutAction) => {
    const { rollout } = view
    if (rollout && off === null && !isBusy) runAction(rollout, action)
  }
  const back = places[1]
  useKeys({
    b: () => back && back.blocks.length === 0 && run(back),
    p: () => places[0] && places[0].blocks.length === 0 && run(places[0]),
    e: () => void navigate({ to: '/flags/$source/$key', params: { source, key }, search: { view: 'edit' } }),
  })
  // What the kill switch acts on from anywhere, as long as this flag is in view.
  useEffect(() => {
    ui.set((before) => ({ ...before, flagInView: { source, key } }))
    return () => ui.set((before) => (before.flagInView?.source === source && before.flagInView.key === key ? { ...before, flagInView: null } : before))
  }, [ui, source, key])
  const { kill } = view
  const killBlock = off ?? kill.blocks[0]?.reason ?? null
  const isQuiet = view.summary.percent === 0 && isOver
  return (
    <div role="group" aria-label={`Actions on ${key}`} className="flex items-center gap-2 narrow:w-full narrow:flex-wrap">
      {!isOver ? (
        places.map((action, index) => {
          const slot = index === 0 ? 1 : index === 1 ? 2 : 3
          if (!action) return <span key={index} aria-hidden="true" className={`lever-gap lever-${slot}`} />
          const icon = ROLLOUT_ICONS[action.command]
          return <Lever key={index} slot={slot} label={action.label} detail={action.effect} blocked={off ?? action.blocks[0]?.reason ?? null} busy={isBusy && act.command === action.command} {...(icon ? { icon } : {})} title={action.blocks[0] ? `${action.blocks[0].reason} Unblocks: ${action.blocks[0].unblocks}` : action.effect} onPress={() => run(action)} />
        })
      ) : (
        <>
          <Lever slot={1} label="Edit" detail="rules, variants, owner" blocked={off} title="Rules, variants and facts of this flag (E)" onPress={() => void navigate({ to: '/flags/$source/$key', params: { source, key }, search: { view: 'edit' } })} />
          {back && <Lever slot={2} label={back.label} detail={back.effect} icon="back" blocked={off ?? back.blocks[0]?.reason ?? null} busy={isBusy && act.command === 'rollBack'} onPress={() => run(back)} />}
          <Lever slot={3} label="Roll it out" detail="in stages, guarded" icon="next" blocked={off ?? (view.summary.lifecycle === 'archived' ? 'removed from use' : null)} onPress={() => void navigate({ to: '/flags/$source/$key', params: { source, key }, search: { view: 'rollout' } })} />
        </>
      )}
      {rest.length > 0 && <RestMenu actions={rest} off={off} run={run} />}
      <span aria-hidden="true" className="mx-1 h-11 border-l border-line-1 narrow:hidden" />
      <BackLever armed={killBlock === null} quiet={isQuiet} busy={isBusy && act.command === 'kill'} label={kill.label} detail={killBlock ?? kill.effect} title={killBlock ?? kill.effect} shortcut={shortcutLabel('mod+shift+x')} keys="Control+Shift+X" onPress={() => openKill(source, key)} />
    </div>
  )
}

function RestMenu({ actions, off, run }: { readonly actions: readonly RolloutAction[]; readonly off: string | null; readonly run: (action: RolloutAction) => void }) {
  const item = 'block w-full cursor-default rounded-1 px-3 py-1.5 outline-none data-[highlighted]:bg-bg-3 data-[disabled]:text-ink-3'
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="lever" style={{ width: 40, padding: 0, alignItems: 'center' }} aria-label="More actions">
        <Icon name="more" size={14} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Content align="end" sideOffset={6} className="z-50 max-w-[380px] min-w-[240px] rounded-2 border border-line-3 bg-bg-2 p-1">
        {actions.map((action) => (
          <DropdownMenu.Item key={`${action.command} ${action.variant ?? ''}`} className={item} disabled={off !== null || action.blocks.length > 0} onSelect={() => run(action)}>
            <span className="flex items-center gap-1.5 font-medium">
              {action.blocks.length > 0 && <Icon name="lock" />}
              {action.label}
            </span>
            <span className="block text-12 text-ink-3">{off ?? (action.blocks[0] ? `${action.blocks[0].reason} Unblocks: ${action.blocks[0].unblocks}` : action.effect)}</span>
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  )
}
