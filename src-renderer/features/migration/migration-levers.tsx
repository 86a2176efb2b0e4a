import { DropdownMenu } from 'radix-ui'
import type { MigrationAction, MigrationView } from '../../../src-main/contract/migration.ts'
import { Icon } from '../../components/icons.tsx'
import { BackLever, Lever } from '../../components/lever.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { useKeys } from '../../lib/keys.ts'
import { useActingOff } from '../acts/acting.ts'
import { MIGRATION_ICONS, placeMigrationActions } from './slots.ts'
import { findMigrationAction, useMigrationAct, useRunMigration } from './use-migration-press.ts'

/** The levers of one migration: forward ones in fixed places, roll back always in the same corner. */
export function MigrationLevers({ view }: { readonly view: MigrationView }) {
  const { ui } = useConsole()
  const off = useActingOff()
  const act = useMigrationAct(view.id)
  const runAction = useRunMigration()
  const { places, rest } = placeMigrationActions(view.actions)
  const isBusy = act?.stage === 'sending'
  const run = (action: MigrationAction) => {
    if (off === null && !isBusy) runAction(view, action)
  }
  const back = findMigrationAction(view, 'rollBack')
  const canGoBack = back !== null && back.blocks.length === 0 && off === null
  const openBack = () => canGoBack && ui.set((before) => ({ ...before, palette: false, migrationConfirm: { id: view.id, command: 'rollBack' } }))
  useKeys({ b: () => void openBack() })
  // Nothing left to do: there is nothing to mistake a lever for.
  const isLoose = places.every((place) => place === null)
  return (
    <div role="group" aria-label={`Actions on ${view.id}`} className="flex items-center gap-2 narrow:w-full narrow:flex-wrap">
      {places.map((action, index) => {
        const slot = index === 0 ? 1 : index === 1 ? 2 : 3
        if (!action) return isLoose ? null : <span key={index} aria-hidden="true" className={`lever-gap lever-${slot}`} />
        const icon = MIGRATION_ICONS[action.command]
        return <Lever key={index} slot={slot} label={action.label} detail={action.effect} blocked={off ?? action.blocks[0]?.reason ?? null} busy={isBusy && act.command === action.command} {...(icon ? { icon } : {})} title={action.effect} onPress={() => run(action)} />
      })}
      {rest.length > 0 && <RestMenu actions={rest} off={off} run={run} />}
      {back ? (
        <BackLever armed={canGoBack} busy={isBusy && act.command === 'rollBack'} label={back.label} detail={off ?? back.blocks[0]?.reason ?? back.effect} title={off ?? back.blocks[0]?.reason ?? view.rollBackWords} shortcut="B" keys="B" onPress={() => void openBack()} />
      ) : (
        <BackLever armed={false} icon={view.phase === 'rolledBack' ? 'pass' : 'back'} label={view.phase === 'rolledBack' ? 'Rolled back' : view.phase === 'rollingBack' ? 'Rolling back' : 'Roll back migration'} detail={view.observed.kind === 'unknown' ? 'when the database answers' : view.phase === 'completed' ? 'past the point of no return' : view.phase === 'rollingBack' ? 'under way' : 'nothing to take back'} />
      )}
    </div>
  )
}

function RestMenu({ actions, off, run }: { readonly actions: readonly MigrationAction[]; readonly off: string | null; readonly run: (action: MigrationAction) => void }) {
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
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  )
}
