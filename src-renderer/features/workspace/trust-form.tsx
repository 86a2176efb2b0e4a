import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { WorkspaceView } from '../../../src-main/contract/workspace.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { useConsole, useServices } from '../../lib/console-context.tsx'
import { plural, shortHash } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'

/** Exactly what the workspace would run on this machine, and the button that lets it. */
export function TrustForm({ workspace }: { readonly workspace: WorkspaceView }) {
  const { session, store } = useConsole()
  const isInForce = useServices().length > 0
  const queries = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<FaultData | null>(null)
  const trust = async () => {
    if (busy) return
    setBusy(true)
    setFault(null)
    try {
      await session.call((client) => client.workspace.trust({ commandsDigest: workspace.commandsDigest }))
      const status = await session.call((client) => client.system.status())
      store.apply({ kind: 'status', status })
      await queries.invalidateQueries()
    } catch (error) {
      setFault(toFault(error))
    } finally {
      setBusy(false)
    }
  }
  const sent = workspace.commands.filter((command) => command.folder === '').length
  const ran = workspace.commands.length - sent
  return (
    <section aria-label="Trust" className="flex-none border-b border-line-1 bg-bg-2 px-4 py-3">
      <h2 className="text-14">
        {workspace.name} would run {plural(ran, 'command')} on this machine{sent > 0 ? ` and send to ${plural(sent, 'address', 'addresses')}` : ''}. {isInForce ? 'What was trusted before stays in force.' : 'Nothing has been started.'}
      </h2>
      <p className="text-ink-2">
        Read them first. The trust you give is kept for these very commands (<span className="mono">{shortHash(workspace.commandsDigest)}</span>) and is an entry of the journal; if a command changes, you are asked again.
      </p>
      <div className="my-2 max-h-56 overflow-auto border border-line-1 bg-bg-1" tabIndex={0} role="region" aria-label="Commands">
        <table className="w-full text-12">
          <thead className="text-11 text-ink-3">
            <tr className="[&>th]:px-3 [&>th]:py-1">
              <th scope="col">service</th>
              <th scope="col">when</th>
              <th scope="col">command</th>
              <th scope="col">in folder</th>
            </tr>
          </thead>
          <tbody>
            {workspace.commands.map((command) => (
              <tr key={`${command.service}${command.purpose}${command.command}`} className="border-t border-line-1 align-top [&>td]:px-3 [&>td]:py-1">
                <td className="whitespace-nowrap">{command.service}</td>
                <td className="whitespace-nowrap text-ink-2">{command.purpose}</td>
                <td className="font-mono break-all">{command.command}</td>
                <td className="font-mono break-all text-ink-2">{command.folder}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {fault && <FaultNote fault={fault} className="mb-2" onDismiss={() => setFault(null)} />}
      <Button className="h-[34px] px-4 text-13" off={busy} onClick={() => void trust()}>
        {busy ? 'Starting' : 'Trust and start'}
      </Button>
    </section>
  )
}
