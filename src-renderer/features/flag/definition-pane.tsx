import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import { CopyButton } from '../../components/copy-button.tsx'
import { Moment } from '../../components/time.tsx'
import { audienceWords } from './flag-words.ts'

/** Variants, facts, and the flag as its source keeps it. */
export function DefinitionPane({ view, source }: { readonly view: FlagView; readonly source: FlagSourceView | null }) {
  const { definition, native } = view
  const { facts, variants, defaultVariant } = definition
  const problems = (source?.problems ?? []).filter(({ path }) => path.startsWith(`/flags/${definition.key.replaceAll('~', '~0').replaceAll('/', '~1')}`))
  const rows: readonly (readonly [string, React.ReactNode])[] = [
    ['what it is for', facts.description ?? 'not said'],
    ['owner', facts.owner ?? 'none'],
    ['type', definition.type],
    ['safe variant', facts.safeVariant ?? 'not declared'],
    ['meant to stay', facts.permanent ? 'yes' : 'no'],
    ['created', facts.createdAt === null ? 'not known' : <Moment key="c" at={facts.createdAt} />],
    ['as it is since', facts.changedAt === null ? 'not known' : <Moment key="s" at={facts.changedAt} />],
    ['kept in', source ? `${source.name}, ${source.set}` : view.summary.source],
  ]
  return (
    <div className="grid gap-3 py-3">
      {problems.length > 0 && (
        <ul aria-label="Problems" className="px-4 text-12">
          {problems.map((problem) => (
            <li key={`${problem.path} ${problem.message}`} className={problem.level === 'error' ? 'text-fail-ink' : 'text-watch-ink'}>
              <span className="mono">
                {problem.line}:{problem.column}
              </span>{' '}
              {problem.message}
            </li>
          ))}
        </ul>
      )}
      <div className="grid grid-cols-2 gap-4 px-4 narrow:grid-cols-1">
        <dl className="grid grid-cols-[104px_minmax(0,1fr)] content-start text-12 leading-5">
          {rows.map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-ink-3">{name}</dt>
              <dd className="[overflow-wrap:anywhere]">{value}</dd>
            </div>
          ))}
        </dl>
        <table className="h-fit w-full text-12 leading-5">
          <thead>
            <tr className="text-11 text-ink-3">
              <th>variant</th>
              <th>value</th>
            </tr>
          </thead>
          <tbody>
            {variants.map((variant) => (
              <tr key={variant.name} className="align-baseline">
                <td className="pr-3 font-medium">
                  {variant.name}
                  {variant.name === defaultVariant && <span className="font-normal text-ink-3"> default</span>}
                </td>
                <td className="mono [overflow-wrap:anywhere] text-ink-2">{JSON.stringify(variant.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details className="px-4 text-12">
        <summary className="cursor-default text-ink-2">As its source keeps it</summary>
        <div className="relative">
          <span className="absolute top-1 right-0">
            <CopyButton label="Copy" text={() => native} />
          </span>
          <pre tabIndex={0} aria-label="As its source keeps it" className="mono max-h-72 overflow-auto py-2 leading-[18px]">
            {native}
          </pre>
        </div>
      </details>
      {view.rollout && (
        <p className="px-4 text-12 text-ink-3">
          Before the last rollout: {view.rollout.rollout.before.definition.targeting.kind === 'rules' ? view.rollout.rollout.before.definition.targeting.rules.map(({ audience }) => audienceWords(audience)).join(', ') || 'no rules' : 'written by hand'}, default {view.rollout.rollout.before.definition.defaultVariant ?? "the caller's own"}.
        </p>
      )}
    </div>
  )
}
