import type { Action, ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import type { ReleaseCommand } from '../../../src-main/contract/vocabulary.ts'
import type { OpenConfirm } from '../../lib/ui-state.ts'
import { useConnection, useConsole, useStatus } from '../../lib/console-context.tsx'

/** Why nothing at all can be pressed on this console now; null when things can. */
export function useActingOff(): string | null {
  const connection = useConnection()
  const status = useStatus()
  if (connection.kind !== 'live') return 'not connected'
  if (status && status.mode !== 'control') return status.mode === 'audit' ? 'opened for audit' : 'read only'
  return null
}

/** Sends one of the release's actions, once per press, on the revision the operator saw. */
export function usePress() {
  const { acts, session } = useConsole()
  return (view: ReleaseView, action: Action, extra: { readonly reason?: string; readonly force?: boolean; readonly forMs?: number } = {}) => {
    const { release } = view
    return acts.press({
      service: release.service,
      command: action.command,
      label: action.label,
      send: (operationId) =>
        session.call((client) =>
          client.release.command({
            releaseId: release.id,
            command: action.command,
            // Roll back is decided on what is seen now, whatever happened in between.
            ...(action.command === 'rollBack' ? {} : { expectedRevision: release.revision }),
            reason: extra.reason ?? '',
            force: extra.force ?? false,
            ...(extra.forMs === undefined ? {} : { forMs: extra.forMs }),
            operationId,
          }),
        ),
    })
  }
}

/** Does an action the way its weight asks for: at once, after a confirm, after the service's name, or after a reason. */
export function useRun() {
  const { ui } = useConsole()
  const press = usePress()
  return (view: ReleaseView, action: Action) => {
    if (action.blocks.length > 0) return
    const { id, service } = view.release
    const confirm = (command: OpenConfirm['command']) => ui.set((before) => ({ ...before, confirm: { service, releaseId: id, command, act: action.command } }))
    if (action.command === 'rollBack') confirm('rollBack')
    else if (action.weight === 'irreversible') confirm('irreversible')
    else if (action.needsReason) confirm('reason')
    else void press(view, action)
  }
}

/** Starts again what carries live traffic and was stopped. */
export function useStartAgain() {
  const { acts, session } = useConsole()
  return (service: string, label: string) =>
    acts.press({
      service,
      command: 'startAgain',
      label,
      send: async (operationId) => {
        const { release } = await session.call((client) => client.service.startAgain({ service, reason: '', operationId }))
        if (!release) throw new Error(`${service} has no release`)
        return release
      },
    })
}

export function findAction(view: ReleaseView | null, command: ReleaseCommand): Action | null {
  return view?.actions.find((action) => action.command === command) ?? null
}

/** Roll back as the core offers it now, unblocked; null otherwise. */
export function openRollBack(service: ServiceView | null): { readonly view: ReleaseView; readonly action: Action } | null {
  const view = service?.release ?? null
  const action = findAction(view, 'rollBack')
  return view && action && action.blocks.length === 0 ? { view, action } : null
}

/** Which service Ctrl Shift B means: the one in view, otherwise the first where something can be taken back and nothing is done yet. */
export function rollBackTarget(selected: ServiceView | null, services: readonly ServiceView[]): ServiceView | null {
  if (openRollBack(selected)) return selected
  const candidates = services.filter((service) => openRollBack(service))
  const urgent = candidates.find((service) => service.health === 'failing') ?? candidates.find((service) => service.release?.release.endedAt === null)
  return urgent ?? candidates[0] ?? null
}
