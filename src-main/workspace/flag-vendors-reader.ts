import type { FlagSourceKind } from '../contract/flag.ts'
import { TIERS, type Tier } from '../contract/vocabulary.ts'
import { field, mapping } from './collections.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader } from './reading.ts'
import { duration, text, yesNo } from './scalars.ts'
import { address, referenced } from './secrets.ts'

/** Readers of `unleash`, `launchdarkly` and `statsig`: where flags are kept by somebody else. */

export type VendorKind = Exclude<FlagSourceKind, 'file'>
export const VENDORS: readonly VendorKind[] = ['unleash', 'launchdarkly', 'statsig']

export interface VendorRead {
  readonly sets: readonly { readonly tier: Tier; readonly set: string }[]
  readonly settings: Readonly<Record<string, unknown>>
}

const TITLES: Readonly<Record<VendorKind, string>> = { unleash: 'Unleash', launchdarkly: 'LaunchDarkly', statsig: 'Statsig' }
const TOKENS: Readonly<Record<VendorKind, string>> = { unleash: '${env:UNLEASH_TOKEN}', launchdarkly: '${env:LAUNCHDARKLY_TOKEN}', statsig: '${env:STATSIG_CONSOLE_KEY}' }
const NAME = { expected: 'its name over there', maxLength: 200 }

/** What a tier is called over there: `{dev: development, prod: production}`. */
export const setsReader = (what: string): Reader<VendorRead['sets']> => {
  const tier = text({ ...NAME, expected: `the name of ${what}` })
  const read = mapping(`\`${what === 'a set' ? 'sets' : 'environments'}\``, { dev: field('dev', tier), staging: field('staging', tier), prod: field('prod', tier) })
  return (node, at) => {
    const found = read(node, at)
    return found && TIERS.flatMap((one) => (found[one] === undefined ? [] : [{ tier: one, set: found[one] }]))
  }
}

const common = (kind: VendorKind, context: ShapeContext) => ({
  token: field('token', referenced(context, { what: '`token`', example: TOKENS[kind], secret: true }), `a reference: \`token: ${TOKENS[kind]}\``),
  environments: field('sets', setsReader('an environment'), 'what each tier is called there: `environments: {dev: development, prod: production}`'),
  timeout: field('timeoutMs', duration({ minMs: 100, maxMs: 120_000 })),
  every: field('pollMs', duration({ minMs: 100, maxMs: 3_600_000 })),
})
const where = (kind: VendorKind) => address({ what: 'an address', example: `https://${kind}.example.com` })

export function vendorReader(kind: VendorKind, context: ShapeContext): Reader<VendorRead> {
  const what = `\`${kind}\``
  const project = field('project', text({ ...NAME, expected: `the project’s name in ${TITLES[kind]}` }))
  const read = {
    unleash: mapping(what, {
      url: field('url', where(kind), 'where it is, without `/api`: `url: https://unleash.example.com`'),
      ...common(kind, context),
      project,
      stickiness: field('stickiness', text({ expected: 'what shares are drawn by, as `userId`', maxLength: 100 })),
      'kill-skips-approval': field('killSkipsApproval', yesNo),
    }),
    launchdarkly: mapping(what, { url: field('url', where(kind)), ...common(kind, context), project, 'context-kind': field('contextKind', text({ expected: 'what shares are drawn among, as `user`', maxLength: 100 })), 'kill-skips-approval': field('killSkipsApproval', yesNo) }),
    statsig: mapping(what, { url: field('url', where(kind)), ...common(kind, context), 'kill-skips-approval': field('killSkipsReview', yesNo) }),
  }[kind]
  return (node, at) => {
    const found = read(node, at)
    if (!found?.sets || found.token === undefined) return undefined
    const { sets, ...settings } = found
    return { sets, settings }
  }
}
