import type { FlagRule, Segment, Serve } from '../../../src-main/contract/flag-definition.ts'
import { Button } from '../../components/button.tsx'
import { Icon } from '../../components/icons.tsx'
import { AudienceSelect } from './audience-select.tsx'
import { errorsUnder, withRule } from './definition-draft.ts'
import { BOX, VariantSelect, Wrong } from './form-parts.tsx'
import type { DraftErrors } from './rollout-draft.ts'

interface RulesProps {
  readonly rules: readonly FlagRule[]
  readonly variants: readonly string[]
  readonly segments: readonly Segment[]
  readonly errors: DraftErrors | null
  readonly onChange: (rules: readonly FlagRule[]) => void
}

/** Rules in order; the first whose audience one belongs to decides. */
export function RulesEditor({ rules, variants, segments, errors, onChange }: RulesProps) {
  const put = (at: number, rule: FlagRule) => onChange(rules.map((each, index) => (index === at ? rule : each)))
  const move = (from: number, to: number) => {
    const next = [...rules]
    const [moved] = next.splice(from, 1)
    if (moved) next.splice(to, 0, moved)
    onChange(next)
  }
  return (
    <div>
      <ol aria-label="Rules">
        {rules.map((rule, index) => {
          const wrong = errorsUnder(errors, `targeting.rules.${index}`)
          return (
            <li key={index} aria-label={`Rule ${index + 1}`} className="grid grid-cols-[22px_minmax(0,2.2fr)_minmax(180px,1fr)_auto] items-start gap-x-3 border-b border-line-1 py-2 narrow:grid-cols-[22px_minmax(0,1fr)]">
              <span className="pt-[3px] text-12 text-ink-3">{index + 1}</span>
              <AudienceSelect label={`Who rule ${index + 1} is about`} audience={rule.audience} segments={segments} onChange={(audience) => put(index, { ...rule, audience })} />
              <ServeEditor number={index + 1} serve={rule.serve} variants={variants} onChange={(serve) => put(index, { ...rule, serve })} />
              <span className="flex">
                <Button look="bare" aria-label={`Move rule ${index + 1} up`} off={index === 0} onClick={() => move(index, index - 1)}>
                  <Icon name="down" className="rotate-180" />
                </Button>
                <Button look="bare" aria-label={`Move rule ${index + 1} down`} off={index === rules.length - 1} onClick={() => move(index, index + 1)}>
                  <Icon name="down" />
                </Button>
                <Button look="bare" aria-label={`Remove rule ${index + 1}`} onClick={() => onChange(rules.filter((_, at) => at !== index))}>
                  <Icon name="close" />
                </Button>
              </span>
              {wrong !== null && (
                <span className="col-span-full pl-[34px]">
                  <Wrong>{wrong}</Wrong>
                </span>
              )}
            </li>
          )
        })}
      </ol>
      <div className="flex items-center gap-3 py-2">
        <Button onClick={() => onChange(withRule(rules, variants[0] ?? ''))}>
          <Icon name="plus" /> Add a rule
        </Button>
        <span className="text-12 text-ink-3">{rules.length === 0 ? 'No rules: everyone gets the default variant.' : 'The first that matches decides; whom none matches gets the default variant.'}</span>
      </div>
    </div>
  )
}

function ServeEditor({ number, serve, variants, onChange }: { readonly number: number; readonly serve: Serve; readonly variants: readonly string[]; readonly onChange: (serve: Serve) => void }) {
  const first = serve.kind === 'variant' ? serve.variant : (serve.variants[0]?.variant ?? '')
  const other = variants.find((variant) => variant !== first) ?? first
  return (
    <div className="grid gap-1.5 text-12">
      <span className="flex flex-wrap items-center gap-1.5">
        <select
          aria-label={`What rule ${number} serves`}
          className={BOX}
          value={serve.kind}
          onChange={(event) => onChange(event.target.value === 'split' ? { kind: 'split', percent: 10, variants: [{ variant: first, share: 100 }], otherwise: other } : { kind: 'variant', variant: first })}
        >
          <option value="variant">get</option>
          <option value="split">a share gets</option>
        </select>
        {serve.kind === 'variant' && <VariantSelect label={`Variant of rule ${number}`} value={serve.variant} variants={variants} onChange={(variant) => variant !== null && onChange({ kind: 'variant', variant })} />}
        {serve.kind === 'split' && (
          <>
            <input aria-label={`Share of rule ${number}, percent`} inputMode="decimal" className={`${BOX} w-14 text-right`} defaultValue={String(serve.percent)} onBlur={(event) => onChange({ ...serve, percent: Number(event.target.value) || 0 })} />
            <span className="text-ink-3">%</span>
          </>
        )}
      </span>
      {serve.kind === 'split' && (
        <>
          {serve.variants.map((each, index) => (
            <span key={index} className="flex items-center gap-1.5">
              <span className="w-8 text-ink-3">{index === 0 ? 'gets' : 'and'}</span>
              <VariantSelect label={`Variant ${index + 1} of the share of rule ${number}`} value={each.variant} variants={variants} onChange={(variant) => variant !== null && onChange({ ...serve, variants: serve.variants.map((one, at) => (at === index ? { ...one, variant } : one)) })} />
              {serve.variants.length > 1 && (
                <>
                  <input aria-label={`Part of variant ${index + 1} of rule ${number}`} inputMode="numeric" className={`${BOX} w-12 text-right`} value={String(each.share)} onChange={(event) => onChange({ ...serve, variants: serve.variants.map((one, at) => (at === index ? { ...one, share: Number(event.target.value) || 0 } : one)) })} />
                  <span className="text-ink-3">of 100</span>
                  <Button look="bare" aria-label={`Remove variant ${index + 1} of rule ${number}`} onClick={() => onChange({ ...serve, variants: serve.variants.filter((_, at) => at !== index).map((one, _, all) => (all.length === 1 ? { ...one, share: 100 } : one)) })}>
                    <Icon name="close" />
                  </Button>
                </>
              )}
              {index === serve.variants.length - 1 && variants.length > serve.variants.length + 1 && (
                <Button look="bare" aria-label={`Another variant for rule ${number}`} onClick={() => onChange({ ...serve, variants: [...serve.variants.map((one) => ({ ...one, share: Math.round(100 / (serve.variants.length + 1)) })), { variant: variants.find((name) => name !== serve.otherwise && !serve.variants.some(({ variant }) => variant === name)) ?? other, share: 100 - Math.round(100 / (serve.variants.length + 1)) * serve.variants.length }] })}>
                  <Icon name="plus" />
                </Button>
              )}
            </span>
          ))}
          <span className="flex items-center gap-1.5">
            <span className="w-8 text-ink-3">else</span>
            <VariantSelect label={`What the others of rule ${number} get`} value={serve.otherwise} variants={variants} onChange={(variant) => variant !== null && onChange({ ...serve, otherwise: variant })} />
          </span>
        </>
      )}
    </div>
  )
}
