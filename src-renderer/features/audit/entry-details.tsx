import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { JournalEntry } from '../../../src-main/contract/journal.ts'
import { CopyButton } from '../../components/copy-button.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useConsole, useLiveJournal } from '../../lib/console-context.tsx'
import { shortSummary } from '../../lib/entry-summary.ts'
import { formatCount, formatDuration, formatInstant, shortHash } from '../../lib/format.ts'
import { journalQuery } from '../../lib/queries.ts'
import { DiffView } from './diff-view.tsx'
import { OutcomeWord } from './entry-words.tsx'
import { EvidenceView } from './evidence-view.tsx'

const KNOWN_WORDS = { selfDeclared: 'self-declared', osUser: 'OS account', system: 'the console itself' } as const

/** Who, what, when, why, before and after, on what evidence, and its place in the chain. */
export function EntryDetails({ entry }: { readonly entry: JournalEntry }) {
  return (
    <>
      <section>
        <PaneHeading title={`Entry ${formatCount(entry.seq)}`} end={<CopyButton label="Copy link" text={() => `${window.location.href.split('#')[0]}#/audit?entry=${entry.seq}`} />} />
        <p className="px-4 pb-1.5 text-14 leading-5 font-semibold">
          <PlaceText text={entry.summary} />
        </p>
        <Facts
          rows={[
            ['who', `${entry.operator.name}${entry.operator.email ? `, ${entry.operator.email}` : ''} (${KNOWN_WORDS[entry.operator.known]}, ${entry.operator.id})`],
            ['when', formatInstant(entry.at)],
            ['why', entry.reason || <span key="n" className="text-ink-3">no reason given</span>],
            ...(entry.ticket ? ([['ticket', entry.ticket]] as const) : []),
            ['act', `${entry.action}, ${entry.kind}`],
            ['outcome', <OutcomeWord key="o" entry={entry} />],
            ...(entry.target.service === undefined ? [] : ([['service', <ServiceLink key="s" name={entry.target.service} />]] as const)),
            ...(entry.target.migration === undefined ? [] : ([['migration', <MigrationLink key="m" id={entry.target.migration} />]] as const)),
            ...(entry.target.flag === undefined ? [] : ([['flag', <FlagLink key="f" flag={entry.target.flag} />]] as const)),
            ...(entry.target.releaseId === undefined ? [] : ([['release', <ReleaseLink key="r" id={entry.target.releaseId} />]] as const)),
            ['workspace', <span key="w" className="mono" title={entry.workspaceDigest}>{shortHash(entry.workspaceDigest) || 'none'}</span>],
            ...(entry.emergency ? ([['emergency', 'written to the emergency file first, merged later']] as const) : []),
          ]}
        />
      </section>
      {(entry.before !== null || entry.after !== null) && (
        <section className="pb-2">
          <PaneHeading title={entry.before === null ? 'What it says' : 'Before and after'} />
          <DiffView before={entry.before} after={entry.after} />
        </section>
      )}
      <SameOperation entry={entry} />
      {entry.evidence !== null && (
        <section className="pb-2">
          <PaneHeading title="Evidence" />
          <EvidenceView value={entry.evidence} />
        </section>
      )}
      <section className="pb-2">
        <PaneHeading title="Proof" />
        <Facts
          rows={[
            ['this entry', <Hash key="h" hash={entry.hash} />],
            ['before it', <Hash key="p" hash={entry.previousHash} />],
            ['its body', <Hash key="b" hash={entry.bodyHash} />],
            ['written by', `host ${entry.hostId}, version ${entry.appVersion}`],
          ]}
        />
      </section>
    </>
  )
}

function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[84px_minmax(0,1fr)] px-4 pb-2 text-12 leading-5">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function Hash({ hash }: { readonly hash: string }) {
  return (
    <span className="mono" title={hash}>
      {shortHash(hash, 4)}
    </span>
  )
}

function ServiceLink({ name }: { readonly name: string }) {
  return (
    <Link to="/services/$name" params={{ name }} className="link">
      {name}
    </Link>
  )
}

function MigrationLink({ id }: { readonly id: string }) {
  return (
    <Link to="/migrations/$id" params={{ id }} className="link">
      {id}
    </Link>
  )
}

/** `<source>/<key>`; a key may hold slashes too. */
function FlagLink({ flag }: { readonly flag: string }) {
  const at = flag.indexOf('/')
  return (
    <Link to="/flags/$source/$key" params={{ source: flag.slice(0, at), key: flag.slice(at + 1) }} className="link">
      {flag.slice(at + 1)}
    </Link>
  )
}

function ReleaseLink({ id }: { readonly id: string }) {
  return (
    <Link to="/audit/release/$id" params={{ id }} className="link">
      {id}, its report
    </Link>
  )
}

/** Every entry of the same act, in order, with the time between them: intent, sent, accepted, read back. */
function SameOperation({ entry }: { readonly entry: JournalEntry }) {
  const { session } = useConsole()
  const live = useLiveJournal()
  const query = useQuery(journalQuery(session, { text: '', operationId: entry.operationId }, 50))
  const known = query.data?.entries ?? []
  const fresh = live.filter((each) => each.operationId === entry.operationId && !known.some((other) => other.seq === each.seq))
  const steps = [...known, ...fresh].toSorted((a, b) => a.seq - b.seq)
  const first = steps[0]
  const last = steps.at(-1)
  if (!first || !last || steps.length < 2) return null
  return (
    <section className="pb-2">
      <PaneHeading title="What happened" end={formatDuration(last.at - first.at)} />
      {steps.map((step) => (
        <Link
          key={step.seq}
          to="/audit"
          search={(before: Readonly<Record<string, unknown>>) => ({ ...before, entry: step.seq })}
          aria-current={step.seq === entry.seq ? 'true' : undefined}
          className={`grid grid-cols-[64px_minmax(0,1fr)_auto] gap-x-2 px-4 text-12 leading-5 hover:bg-bg-2 ${step.seq === entry.seq ? 'font-medium' : 'text-ink-2'}`}
        >
          <time className="text-ink-3" title={formatInstant(step.at)}>
            +{formatDuration(step.at - first.at)}
          </time>
          <span className="truncate" title={step.summary}>
            <PlaceText text={shortSummary(step)} square={false} />
          </span>
          <OutcomeWord entry={step} />
        </Link>
      ))}
    </section>
  )
}
