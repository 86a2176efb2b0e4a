import type { ReactNode } from 'react'
import type { SystemStatus } from '../../../src-main/contract/system.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Icon } from '../../components/icons.tsx'
import { useFlagSources, useNow } from '../../lib/console-context.tsx'
import { ConnectionTest } from './connection-test.tsx'
import { formatAge, formatCount, formatInstant, formatUptime, shortHash } from '../../lib/format.ts'
import { chooseTheme, THEME_CHOICES, themeStore, type ThemeChoice } from '../../lib/theme.ts'
import { useValue } from '../../lib/value-store.ts'

export const SECTIONS = ['Workspace', 'Connections', 'Criteria', 'Identity', 'Appearance', 'About'] as const

export function Section({ title, children }: { readonly title: (typeof SECTIONS)[number]; readonly children: ReactNode }) {
  return (
    <section id={`settings-${title.toLowerCase()}`} aria-labelledby={`h-${title}`} className="grid grid-cols-[160px_minmax(0,1fr)] gap-4 border-b border-line-1 px-4 py-4">
      <h2 id={`h-${title}`} className="text-14">
        {title}
      </h2>
      <div className="grid max-w-[860px] min-w-0 gap-3">{children}</div>
    </section>
  )
}

export function Facts({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className="grid grid-cols-[140px_minmax(0,1fr)] gap-y-1">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Appearance() {
  const { choice, theme } = useValue(themeStore, (value) => value)
  const words: Readonly<Record<ThemeChoice, string>> = { system: `As the system (${theme})`, dark: 'Dark', light: 'Light' }
  return (
    <fieldset className="flex gap-4">
      <legend className="sr-only">Theme</legend>
      {THEME_CHOICES.map((each) => (
        <label key={each} className="flex items-center gap-2">
          <input type="radio" name="theme" checked={each === choice} onChange={() => chooseTheme(each)} className="accent-(--ink-1)" />
          {words[each]}
        </label>
      ))}
    </fieldset>
  )
}

/** Every system this console talks to, and how fresh its last answer is. */
export function Connections({ status }: { readonly status: SystemStatus }) {
  const now = useNow()
  const flagSources = useFlagSources()
  if (status.providers.length + status.workspace.connections.length + flagSources.length === 0) return <p className="text-ink-2">No provider is in use: the workspace declares no service yet.</p>
  return (
    <ul className="grid gap-3">
      {status.providers.map((provider) => (
        <li key={provider.name} className="grid gap-2">
          <div className="grid grid-cols-[18px_140px_minmax(0,1fr)_auto] items-baseline gap-2">
          <Icon name={provider.ok ? 'pass' : 'fail'} className={`self-center ${provider.ok ? 'text-ink-2' : 'text-fail'}`} />
          <b className="font-medium">{provider.name}</b>
          <span className="text-ink-2">
            {provider.ok ? 'answers' : 'does not answer'}
            {provider.detail && `. ${provider.detail}`}
          </span>
          <span className="text-ink-3">{provider.lastAnswerAt === null ? 'never' : `${formatAge(now - provider.lastAnswerAt)} ago`}</span>
          </div>
          <ConnectionTest provider={provider.name} />
        </li>
      ))}
      {status.workspace.connections.map(({ kind, name, detail, test }) => (
        <li key={test} className="grid gap-2">
          <div className="grid grid-cols-[18px_140px_minmax(0,1fr)] items-baseline gap-2">
            <span aria-hidden="true" />
            <b className="truncate font-medium" title={name}>
              {name}
            </b>
            <span className="text-ink-2">
              {kind === 'metrics' ? 'metrics provider' : 'webhook'}, {detail}
            </span>
          </div>
          <ConnectionTest provider={test} label={name} act={kind === 'webhook' ? 'Send a test' : 'Test connection'} />
        </li>
      ))}
      {flagSources.map((source) => (
        <li key={`flags:${source.name}`} className="grid gap-2">
          <div className="grid grid-cols-[18px_140px_minmax(0,1fr)_auto] items-baseline gap-2">
            <Icon name={source.problem === '' && !source.broken ? 'pass' : 'fail'} className={`self-center ${source.problem === '' && !source.broken ? 'text-ink-2' : 'text-fail'}`} />
            <b className="truncate font-medium" title={source.name}>
              {source.name}
            </b>
            <span className="text-ink-2">
              flags, {source.kind === 'file' ? 'built in' : source.kind}, {source.set}. {source.problem || source.broken?.why || ''}
            </span>
            <span className="text-ink-3">{source.readAt === null ? 'never read' : `${formatAge(now - source.readAt)} ago`}</span>
          </div>
          <ConnectionTest provider={`flags:${source.name}`} label={`flags of ${source.name}`} />
        </li>
      ))}
    </ul>
  )
}

export function WorkspaceFacts({ status, onReload, busy }: { readonly status: SystemStatus; readonly onReload: () => void; readonly busy: boolean }) {
  const { workspace } = status
  return (
    <>
      <Facts
        rows={[
          ['name', workspace.name],
          ['tier', workspace.tier],
          ['file', <span key="f" className="mono">{workspace.file}</span>],
          ['digest', <span key="d" className="mono" title={workspace.digest}>{shortHash(workspace.digest, 4)}</span>],
          ['state', workspace.problems.length > 0 ? `${workspace.problems.length} problems, nothing new is started` : workspace.trusted ? 'in force' : 'waits for your trust'],
          ['kind', workspace.demo ? 'demo workspace' : 'your own'],
        ]}
      />
      <div className="flex gap-2">
        <Button off={busy} onClick={onReload}>
          {busy ? 'Reading' : 'Read the file again'}
        </Button>
        <CopyButton label="Copy path" text={() => workspace.file} />
      </div>
    </>
  )
}

export function About({ status }: { readonly status: SystemStatus }) {
  const now = useNow(60_000)
  return (
    <Facts
      rows={[
        ['version', status.appVersion],
        ['host', status.host],
        ['mode', status.mode === 'control' ? 'control' : `${status.mode}: ${status.modeReason}`],
        ['data folder', <span key="d" className="mono">{status.dataFolder}</span>],
        ['running for', <span key="r" title={formatInstant(status.startedAt)}>{formatUptime(now - status.startedAt)}</span>],
        ['journal', `${formatCount(status.journal.count)} entries, ${status.journal.writable ? 'writable' : `not writable: ${status.journal.problem}`}`],
        ['head', <span key="h" className="mono" title={status.journal.head}>{shortHash(status.journal.head, 8)}</span>],
        ['protocol', String(status.protocol)],
      ]}
    />
  )
}
