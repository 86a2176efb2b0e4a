import { useState } from 'react'
import type { Action, ReleaseView } from '../../../src-main/contract/release.ts'
import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { TextArea } from '../../components/field.tsx'
import { PlaceText } from '../../components/place.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { useConsole, useNow, useService } from '../../lib/console-context.tsx'
import { formatClock } from '../../lib/format.ts'
import { useValue } from '../../lib/value-store.ts'
import { findAction, usePress } from './acting.ts'

const SPANS = [
  { ms: 15 * 60_000, label: '15 min' },
  { ms: 3_600_000, label: '1 h' },
  { ms: 4 * 3_600_000, label: '4 h' },
  { ms: 86_400_000, label: '1 day' },
] as const
const AT_FIRST: number = SPANS[1].ms

/** For what overrules the analysis: says what is in doubt, and asks why. One press after that does it. */
export function ReasonConfirm() {
  const { ui } = useConsole()
  const confirm = useValue(ui, (state) => state.confirm)
  const name = confirm?.command === 'reason' ? confirm.service : ''
  const view = useService(name)?.release ?? null
  const action = confirm?.act && view?.release.id === confirm.releaseId ? findAction(view, confirm.act) : null
  const close = () => ui.set((before) => ({ ...before, confirm: null }))
  if (confirm?.command !== 'reason') return null
  return (
    <Dialog open onClose={close} title={action ? `${action.label}?` : 'Nothing to overrule'} description={action ? (action.command === 'suspendGuard' ? action.effect : `${action.effect} The analysis has not said yes: this overrules it.`) : `${name} has moved on.`} className="w-[520px]">
      {view && action ? <ReasonForm key={`${confirm.releaseId} ${action.command}`} view={view} action={action} onClose={close} /> : null}
    </Dialog>
  )
}

function ReasonForm({ view, action, onClose }: { readonly view: ReleaseView; readonly action: Action; readonly onClose: () => void }) {
  const press = usePress()
  const now = useNow()
  const [reason, setReason] = useState('')
  const [forMs, setForMs] = useState(AT_FIRST)
  const [missing, setMissing] = useState(false)
  const suspends = action.command === 'suspendGuard'
  const blocked = action.blocks[0]?.reason ?? null
  const submit = () => {
    if (blocked !== null) return
    if (action.needsReason && reason.trim() === '') return setMissing(true)
    void press(view, action, { reason: reason.trim(), ...(suspends ? { forMs } : {}) })
    onClose()
  }
  return (
    <form
      className="grid gap-3 px-5 pt-3 pb-4"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <Doubts view={view} />
      {suspends && (
        <fieldset>
          <legend className="pb-1 text-12">
            For how long <span className="text-ink-3">until {formatClock(now + forMs)} UTC; then it is guarded again by itself</span>
          </legend>
          <div className="flex gap-4">
            {SPANS.map((span) => (
              <label key={span.ms} className="flex items-center gap-1.5">
                <input type="radio" name="for" checked={span.ms === forMs} onChange={() => setForMs(span.ms)} className="accent-(--ink-1)" />
                {span.label}
              </label>
            ))}
          </div>
        </fieldset>
      )}
      <TextArea
        label="Reason"
        hint={missing ? <span className="text-fail-ink">say why: it goes into the journal with your name</span> : 'goes into the journal with your name'}
        autoFocus
        rows={2}
        maxLength={2000}
        value={reason}
        aria-required
        aria-invalid={missing}
        placeholder={suspends ? 'Why nobody but people should take it back' : 'Why it may go on all the same'}
        onChange={(event) => {
          setReason(event.target.value)
          setMissing(false)
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) submit()
        }}
      />
      <div className="flex items-center justify-end gap-2">
        {blocked !== null && <span className="mr-auto text-12 text-ink-2">{blocked}</span>}
        <Button look="bare" onClick={onClose}>
          Keep it as it is
        </Button>
        <Button type="submit" off={blocked !== null}>
          <PlaceText text={action.label} square={false} />
        </Button>
      </div>
    </form>
  )
}

/** What the analysis has not said yes to, as the core says it now. */
function Doubts({ view }: { readonly view: ReleaseView }) {
  const doubts = view.release.analysis.filter((result) => result.verdict !== 'pass')
  if (doubts.length === 0) return null
  return (
    <ul aria-label="Not passed" className="border-y border-line-1 py-1.5">
      {doubts.map((result) => (
        <li key={result.name} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3">
          <span className="truncate font-medium">{result.name}</span>
          <VerdictMark look={resultLook(result)} />
          <span className="col-span-2 pb-1 text-12 leading-4 text-ink-2">
            <PlaceText text={result.why} square={false} />
          </span>
        </li>
      ))}
    </ul>
  )
}
