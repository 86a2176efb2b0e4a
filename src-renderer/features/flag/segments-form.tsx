import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { z } from 'zod'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import { segmentSchema, type JsonValue, type Segment } from '../../../src-main/contract/flag-definition.ts'
import type { FlagSourceView } from '../../../src-main/contract/flag.ts'
import type { Json } from '../../../src-main/contract/journal.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { TextField } from '../../components/field.tsx'
import { Icon } from '../../components/icons.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { flagId } from '../../lib/live-flags.ts'
import { useActingOff } from '../acts/acting.ts'
import { ConditionsEditor, newCondition } from './conditions-editor.tsx'
import { ConflictNote } from './conflict-note.tsx'
import { BOX, Wrong } from './form-parts.tsx'
import { placeWords, readJson } from './json-text.ts'
import { errorsByPlace, type DraftErrors } from './rollout-draft.ts'

interface SegmentDraft {
  readonly key: number
  readonly segment: Segment
  /** Of one written by hand. */
  readonly logic: string | null
}

const draftOf = (segments: readonly Segment[]): readonly SegmentDraft[] => segments.map((segment, key) => ({ key, segment, logic: segment.rule.kind === 'handwritten' ? JSON.stringify(segment.rule.logic, null, 2) : null }))

/** All segments of a set, written at once. */
export function SegmentsForm({ source }: { readonly source: FlagSourceView }) {
  const { session, flagActs, store } = useConsole()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const off = useActingOff()
  const [base, setBase] = useState({ segments: source.segments, digest: source.digest })
  const [drafts, setDrafts] = useState(() => draftOf(source.segments))
  const [reason, setReason] = useState('')
  const [fault, setFault] = useState<FaultData | null>(null)
  const [busy, setBusy] = useState(false)
  const { segments, errors } = readSegments(drafts)
  const why = off ?? source.capabilities.segments ?? (errors ? 'errors' : same(segments, base.segments) ? 'nothing changed' : null)
  // The digest is of the whole set: a flag that changed is no conflict about segments, so it is only followed.
  const theirs = same(source.segments, base.segments) ? null : source.segments
  const digest = theirs === null ? source.digest : base.digest
  const put = (key: number, changes: Partial<SegmentDraft>) => setDrafts(drafts.map((draft) => (draft.key === key ? { ...draft, ...changes } : draft)))
  const save = async () => {
    if (!segments || busy || why !== null) return
    setBusy(true)
    setFault(null)
    const done = await flagActs.press({
      source: source.name,
      key: '',
      command: 'defineSegments',
      label: 'segments',
      send: (operationId) =>
        session.call(async (client) => {
          store.flags.putSource(await client.flag.defineSegments({ source: source.name, segments: [...segments], expectedDigest: digest, reason: reason.trim(), operationId }))
          return null
        }),
    })
    setBusy(false)
    if (done) {
      void queries.invalidateQueries({ queryKey: ['flag.get', source.name] })
      void navigate({ to: '/flags' })
    } else setFault(flagActs.state.get().get(flagId(source.name, ''))?.fault ?? null)
  }
  return (
    <div className="min-h-0 flex-1 overflow-y-auto -outline-offset-2 narrow:overflow-visible" tabIndex={0} role="region" aria-label={`Segments of ${source.name}`}>
      {theirs && (
        <ConflictNote
          what="the segments"
          began={asJson(base.segments)}
          theirs={asJson(theirs)}
          mine={segments ? asJson(segments) : null}
          onKeepMine={() => setBase({ segments: theirs, digest: source.digest })}
          onTakeTheirs={() => {
            setBase({ segments: theirs, digest: source.digest })
            setDrafts(draftOf(theirs))
          }}
        />
      )}
      <form
        aria-label={`Segments of ${source.name}`}
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <ol>
          {drafts.map((draft, index) => (
            <li key={draft.key} aria-label={`Segment ${index + 1}`} className="grid grid-cols-[180px_minmax(0,1fr)_auto] items-start gap-3 border-b border-line-1 px-4 py-2.5 narrow:grid-cols-1">
              <input aria-label={`Name of segment ${index + 1}`} className={`${BOX} font-medium`} value={draft.segment.name} onChange={(event) => put(draft.key, { segment: { ...draft.segment, name: event.target.value } })} />
              {draft.segment.rule.kind === 'conditions' ? (
                <ConditionsEditor label={draft.segment.name} value={draft.segment.rule} onChange={(rule) => put(draft.key, { segment: { ...draft.segment, rule: { ...rule, kind: 'conditions' } } })} />
              ) : (
                <div className="grid gap-1">
                  <span className="text-12 text-ink-3">written by hand, kept as it is</span>
                  <textarea aria-label={`Logic of segment ${index + 1}`} rows={4} spellCheck={false} className="mono w-full rounded-2 border border-line-2 bg-bg-0 px-3 py-2 text-12" value={draft.logic ?? ''} onChange={(event) => put(draft.key, { logic: event.target.value })} />
                </div>
              )}
              <Button look="bare" aria-label={`Remove segment ${draft.segment.name || index + 1}`} onClick={() => setDrafts(drafts.filter(({ key }) => key !== draft.key))}>
                <Icon name="close" />
              </Button>
              {[...(errors ?? [])].filter(([place]) => place.startsWith(`${index}.`)).map(([place, words]) => (
                <span key={place} className="col-span-full">
                  <Wrong>
                    {place.replace(`${index}.`, '').replace(/^rule\./, '')}: {words}
                  </Wrong>
                </span>
              ))}
            </li>
          ))}
        </ol>
        <div className="sticky bottom-0 flex flex-wrap items-end gap-2 border-t border-line-1 bg-bg-1 px-4 py-2.5 narrow:static">
          {fault && <FaultNote fault={fault} className="w-full" onDismiss={() => setFault(null)} onRetry={() => void save()} />}
          <Button className="h-[30px]" onClick={() => setDrafts([...drafts, { key: Math.max(-1, ...drafts.map(({ key }) => key)) + 1, segment: { name: '', rule: { kind: 'conditions', match: 'all', conditions: [newCondition()] } }, logic: null }])}>
            <Icon name="plus" /> Add a segment
          </Button>
          <TextField className="min-w-48 flex-1" label="Reason" hint="kept in the journal" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
          <Button type="submit" className="h-[30px] px-4" off={busy || why !== null}>
            {busy ? 'Writing' : 'Write them'}
          </Button>
          <Button look="bare" className="h-[30px]" onClick={() => void navigate({ to: '/flags' })}>
            Leave them as they are
          </Button>
          {why !== null && <span className="text-12 leading-[30px] text-ink-3">Off: {why}</span>}
        </div>
      </form>
    </div>
  )
}

