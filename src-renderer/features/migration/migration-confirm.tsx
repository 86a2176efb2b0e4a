import { useQuery } from '@tanstack/react-query'
import { Dialog as Radix } from 'radix-ui'
import { useState } from 'react'
import type { MigrationAction, MigrationView, SqlStep } from '../../../src-main/contract/migration.ts'
import { Button, Kbd } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { TextField } from '../../components/field.tsx'
import { focusBack } from '../../components/focus-back.ts'
import { BackLever } from '../../components/lever.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { migrationSqlQuery } from '../../lib/queries.ts'
import { useValue } from '../../lib/value-store.ts'
import { useActingOff } from '../acts/acting.ts'
import { StepSql } from './sql-pane.tsx'
import { findMigrationAction, usePressMigration } from './use-migration-press.ts'
import { useMigrationView } from './use-migration-view.ts'

/** Closes what a double click on the lever would otherwise close or confirm. */
const DOUBLE_CLICK_MS = 450
/** A key held on the lever repeats sooner than anybody reads what is undone. */
const REPEAT_MS = 150

/** What is asked before an act on a migration: its effect, in the core's words. Over whatever screen. */
export function MigrationConfirm() {
  const { ui } = useConsole()
  const confirm = useValue(ui, (state) => state.migrationConfirm)
  const view = useMigrationView(confirm?.id ?? '')
  const close = () => ui.set((before) => ({ ...before, migrationConfirm: null }))
  if (!confirm || !view) return null
  const action = findMigrationAction(view, confirm.command)
  if (confirm.command === 'rollBack') return <RollBack key={view.id} view={view} action={action} onClose={close} />
  if (!action || action.blocks.length > 0) return <Moved view={view} reason={action?.blocks[0]?.reason ?? view.next} onClose={close} />
  return action.command === 'repair' ? <Repair view={view} action={action} onClose={close} /> : <Irreversible key={view.id} view={view} action={action} onClose={close} />
}

interface PartProps {
  readonly view: MigrationView
  readonly onClose: () => void
}

/** It went on while the confirm was open. */
function Moved({ view, reason, onClose }: PartProps & { readonly reason: string }) {
  return (
    <Dialog open onClose={onClose} title={`${view.title || view.id} has moved on`} description={reason} className="w-[480px]">
      <div className="flex justify-end p-5">
        <Button onClick={onClose}>Close</Button>
      </div>
    </Dialog>
  )
}

/** Opens right under the lever; says exactly what is undone; one more press does it. */
function RollBack({ view, action, onClose }: PartProps & { readonly action: MigrationAction | null }) {
  const press = usePressMigration()
  const off = useActingOff()
  const edge = useBandEdge()
  const [reason, setReason] = useState('')
  const [openedAt] = useState(() => performance.now())
  const blocked = off ?? (action ? (action.blocks[0]?.reason ?? null) : 'There is nothing to take back.')
  const submit = () => {
    if (blocked !== null || !action || performance.now() - openedAt < REPEAT_MS) return
    void press(view, action, { reason: reason.trim() })
    onClose()
  }
  return (
    <Radix.Root open onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-x-0 bottom-0 z-40 bg-scrim" style={{ top: edge }} />
        <Radix.Content
          onCloseAutoFocus={focusBack}
          style={{ top: edge + 6, maxHeight: `calc(100vh - ${edge + 14}px)` }}
          className="fixed right-[7px] z-50 w-[480px] max-w-[calc(100vw-14px)] overflow-auto rounded-2 border border-line-3 bg-bg-2"
          onPointerDownOutside={(event) => {
            if (performance.now() - openedAt < DOUBLE_CLICK_MS) event.preventDefault()
          }}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault()
              submit()
            }}
          >
            <div className="flex items-start gap-4 pt-2 pr-2 pl-5">
              <Radix.Title className="min-w-0 flex-1 pt-2 text-16 [overflow-wrap:anywhere]">Roll back {view.title || view.id}?</Radix.Title>
              <BackLever ref={(element) => element?.focus()} armed={blocked === null} label="Roll back now" detail={blocked ?? action?.effect ?? ''} shortcut="Enter" keys="Enter" onPress={submit} />
            </div>
            <Radix.Description asChild>
              <p className="px-5 pt-3 leading-[19px]">
                <PlaceText text={view.rollBackWords || action?.effect || view.next} />
              </p>
            </Radix.Description>
            <TextField className="px-5 py-3" label="Reason" hint="optional" placeholder="What you saw" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
            <div className="flex items-center gap-4 border-t border-line-1 py-2 pr-5 pl-3.5 text-12 text-ink-3">
              <Button look="bare" className="mr-auto" onClick={onClose}>
                Keep it as it is <Kbd>Esc</Kbd>
              </Button>
              the record of this attempt stays
            </div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

/** Writes rows: says from which side, and how many. */
function Repair({ view, action, onClose }: PartProps & { readonly action: MigrationAction }) {
  const press = usePressMigration()
  const [reason, setReason] = useState('')
  return (
    <Dialog open onClose={onClose} title={`${action.label}?`} description={`${action.effect} Before and after of each row go into the record and the journal.`} className="w-[480px]">
      <form
        className="grid gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault()
          void press(view, action, { reason: reason.trim(), ids: 'all' })
          onClose()
        }}
      >
        <TextField label="Reason" hint="optional" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
        <div className="flex justify-end gap-2">
          <Button look="bare" onClick={onClose}>
            Keep them as they are
          </Button>
          <Button type="submit">{action.label}</Button>
        </div>
      </form>
    </Dialog>
  )
}

/** For what cannot be undone: shows the SQL it runs, and the migration's id is typed. */
function Irreversible({ view, action, onClose }: PartProps & { readonly action: MigrationAction }) {
  const press = usePressMigration()
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const matches = typed === view.id
  const step = useStep(view, 'drop')
  return (
    <Dialog open onClose={onClose} title={`${action.label}?`} description={`${action.effect} This cannot be undone: no roll back brings it back.`} className="w-[620px]">
      <form
        className="grid gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (!matches) return
          void press(view, action, { reason: reason.trim(), typed })
          onClose()
        }}
      >
        {step && (
          <div className="border border-line-1">
            <StepSql step={step} />
          </div>
        )}
        <TextField label={`Type ${view.id} to go on`} value={typed} autoComplete="off" spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
        <TextField label="Reason" hint="optional" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
        <div className="flex justify-end gap-2">
          <Button look="bare" onClick={onClose}>
            Keep it
          </Button>
          <Button type="submit" off={!matches}>
            {action.label}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

function useStep(view: MigrationView, step: SqlStep['step']): SqlStep | null {
  const { session } = useConsole()
  const { data } = useQuery(migrationSqlQuery(session, view.id, view.preflight?.digest ?? ''))
  return data?.find((each) => each.step === step) ?? null
}
