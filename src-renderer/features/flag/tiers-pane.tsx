import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import type { Tier } from '../../../src-main/contract/vocabulary.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { Skeleton } from '../../components/pane.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { compareTiersQuery } from '../../lib/flag-queries.ts'
import { plural } from '../../lib/format.ts'
import { toFault } from '../../lib/session.ts'
import { useActingOff } from '../acts/acting.ts'

/** What everyone gets of this flag in each tier, and taking it over from one into another. */
export function TiersPane({ view, source }: { readonly view: FlagView; readonly source: FlagSourceView }) {
  const { summary, tiers } = view
  const others = tiers.filter(({ tier }) => tier !== source.tier)
  const [from, setFrom] = useState<Tier>(others[0]?.tier ?? source.tier)
  const [to, setTo] = useState<Tier>(source.tier)
  return (
    <div className="grid gap-2 py-3">
      <table className="w-full text-12 leading-6">
        <thead>
          <tr className="border-b border-line-1 text-11 text-ink-3">
            <th className="pl-4">tier</th>
            <th>set</th>
            <th className="pr-4">everyone gets</th>
          </tr>
        </thead>
        <tbody>
          {tiers.map((tier) => (
            <tr key={tier.tier} className="border-b border-line-1">
              <td className="pl-4 font-medium">
                {tier.tier} {tier.tier === source.tier && <span className="font-normal text-ink-3">this workspace</span>}
              </td>
              <td className="mono text-ink-2">{tier.set}</td>
              <td className={`pr-4 ${tier.present ? '' : 'text-ink-3'}`}>{tier.present ? tier.exposure : 'not there'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {others.length > 0 && (
        <>
          <div className="flex flex-wrap items-center gap-2 px-4 text-12">
            <TierSelect label="Take it over from" value={from} tiers={tiers.map(({ tier }) => tier)} onChange={setFrom} />
            <TierSelect label="into" value={to} tiers={tiers.map(({ tier }) => tier)} onChange={setTo} />
          </div>
          {from === to ? <p className="px-4 text-12 text-ink-3">Choose two tiers.</p> : <TierDifferences source={source} from={from} to={to} only={summary.key} />}
        </>
      )}
    </div>
  )
}

export function TierSelect({ label, value, tiers, onChange }: { readonly label: string; readonly value: Tier; readonly tiers: readonly Tier[]; readonly onChange: (tier: Tier) => void }) {
  return (
    <label className="flex items-center gap-1.5">
      {label}
      <select value={value} onChange={(event) => onChange(tiers.find((tier) => tier === event.target.value) ?? value)} className="h-[26px] rounded-2 border border-line-2 bg-bg-1 px-1.5">
        {tiers.map((tier) => (
          <option key={tier}>{tier}</option>
        ))}
      </select>
    </label>
  )
}

interface DifferencesProps {
  readonly source: FlagSourceView
  readonly from: Tier
  readonly to: Tier
  /** Only this flag; otherwise all of them. */
  readonly only?: string
}

const SIGNS = { added: '+', removed: '−', changed: '±' } as const
const SHOWN = 200

/** What the one would become by taking over the other, and the press that does it. */
export function TierDifferences({ source, from, to, only }: DifferencesProps) {
  const { session, flagActs } = useConsole()
  const queries = useQueryClient()
  const off = useActingOff()
  const { data, error, isPending, refetch } = useQuery(compareTiersQuery(session, source.name, from, to))
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  if (isPending) return <Skeleton rows={3} />
  if (error) return <FaultNote fault={toFault(error)} onRetry={() => void refetch()} />
  const all = data.filter((each) => only === undefined || (each.what === 'flag' && each.key === only))
  // What is not in the one tier cannot be taken over from it.
  const takeable = all.filter((each) => each.what === 'flag' && each.change !== 'removed')
  const chosen = only === undefined ? takeable.filter(({ key }) => picked.has(key)) : takeable
  const copy = () =>
    void flagActs
      .press({
        source: source.name,
        key: only ?? '',
        command: 'copyTier',
        label: `take over from ${from} into ${to}`,
        send: (operationId) => session.call((client) => client.flag.copyTier({ source: source.name, from, to, flags: chosen.map(({ key }) => key), reason: '', operationId })).then(() => null),
      })
      .then(() => queries.invalidateQueries({ queryKey: ['flag.compareTiers', source.name] }))
  if (all.length === 0) return <p className="px-4 text-12 text-ink-2">{only === undefined ? `${to} has everything as ${from} has it.` : `It is the same in ${from} and ${to}.`}</p>
  return (
    <div className="grid gap-2">
      <ul aria-label={`What ${to} would become`} className="border-y border-line-1">
        {all.slice(0, SHOWN).map((each) => (
          <li key={`${each.what} ${each.key}`} className="border-b border-line-1 px-4 py-1 text-12 last:border-b-0">
            <label className="flex items-baseline gap-2">
              {only === undefined && each.what === 'flag' && each.change !== 'removed' && (
                <input
                  type="checkbox"
                  checked={picked.has(each.key)}
                  onChange={(event) => {
                    const next = new Set(picked)
                    if (event.target.checked) next.add(each.key)
                    else next.delete(each.key)
                    setPicked(next)
                  }}
                  className="accent-(--ink-1)"
                />
              )}
              <span aria-hidden="true" className="mono w-3 flex-none">
                {SIGNS[each.change]}
              </span>
              <span className="mono min-w-0 [overflow-wrap:anywhere]">{each.key}</span>
              <span className="text-ink-3">
                {each.what === 'segment' ? 'segment, ' : ''}
                {each.change === 'added' ? `not in ${to} yet` : each.change === 'removed' ? `only in ${to}` : 'differs'}
              </span>
            </label>
            {each.lines.length > 0 && (
              <ul className="mono pl-5 leading-[18px] text-ink-2">
                {each.lines.map((line) => (
                  <li key={line} className="[overflow-wrap:anywhere]">
                    {line}
                  </li>
                ))}
              </ul>
            )}
          </li>
        ))}
      </ul>
      {all.length > SHOWN && <p className="px-4 text-12 text-ink-3">{all.length - SHOWN} more.</p>}
      <div className="flex items-center gap-3 px-4">
        <Button off={off !== null || chosen.length === 0} onClick={copy}>
          {only === undefined ? chosen.length === 0 ? `Take over into ${to}` : `Take ${plural(chosen.length, 'flag')} over into ${to}` : `Take it over into ${to}`}
        </Button>
        {only === undefined && takeable.length > 0 && (
          <Button look="bare" onClick={() => setPicked(new Set(picked.size === takeable.length ? [] : takeable.map(({ key }) => key)))}>
            {picked.size === takeable.length ? 'Choose none' : 'Choose all'}
          </Button>
        )}
        <span className="text-12 text-ink-3">{off ?? (only === undefined && takeable.length > 0 && chosen.length === 0 ? 'Choose what to take over.' : takeable.length === 0 ? `What is only in ${to} stays there.` : 'As they are, with the segments they name.')}</span>
      </div>
    </div>
  )
}
