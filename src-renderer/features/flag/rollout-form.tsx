import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useDeferredValue, useRef, useState } from 'react'
import type { FaultData } from '../../../src-main/contract/fault.ts'
import type { FlagSourceView, FlagView } from '../../../src-main/contract/flag.ts'
import { Button } from '../../components/button.tsx'
import { FaultNote } from '../../components/fault-note.tsx'
import { TextField } from '../../components/field.tsx'
import { Icon } from '../../components/icons.tsx'
import { PaneHeading } from '../../components/pane.tsx'
import { useConsole } from '../../lib/console-context.tsx'
import { foreseeQuery } from '../../lib/flag-queries.ts'
import { plural } from '../../lib/format.ts'
import { newOperationId } from '../../lib/operation-id.ts'
import { toFault } from '../../lib/session.ts'
import { useActingOff } from '../acts/acting.ts'
import { BOX, VariantSelect, Wrong } from './form-parts.tsx'
import { draftRollout, readRollout, withStage, type RolloutDraft } from './rollout-draft.ts'
import { RolloutPreview } from './rollout-preview.tsx'
import { StageRow } from './stage-row.tsx'

/** How a flag reaches everyone: stages with what each means, then one press that begins. */
export function RolloutForm({ view, source }: { readonly view: FlagView; readonly source: FlagSourceView | null }) {
  const { session, store } = useConsole()
  const navigate = useNavigate()
  const off = useActingOff()
  const { source: name, key } = view.summary
  const [draft, setDraft] = useState<RolloutDraft>(() => draftRollout(view.suggestedPlan))
  const [reason, setReason] = useState('')
  const [fault, setFault] = useState<FaultData | null>(null)
  const [busy, setBusy] = useState(false)
  /** The version that was looked at when the plan was made: begun on another one, it is refused. */
  const [version, setVersion] = useState(view.version)
  // The same form sent twice is the same act, also when the first answer got lost.
  const operation = useRef<{ readonly of: string; readonly id: string } | null>(null)
  const { plan, errors } = readRollout(draft, key)
  const asked = useDeferredValue(plan)
  const foresight = useQuery({ ...foreseeQuery(session, name, key, asked), enabled: asked !== null })
  const problems = plan !== null && foresight.data && !foresight.isPlaceholderData ? foresight.data.problems : []
  const names = view.definition.variants.map((variant) => variant.name)
  const going = view.rollout && !view.rollout.ended
  const why = off ?? (going ? 'a rollout of it is under way' : errors ? `the plan has ${plural(errors.size, 'error')}` : problems.length > 0 ? 'the plan cannot run' : null)
  const back = () => void navigate({ to: '/flags/$source/$key', params: { source: name, key } })
  const begin = async () => {
    if (!plan || busy || why !== null) return
    const of = JSON.stringify([plan, version, reason])
    if (operation.current?.of !== of) operation.current = { of, id: newOperationId() }
    const { id } = operation.current
    setBusy(true)
    setFault(null)
    try {
      const rollout = await session.call((client) => client.flag.startRollout({ source: name, flag: key, plan, expectedVersion: version, reason: reason.trim(), operationId: id }))
      store.flags.putRollout(rollout)
      back()
    } catch (error) {
      const data = toFault(error)
      setFault(data)
      // A refusal used the id up; a lost answer did not.
      if (data.code !== 'disconnected') operation.current = null
    } finally {
      setBusy(false)
    }
  }
  const changed = version !== view.version
  return (
    <div className="min-h-0 flex-1 overflow-y-auto -outline-offset-2 narrow:overflow-visible" tabIndex={0} role="region" aria-label={`Plan of a rollout of ${key}`}>
      <div className="grid grid-cols-[minmax(0,1.25fr)_minmax(300px,1fr)] narrow:grid-cols-1 max-[1240px]:grid-cols-[minmax(0,1.4fr)_minmax(260px,1fr)]">
        <section aria-label="Plan" className="min-w-0 border-r border-line-1 narrow:border-r-0">
          <PaneHeading title="Plan" detail="for this rollout; the source's own stages stay as declared" />
          <div className="flex flex-wrap items-center gap-2 border-y border-line-1 px-4 py-2 text-12">
            Roll out
            {draft.variants.map((variant, index) => (
              <span key={index} className="flex items-center gap-1.5">
                <VariantSelect label={`Variant ${index + 1}`} value={variant.variant} variants={names} onChange={(next) => next !== null && setDraft({ ...draft, variants: draft.variants.map((each, at) => (at === index ? { ...each, variant: next } : each)) })} />
                {draft.variants.length > 1 && (
                  <>
                    <input aria-label={`Share of variant ${index + 1}`} inputMode="numeric" className={`${BOX} w-11 text-right`} value={variant.share} onChange={(event) => setDraft({ ...draft, variants: draft.variants.map((each, at) => (at === index ? { ...each, share: event.target.value } : each)) })} />
                    <span className="text-ink-3">%</span>
                    <Button look="bare" aria-label={`Remove variant ${index + 1}`} onClick={() => setDraft({ ...draft, variants: draft.variants.length === 2 ? draft.variants.filter((_, at) => at !== index).map((each) => ({ ...each, share: '100' })) : draft.variants.filter((_, at) => at !== index) })}>
                      <Icon name="close" />
                    </Button>
                  </>
                )}
              </span>
            ))}
            {names.length - 1 > draft.variants.length && (
              <Button look="bare" onClick={() => setDraft({ ...draft, variants: splitEvenly([...draft.variants.map(({ variant }) => variant), names.find((each) => each !== draft.baseline && !draft.variants.some(({ variant }) => variant === each)) ?? '']) })}>
                <Icon name="plus" /> another variant
              </Button>
            )}
            over
            <VariantSelect label="What everyone else gets" value={draft.baseline} variants={names} onChange={(next) => next !== null && setDraft({ ...draft, baseline: next })} />
          </div>
          <p aria-hidden="true" className="grid grid-cols-[22px_minmax(120px,1fr)_76px_124px_84px_28px] gap-x-2 px-4 pt-1.5 text-11 text-ink-3">
            <span />
            <span>who</span>
            <span>share</span>
            <span>hold at least</span>
            <span>then</span>
          </p>
          <ol>
            {draft.stages.map((stage, index) => (
              <StageRow
                key={stage.key}
                stage={stage}
                number={index + 1}
                segments={source?.segments ?? []}
                errorOf={(field) => errors?.get(`stages.${index}.${field}`)}
                onChange={(changes) => setDraft({ ...draft, stages: draft.stages.map((each) => (each.key === stage.key ? { ...each, ...changes } : each)) })}
                {...(draft.stages.length > 1 ? { onRemove: () => setDraft({ ...draft, stages: draft.stages.filter((each) => each.key !== stage.key) }) } : {})}
              />
            ))}
          </ol>
          <div className="flex flex-wrap items-center gap-3 px-4 py-2">
            <Button onClick={() => setDraft(withStage(draft))}>
              <Icon name="plus" /> Add a stage
            </Button>
            <Button look="bare" onClick={() => setDraft(draftRollout(view.suggestedPlan))}>
              Use the source's stages
            </Button>
            {['variants', 'stages', 'baseline'].map((place) => errors?.get(place) && <Wrong key={place}>{errors.get(place)}</Wrong>)}
          </div>
        </section>
        <section aria-label="What will happen" className="min-w-0">
          <PaneHeading title="What will happen" />
          <RolloutPreview foresight={foresight.data ?? null} plan={plan} source={source} />
          {problems.length > 0 && (
            <div className="grid gap-0.5 px-4 py-2">
              {problems.map((problem) => (
                <Wrong key={problem}>{problem}</Wrong>
              ))}
            </div>
          )}
          <form
            className="grid gap-3 border-t border-line-1 p-4"
            onSubmit={(event) => {
              event.preventDefault()
              void begin()
            }}
          >
            {view.definition.targeting.kind === 'handwritten' && (
              <p className="flex gap-2 text-12 text-watch-ink">
                <Icon name="watch" className="mt-0.5 text-watch" /> Its targeting is written by hand. The rollout replaces it; a roll back puts the very same text back.
              </p>
            )}
            {changed && (
              <p className="flex items-center gap-2 text-12 text-watch-ink">
                <Icon name="watch" className="text-watch" /> The flag changed while this plan was made.
                <Button onClick={() => setVersion(view.version)}>Begin from it as it is now</Button>
              </p>
            )}
            <TextField label="Reason" hint="why now; it is kept in the journal" value={reason} maxLength={2000} onChange={(event) => setReason(event.target.value)} />
            {fault && <FaultNote fault={fault} onDismiss={() => setFault(null)} onRetry={() => void begin()} />}
            <div className="flex flex-wrap items-center gap-2">
              <Button type="submit" className="h-[34px] px-4 text-13" off={busy || why !== null}>
                {busy ? 'Sending' : `Begin with ${firstWords(draft)}`}
              </Button>
              <Button look="bare" onClick={back}>
                Leave it as it is
              </Button>
              {why !== null && <p className="text-12 text-ink-3">Off because {why}.</p>}
            </div>
          </form>
        </section>
      </div>
    </div>
  )
}

function firstWords({ stages }: RolloutDraft): string {
  const [first] = stages
  if (!first) return 'nothing'
  const who = first.audience.kind === 'segments' ? first.audience.anyOf.join(' or ') : first.audience.kind === 'everyone' ? 'users' : 'who matches'
  return first.percent === '100' && first.audience.kind !== 'everyone' ? who : `${first.percent} % of ${who}`
}

function splitEvenly(variants: readonly string[]): RolloutDraft['variants'] {
  const share = Math.floor(100 / variants.length)
  return variants.map((variant, index) => ({ variant, share: String(index === 0 ? 100 - share * (variants.length - 1) : share) }))
}
