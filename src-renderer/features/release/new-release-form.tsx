import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { Plan } from '../../../src-main/contract/plan.ts'
import type { ServiceView, VersionOption } from '../../../src-main/contract/service.ts'
import { otherEnvironment } from '../../../src-main/contract/vocabulary.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { TextArea, TextField } from '../../components/field.tsx'
import { Icon } from '../../components/icons.tsx'
import { Empty, PaneHeading, Skeleton } from '../../components/pane.tsx'
import { PlaceText } from '../../components/place.tsx'
import { useConnection, useConsole } from '../../lib/console-context.tsx'
import { plural } from '../../lib/format.ts'
import { newOperationId } from '../../lib/operation-id.ts'
import { nextVersion } from '../../lib/next-version.ts'
import { foresightQuery, versionsQuery } from '../../lib/queries.ts'
import { toFault } from '../../lib/session.ts'
import { draftPlan, planDifferences, readPlan, type PlanDraft } from './plan-draft.ts'
import { PlanEditor } from './plan-editor.tsx'
import { PlanPreview } from './plan-preview.tsx'
import { VersionPicker } from './version-picker.tsx'

/** What this form offers a way around: wait, or end the window. Every other block is for someone else to lift. */
const RESOLVED_HERE: ReadonlySet<string> = new Set(['releaseInProgress', 'rollbackWindow'])

/** Picks a version, shows what will happen, and starts it. */
export function NewReleaseForm({ service, preset }: { readonly service: ServiceView; readonly preset: string | null }) {
  const { session } = useConsole()
  const query = useQuery(versionsQuery(session, service.name))
  const [chosen, setChosen] = useState<string | null>(preset)
  const options = query.data ?? []
  const picked = options.find((option) => option.version === chosen && option.problem === null) ?? nextVersion(options, service.stable?.deployed.version ?? null)
  const target = service.stable ? otherEnvironment(service.stable.environment) : 'blue'
  return (
    <div className="grid min-h-0 flex-1 grid-cols-[minmax(0,1fr)_minmax(340px,420px)] bg-bg-1 narrow:flex narrow:flex-none narrow:flex-col">
      <section aria-label="Versions" className="flex min-h-0 flex-col">
        <PaneHeading title="Version" detail={query.data ? `${options.length} found` : undefined} end={<Button look="bare" onClick={() => void query.refetch()}>Look again</Button>} />
        <div className="min-h-0 flex-1 overflow-auto border-t border-line-1">
          {query.isPending && <Skeleton />}
          {query.isError && <FaultNote fault={toFault(query.error)} onRetry={() => void query.refetch()} />}
          {query.data && options.length > 0 && <VersionPicker options={options} picked={picked?.version ?? null} onPick={setChosen} />}
          {query.data?.length === 0 && <Empty title="No versions found">A version is a folder or a template the workspace names under versions. Put one there, then look again.</Empty>}
        </div>
      </section>
      <aside aria-label="What will happen" className="min-h-0 overflow-y-auto border-l border-line-1 narrow:overflow-visible narrow:border-t narrow:border-l-0">
        {picked ? (
          <PlanAndStart key={service.name} service={service} picked={picked} target={target} />
        ) : (
          <>
            <PaneHeading title="What will happen" />
            <p className="px-4 text-ink-3">Pick a version to see its plan.</p>
          </>
        )}
      </aside>
    </div>
  )
}

interface PickedProps {
  readonly service: ServiceView
  readonly picked: VersionOption
  readonly target: string
}

/** The workspace's plan, or the one somebody makes of it for this release; then the form that starts it. */
function PlanAndStart({ service, picked, target }: PickedProps) {
  const { session } = useConsole()
  const [draft, setDraft] = useState<PlanDraft | null>(null)
  const [editing, setEditing] = useState(false)
  const read = draft === null ? { plan: service.plan, errors: null } : readPlan(draft, service.plan)
  const differences = read.plan ? planDifferences(read.plan, service.plan) : []
  const changed = read.plan && differences.length > 0 ? read.plan : null
  const foresight = useQuery({ ...foresightQuery(session, service.name, changed ?? undefined), enabled: read.plan !== null && !editing })
  const edit = () => {
    setDraft((before) => before ?? draftPlan(service.plan))
    setEditing(true)
  }
  const reset = () => {
    setDraft(null)
    setEditing(false)
  }
  return (
    <>
      <PaneHeading
        title="What will happen"
        end={
          editing ? (
            <Button off={read.plan === null} onClick={() => setEditing(false)}>
              Show it
            </Button>
          ) : (
            <Button onClick={edit}>Change the plan</Button>
          )
        }
      />
      {(differences.length > 0 || read.errors) && (
        <p role="status" className="border-t border-line-1 bg-bg-2 px-4 py-2 text-12">
          <b className="font-medium">Differs from the workspace's plan</b>, for this release only{read.errors ? '' : `: ${differences.join('; ')}`}. The journal keeps it with the release.{' '}
          <button type="button" className="link" onClick={reset}>
            Use the workspace's plan
          </button>
        </p>
      )}
      {editing && draft !== null ? (
        <PlanEditor draft={draft} errors={read.errors} plan={service.plan} onChange={setDraft} />
      ) : (
        <div className="border-t border-line-1">{read.plan && <PlanPreview plan={read.plan} version={picked.version} environment={target} foresight={foresight.data ?? null} />}</div>
      )}
      <StartForm service={service} picked={picked} target={target} plan={changed} errors={read.errors?.size ?? 0} />
    </>
  )
}

