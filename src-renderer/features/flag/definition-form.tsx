import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import { flagKeySchema, type FlagDefinition } from '../../../src-main/contract/flag-definition.ts'
import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { TextField } from '../../components/field.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { flagId } from '../../lib/live-flags.ts'
import { plural } from '../../lib/format.ts'
import { useActingOff } from '../acts/acting.ts'
import { ConflictNote } from './conflict-note.tsx'
import { DefinitionFields } from './definition-fields.tsx'
import { draftDefinition, emptyDefinition, readDefinition, type DefinitionDraft } from './definition-draft.ts'
import { DefinitionText, readText } from './definition-text.tsx'
import { plain } from './flag-journal.tsx'
import { PreviewPane } from './preview-pane.tsx'
import { ProblemList } from './problem-list.tsx'
import { useFlagCheck } from './use-flag-check.ts'

/** Somebody was faster. */
const isStale = (fault: FaultData | null) => fault?.code === 'staleGeneration' || fault?.code === 'staleRevision'

/** Making or changing a flag: a form for what the console can express, its text for everything else. */
export function DefinitionForm({ source, view }: { readonly source: FlagSourceView; readonly view: FlagView | null }) {
  const { session, flagActs } = useConsole()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const off = useActingOff()
  const [base, setBase] = useState(() => ({ definition: view?.definition ?? emptyDefinition('boolean'), version: view?.version ?? null }))
  const [draft, setDraft] = useState<DefinitionDraft>(() => draftDefinition(base.definition))
  /** As text; null: the form. */
  const [text, setText] = useState<string | null>(null)
  const [reason, setReason] = useState('')
  const [fault, setFault] = useState<FaultData | null>(null)
  const [busy, setBusy] = useState(false)
  const read = text === null ? readDefinition(draft) : readText(text, view?.summary.key ?? null)
  const { definition, errors } = read
  const problems = useFlagCheck(source.name, definition)
  const keyProblem = view === null && definition && !flagKeySchema.safeParse(definition.key).success ? 'letters, digits, . _ : - and a letter or digit first' : null
  const errorCount = (errors?.size ?? 0) + (keyProblem ? 1 : 0) + (problems ?? []).filter(({ level }) => level === 'error').length
  const isSame = definition !== null && view !== null && JSON.stringify(definition) === JSON.stringify(base.definition)
  const cannot = source.capabilities.define
  const hasNoKey = view === null && text === null && draft.definition.key === ''
  const why = off ?? cannot ?? (hasNoKey ? 'it has no key yet' : errorCount > 0 ? plural(errorCount, 'error') : isSame ? 'nothing changed' : null)
  const isConflict = view !== null && view.version !== base.version && (isStale(fault) || !isSame)

  const save = async () => {
    if (!definition || busy || why !== null) return
    setBusy(true)
    setFault(null)
    const done = await flagActs.press({
      source: source.name,
      key: definition.key,
      command: 'define',
      label: view === null ? 'New flag' : 'changed',
      send: (operationId) =>
        session.call(async (client) => {
          const after = await client.flag.define({ source: source.name, flag: definition.key, definition, expectedVersion: base.version, reason: reason.trim(), operationId })
          queries.setQueryData(['flag.get', source.name, definition.key], after)
          return null
        }),
    })
    setBusy(false)
    if (done) {
      void navigate({ to: '/flags/$source/$key', params: { source: source.name, key: definition.key } })
      return
    }
    const act = flagActs.state.get().get(flagId(source.name, definition.key))
    setFault(act?.fault ?? null)
    // What is there by now is needed to show the difference.
    if (isStale(act?.fault ?? null)) await queries.invalidateQueries({ queryKey: ['flag.get', source.name, definition.key] })
  }
  const restart = (to: FlagDefinition, version: string | null) => {
    setBase({ definition: to, version })
    setDraft(draftDefinition(to))
    setText((before) => (before === null ? null : JSON.stringify(to, null, 2)))
    setFault(null)
  }
  const showText = () => setText(JSON.stringify(definition ?? draft.definition, null, 2))
  const showForm = () => {
    if (definition) setDraft(draftDefinition(definition))
    setText(null)
  }
  const close = () => void (view ? navigate({ to: '/flags/$source/$key', params: { source: source.name, key: view.summary.key } }) : navigate({ to: '/flags' }))
  return (
    <div className="min-h-0 flex-1 overflow-y-auto -outline-offset-2 narrow:overflow-visible" tabIndex={0} role="region" aria-label={view ? `Edit ${view.summary.key}` : 'New flag'}>
      {isConflict && view && (
        <ConflictNote
          what="this flag"
          began={plain(base.definition)}
          theirs={plain(view.definition)}
          mine={definition ? plain(definition) : null}
          onKeepMine={() => {
            setBase((before) => ({ ...before, version: view.version }))
            setFault(null)
          }}
          onTakeTheirs={() => restart(view.definition, view.version)}
        />
      )}
      <form
        aria-label={view ? `Edit ${view.summary.key}` : 'New flag'}
        onSubmit={(event) => {
          event.preventDefault()
          void save()
        }}
      >
        <div className="flex h-9 items-center gap-3 border-b border-line-1 px-4 text-12">
          <div role="group" aria-label="How to edit" className="flex gap-3">
            <button type="button" aria-pressed={text === null} disabled={text !== null && !definition} onClick={() => text !== null && showForm()} className={`min-h-6 ${text === null ? 'font-semibold' : 'text-ink-3 hover:text-ink-1'}`}>
              Form
            </button>
            <button type="button" aria-pressed={text !== null} onClick={() => text === null && showText()} className={`min-h-6 ${text === null ? 'text-ink-3 hover:text-ink-1' : 'font-semibold'}`}>
              Text
            </button>
          </div>
          {text !== null && !definition && <span className="text-ink-3">The form comes back once the text can be read.</span>}
          <span className="ml-auto text-ink-3">
            {source.name}, {source.set}
          </span>
        </div>
        {text === null ? (
          <DefinitionFields draft={draft} errors={keyProblem ? new Map([...(errors ?? []), ['key', keyProblem]]) : errors} segments={source.segments} isNew={view === null} onChange={setDraft} />
        ) : (
          <DefinitionText text={text} errors={errors} onChange={setText} />
        )}
        <div className="sticky bottom-0 z-10 grid gap-2 border-t border-line-1 bg-bg-1 px-4 py-2.5 narrow:static">
          <ProblemList label="What the core says of it" problems={problems ?? []} />
          {fault && !isConflict && <FaultNote fault={fault} onDismiss={() => setFault(null)} onRetry={() => void save()} />}
          <div className="flex flex-wrap items-end gap-2">
            <TextField className="min-w-48 flex-1" label="Reason" hint="kept in the journal with before and after" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
            <Button type="submit" className="h-[30px] px-4" off={busy || why !== null}>
              {busy ? 'Writing' : view === null ? 'Make it' : 'Write it'}
            </Button>
            <Button look="bare" className="h-[30px]" onClick={close}>
              Leave it as it is
            </Button>
            {why !== null && <span className="text-12 leading-[30px] text-ink-3">Off: {why}</span>}
          </div>
        </div>
      </form>
      {definition && (
        <section aria-label="Try it before it is written" className="border-t border-line-1">
          <h2 className="px-4 pt-3 text-13">Try it before it is written</h2>
          <PreviewPane source={source.name} flag={definition.key || 'new-flag'} definition={definition} />
        </section>
      )}
    </div>
  )
}
