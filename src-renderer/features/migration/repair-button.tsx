import type { MigrationView } from '../../../src-main/contract/migration.ts'
import { Button } from '../../components/button.tsx'
import { useActingOff } from '../acts/acting.ts'
import { findMigrationAction, useMigrationAct, usePressMigration } from './use-migration-press.ts'

/** Repairs some rows at once; whether it may is the core's word, shown in place. */
export function RepairButton({ view, ids, label }: { readonly view: MigrationView; readonly ids: readonly string[]; readonly label: string }) {
  const off = useActingOff()
  const press = usePressMigration()
  const isBusy = useMigrationAct(view.id)?.stage === 'sending'
  const action = findMigrationAction(view, 'repair')
  const why = off ?? (action ? (action.blocks[0]?.reason ?? null) : 'cannot be repaired in this phase')
  return (
    <>
      <Button off={why !== null || isBusy} title={action?.effect} onClick={() => action && void press(view, action, { ids, label })}>
        {label}
      </Button>
      {why !== null && <span className="text-ink-3">{why}</span>}
    </>
  )
}
