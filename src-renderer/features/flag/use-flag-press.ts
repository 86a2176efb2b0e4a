import { useQueryClient } from '@tanstack/react-query'
import type { FlagView, RolloutAction, RolloutView } from '../../../src-main/contract/flag.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { flagId } from '../../lib/live-flags.ts'
import { useValue } from '../../lib/value-store.ts'

/** The newest act on a flag on this screen, if any. */
export function useFlagAct(source: string, key: string) {
  const { flagActs } = useConsole()
  return useValue(flagActs.state, (all) => all.get(flagId(source, key)) ?? null)
}

export function findRolloutAction(view: RolloutView | null, command: RolloutAction['command'], variant?: string): RolloutAction | null {
  return view?.actions.find((action) => action.command === command && (variant === undefined || action.variant === variant)) ?? null
}

/** Sends one of a rollout's actions, once per press, on the revision the operator saw. */
export function usePressRollout() {
  const { flagActs, session } = useConsole()
  return ({ rollout }: RolloutView, action: RolloutAction, reason = '') =>
    flagActs.press({
      source: rollout.source,
      key: rollout.flag,
      command: action.command,
      label: action.label,
      send: (operationId) =>
        session.call((client) =>
          client.flag.command({
            rollout: rollout.id,
            command: action.command,
            // What takes exposure back is decided on what is seen now, whatever happened in between.
            ...(action.command === 'rollBack' || action.command === 'kill' ? {} : { expectedRevision: rollout.revision }),
            ...(action.variant === undefined ? {} : { variant: action.variant }),
            reason,
            operationId,
          }),
        ),
    })
}

/** Kill and archive: of the flag itself, rollout or not. */
export function usePressFlag() {
  const { flagActs, session } = useConsole()
  const queries = useQueryClient()
  return (command: 'kill' | 'archive', source: string, key: string, label: string, reason = '') =>
    flagActs.press({
      source,
      key,
      command,
      label,
      send: (operationId) =>
        session.call(async (client) => {
          const after: FlagView = await client.flag[command]({ source, flag: key, reason, operationId })
          queries.setQueryData(['flag.get', source, key], after)
          // A kill ends a rollout that may still be on its way back.
          return command === 'kill' && after.rollout && !after.rollout.ended ? after.rollout : null
        }),
    })
}

/** Does an action the way its weight asks for: at once, or after a confirm. */
export function useRunRollout() {
  const { ui } = useConsole()
  const press = usePressRollout()
  return (view: RolloutView, action: RolloutAction) => {
    if (action.blocks.length > 0) return
    const { source, flag: key } = view.rollout
    const { command } = action
    const asks = command === 'rollBack' || command === 'kill' || command === 'finish' || command === 'abandon' || action.needsReason === true
    if (asks) ui.set((before) => ({ ...before, palette: false, flagConfirm: { source, key, command, ...(action.variant === undefined ? {} : { variant: action.variant }) } }))
    else void press(view, action)
  }
}

/** Opens the kill switch's confirm, whatever screen is there. */
export function useOpenKill() {
  const { ui } = useConsole()
  return (source: string, key: string) => ui.set((before) => ({ ...before, palette: false, confirm: null, migrationConfirm: null, flagConfirm: { source, key, command: 'kill' } }))
}
