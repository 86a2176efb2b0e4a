import { useNavigate } from '@tanstack/react-router'
import { DropdownMenu } from 'radix-ui'
import type { Action, ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Icon } from '../../components/icons.tsx'
import { BackLever, Lever } from '../../components/lever.tsx'
import { useConsole, useService } from '../../lib/console-context.tsx'
import { shortcutLabel, useKeys } from '../../lib/keys.ts'
import { useAct } from '../../lib/use-act.ts'
import { findAction, openRollBack, useActingOff, useRun, useStartAgain } from './acting.ts'
import { ACTION_ICONS, placeActions } from './slots.ts'

/** The levers of one service: forward ones in fixed places, roll back always in the same corner. */
export function ServiceLevers({ name, caption = false }: { readonly name: string; readonly caption?: boolean }) {
  const service = useService(name)
  const off = useActingOff()
  const act = useAct(name)
  const runAction = useRun()
  const view = service?.release ?? null
  const placed = placeActions(view?.actions ?? [])
  const isBusy = act?.stage === 'sending'

  // Without a step to take there is nothing to mistake a lever for; with one, each keeps its place.
  const isLoose = placed.places[0] === null

  const run = (action: Action) => {
    if (!view || action.blocks.length > 0 || off !== null || isBusy) return
    runAction(view, action)
  }
  useKeys({
    p: () => {
      const next = placed.places[0]
      if (next?.command === 'promote') run(next)
    },
  })

  if (!service) return null
  return (
    <div role="group" aria-label={`Actions on ${name}`} className="flex items-center gap-2 narrow:w-full narrow:flex-wrap">
      {caption && (
        <span className="hidden max-w-28 pr-1 text-right xl:block">
          <b className="block truncate leading-[18px]">{name}</b>
          <small className="text-11 leading-[14px] text-ink-3">selected</small>
        </span>
      )}
      <FirstPlace service={service} action={placed.places[0]} off={off} busy={isBusy} run={run} />
      {([1, 2] as const).map((index) => {
        const action = placed.places[index]
        const slot = index === 1 ? 2 : 3
        // An empty place stays empty: nothing slides under the hand.
        return action ? <ActionLever key={index} action={action} slot={slot} off={off} busy={isBusy} run={run} /> : isLoose ? null : <span key={index} aria-hidden="true" className={`lever-gap lever-${slot}`} />
      })}
      <RestMenu view={view} name={name} actions={placed.rest} off={off} run={run} />
      <RollBackLever service={service} off={off} busy={isBusy && act.command === 'rollBack'} caption={caption} />
    </div>
  )
}

interface PlaceProps {
  readonly off: string | null
  readonly busy: boolean
  readonly run: (action: Action) => void
}

function ActionLever({ action, slot, off, busy, run }: PlaceProps & { readonly action: Action; readonly slot: 1 | 2 | 3 }) {
  const icon = ACTION_ICONS[action.command]
  return (
    <Lever
      slot={slot}
      label={action.label}
      detail={detailOf(action)}
      blocked={off ?? action.blocks[0]?.reason ?? null}
      busy={busy}
      {...(icon ? { icon } : {})}
      {...(action.needsReason && action.command !== 'suspendGuard' ? { title: `${action.label}: the analysis has not passed yet: asks for a reason` } : {})}
      {...(action.command === 'promote' ? { shortcut: 'P' } : {})}
      onPress={() => run(action)}
    />
  )
}

/** What it does stays where it is; that it asks is added to it. */
function detailOf(action: Action): string {
  return action.needsReason && action.command !== 'suspendGuard' ? `${action.effect.replace(/\.$/, '')}, asks for a reason` : action.needsReason ? 'asks for a reason' : action.effect
}

function FirstPlace({ service, action, ...rest }: PlaceProps & { readonly service: ServiceView; readonly action: Action | null }) {
  const navigate = useNavigate()
  if (service.startAgain) return <StartAgainLever service={service} startAgain={service.startAgain} {...rest} />
  if (action) return <ActionLever slot={1} action={action} {...rest} />
  const block = service.newReleaseBlocks[0]
  // The window can be ended from the form itself; everything else is lifted elsewhere.
  const hard = service.newReleaseBlocks.find((each) => each.rule !== 'rollbackWindow')
  return (
    <Lever
      slot={1}
      icon="plus"
      label="New release"
      detail={block ? 'ends the rollback window' : 'pick a version'}
      blocked={rest.off ?? hard?.reason ?? null}
      onPress={() => void navigate({ to: '/services/$name/release', params: { name: service.name } })}
    />
  )
}

