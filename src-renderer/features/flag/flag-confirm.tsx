import { Dialog as Radix } from 'radix-ui'
import { useState } from 'react'
import type { RolloutAction, RolloutView } from '../../../src-main/contract/flag.ts'
import { Button, Kbd } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { TextField } from '../../components/field.tsx'
import { focusBack } from '../../components/focus-back.ts'
import { BackLever } from '../../components/lever.tsx'
import { resultLook, VerdictMark } from '../../components/verdict-mark.tsx'
import { useBandEdge } from '../../lib/band-edge.ts'
import { useConsole, useStatus } from '../../lib/console-context.tsx'
import { useValue } from '../../lib/value-store.ts'
import { useActingOff } from '../acts/acting.ts'
import { findRolloutAction, usePressFlag, usePressRollout } from './use-flag-press.ts'
import { useFlagView } from './use-flag-view.ts'

/** Closes what a double click on the lever would otherwise close or confirm. */
const DOUBLE_CLICK_MS = 450
/** A key held on the lever repeats sooner than anybody reads what it does. */
const REPEAT_MS = 150

/** What is asked before an act on a flag: its effect, in the core's words. Over whatever screen. */
export function FlagConfirm() {
  const { ui } = useConsole()
  const confirm = useValue(ui, (state) => state.flagConfirm)
  const { view } = useFlagView(confirm?.source ?? '', confirm?.key ?? '', confirm !== null)
  const press = usePressRollout()
  const pressFlag = usePressFlag()
  const close = () => ui.set((before) => ({ ...before, flagConfirm: null }))
  if (!confirm) return null
  const { source, key, command } = confirm
  const rollout = view?.rollout ?? null
  if (command === 'kill') {
    // The kill switch waits for nothing that has to be fetched first.
    const label = view?.kill.label ?? 'Kill: everyone gets the safe variant'
    return <TakeBack key={`${source} ${key}`} title={`Kill ${key}?`} words={view ? `${KILL_WORDS(view.kill.variant)} ${view.kill.effect}` : KILL_WORDS(null)} label="Kill now" blocked={view?.kill.blocks[0]?.reason ?? null} ends={rollout && !rollout.ended ? 'its rollout ends' : 'the reason may be given later'} onSubmit={(reason) => void pressFlag('kill', source, key, label, reason)} onClose={close} />
  }
  if (command === 'archive') {
    if (!view) return null
    return <Ask title={`${view.archive.label} ${key}?`} words={view.archive.effect} label={view.archive.label} blocked={view.archive.blocks[0]?.reason ?? null} onSubmit={(reason) => void pressFlag('archive', source, key, view.archive.label, reason)} onClose={close} />
  }
  const action = findRolloutAction(rollout, command, confirm.variant)
  if (!view) return null
  if (!rollout || !action) return <Ask title={`${key} has moved on`} words={view.rollout?.next ?? 'There is no rollout of it under way.'} label={null} blocked={null} onSubmit={() => undefined} onClose={close} />
  if (command === 'rollBack') return <TakeBack key={rollout.rollout.id} title={`Roll back ${key}?`} words={action.effect} label="Roll back now" blocked={action.blocks[0]?.reason ?? null} ends="its rollout ends" onSubmit={(reason) => void press(rollout, action, reason)} onClose={close} />
  return <Ask title={`${action.label}?`} words={`${action.effect}${action.needsReason ? ' Not every criterion has said yes: this overrules them.' : ''}`} label={action.label} blocked={action.blocks[0]?.reason ?? null} doubts={action.needsReason ? rollout : null} onSubmit={(reason) => void press(rollout, action, reason)} onClose={close} />
}

const KILL_WORDS = (variant: string | null) => `Everyone gets ${variant === null ? 'the safe variant' : `"${variant}"`} with the next evaluation, whatever their context. Rules and shares are taken away; the definition as it was stays in the journal.`

interface AskProps {
  readonly title: string
  readonly words: string
  /** Null: there is nothing to press. */
  readonly label: RolloutAction['label'] | null
  readonly blocked: string | null
  readonly doubts?: RolloutView | null
  readonly onSubmit: (reason: string) => void
  readonly onClose: () => void
}

