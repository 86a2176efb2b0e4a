import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { FlagSummary, FlagView, RolloutView } from '../../../src-main/contract/flag.ts'
import { useConsole, useFlagLine, useLiveRollout } from '../../lib/console-context.tsx'
import { flagQuery } from '../../lib/flag-queries.ts'
import { toFault } from '../../lib/session.ts'

export interface OpenFlag {
  readonly view: FlagView | null
  readonly fault: FaultData | null
  readonly refetch: () => void
}

/** One flag: as it was read, with its rollout and its line as the stream has them. */
export function useFlagView(source: string, key: string, enabled = true): OpenFlag {
  const { session } = useConsole()
  const { data, error, refetch } = useQuery({ ...flagQuery(session, source, key), enabled: enabled && source !== '' && key !== '' })
  const rollout = useLiveRollout(source, key)
  const line = useFlagLine(source, key)
  const view = useMemo(() => (data ? withLive(data, rollout, line) : null), [data, rollout, line])
  return { view, fault: error ? toFault(error) : null, refetch: () => void refetch() }
}

/** What is newer of two rollouts of the same flag. */
export function withLive(view: FlagView, rollout: RolloutView | null, line: FlagSummary | null): FlagView {
  const mine = view.rollout
  const isNewer = rollout !== null && (mine === null || rollout.rollout.number > mine.rollout.number || (rollout.rollout.id === mine.rollout.id && rollout.rollout.revision >= mine.rollout.revision))
  return { ...view, rollout: isNewer ? rollout : mine, summary: line ? { ...view.summary, perMinute: line.perMinute, lastEvaluatedAt: line.lastEvaluatedAt } : view.summary }
}
