import { BackLever } from '../../components/lever.tsx'
import { useConsole, useServices } from '../../lib/console-context.tsx'
import { shortcutLabel } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'
import { openRollBack, rollBackTarget, useActingOff } from './acting.ts'

/** Roll back on screens that are about something else: the same corner, the same shortcut, naming the service it is for. */
export function AnyBackLever() {
  const { ui } = useConsole()
  const services = useServices()
  const selected = useValue(ui, (state) => state.selectedService)
  const off = useActingOff()
  const target = rollBackTarget(services.find((service) => service.name === selected) ?? null, services)
  const open = openRollBack(target)
  if (!target || !open) return null
  return (
    <BackLever
      armed={off === null}
      quiet={open.action.weight === 'quiet'}
      label={open.action.label}
      detail={off ?? target.name}
      title={off ?? open.action.effect}
      shortcut={shortcutLabel('mod+shift+b')}
      onPress={() => ui.set((before) => ({ ...before, confirm: { service: target.name, releaseId: open.view.release.id, command: 'rollBack' } }))}
    />
  )
}
