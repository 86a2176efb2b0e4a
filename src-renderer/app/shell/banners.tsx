import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Button } from '../../components/button.tsx'
import { Icon, type IconName } from '../../components/icons.tsx'
import { Since } from '../../components/time.tsx'
import { IdentityForm } from '../../features/workspace/identity-form.tsx'
import { TrustForm } from '../../features/workspace/trust-form.tsx'
import { WorkspaceProblems } from '../../features/workspace/problems.tsx'
import { useConnection, useReady, useServices } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'

/** What holds for the whole console, under the top bar: the gravest first. */
export function Banners({ status }: { readonly status: SystemStatus | null }) {
  return (
    <div className="flex-none print:hidden">
      <Disconnected />
      {status && (
        <>
          {!status.journal.writable && status.mode === 'control' && (
            <Banner tone="fail" icon="fail" alert title="The journal cannot be written: only roll back and the kill switch work.">
              {status.journal.problem} Both are kept in the emergency file and merged when the journal is back.
            </Banner>
          )}
          {status.mode !== 'control' && (
            <Banner tone="plain" icon="lock" title={status.mode === 'audit' ? 'Opened for audit: this console acts on nothing.' : 'Read only: this console acts on nothing.'}>
              {status.modeReason}
            </Banner>
          )}
          {status.workspace.problems.length > 0 && <Problems status={status} />}
          {status.workspace.problems.length === 0 && !status.workspace.trusted && status.workspace.commands.length > 0 && status.mode === 'control' && <TrustForm workspace={status.workspace} />}
          {status.identityNeeded && status.mode === 'control' && <Identity status={status} />}
        </>
      )}
    </div>
  )
}

function Banner({ tone, icon, title, children, end, alert = false }: { readonly tone: 'fail' | 'watch' | 'plain'; readonly icon: IconName; readonly title: ReactNode; readonly children?: ReactNode; readonly end?: ReactNode; readonly alert?: boolean }) {
  const look = { fail: 'bg-fail-bg', watch: 'bg-watch-bg', plain: 'bg-bg-2' }[tone]
  const hue = { fail: 'text-fail', watch: 'text-watch', plain: 'text-ink-1' }[tone]
  return (
    <div role={alert ? 'alert' : 'status'} className={`flex items-center gap-3.5 narrow:flex-wrap border-b border-line-1 px-4 py-2 ${look}`}>
      <Icon name={icon} size={18} className={hue} />
      <p className="min-w-0 narrow:flex-1">
        <b>{title}</b> <span className="text-ink-2">{children}</span>
      </p>
      {end && <span className="ml-auto flex flex-none gap-2">{end}</span>}
    </div>
  )
}

function Disconnected() {
  const connection = useConnection()
  const ready = useReady()
  if (connection.kind !== 'lost') return null
  if (!ready) {
    return (
      <Banner tone="fail" icon="unknown" alert title={connection.next ? connection.why : 'The console does not answer.'}>
        {connection.next || 'Trying again; start it with npm start. Traffic keeps flowing without it.'}
      </Banner>
    )
  }
  return (
    <Banner tone="fail" icon="unknown" alert title="Not connected to the core.">
      What you see is <Since at={connection.since} /> old, and nothing can be pressed until it is back. Traffic keeps flowing as it was set; a shift nobody guards is held or taken back, as its plan says. From a terminal: signalbox rollback SERVICE.
    </Banner>
  )
}

function Problems({ status }: { readonly status: SystemStatus }) {
  const [open, setOpen] = useState(false)
  const { problems } = status.workspace
  const isInForce = useServices().length > 0
  const first = problems[0]
  return (
    <>
      <Banner
        tone="fail"
        icon="fail"
        title={`${plural(problems.length, 'problem')} in the workspace file.`}
        end={
          <>
            <Button aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? 'Hide' : 'Show where'}
            </Button>
            <Link to="/settings" className="inline-flex h-[26px] items-center px-1.5 text-12 font-medium text-ink-2 hover:text-ink-1">
              Settings
            </Link>
          </>
        }
      >
        {isInForce ? 'What it said before stays in force.' : 'Nothing of it was started.'} {first && `Line ${first.place.line}: ${first.message}`}
      </Banner>
      {open && (
        <div className="max-h-[40vh] overflow-auto border-b border-line-1 bg-bg-1 p-4" tabIndex={0} role="region" aria-label="Problems of the workspace">
          <WorkspaceProblems workspace={status.workspace} />
        </div>
      )}
    </>
  )
}

const LATER = 'signalbox.identity-later'

function Identity({ status }: { readonly status: SystemStatus }) {
  const [hidden, setHidden] = useState(() => sessionStorage.getItem(LATER) === '1')
  if (hidden) return null
  return (
    <section aria-label="Who is acting" className="flex flex-wrap items-center gap-3 border-b border-line-1 bg-bg-1 px-4 py-1.5">
      <span>Who is acting? The journal writes it beside every act.</span>
      <IdentityForm status={status} />
      <Button
        look="bare"
        className="ml-auto"
        onClick={() => {
          sessionStorage.setItem(LATER, '1')
          setHidden(true)
        }}
      >
        Later
      </Button>
    </section>
  )
}
