import { Link } from '@tanstack/react-router'
import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Icon } from '../../components/icons.tsx'
import { useConsole, useConnection, useLiveJournal, useNow } from '../../lib/console-context.tsx'
import { formatAge, formatCount, shortHash } from '../../lib/format.ts'

/** Small facts that are always there: the journal, the workspace, how fresh each provider is. */
export function StatusBar({ status }: { readonly status: SystemStatus | null }) {
  const { ui } = useConsole()
  const connection = useConnection()
  const newest = useLiveJournal().at(-1)
  const count = Math.max(status?.journal.count ?? 0, newest?.seq ?? 0)
  const head = newest && newest.seq >= (status?.journal.count ?? 0) ? newest.hash : (status?.journal.head ?? '')
  return (
    <footer className="flex h-6 flex-none items-center overflow-hidden narrow:h-auto narrow:min-h-6 narrow:flex-wrap border-t border-line-1 bg-bg-0 px-4 text-11 whitespace-nowrap text-ink-3 print:hidden [&>*+*]:ml-3 [&>*+*]:border-l [&>*+*]:border-line-1 [&>*+*]:pl-3">
      <Link to="/audit" className="hover:text-ink-1">
        journal <span className="text-ink-2">{formatCount(count)}</span> {count === 1 ? 'entry' : 'entries'}
        {head && (
          <>
            , head <span className="mono text-ink-2">{shortHash(head)}</span>
          </>
        )}
      </Link>
      {status?.workspace.digest && (
        <Link to="/settings" className="hover:text-ink-1">
          workspace <span className="mono text-ink-2">{status.workspace.digest.slice(0, 7)}</span>
        </Link>
      )}
      <span className="!ml-auto !border-l-0" />
      {status?.providers.map((provider) => (
        <Provider key={provider.name} {...provider} />
      ))}
      <span>{connection.kind === 'live' ? 'connected' : connection.kind === 'connecting' ? 'connecting' : 'disconnected'}</span>
      <button type="button" className="hover:text-ink-1" onClick={() => ui.set((before) => ({ ...before, keys: true }))}>
        <span className="mono">?</span> keys
      </button>
    </footer>
  )
}

function Provider({ name, ok, detail, lastAnswerAt }: SystemStatus['providers'][number]) {
  const now = useNow()
  return (
    <span title={detail} className={`inline-flex items-center gap-1.5 ${ok ? '' : 'text-fail-ink'}`}>
      {!ok && <Icon name="fail" size={10} />}
      {name} <span className={ok ? 'text-ink-2' : ''}>{lastAnswerAt === null ? 'no answer' : formatAge(now - lastAnswerAt)}</span>
    </span>
  )
}
