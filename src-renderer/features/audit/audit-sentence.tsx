import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Icon } from '../../components/icons.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { Since } from '../../components/time.tsx'
import { formatCount, formatDuration, shortHash } from '../../lib/format.ts'
import type { VerifyState } from './verify.ts'

/** What is known of the chain, by whom and since when. */
export function AuditSentence({ status, verify }: { readonly status: SystemStatus | null; readonly verify: VerifyState }) {
  switch (verify.kind) {
    case 'idle':
      return (
        <>
          Not verified on this screen yet. Head <span className="mono text-ink-1">{status ? shortHash(status.journal.head) : ''}</span>
        </>
      )
    case 'running':
      return (
        <>
          <Icon name="run" /> Verifying entry {formatCount(verify.done)} of {formatCount(verify.total)}
        </>
      )
    case 'failed':
      return <StateMark state="unknown">{`Could not verify: ${verify.fault.message} ${verify.fault.next}`}</StateMark>
    case 'done':
      return verify.result.ok ? (
        <>
          <Icon name="pass" /> Chain verified <Since at={verify.at} /> ago in {formatDuration(Math.round(verify.result.tookMs))}, entries 1 to {formatCount(verify.result.count)}. {verify.result.checkpoint} Head <span className="mono text-ink-1">{shortHash(verify.result.head)}</span>
        </>
      ) : (
        <StateMark state="fail">
          The chain breaks at entry {formatCount(verify.result.problem?.seq ?? 0)}: {verify.result.problem?.what}
        </StateMark>
      )
  }
}
