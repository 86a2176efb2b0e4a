import { useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { toFault } from '../../lib/session.ts'

/** Name and e-mail for the journal. Never in the way: everything works before it is answered. */
export function IdentityForm({ status, onDone }: { readonly status: SystemStatus; readonly onDone?: () => void }) {
  const { session, store } = useConsole()
  const [name, setName] = useState(status.operator.known === 'selfDeclared' ? status.operator.name : '')
  const [email, setEmail] = useState(status.operator.email)
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<FaultData | null>(null)
  const submit = async () => {
    if (busy || name.trim() === '') return
    setBusy(true)
    setFault(null)
    try {
      const next = await session.call((client) => client.system.identify({ name: name.trim(), email: email.trim() }))
      store.apply({ kind: 'status', status: next })
      onDone?.()
    } catch (error) {
      setFault(toFault(error))
    } finally {
      setBusy(false)
    }
  }
  const box = 'h-[26px] rounded-2 border border-line-2 bg-bg-1 px-2 text-12'
  return (
    <form
      className="flex flex-wrap items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      <input aria-label="Your name" autoComplete="name" placeholder="Your name" value={name} maxLength={200} onChange={(event) => setName(event.target.value)} className={`${box} w-44`} />
      <input aria-label="Your e-mail" autoComplete="email" type="email" placeholder="E-mail" value={email} maxLength={200} onChange={(event) => setEmail(event.target.value)} className={`${box} w-52`} />
      <Button type="submit" off={busy || name.trim() === ''}>
        Save
      </Button>
      <span className="text-12 text-ink-3">self-declared, on the OS account {status.operator.id}</span>
      {fault && <FaultNote fault={fault} onDismiss={() => setFault(null)} />}
    </form>
  )
}