/** Nothing else makes sense before what users need is running again. */
function StartAgainLever({ service, startAgain, off, busy }: PlaceProps & { readonly service: ServiceView; readonly startAgain: NonNullable<ServiceView['startAgain']> }) {
  const startService = useStartAgain()
  return <Lever slot={1} icon="back" label={startAgain.label} detail={startAgain.effect} blocked={off ?? startAgain.blocks[0]?.reason ?? null} busy={busy} onPress={() => void startService(service.name, startAgain.label)} />
}

function RestMenu({ view, name, actions, off, run }: { readonly view: ReleaseView | null; readonly name: string; readonly actions: readonly Action[]; readonly off: string | null; readonly run: (action: Action) => void }) {
  const navigate = useNavigate()
  if (!view) return null
  const item = 'block w-full cursor-default rounded-1 px-3 py-1.5 outline-none data-[highlighted]:bg-bg-3 data-[disabled]:text-ink-3'
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="lever" style={{ width: 40, padding: 0, alignItems: 'center' }} aria-label="More actions">
        <Icon name="more" size={14} />
      </DropdownMenu.Trigger>
        <DropdownMenu.Content align="end" sideOffset={6} className="z-50 max-w-[380px] min-w-[240px] rounded-2 border border-line-3 bg-bg-2 p-1">
          {actions.map((action) => (
            <DropdownMenu.Item key={action.command} className={item} disabled={off !== null || action.blocks.length > 0} onSelect={() => run(action)}>
              <span className="block font-medium">{action.label}</span>
              <span className="block text-12 text-ink-3">{off ?? action.blocks[0]?.reason ?? action.effect}</span>
            </DropdownMenu.Item>
          ))}
          <DropdownMenu.Item className={item} disabled={off !== null} onSelect={() => void navigate({ to: '/services/$name/release', params: { name } })}>
            <span className="block font-medium">New release</span>
            <span className="block text-12 text-ink-3">pick a version; it can wait for this release to end</span>
          </DropdownMenu.Item>
          <DropdownMenu.Item className={item} onSelect={() => void navigate({ to: '/audit/release/$id', params: { id: view.release.id } })}>
            <span className="block font-medium">Report of this release</span>
            <span className="block text-12 text-ink-3">every entry, with a checkpoint, for print</span>
          </DropdownMenu.Item>
        </DropdownMenu.Content>
    </DropdownMenu.Root>
  )
}

function RollBackLever({ service, off, busy, caption }: { readonly service: ServiceView; readonly off: string | null; readonly busy: boolean; readonly caption: boolean }) {
  const { ui } = useConsole()
  const action = findAction(service.release, 'rollBack')
  const open = openRollBack(service)
  if (!action) {
    const stable = service.stable
    return (
      <BackLever
        armed={false}
        icon={stable ? 'pass' : 'back'}
        label={stable ? `On ${stable.environment} ${stable.deployed.version}` : 'Roll back'}
        detail="nothing to take back"
      />
    )
  }
  const blocked = off ?? action.blocks[0]?.reason ?? null
  return (
    <BackLever
      armed={open !== null && off === null}
      quiet={action.weight === 'quiet'}
      busy={busy}
      label={action.label}
      detail={blocked ?? (caption ? service.name : wayBack(service))}
      title={blocked ?? action.effect}
      shortcut={shortcutLabel('mod+shift+b')}
      onPress={() => open && ui.set((before) => ({ ...before, confirm: { service: service.name, releaseId: open.view.release.id, command: 'rollBack' } }))}
    />
  )
}

/** How ready the other end of a roll back is, in a few words. */
function wayBack(service: ServiceView): string {
  if (service.observed.kind === 'unknown') return 'traffic cannot be read now'
  const target = service.release?.release.stable && service.release.release.candidateEnvironment === 'blue' ? 'green' : 'blue'
  if (!service.release?.release.stable) return 'out of service'
  const { readiness, instances } = service.observed.value.environments[target]
  return readiness === 'ready' ? `${instances.ready} of ${instances.wanted} ready` : `${target} is ${readiness}`
}
