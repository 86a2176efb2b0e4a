import { Link } from '@tanstack/react-router'
import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import { Icon } from '../../components/icons.tsx'
import { audienceWords, ruleDetail, serveWords } from './flag-words.ts'

const LINK = 'inline-flex h-[26px] items-center rounded-2 border border-line-2 bg-bg-2 px-2.5 text-12 font-medium text-ink-1 hover:border-line-3 hover:bg-bg-3'

/** Rules in order, the first that matches decides; then everyone else. */
export function AudiencePane({ view, source }: { readonly view: FlagView; readonly source: FlagSourceView | null }) {
  const { definition, summary } = view
  const { targeting, defaultVariant } = definition
  const segments = source?.segments ?? []
  const rules = targeting.kind === 'rules' ? targeting.rules : []
  const isLastForAll = rules.at(-1)?.audience.kind === 'everyone'
  return (
    <>
      <div className="flex h-9 items-center px-4 text-12 text-ink-3">
        {targeting.kind === 'rules' ? (rules.length > 1 ? 'first match wins' : '') : 'written by hand, kept as it is'}
        <Link to="/flags/$source/$key" params={{ source: summary.source, key: summary.key }} search={{ view: 'edit' }} className={`${LINK} ml-auto`}>
          Edit rules
        </Link>
      </div>
      {targeting.kind === 'handwritten' ? (
        <pre tabIndex={0} aria-label="Targeting, written by hand" className="mono max-h-64 overflow-auto border-t border-line-1 px-4 py-2 text-12 leading-[18px]">
          {JSON.stringify(targeting.logic, null, 2)}
        </pre>
      ) : (
        <table className="w-full text-12 leading-[18px] [&_td]:py-[3px]">
          <thead>
            <tr className="border-b border-line-1 text-11 text-ink-3">
              <th className="w-8 pl-4">
                <span className="sr-only">order</span>
              </th>
              <th className="pr-3">who</th>
              <th className="pr-3">rule</th>
              <th className="pr-4">gets</th>
            </tr>
          </thead>
          <tbody>
            {rules.map((rule, index) => (
              <tr key={index} className="border-b border-line-1 align-baseline">
                <td className="pl-4 text-ink-3">{index + 1}</td>
                <td className="max-w-44 pr-3 font-medium [overflow-wrap:anywhere]">{rule.audience.kind === 'everyone' && rules.length > 1 ? 'everyone else' : rule.audience.kind === 'conditions' ? 'who matches' : audienceWords(rule.audience)}</td>
                <td className="mono pr-3 text-ink-2 [overflow-wrap:anywhere]">{rule.audience.kind === 'conditions' ? [audienceWords(rule.audience), ruleDetail(rule, segments)].filter(Boolean).join('; ') : ruleDetail(rule, segments)}</td>
                <td className="pr-4 whitespace-nowrap">{serveWords(rule.serve)}</td>
              </tr>
            ))}
            <tr className="align-baseline">
              <td className="pl-4 text-ink-3">{rules.length + 1}</td>
              <td className="pr-3 font-medium">{rules.length === 0 ? 'everyone' : isLastForAll ? 'no targeting key' : 'everyone else'}</td>
              <td className="pr-3 text-ink-3">default variant</td>
              <td className="pr-4">{defaultVariant ?? "the caller's own default"}</td>
            </tr>
          </tbody>
        </table>
      )}
      <FlagInterlocks view={view} />
    </>
  )
}

/** What cannot be done now, why, and what would allow it; and whether the kill switch is clear. */
export function FlagInterlocks({ view }: { readonly view: FlagView }) {
  const { rollout, kill, readAt } = view
  const blocked = [
    ...(rollout?.actions ?? []).filter(({ command }) => command !== 'kill').map(({ label, blocks }) => ({ label, blocks })),
    ...(rollout && !rollout.ended ? rollout.stages.filter(({ state }) => state === 'next' || state === 'later').map((stage) => ({ label: `${stage.audience.kind === 'everyone' ? `Expose ${stage.percent} %` : `Expose ${stage.audienceWords}`}`, blocks: stage.blocks })) : []),
    { label: kill.label, blocks: kill.blocks },
  ].filter(({ blocks }) => blocks.length > 0)
  const groups = new Map<string, { readonly labels: string[]; readonly blocks: (typeof blocked)[number]['blocks'] }>()
  for (const { label, blocks } of blocked) {
    const key = blocks.map(({ rule, reason }) => `${rule} ${reason}`).join('|')
    const group = groups.get(key)
    if (!group) groups.set(key, { labels: [label], blocks })
    else if (!group.labels.includes(label)) group.labels.push(label)
  }
  return (
    <section aria-label="Interlocks" className="border-t border-line-1 py-2">
      {[...groups.values()].map(({ labels, blocks }) => (
        <div key={labels.join()} className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="lock" className="mt-1" />
          <div>
            <b className="font-medium">{labels.join(', ')}</b> <span className="text-ink-3">{labels.length === 1 ? 'is' : 'are'} blocked</span>
            {blocks.map((block) => (
              <p key={`${block.rule} ${block.reason}`} className="text-12 leading-4 text-ink-2">
                {block.reason} <span className="text-ink-3">Unblocks: {block.unblocks}</span>
              </p>
            ))}
          </div>
        </div>
      ))}
      {kill.blocks.length === 0 && (
        <div className="grid grid-cols-[18px_minmax(0,1fr)] px-4 py-[3px]">
          <Icon name="pass" className="mt-1" />
          <div>
            <b className="font-medium">Kill</b> <span className="text-ink-3">is clear</span>
            <p className="text-12 leading-4 text-ink-2" title={new Date(readAt).toISOString()}>
              {kill.variant === null ? kill.effect : `It serves "${kill.variant}" to everyone. ${kill.effect}`}
            </p>
          </div>
        </div>
      )}
    </section>
  )
}
