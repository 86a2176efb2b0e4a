import { useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { useConnection, useConsole } from '../../lib/console-context.tsx'
import { formatClock, plural } from '../../lib/format.ts'
import type { Client } from '../../lib/session.ts'
import { toFault } from '../../lib/session.ts'

type Checks = Awaited<ReturnType<Client['system']['testConnection']>>['checks']

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' }
  | { readonly kind: 'done'; readonly checks: Checks; readonly at: number }
  | { readonly kind: 'failed'; readonly fault: FaultData }

/** Asks a provider everything that could be missing, and shows each answer with what to do about it. */
export function ConnectionTest({ provider, label = provider, act = 'Test connection' }: { readonly provider: string; readonly label?: string; readonly act?: string }) {
  const { session, store } = useConsole()
  const connected = useConnection().kind === 'live'
  const [state, setState] = useState<State>({ kind: 'idle' })
  const test = async () => {
    if (state.kind === 'running') return
    setState({ kind: 'running' })
    try {
      const { checks } = await session.call((client) => client.system.testConnection({ provider }))
      setState({ kind: 'done', checks, at: store.now() })
    } catch (error) {
      setState({ kind: 'failed', fault: toFault(error) })
    }
  }
  return (
    <div className="grid gap-2">
      <p className="flex flex-wrap items-center gap-3">
        <Button off={state.kind === 'running' || !connected} onClick={() => void test()}>
          {state.kind === 'running' ? 'Testing' : act}
          <span className="sr-only"> to {label}</span>
        </Button>
        <span role="status" className="text-12 text-ink-2">
          {connected ? verdict(state, act === 'Test connection') : 'Off because it is not connected to the core.'}
        </span>
      </p>
      {state.kind === 'failed' && <FaultNote fault={state.fault} onRetry={() => void test()} />}
      {state.kind === 'done' && (
        <ul aria-label={`Checks of ${label}`} className="border-t border-line-1">
          {state.checks.map((check) => (
            <li key={check.name} className="grid grid-cols-[18px_132px_minmax(0,1fr)] items-baseline gap-2 border-b border-line-1 py-1">
              <Icon name={check.ok ? 'pass' : 'fail'} className={`self-center ${check.ok ? 'text-ink-2' : 'text-fail'}`} />
              <span className="font-medium">
                {check.name}
                <span className="sr-only">{check.ok ? ': as it should be' : ': missing'}</span>
              </span>
              <span className="min-w-0 [overflow-wrap:anywhere] text-ink-2">
                {check.detail}
                {check.next && <span className="block text-ink-1">Next: {check.next}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

function verdict(state: State, onlyAsks: boolean): string {
  if (state.kind !== 'done') return state.kind === 'idle' && onlyAsks ? 'Asks for everything that could be missing. Changes nothing.' : ''
  const missing = state.checks.filter((check) => !check.ok).length
  return `${missing === 0 ? `All ${plural(state.checks.length, 'check')} passed` : `${missing} of ${plural(state.checks.length, 'check')} failed`} at ${formatClock(state.at)} UTC.`
}
