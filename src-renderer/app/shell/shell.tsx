import { Outlet, useNavigate } from '@tanstack/react-router'
import { ActFollow } from '../../features/acts/act-follow.tsx'
import { openRollBack, rollBackTarget, useActingOff } from '../../features/acts/acting.ts'
import { IrreversibleConfirm } from '../../features/acts/irreversible-confirm.tsx'
import { ReasonConfirm } from '../../features/acts/reason-confirm.tsx'
import { RollBackConfirm } from '../../features/acts/roll-back-confirm.tsx'
import { FlagConfirm } from '../../features/flag/flag-confirm.tsx'
import { FlagFollow } from '../../features/flag/flag-follow.tsx'
import { useOpenKill } from '../../features/flag/use-flag-press.ts'
import { MigrationConfirm } from '../../features/migration/migration-confirm.tsx'
import { MigrationFollow } from '../../features/migration/migration-follow.tsx'
import { useConsole, useStatus } from '../../lib/console-context.tsx'
import { useKeys } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'
import { Banners } from './banners.tsx'
import { KeysSheet } from './keys-sheet.tsx'
import { Palette } from './palette.tsx'
import { StatusBar } from './status-bar.tsx'
import { TopBar } from './top-bar.tsx'

/** What stands around every screen, and what works from every screen. */
export function Shell() {
  const status = useStatus()
  useShellKeys()
  return (
    <div className="flex h-full flex-col narrow:h-auto narrow:min-h-screen print:block">
      <TopBar status={status} />
      <Banners status={status} />
      <Outlet />
      <StatusBar status={status} />
      <ActFollow />
      <RollBackConfirm />
      <IrreversibleConfirm />
      <ReasonConfirm />
      <MigrationFollow />
      <MigrationConfirm />
      <FlagFollow />
      <FlagConfirm />
      <Palette />
      <KeysSheet />
    </div>
  )
}

function useShellKeys(): void {
  const { ui, store } = useConsole()
  const navigate = useNavigate()
  const selected = useValue(ui, (state) => state.selectedService)
  const off = useActingOff()
  const rollBack = () => {
    if (off !== null) return
    const target = rollBackTarget(selected === null ? null : store.service(selected), store.services())
    const open = openRollBack(target)
    if (target && open) ui.set((before) => ({ ...before, palette: false, confirm: { service: target.name, releaseId: open.view.release.id, command: 'rollBack' } }))
  }
  const openKill = useOpenKill()
  const kill = () => {
    const flag = ui.get().flagInView
    if (off !== null) return
    if (flag) openKill(flag.source, flag.key)
    // Which one is asked for by name; what moves stands first.
    else ui.set((before) => ({ ...before, palette: true, paletteText: 'kill ' }))
  }
  const toService = (to: '/services/$name' | '/services/$name/release') => {
    const name = selected ?? store.names()[0]
    if (name !== undefined) void navigate({ to, params: { name } })
  }
  useKeys({
    'mod+k': () => ui.set((before) => ({ ...before, palette: !before.palette, paletteText: '' })),
    'mod+shift+b': rollBack,
    'mod+shift+x': kill,
    '?': () => ui.set((before) => ({ ...before, keys: true })),
    n: () => toService('/services/$name/release'),
    'g o': () => void navigate({ to: '/' }),
    'g v': () => toService('/services/$name'),
    'g a': () => void navigate({ to: '/audit' }),
    'g m': () => void navigate({ to: '/migrations' }),
    'g f': () => void navigate({ to: '/flags' }),
    'g n': () => ui.set((before) => ({ ...before, notices: true })),
    'g s': () => void navigate({ to: '/settings' }),
  })
}
