import type { JournalEntry, ReleaseReport } from '../../../src-main/contract/journal.ts'
import type { ReleaseView } from '../../../src-main/contract/release.ts'
import { PlaceText } from '../../components/place.tsx'
import { formatClock, formatCount, formatInstant, shortHash } from '../../lib/format.ts'
import { phaseWords, planWords } from '../../lib/release-words.ts'
import { AnalysisEvidence } from '../service/analysis-evidence.tsx'
import { OutcomeWord } from './entry-words.tsx'
import { StoryStrip } from './release-story.tsx'
import { storyOf } from './story.ts'

/** One release on paper: who, what, when, why, on what evidence, and the checkpoint that lets the tail be checked. */
export function Report({ report, view, onSelect }: { readonly report: ReleaseReport; readonly view: ReleaseView | null; readonly onSelect: (seq: number) => void }) {
  const entries = report.entries.toSorted((a, b) => a.seq - b.seq)
  const story = storyOf(entries)
  const release = view?.release
  const people = [...new Set(entries.filter((entry) => entry.operator.known !== 'system').map((entry) => `${entry.operator.name}${entry.operator.email ? ` <${entry.operator.email}>` : ''} (${entry.operator.id})`))]
  return (
    <article aria-label="Release report" className="mx-auto max-w-[980px] px-6 py-6 print:max-w-none print:p-0 print:text-[#000]">
      <h2 className="text-20">
        Release {report.releaseId}
        {release && (
          <span className="font-medium text-ink-2">
            {' '}
            {release.service} <span className="mono">{release.candidate.version}</span>
          </span>
        )}
      </h2>
      {release && (
        <dl className="mt-3 grid grid-cols-[120px_minmax(0,1fr)] gap-y-0.5">
          <dt className="text-ink-3">outcome</dt>
          <dd className="font-medium">
            {phaseWords(release)}
            {release.rollback && `: ${release.rollback.reason || 'no reason given'}`}
          </dd>
          <dt className="text-ink-3">from</dt>
          <dd>{release.stable ? <span className="mono">{release.stable.version}</span> : 'nothing: the first release of the service'}</dd>
          <dt className="text-ink-3">environment</dt>
          <dd>
            <PlaceText text={release.candidateEnvironment} />
          </dd>
          <dt className="text-ink-3">plan</dt>
          <dd>{planWords(release.plan)}</dd>
          <dt className="text-ink-3">opened by</dt>
          <dd>
            {release.createdBy.name}, {formatInstant(release.createdAt)}
          </dd>
          <dt className="text-ink-3">reason</dt>
          <dd>{release.reason || 'none given'}</dd>
          {release.ticket && (
            <>
              <dt className="text-ink-3">ticket</dt>
              <dd>{release.ticket}</dd>
            </>
          )}
          {release.notes && (
            <>
              <dt className="text-ink-3">notes</dt>
              <dd className="whitespace-pre-wrap">{release.notes}</dd>
            </>
          )}
          <dt className="text-ink-3">people</dt>
          <dd>{people.join('; ') || 'none'}</dd>
          <dt className="text-ink-3">approvals</dt>
          <dd>{release.approvals.map((approval) => `${approval.by.name} for step ${approval.stepIndex + 1}, ${formatClock(approval.at)}, bound to ${shortHash(approval.digest)}`).join('; ') || 'none needed or given'}</dd>
        </dl>
      )}
      {story && (
        <div className="mt-4 border-t border-line-1 print:hidden">
          <StoryStrip releaseId={report.releaseId} story={story} entries={entries} onSelect={onSelect} />
        </div>
      )}
      {entries.filter((entry) => entry.action === 'analysis.failed' || entry.action === 'analysis.warned').map((entry) => (
        <section key={entry.seq} aria-label={`Verdict, entry ${entry.seq}`} className="-mx-4 mt-5 max-w-[760px]">
          <h3 className="mb-1 px-4 text-14">What decided, entry {formatCount(entry.seq)}</h3>
          <AnalysisEvidence value={entry.evidence} />
        </section>
      ))}
      <h3 className="mt-5 mb-1 text-14">What happened</h3>
      <table className="w-full text-12">
        <thead className="text-11 text-ink-3">
          <tr className="[&>th]:pr-3 [&>th]:pb-1">
            <th scope="col" className="text-right">
              entry
            </th>
            <th scope="col">time UTC</th>
            <th scope="col">who</th>
            <th scope="col">what and why</th>
            <th scope="col">outcome</th>
            <th scope="col">hash</th>
          </tr>
        </thead>
        <tbody>
          {entries.map((entry) => (
            <ReportRow key={entry.seq} entry={entry} />
          ))}
        </tbody>
      </table>
      <h3 className="mt-5 mb-1 text-14">Checkpoint</h3>
      <p>
        When this report was made, {formatInstant(report.checkpoint.at)}, the journal had {formatCount(report.checkpoint.count)} entries and the head
      </p>
      <p className="font-mono text-12 break-all">{report.checkpoint.head || 'none'}</p>
      <p className="text-ink-2">An export in which entry {formatCount(report.checkpoint.count)} has this hash holds everything up to it, unaltered. To check one, with nothing but Node:</p>
      <p className="font-mono text-12 break-all">
        npm run verify -- EXPORT.jsonl --checkpoint {report.checkpoint.count}:{report.checkpoint.head}
      </p>
    </article>
  )
}

function ReportRow({ entry }: { readonly entry: JournalEntry }) {
  return (
    <tr className="break-inside-avoid border-t border-line-1 align-top [&>td]:py-1 [&>td]:pr-3">
      <td className="mono text-right text-ink-3">{formatCount(entry.seq)}</td>
      <td className="mono whitespace-nowrap" title={formatInstant(entry.at)}>
        {new Date(entry.at).toISOString().slice(0, 10)} {formatClock(entry.at)}
      </td>
      <td>{entry.operator.name}</td>
      <td>
        <PlaceText text={entry.summary} />
        {entry.reason && <span className="block text-ink-2">Because: {entry.reason}</span>}
      </td>
      <td>
        <OutcomeWord entry={entry} />
      </td>
      <td className="mono text-ink-3" title={entry.hash}>
        {shortHash(entry.hash)}
      </td>
    </tr>
  )
}
