import { useNavigate } from '@tanstack/react-router'
import { Command } from 'cmdk'
import { Dialog } from 'radix-ui'
import { useState, type ReactNode } from 'react'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Kbd } from '../../components/button.tsx'
import { focusBack } from '../../components/focus-back.ts'
import { Icon } from '../../components/icons.tsx'
import { PlaceText } from '../../components/place.tsx'
import { HEALTH_MARK, StateMark } from '../../components/state-mark.tsx'
import { useActingOff, useRun, useStartAgain } from '../../features/acts/acting.ts'
import { attentionOf, phaseLine } from '../../features/migration/migration-words.ts'
import { useRunMigration } from '../../features/migration/use-migration-press.ts'
import { useConsole, useMigrations, useServices } from '../../lib/console-context.tsx'
import { shortcutLabel } from '../../lib/keys.ts'
import { chooseTheme, THEME_CHOICES } from '../../lib/theme.ts'
import { useValue } from '../../lib/value-store.ts'
import { PaletteFlags } from './palette-flags.tsx'
import { GROUP, ITEM, type PartProps } from './palette-parts.ts'

/** Services listed before something is typed, and found at most. */
const SHOWN = 40
const SHOWN_AT_FIRST = 8
/** Ways back stand first. */
const RANKS = { back: 0, forward: 1, quiet: 2, irreversible: 3 } as const

const SCREENS = [
  { to: '/', label: 'Overview', keys: 'g o' },
  { to: '/audit', label: 'Audit', keys: 'g a' },
  { to: '/migrations', label: 'Migrations', keys: 'g m' },
  { to: '/flags', label: 'Flags', keys: 'g f' },
  { to: '/settings', label: 'Settings', keys: 'g s' },
] as const

