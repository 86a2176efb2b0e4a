import { useState } from 'react'
import type { FaultData } from '../../src-main/contract/fault.ts'
import { FaultNote } from '../components/fault-note.tsx'
import { Band, Skeleton } from '../components/pane.tsx'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { MetricSources } from '../features/settings/metric-sources.tsx'
import { About, Appearance, Connections, Section, WorkspaceFacts } from '../features/settings/settings-body.tsx'
import { TryCriterion } from '../features/settings/try-criterion.tsx'
import { IdentityForm } from '../features/workspace/identity-form.tsx'
import { WorkspaceProblems } from '../features/workspace/problems.tsx'
import { TrustForm } from '../features/workspace/trust-form.tsx'
import { useConsole, useStatus, useTitle } from '../lib/console-context.tsx'
import { toFault } from '../lib/session.ts'

export function SettingsRoute() {
  const status = useStatus()
  const { session, store } = useConsole()
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<FaultData | null>(null)
  useTitle('Settings')
  const reload = async () => {
    if (busy) return
    setBusy(true)
    setFault(null)
    try {
      await session.call((client) => client.workspace.reload())
      store.apply({ kind: 'status', status: await session.call((client) => client.system.status()) })
    } catch (error) {
      setFault(toFault(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Band title="Settings" sentence="What this console works with. What is released, and how, stands in the workspace file." levers={<AnyBackLever />} />
      <main tabIndex={0} aria-label="Settings" className="min-h-0 flex-1 overflow-auto bg-bg-1 -outline-offset-2">
        {status === null ? (
          <Skeleton />
        ) : (
          <>
            <Section title="Workspace">
              <WorkspaceFacts status={status} onReload={() => void reload()} busy={busy} />
              {fault && <FaultNote fault={fault} onDismiss={() => setFault(null)} />}
              {status.workspace.problems.length > 0 && <WorkspaceProblems workspace={status.workspace} />}
              {!status.workspace.trusted && status.workspace.problems.length === 0 && <TrustForm workspace={status.workspace} />}
            </Section>
            <Section title="Connections">
              <Connections status={status} />
              <MetricSources />
            </Section>
            <Section title="Criteria">
              <TryCriterion />
            </Section>
            <Section title="Identity">
              <p className="text-ink-2">
                You act as <b className="text-ink-1">{status.operator.name || status.operator.id}</b>
                {status.operator.email && ` (${status.operator.email})`}, role {status.role}. A name typed here is self-declared: the journal says so, and records the OS account beside it.
              </p>
              <IdentityForm key={status.operator.name} status={status} />
            </Section>
            <Section title="Appearance">
              <Appearance />
            </Section>
            <Section title="About">
              <About status={status} />
            </Section>
          </>
        )}
      </main>
    </>
  )
}
