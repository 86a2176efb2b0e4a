import { useState } from 'react'
import { Dialog } from '../../components/dialog.tsx'
import { Button } from '../../components/button.tsx'
import { TextField } from '../../components/field.tsx'
import { useConsole, useService } from '../../lib/console-context.tsx'
import { useValue } from '../../lib/value-store.ts'
import { usePress } from './acting.ts'

/** For what cannot be undone: the service's name is typed. */
export function IrreversibleConfirm() {
  const { ui } = useConsole()
  const confirm = useValue(ui, (state) => state.confirm)
  if (confirm?.command !== 'irreversible') return null
  return <ConfirmFor key={confirm.service} name={confirm.service} onClose={() => ui.set((before) => ({ ...before, confirm: null }))} />
}

function ConfirmFor({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const view = useService(name)?.release ?? null
  const press = usePress()
  const [typed, setTyped] = useState('')
  const [reason, setReason] = useState('')
  const action = view?.actions.find((each) => each.weight === 'irreversible' && each.blocks.length === 0)
  if (!view || !action) return null
  const matches = typed === name
  return (
    <Dialog open onClose={onClose} title={`${action.label}?`} description={`${action.effect} This cannot be undone.`} className="w-[480px]">
      <form
        className="grid gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (!matches) return
          void press(view, action, { reason: reason.trim() })
          onClose()
        }}
      >
        <TextField label={`Type ${name} to go on`} value={typed} autoComplete="off" spellCheck={false} onChange={(event) => setTyped(event.target.value)} />
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
