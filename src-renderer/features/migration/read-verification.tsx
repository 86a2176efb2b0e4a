import type { MigrationReading } from '../../../src-main/contract/migration.ts'
import { Icon, type IconName } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { Since } from '../../components/time.tsx'
import { formatCount } from '../../lib/format.ts'

interface LineProps {
  readonly icon: IconName
  readonly hue?: string
  readonly label: string
  readonly value: string
  readonly rest?: string
}

function Line({ icon, hue = 'text-ink-2', label, value, rest }: LineProps) {
  return (
    <div className="grid grid-cols-[18px_minmax(0,1fr)_auto] items-center gap-x-1.5 px-4 leading-6">
      <Icon name={icon} className={hue} />
      <span className="truncate">{label}</span>
      <span className="text-12 text-ink-3">
        <span className="text-ink-1">{value}</span>
        {rest && `, ${rest}`}
      </span>
    </div>
  )
}

/** Reads compared, keys read again, what applications reported, and repairs that should not have been needed. */
export function ReadVerification({ reading }: { readonly reading: MigrationReading }) {
  const { reads, written, reported, repairsAfterBackfill, lastPass } = reading.verification
  const { readsPerSecond } = reading.state.definition.verify
  const compared = reads.same + reads.different + reads.unverifiable
  const share = (count: number) => (compared === 0 || count === 0 ? '' : `${((100 * count) / compared).toPrecision(1)} %`)
  const added = reads.oldP50Ms !== null && reads.newP50Ms !== null ? reads.newP50Ms - reads.oldP50Ms : null
  const isSampled = written.sampledShare < 1
  return (
    <section aria-label="Read verification" className="pb-2">
      <PaneHeading title="Read verification" end={`${formatCount(readsPerSecond)} reads a second`} />
      <Line icon="pass" label="Same answer" value={formatCount(reads.same)} />
      <Line icon={reads.different > 0 ? 'watch' : 'pass'} hue={reads.different > 0 ? 'text-watch' : 'text-ink-2'} label="Different answer" value={formatCount(reads.different)} rest={share(reads.different)} />
      <Line icon="unknown" label="Could not compare" value={formatCount(reads.unverifiable)} rest={share(reads.unverifiable)} />
      <Line icon={added !== null && added > 1 ? 'watch' : 'pass'} hue={added !== null && added > 1 ? 'text-watch' : 'text-ink-2'} label="New read against old" value={added === null ? 'unknown' : `${added >= 0 ? '+' : '−'}${Math.abs(added).toFixed(2)} ms`} rest="median" />
      <Line icon={isSampled ? 'watch' : 'pass'} hue={isSampled ? 'text-watch' : 'text-ink-2'} label="Written keys read again" value={formatCount(written.checked)} rest={isSampled ? `${Math.round(written.sampledShare * 100)} % sampled: too many writes` : 'every one'} />
      {reported.same + reported.different > 0 && <Line icon={reported.different > 0 ? 'watch' : 'pass'} hue={reported.different > 0 ? 'text-watch' : 'text-ink-2'} label="Reported by the service" value={formatCount(reported.same)} rest={`${formatCount(reported.different)} different`} />}
      {repairsAfterBackfill > 0 && <Line icon="fail" hue="text-fail" label="Repairs after the backfill" value={formatCount(repairsAfterBackfill)} rest="past the triggers" />}
      {reading.quarantined > 0 && <Line icon="watch" hue="text-watch" label="In quarantine" value={formatCount(reading.quarantined)} rest="rejected by the new shape" />}
      <p className="px-4 pt-0.5 text-12 text-ink-3">
        {lastPass ? (
          <>
            Last full pass {lastPass.direction === 'oldToNew' ? 'old to new' : 'new to old'}: {formatCount(lastPass.rows)} rows, {formatCount(lastPass.mismatches)} mismatches, <Since at={lastPass.endedAt} /> ago.
          </>
        ) : (
          'No full pass has ended yet.'
        )}
      </p>
    </section>
  )
}
