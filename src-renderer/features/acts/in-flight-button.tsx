import { Kbd } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { Place } from '../../components/place.tsx'
import { Countdown } from '../../components/time.tsx'
import { useConsole, useServices } from '../../lib/console-context.tsx'
import { shortcutLabel } from '../../lib/keys.ts'
import { useValue } from '../../lib/value-store.ts'
import { openRollBack, rollBackTarget, useActingOff } from './acting.ts'

/** Taking traffic back, in the top bar of screens whose corner takes something else back. */
export function InFlightButton() {
  const { ui } = useConsole()
  const services = useServices()
  const selected = useValue(ui, (state) => state.selectedService)
  const off = useActingOff()
  const target = rollBackTarget(services.find((service) => service.name === selected) ?? null, services)
  const open = openRollBack(target)
  if (!target || !open || off !== null || open.action.weight === 'quiet') return null
  const { release } = open.view
  const share = target.observed.kind === 'known' ? target.observed.value.weights[release.candidateEnvironment] : null
  return (
    <button
      type="button"
      aria-keyshortcuts="Control+Shift+B"
      title={`${open.action.label}: ${open.action.effect}`}
      onClick={() => ui.set((before) => ({ ...before, confirm: { service: target.name, releaseId: release.id, command: 'rollBack' } }))}
      className="my-auto flex h-[26px] min-w-0 flex-none items-center gap-2 rounded-2 border border-line-3 px-2 text-12 hover:bg-bg-2"
    >
      <Icon name="back" />
      <span className="sr-only">{open.action.label}: </span>
      <span className="max-w-24 truncate">{target.name}</span>
      <span className="whitespace-nowrap max-[1400px]:hidden">
        <Place environment={release.candidateEnvironment} /> {share === null ? '' : `${share} %`}
      </span>
      {release.dueAt !== null && !release.paused && (
        <b className="max-[1400px]:hidden">
          <Countdown until={release.dueAt} />
        </b>
      )}
      <span className="max-[1240px]:hidden">
        <Kbd>{shortcutLabel('mod+shift+b')}</Kbd>
      </span>
    </button>
  )
}