/** Everything by its name: acts that can be done now, services, screens. */
export function Palette() {
  const { ui } = useConsole()
  const open = useValue(ui, (state) => state.palette)
  const close = () => ui.set((before) => ({ ...before, palette: false }))
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && close()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-scrim" />
        <Dialog.Content aria-describedby={undefined} onOpenAutoFocus={toTheEnd} onCloseAutoFocus={focusBack} className="fixed top-[10vh] left-1/2 z-50 w-[640px] max-w-[calc(100vw-32px)] -translate-x-1/2 rounded-2 border border-line-3 bg-bg-2">
          <Dialog.Title className="sr-only">Service, action, screen</Dialog.Title>
          <PaletteBody onClose={close} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

/** What stands there already is gone on from, not typed over. */
function toTheEnd(event: Event): void {
  const input = event.currentTarget instanceof Element ? event.currentTarget.querySelector('input') : null
  if (!input) return
  event.preventDefault()
  input.focus()
  input.setSelectionRange(input.value.length, input.value.length)
}

function PaletteBody({ onClose }: { readonly onClose: () => void }) {
  const services = useServices()
  const navigate = useNavigate()
  const { ui } = useConsole()
  const [text, setText] = useState(() => ui.get().paletteText)
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const fits = (label: string) => words.every((word) => label.toLowerCase().includes(word))
  const go = (run: () => unknown) => {
    onClose()
    void run()
  }
  const found = services.filter((service) => fits(`${service.name} ${service.provider} open`)).slice(0, SHOWN)
  return (
    <Command shouldFilter={false} label="Service, action, screen">
      <div className="flex items-center gap-3 border-b border-line-1 px-4">
        <Icon name="search" className="text-ink-3" />
        <Command.Input value={text} onValueChange={setText} placeholder="Service, action, screen" className="h-11 min-w-0 flex-1 bg-transparent text-14 outline-none" />
        <Kbd>Esc</Kbd>
      </div>
      <Command.List className="max-h-[56vh] overflow-auto p-1">
        <Command.Empty className="px-4 py-6 text-ink-2">Nothing is called that.</Command.Empty>
        <Actions services={services} hasText={words.length > 0} fits={fits} go={go} />
        {found.length > 0 && (
          <Command.Group heading="Services" className={GROUP}>
            {found.map((service) => (
              <Command.Item key={service.name} value={`service ${service.name}`} className={ITEM} onSelect={() => go(() => navigate({ to: '/services/$name', params: { name: service.name } }))}>
                <span className="font-medium">{service.name}</span>
                <span className="truncate text-12 text-ink-3">{service.stable ? <PlaceText text={`${service.stable.deployed.version} on ${service.stable.environment}`} /> : 'never released'}</span>
                <span className="ml-auto text-12">
                  <StateMark state={HEALTH_MARK[service.health]}>{service.health}</StateMark>
                </span>
              </Command.Item>
            ))}
          </Command.Group>
        )}
        <PaletteFlags fits={fits} go={go} words={words} />
        <Migrations fits={fits} go={go} hasText={words.length > 0} />
        <Screens fits={fits} go={go} />
      </Command.List>
    </Command>
  )
}


function Actions({ services, hasText, fits, go }: PartProps & { readonly services: readonly ServiceView[]; readonly hasText: boolean }) {
  const { ui } = useConsole()
  const off = useActingOff()
  const run = useRun()
  const startAgain = useStartAgain()
  const navigate = useNavigate()
  const selected = useValue(ui, (state) => state.selectedService)
  const items: { readonly rank: number; readonly node: ReactNode }[] = []
  for (const service of services) {
    const view = service.release
    for (const action of view?.actions ?? []) {
      if (!view || action.blocks.length > 0 || !fits(`${service.name} ${action.label} ${action.command} ${action.command === 'rollBack' ? 'rollback' : ''}`)) continue
      items.push({
        rank: (service.name === selected ? 0 : 10) + RANKS[action.weight],
        node: (
        <Command.Item key={`${service.name} ${action.command}`} value={`act ${service.name} ${action.command}`} disabled={off !== null} className={ITEM} onSelect={() => go(() => run(view, action))}>
          {action.command === 'rollBack' ? <Icon name="back" /> : <Icon name="next" className="text-ink-3" />}
          <span className="font-medium">{service.name}</span>
          <span className="truncate">
            <PlaceText text={action.label} />
          </span>
          <span className="ml-auto text-12 text-ink-3">{off ?? ''}</span>
          {action.command === 'rollBack' && service.name === selected && <Kbd>{shortcutLabel('mod+shift+b')}</Kbd>}
        </Command.Item>
        ),
      })
    }
    const again = service.startAgain
    if (again && again.blocks.length === 0 && fits(`${service.name} ${again.label}`)) {
      items.push({
        rank: service.name === selected ? 0 : 10,
        node: (
          <Command.Item key={`${service.name} again`} value={`act ${service.name} again`} disabled={off !== null} className={ITEM} onSelect={() => go(() => startAgain(service.name, again.label))}>
            <Icon name="play" className="text-ink-3" />
            <span className="font-medium">{service.name}</span>
            <span className="truncate">
              <PlaceText text={again.label} />
            </span>
          </Command.Item>
        ),
      })
    }
    if ((hasText || service.name === selected) && service.newReleaseBlocks.length === 0 && fits(`${service.name} new release deploy`)) {
      items.push({
        rank: service.name === selected ? 5 : 15,
        node: (
        <Command.Item key={`${service.name} new`} value={`act ${service.name} new`} className={ITEM} onSelect={() => go(() => navigate({ to: '/services/$name/release', params: { name: service.name } }))}>
          <Icon name="plus" className="text-ink-3" />
          <span className="font-medium">{service.name}</span>
          New release
        </Command.Item>
        ),
      })
    }
  }
  return items.length === 0 ? null : (
    <Command.Group heading="Actions" className={GROUP}>
      {items
        .toSorted((a, b) => a.rank - b.rank)
        .slice(0, hasText ? SHOWN : SHOWN_AT_FIRST)
        .map((item) => item.node)}
    </Command.Group>
  )
}

/** Migrations by name, and, once something is typed, what can be done with them now. */
function Migrations({ fits, go, hasText }: PartProps & { readonly hasText: boolean }) {
  const navigate = useNavigate()
  const off = useActingOff()
  const run = useRunMigration()
  const views = useMigrations()
  const found = views.filter((view) => fits(`${view.title} ${view.id} ${view.database} migration open`)).slice(0, SHOWN_AT_FIRST)
  const acts = hasText ? views.flatMap((view) => view.actions.filter((action) => action.blocks.length === 0 && fits(`${view.title} ${view.id} ${action.label} ${action.command} ${action.command === 'rollBack' ? 'rollback' : ''}`)).map((action) => ({ view, action }))) : []
  if (found.length + acts.length === 0) return null
  return (
    <Command.Group heading="Migrations" className={GROUP}>
      {found.map((view) => (
        <Command.Item key={view.id} value={`migration ${view.id}`} className={ITEM} onSelect={() => go(() => navigate({ to: '/migrations/$id', params: { id: view.id } }))}>
          <span className="truncate font-medium">{view.title || view.id}</span>
          <span className="ml-auto flex-none text-12">
            <StateMark state={attentionOf(view, view.observed.kind === 'known' ? view.observed.value : null)}>{view.observed.kind === 'unknown' ? 'unknown' : phaseLine(view)}</StateMark>
          </span>
        </Command.Item>
      ))}
      {acts
        .toSorted((a, b) => RANKS[a.action.weight] - RANKS[b.action.weight])
        .slice(0, SHOWN_AT_FIRST)
        .map(({ view, action }) => (
          <Command.Item
            key={`${view.id} ${action.command}`}
            value={`act migration ${view.id} ${action.command}`}
            disabled={off !== null}
            className={ITEM}
            onSelect={() =>
              go(async () => {
                // What it does is seen where it is done.
                await navigate({ to: '/migrations/$id', params: { id: view.id } })
                run(view, action)
              })
            }
          >
            {action.command === 'rollBack' ? <Icon name="back" /> : <Icon name="next" className="text-ink-3" />}
            <span className="max-w-56 truncate font-medium">{view.title || view.id}</span>
            <span className="truncate">{action.label}</span>
            <span className="ml-auto text-12 text-ink-3">{off ?? ''}</span>
          </Command.Item>
        ))}
    </Command.Group>
  )
}

function Screens({ fits, go }: PartProps) {
  const navigate = useNavigate()
  const { ui } = useConsole()
  const screens = SCREENS.filter((screen) => fits(`${screen.label} go screen`))
  const themes = THEME_CHOICES.filter((choice) => fits(`theme ${choice} appearance`))
  return (
    <>
      {(screens.length > 0 || fits('notifications bell missed waiting rolled back failed') || fits('keyboard shortcuts keys help')) && (
        <Command.Group heading="Screens" className={GROUP}>
          {screens.map((screen) => (
            <Command.Item key={screen.to} value={`screen ${screen.label}`} className={ITEM} onSelect={() => go(() => navigate({ to: screen.to }))}>
              {screen.label}
              <span className="ml-auto">
                <Kbd>{screen.keys}</Kbd>
              </span>
            </Command.Item>
          ))}
          {fits('notifications bell missed waiting rolled back failed') && (
            <Command.Item value="screen notices" className={ITEM} onSelect={() => go(() => ui.set((before) => ({ ...before, notices: true })))}>
              Notifications
              <span className="ml-auto">
                <Kbd>g n</Kbd>
              </span>
            </Command.Item>
          )}
          {fits('keyboard shortcuts keys help') && (
            <Command.Item value="screen keys" className={ITEM} onSelect={() => go(() => ui.set((before) => ({ ...before, keys: true })))}>
              Keyboard
              <span className="ml-auto">
                <Kbd>?</Kbd>
              </span>
            </Command.Item>
          )}
        </Command.Group>
      )}
      {themes.length > 0 && (
        <Command.Group heading="Appearance" className={GROUP}>
          {themes.map((choice) => (
            <Command.Item key={choice} value={`theme ${choice}`} className={ITEM} onSelect={() => go(() => chooseTheme(choice))}>
              Theme: {choice}
            </Command.Item>
          ))}
        </Command.Group>
      )}
    </>
  )
}