interface StartProps extends PickedProps {
  /** Instead of the workspace's. */
  readonly plan: Plan | null
  /** How much of what was typed is no plan. */
  readonly errors: number
}

function StartForm({ service, picked, target, plan, errors }: StartProps) {
  const { session, acts } = useConsole()
  const connection = useConnection()
  const navigate = useNavigate()
  const [reason, setReason] = useState('')
  const [ticket, setTicket] = useState('')
  const [notes, setNotes] = useState('')
  const [fault, setFault] = useState<FaultData | null>(null)
  const [busy, setBusy] = useState(false)
  // The same form sent twice is the same act, also when the first answer got lost.
  const operation = useRef<{ readonly of: string; readonly id: string } | null>(null)
  const blocks = service.newReleaseBlocks
  const off = connection.kind !== 'live' ? 'Off because it is not connected.' : errors > 0 ? `Off because the plan has ${plural(errors, 'error')}.` : null
  const rules = blocks.map((block) => block.rule)
  const canWait = blocks.length > 0 && rules.every((rule) => RESOLVED_HERE.has(rule))

  const send = async (how: { readonly queue: boolean; readonly endRollbackWindow: boolean }) => {
    if (busy) return
    const of = JSON.stringify([picked.version, how.queue, plan])
    if (operation.current?.of !== of) operation.current = { of, id: newOperationId() }
    const { id } = operation.current
    setBusy(true)
    setFault(null)
    try {
      await session.call((client) => client.release.create({ service: service.name, version: picked.version, reason: reason.trim(), ticket: ticket.trim(), notes: notes.trim(), start: true, ...(plan ? { plan } : {}), ...how, operationId: id }))
      acts.dismiss(service.name)
      await navigate({ to: '/services/$name', params: { name: service.name } })
    } catch (error) {
      const data = toFault(error)
      setFault(data)
      // A refusal used the id up; a lost answer did not.
      if (data.code !== 'disconnected') operation.current = null
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      className="grid gap-3 border-t border-line-1 p-4"
      onSubmit={(event) => {
        event.preventDefault()
        if (blocks.length === 0 && !off) void send({ queue: false, endRollbackWindow: false })
      }}
    >
      <TextField label="Reason" hint="why now; it is kept in the journal" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
      <TextField label="Ticket" hint="optional" value={ticket} maxLength={200} onChange={(event) => setTicket(event.target.value)} />
      <TextArea label="Notes" hint="optional" value={notes} maxLength={20_000} onChange={(event) => setNotes(event.target.value)} />
      {blocks.map((block) => (
        <p key={block.rule} className="flex gap-2">
          <Icon name="lock" className="mt-1" />
          <span>
            <PlaceText text={block.reason} /> <span className="text-ink-3">Unblocks: {block.unblocks}</span>
          </span>
        </p>
      ))}
      {fault && <FaultNote fault={fault} onDismiss={() => setFault(null)} />}
      <div className="sticky bottom-0 -mx-4 -mb-4 flex flex-wrap items-center gap-2 border-t border-line-1 bg-bg-1 px-4 py-2.5 narrow:static">
        <Button type="submit" className="h-[34px] px-4 text-13" off={busy || off !== null || blocks.length > 0}>
          {busy ? 'Sending' : `Deploy ${picked.version} to ${target}`}
        </Button>
        {canWait && rules.includes('rollbackWindow') && (
          <Button className="h-[34px]" off={busy || off !== null} onClick={() => void send({ queue: false, endRollbackWindow: true })}>
            End the rollback window and deploy
          </Button>
        )}
        {canWait && (
          <Button className="h-[34px]" off={busy || off !== null} onClick={() => void send({ queue: true, endRollbackWindow: false })}>
            Queue it
          </Button>
        )}
        {off && <p className="text-12 text-ink-3">{off}</p>}
      </div>
    </form>
  )
}
