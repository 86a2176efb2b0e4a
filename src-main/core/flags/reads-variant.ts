import type { FlagDefinition } from '../../contract/flag-definition.ts'
import type { FlagReads } from '../interlocks/migration-rules.ts'
import { exposureOf } from './exposure.ts'

/** Whom a flag gives one variant, as far as its rules tell; `words` for people. */
export function readsVariant(flag: FlagDefinition, variant: string): FlagReads {
  if (!flag.variants.some(({ name }) => name === variant)) return { given: 'nobody', words: `it has no variant ${variant}` }
  if (flag.state === 'DISABLED') return { given: 'unknown', words: 'its state is DISABLED, so that each caller decides' }
  if (flag.targeting.kind === 'handwritten') {
    const named = JSON.stringify(flag.targeting.logic).includes(JSON.stringify(variant)) || flag.defaultVariant === variant
    return named ? { given: 'some', words: 'its targeting is written by hand' } : { given: 'nobody', words: `nothing in it gives ${variant}` }
  }
  const { everyone, percents } = exposureOf(flag)
  if (everyone === variant) return { given: 'everyone', words: `everyone gets ${variant}` }
  const ruled = flag.targeting.rules.some(({ serve }) => (serve.kind === 'variant' ? serve.variant === variant : serve.otherwise === variant || (serve.percent > 0 && serve.variants.some((each) => each.variant === variant))))
  if (!ruled && flag.defaultVariant !== variant) return { given: 'nobody', words: `nobody gets ${variant}` }
  const percent = percents?.get(variant) ?? 0
  return { given: 'some', words: percent > 0 ? `${percent} % get ${variant}` : `some segments get ${variant}` }
}
