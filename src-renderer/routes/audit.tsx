import { useNavigate, useSearch } from '@tanstack/react-router'
import { AnyBackLever } from '../features/acts/any-back-lever.tsx'
import { AuditBody } from '../features/audit/audit-body.tsx'
import { useTitle } from '../lib/console-context.tsx'

export function AuditRoute() {
  const search = useSearch({ from: '/audit' })
  const navigate = useNavigate()
  useTitle('Audit')
  return (
    <AuditBody
      search={search}
      // Moving through entries and typing are not steps to go Back over; a filter is.
      onSearch={(next) => void navigate({ to: '/audit', search: next, replace: next.q !== search.q || next.entry !== search.entry })}
      back={<AnyBackLever />}
    />
  )
}
