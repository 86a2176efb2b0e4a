import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { VerdictChange } from '../../../src-main/contract/analysis.ts'
import type { Release } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { releasesQuery, verdictsQuery } from '../../lib/queries.ts'

const NO_CHANGES: readonly VerdictChange[] = []
const NO_RELEASES: readonly Release[] = []

/** How verdicts on the service changed in the last `spanMs`, oldest first; asked for again when one of them changes. */
export function useVerdicts(service: ServiceView, spanMs: number) {
  const { session, store } = useConsole()
  const release = service.release?.release
  // What a judge says now is streamed with the service; only a change of it is worth asking again.
  const signature = `${release?.id ?? ''} ${release?.phase ?? ''} ${(release?.analysis ?? []).map((result) => `${result.name}${result.verdict}`).join()}`
  const query = useQuery({ ...verdictsQuery(session, service.name, spanMs, signature, store.now), placeholderData: keepPreviousData })
  const list = useQuery(releasesQuery(session, service.name))
  const releases = useMemo(() => {
    const listed = list.data?.map((view) => view.release) ?? NO_RELEASES
    return release ? [release, ...listed.filter(({ id }) => id !== release.id)] : listed
  }, [list.data, release])
  return { changes: query.data ?? NO_CHANGES, releases, query }
}