function readSegments(drafts: readonly SegmentDraft[]): { readonly segments: readonly Segment[]; readonly errors: null } | { readonly segments: null; readonly errors: DraftErrors } {
  const errors = new Map<string, string>()
  const made = drafts.map(({ segment, logic }, index): Segment => {
    if (drafts.some((other, at) => at < index && other.segment.name === segment.name)) errors.set(`${index}.name`, 'there already')
    if (logic === null) return segment
    const read = readJson(logic)
    if (read.problem) errors.set(`${index}.rule.logic`, placeWords(read.problem))
    return { ...segment, rule: { kind: 'handwritten', logic: read.value as JsonValue } }
  })
  const parsed = z.array(segmentSchema).safeParse(made)
  if (!parsed.success) for (const [place, words] of errorsByPlace(parsed.error.issues)) if (!errors.has(place)) errors.set(place, words)
  return parsed.success && errors.size === 0 ? { segments: parsed.data, errors: null } : { segments: null, errors }
}

const asJson = (segments: readonly Segment[]) => JSON.parse(JSON.stringify(Object.fromEntries(segments.map(({ name, rule }) => [name, rule])))) as Json
const same = (a: readonly Segment[] | null, b: readonly Segment[]) => JSON.stringify(a) === JSON.stringify(b)
