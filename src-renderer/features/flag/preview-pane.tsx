import { useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { FlagDefinition } from '../../../src-main/contract/flag-definition.ts'
import type { FlagPreview } from '../../../src-main/contract/flag.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { TextArea } from '../../components/field.tsx'
import { Icon } from '../../components/icons.tsx'
import { useConnection, useConsole } from '../../lib/console-context.tsx'
import { toFault } from '../../lib/session.ts'
import { placeWords, readJsonObject } from './json-text.ts'

const EXAMPLE = '{\n  "targetingKey": "user-1",\n  "email": "mira@shop.test"\n}'

interface PreviewProps {
  readonly source: string
  readonly flag: string
  /** As if the flag were so. */
  readonly definition?: FlagDefinition
}

/** Paste a context: which variant it gets, and why. Acts on nothing. */
export function PreviewPane({ source, flag, definition }: PreviewProps) {
  const { session } = useConsole()
  const connected = useConnection().kind === 'live'
  const [text, setText] = useState(EXAMPLE)
  const [said, setSaid] = useState<FlagPreview | null>(null)
  const [fault, setFault] = useState<FaultData | null>(null)
  const [busy, setBusy] = useState(false)
  const read = readJsonObject(text)
  const ask = async () => {
    if (read.problem || busy) return
    setBusy(true)
    setFault(null)
    try {
      setSaid(await session.call((client) => client.flag.preview({ source, flag, context: read.value, ...(definition ? { definition } : {}) })))
    } catch (error) {
      setSaid(null)
      setFault(toFault(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      aria-label="Preview"
      className="grid gap-3 px-4 py-3"
      onSubmit={(event) => {
        event.preventDefault()
        void ask()
      }}
    >
      <div className="grid grid-cols-[minmax(180px,1fr)_minmax(0,1.2fr)] gap-4 narrow:grid-cols-1">
        <div className="grid content-start gap-2">
          <TextArea
            label="Context"
            hint="what the app passes, as JSON"
            rows={6}
            spellCheck={false}
            value={text}
            aria-invalid={read.problem !== null}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void ask()
            }}
            style={{ fontFamily: 'var(--font-mono)', fontSize: 12 }}
          />
          <div className="flex items-center gap-3">
            <Button type="submit" off={read.problem !== null || busy || !connected}>
              {busy ? 'Asking' : 'What do they get'}
            </Button>
            {read.problem && <span className="text-12 text-fail-ink">{placeWords(read.problem)}</span>}
          </div>
        </div>
        <div aria-live="polite" className="min-w-0">
          {fault && <FaultNote fault={fault} onRetry={() => void ask()} />}
          {said ? <Said said={said} /> : !fault && <p className="text-12 text-ink-3">Evaluated as an app would, by the same evaluator. Nothing is counted.</p>}
        </div>
      </div>
    </form>
  )
}

const REASONS: Readonly<Record<string, string>> = { STATIC: 'the same for everyone', DEFAULT: 'no rule decided: the default variant', TARGETING_MATCH: 'a rule decided', DISABLED: "disabled: the caller's own default", ERROR: "an error: the caller's own default", SPLIT: 'a share decided' }

function Said({ said }: { readonly said: FlagPreview }) {
  return (
    <div>
      <p className="text-16 font-semibold [overflow-wrap:anywhere]">
        {said.variant ?? "the caller's default"} <span className="mono text-12 font-normal text-ink-2">{JSON.stringify(said.value)}</span>
      </p>
      <p className="text-12 text-ink-2">
        {REASONS[said.reason] ?? said.reason}
        {said.error !== '' && <span className="block text-fail-ink">{said.error}</span>}
      </p>
      {said.rules.length > 0 && (
        <ol aria-label="Rules" className="pt-2 text-12 leading-5">
          {said.rules.map((rule, index) => (
            <li key={index} className={`flex gap-2 ${rule.decided ? 'font-medium' : rule.matched ? '' : 'text-ink-3'}`}>
              <Icon name={rule.matched ? 'pass' : 'close'} className="mt-1" />
              <span className="min-w-0 [overflow-wrap:anywhere]">{rule.words}</span>
              <span className="ml-auto flex-none text-ink-3">{rule.decided ? 'decided' : rule.matched ? 'matches' : 'no'}</span>
            </li>
          ))}
        </ol>
      )}
      {said.segments.length > 0 && (
        <p className="pt-1.5 text-12 text-ink-2">
          In {said.segments.filter(({ matched }) => matched).map(({ name }) => name).join(', ') || 'no segment'}
          <span className="text-ink-3">
            {said.segments.some(({ matched }) => !matched) && `; not in ${said.segments.filter(({ matched }) => !matched).map(({ name }) => name).join(', ')}`}
          </span>
        </p>
      )}
    </div>
  )
}
