import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import type { Release, ReleaseView } from '../../../src-main/contract/release.ts'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Icon } from '../../components/icons.tsx'
import { PlaceText } from '../../components/place.tsx'
import { Since } from '../../components/time.tsx'
import { otherEnvironment } from '../../../src-main/contract/vocabulary.ts'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import { useConsole } from '../../lib/console-context.tsx'
import { formatClock, formatDuration } from '../../lib/format.ts'
import { NEWS_MS } from './criteria-shown.ts'
import { decidedValue, decidingEntry, wayBack } from './decided.ts'
import { newOperationId } from '../../lib/operation-id.ts'
import { toFault } from '../../lib/session.ts'

interface Trouble {
  readonly title: string
  /** What the judge said, in full. */
  readonly said: string
  readonly detail: string
  readonly at: number
  /** Someone decided it, nothing broke. */
  readonly calm: boolean
}

/** What happened, what it means for traffic, and the way on: for a release that stopped, goes back or went back. */
export function TroubleBanner({ service, entries, now }: { readonly service: ServiceView; readonly entries: readonly JournalEntry[]; readonly now: number }) {
  const view = service.release
  const trouble = view ? troubleOf(view, service) : null
  if (!view || !trouble || (view.ended && now - trouble.at > NEWS_MS)) return null
  const evidence = decidingEntry(entries, view.release.id) ?? entries.find((entry) => entry.target.releaseId === view.release.id && (entry.outcome === 'failed' || entry.action === 'release.rollBack' || entry.action === 'release.advance'))
  return (
    <section aria-label={trouble.calm ? 'What was taken back' : 'What went wrong'} className={`flex flex-none items-center gap-3.5 narrow:flex-wrap border-b border-line-1 px-4 py-2.5 ${trouble.calm ? 'bg-bg-2' : 'bg-fail-bg'}`}>
      {trouble.calm ? <Icon name="back" size={22} /> : <Icon name="fail" size={26} className="text-fail" />}
      <div className="min-w-0 flex-1 narrow:min-w-[70%]">
        <h2 className="text-16 leading-6">
          <PlaceText text={trouble.title} />
        </h2>
        <p className="leading-[18px] text-ink-2">
          {trouble.said && <PlaceText text={trouble.said} square={false} />}
          {view.release.phase === 'rolledBack' && readBackWords(entries, view.release.id)}
          {trouble.detail} <Since at={trouble.at} /> ago, {formatClock(trouble.at)}.
        </p>
      </div>
      {evidence && (
        <Link to="/audit" search={{ entry: evidence.seq }} className="inline-flex h-[26px] flex-none items-center rounded-2 border border-line-2 bg-bg-2 px-2.5 text-12 font-medium hover:border-line-3">
          Evidence, entry {evidence.seq}
        </Link>
      )}
      {view.release.rollback && view.release.rollback.reason === '' && view.release.rollback.by.known !== 'system' && <ReasonForm releaseId={view.release.id} />}
    </section>
  )
}

function troubleOf(view: ReleaseView, service: ServiceView): Trouble | null {
  const { release } = view
  const weights = service.observed.kind === 'known' ? service.observed.value.weights : null
  const traffic = weights ? `Traffic as read back: blue ${weights.blue} %, green ${weights.green} %.` : 'Where traffic is cannot be read now.'
  if (release.phase === 'rollingBack' || release.phase === 'rolledBack') {
    const { rollback } = release
    const bySystem = rollback?.by.known === 'system'
    const decided = bySystem ? decidedWords(release) : ''
    // A verdict in full is too long to be a headline; what a person wrote is theirs.
    const why = decided ? `: ${decided}` : rollback?.reason ? `: ${rollback.reason}` : ''
    const said = decided && rollback ? `${rollback.reason} ` : ''
    const who = rollback && !bySystem ? ` by ${rollback.by.name}` : ''
    const after = decided && rollback && release.trafficSince !== null ? ` after ${formatDuration(Math.round((rollback.at - release.trafficSince) / 100) * 100)}` : ''
    const to = release.stable ? ` to ${otherEnvironment(release.candidateEnvironment)} (${release.stable.version})` : ', out of service'
    const title = `${release.phase === 'rolledBack' ? 'Rolled back' : 'Rolling back'}${to}${who}${after}${why}`
    return { title: title.replace(/\.$/, ''), said, detail: release.phase === 'rolledBack' ? traffic : `${view.next} ${traffic}`, at: (release.phase === 'rolledBack' ? release.endedAt : null) ?? rollback?.at ?? release.createdAt, calm: !bySystem && rollback !== null && release.failure === null }
  }
  if (release.failure) return { title: release.failure.fault.message, said: '', detail: `${release.failure.fault.next} ${traffic}`, at: release.failure.at, calm: false }
  return null
}

/** "error ratio 4.1 %, limit 1 %": what took it back, as short as it can be said. Empty when the values are not known. */
function decidedWords(release: Release): string {
  const decided = decidedValue(release)
  return decided ? `${release.candidateEnvironment} ${decided.metric} ${decided.value}, limit ${decided.limit}` : ''
}

function readBackWords(entries: readonly JournalEntry[], releaseId: string): string {
  const { steps, tookMs } = wayBack(entries, releaseId)
  return tookMs === null ? '' : `Seen in the data plane ${formatDuration(tookMs)} after ${steps[0]?.action === 'analysis.failed' ? 'the verdict' : 'it was sent'}. `
}

function ReasonForm({ releaseId }: { readonly releaseId: string }) {
  const { session } = useConsole()
  const [open, setOpen] = useState(false)
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [fault, setFault] = useState<FaultData | null>(null)
  const submit = async () => {
    if (busy || reason.trim() === '') return
    setBusy(true)
    try {
      await session.call((client) => client.release.explain({ releaseId, reason: reason.trim(), operationId: newOperationId() }))
      setOpen(false)
    } catch (error) {
      setFault(toFault(error))
    } finally {
      setBusy(false)
    }
  }
  if (!open) return <Button onClick={() => setOpen(true)}>Write the reason</Button>
  return (
    <form
      className="flex flex-none items-center gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        void submit()
      }}
    >
      {fault && <FaultNote fault={fault} onDismiss={() => setFault(null)} />}
      <input autoFocus aria-label="Reason of the roll back" placeholder="What you saw" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} className="h-[26px] w-64 rounded-2 border border-line-2 bg-bg-1 px-2" />
      <Button type="submit" off={busy || reason.trim() === ''}>
        Save the reason
      </Button>
    </form>
  )
}