/** Opens right under the lever; says exactly what it does; one more press does it. */
function TakeBack({ title, words, label, blocked: block, ends, onSubmit, onClose }: Omit<AskProps, 'label' | 'doubts'> & { readonly label: string; readonly ends: string }) {
  const off = useActingOff()
  const edge = useBandEdge()
  const status = useStatus()
  const [reason, setReason] = useState('')
  const [openedAt] = useState(() => performance.now())
  const blocked = off ?? block
  const submit = () => {
    if (blocked !== null || performance.now() - openedAt < REPEAT_MS) return
    onSubmit(reason.trim())
    onClose()
  }
  return (
    <Radix.Root open onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-x-0 bottom-0 z-40 bg-scrim" style={{ top: edge }} />
        <Radix.Content
          onCloseAutoFocus={focusBack}
          style={{ top: edge + 6, maxHeight: `calc(100vh - ${edge + 14}px)` }}
          className="fixed right-[7px] z-50 w-[480px] max-w-[calc(100vw-14px)] overflow-auto rounded-2 border border-line-3 bg-bg-2"
          onPointerDownOutside={(event) => {
            if (performance.now() - openedAt < DOUBLE_CLICK_MS) event.preventDefault()
          }}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault()
              submit()
            }}
          >
            <div className="flex items-start gap-4 pt-2 pr-2 pl-5">
              <Radix.Title className="min-w-0 flex-1 pt-2 text-16 [overflow-wrap:anywhere]">{title}</Radix.Title>
              <BackLever ref={(element) => element?.focus()} armed={blocked === null} label={label} detail={blocked ?? 'without a deploy'} shortcut="Enter" keys="Enter" onPress={submit} />
            </div>
            <Radix.Description className="px-5 pt-3 leading-[19px]">{words}</Radix.Description>
            {status && !status.journal.writable && <p className="px-5 pt-2 text-12 text-watch-ink">The journal cannot be written: this goes into the emergency file and is merged later. It works all the same.</p>}
            <TextField className="px-5 py-3" label="Reason" hint="optional now" placeholder="What you saw" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
            <div className="flex items-center gap-4 border-t border-line-1 py-2 pr-5 pl-3.5 text-12 text-ink-3">
              <Button look="bare" className="mr-auto" onClick={onClose}>
                Keep it as it is <Kbd>Esc</Kbd>
              </Button>
              {ends}
            </div>
          </form>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

function Ask({ title, words, label, blocked: block, doubts = null, onSubmit, onClose }: AskProps) {
  const off = useActingOff()
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState(false)
  const blocked = off ?? block
  return (
    <Dialog open onClose={onClose} title={title} description={words} className="w-[480px]">
      <form
        className="grid gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (blocked !== null || label === null) return
          if (doubts && reason.trim() === '') return setMissing(true)
          onSubmit(reason.trim())
          onClose()
        }}
      >
        {doubts && <Doubts view={doubts} />}
        {label !== null && <TextField label="Reason" hint={missing ? <span className="text-fail-ink">say why: it goes into the journal with your name</span> : doubts ? 'goes into the journal with your name' : 'optional'} value={reason} maxLength={2000} autoFocus onChange={(event) => setReason(event.target.value)} />}
        <div className="flex items-center justify-end gap-2">
          {blocked !== null && <span className="mr-auto text-12 text-ink-2">{blocked}</span>}
          <Button look="bare" onClick={onClose}>
            {label === null ? 'Close' : 'Keep it as it is'}
          </Button>
          {label !== null && (
            <Button type="submit" off={blocked !== null}>
              {label}
            </Button>
          )}
        </div>
      </form>
    </Dialog>
  )
}

/** What the guard has not said yes to. */
function Doubts({ view }: { readonly view: RolloutView }) {
  return (
    <ul aria-label="Not passed" className="border-y border-line-1 py-1.5">
      {view.rollout.analysis
        .filter((result) => result.verdict !== 'pass')
        .map((result) => (
          <li key={result.name} className="grid grid-cols-[minmax(0,1fr)_auto] gap-x-3">
            <span className="truncate font-medium">{result.name}</span>
            <VerdictMark look={resultLook(result)} />
            <span className="col-span-2 pb-1 text-12 leading-4 text-ink-2">{result.why}</span>
          </li>
        ))}
    </ul>
  )
}
