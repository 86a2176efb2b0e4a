import { isMap } from 'yaml'
import type { FlagNeed } from '../contract/flag.ts'
import type { FlagDefinition, RolloutStage } from '../contract/flag-definition.ts'
import type { Tier } from '../contract/vocabulary.ts'
import { planProblems } from '../core/flags/exposure.ts'
import { field, list, mapping } from './collections.ts'
import { defaultHoldMs } from './flag-defaults.ts'
import { oneOrMore, reportUnknown } from './migration-names.ts'
import type { Reader, Reading } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { decimal, duration, text, word, yesNo } from './scalars.ts'
import { clip } from './units.ts'

/** Readers of how flags of a source are rolled out: `stages` and `needs`. */

const PERCENT = 'a share of users from 0 to 100 with at most two decimals: 5, 12.5%'
const SEGMENT = { pattern: /^[^\p{Cc}]{1,200}$/u, expected: 'the name of a segment of the flags, or `everyone`' }
const FLAG = { expected: 'the key of a flag', maxLength: 256 }

/** 5, 5% and 12.5%. */
const percent: Reader<number> = (node, at) => {
  const written = scalarText(node)?.trim() ?? ''
  const number = Number(written.replace(/ ?%$/, ''))
  if (!/^\d{1,3}(\.\d+)? ?%?$/.test(written)) return decimal(PERCENT)(node, at) === undefined ? undefined : reportAt(node, at, `\`${clip(written)}\` does not fit`, PERCENT)
  return number <= 100 && Math.abs(number * 100 - Math.round(number * 100)) < 1e-9 ? number : reportAt(node, at, `\`${clip(written)}\` is out of range`, PERCENT)
}

const audience: Reader<RolloutStage['audience']> = (node, at) => {
  const names = oneOrMore('segments', text(SEGMENT), 20)(node, at)
  if (!names) return undefined
  if (names.length === 1 && names[0] === 'everyone') return { kind: 'everyone' }
  return names.includes('everyone') ? reportAt(node, at, '`everyone` beside segments', 'everyone alone, or names of segments') : { kind: 'segments', anyOf: names }
}

const stageMapping = mapping('a stage', {
  percent: field('percent', percent, 'the share of users: `percent: 5`'),
  audience: field('audience', audience),
  hold: field('holdMs', duration()),
  approval: field('approval', yesNo),
  criteria: field('criteria', list('names of criteria', text({ expected: 'the name of a criterion of this source', maxLength: 200 }), { max: 50 })),
})

/** `[{percent: 100, audience: internal, hold: 10m}, 5, {percent: 25, approval: true}]`. */
export function stagesReader(tier: Tier): Reader<RolloutStage[]> {
  const one: Reader<RolloutStage> = (node, at) => {
    const given = isMap(node) ? stageMapping(node, at) : {}
    const share = isMap(node) ? given?.percent : percent(node, at)
    if (share === undefined) return undefined
    return { audience: given?.audience ?? { kind: 'everyone' }, percent: share, holdMs: given?.holdMs ?? defaultHoldMs(tier, share), approval: given?.approval ?? false, criteria: given?.criteria ?? null }
  }
  return (node, at) => {
    const stages = list('stages', one, { min: 1, max: 30 })(node, at)
    if (!stages) return undefined
    const [problem] = planProblems(ANY_FLAG, { flag: ANY_FLAG.key, variants: [{ variant: 'on', share: 100 }], baseline: 'off', stages })
    if (problem === undefined) return stages
    const index = Number(/Stage (\d+)/.exec(problem)?.[1] ?? 1) - 1
    at.problems.report(at.placeOf([...at.path, index, 'percent']), problem.replace(/^Stage \d+ /, 'this stage ').replace(/\.$/, ''), 'stages that widen: an audience that had it never loses it by going on')
    return undefined
  }
}

const ANY_FLAG: FlagDefinition = {
  key: 'any',
  type: 'boolean',
  state: 'ENABLED',
  variants: [{ name: 'on', value: true }, { name: 'off', value: false }],
  defaultVariant: 'off',
  targeting: { kind: 'rules', rules: [] },
  metadata: {},
  facts: { owner: null, description: null, safeVariant: null, permanent: false, createdAt: null, changedAt: null, archived: false },
}

const PHASES = { 'shadow-reads': 'shadowReads', 'dual-writes': 'dualWrites', 'switching-reads': 'switchingReads', 'switched-writes': 'switchedWrites', completed: 'completed' } as const
const PHASE_WORDS = Object.keys(PHASES) as (keyof typeof PHASES)[]

const needMapping = mapping('a need', {
  flag: field('flag', text(FLAG), 'which flag needs it: `flag: new-checkout`'),
  above: field('abovePercent', percent),
  migration: field('migration', text({ expected: 'the id of a migration under `migrations`', maxLength: 100 })),
  phase: field('phase', word(PHASE_WORDS)),
  service: field('service', text({ expected: 'the name of a service under `services`', maxLength: 100 })),
  versions: field('versions', oneOrMore('versions', text({ expected: 'a version, or several as `1.9.*`', maxLength: 200 }), 50)),
  why: field('why', text({ expected: 'why, for whoever reads that it is not there', maxLength: 500 })),
})

export interface NeedsSurroundings {
  readonly services: readonly string[]
  readonly migrations: readonly string[]
}

/** `[{flag: new-checkout, above: 25%, migration: split_full_name, phase: switched-writes}, {flag: x, service: checkout, versions: 1.9.*}]`. */
export function needsReader(around: NeedsSurroundings): Reader<FlagNeed[]> {
  const one: Reader<FlagNeed> = (node, at) => {
    const read = needMapping(node, at)
    if (read?.flag === undefined) return undefined
    const has = (key: string) => at.has([...at.path, key])
    const pairs = [['migration', 'phase'], ['service', 'versions']] as const
    if (!pairs.some(([first]) => has(first))) {
      const lone = pairs.find(([, second]) => has(second))
      at.problems.report(lone ? at.placeOf([...at.path, lone[1]]) : at.owner, lone ? `\`${lone[1]}\` without \`${lone[0]}\`` : 'a need that asks for nothing', '`migration:` with `phase:`, or `service:` with `versions:`')
      return undefined
    }
    for (const [first, second] of pairs) {
      if (has(first) === has(second)) continue
      at.problems.report(at.placeOf([...at.path, has(first) ? first : second]), has(first) ? `\`${first}\` without \`${second}\`` : `\`${second}\` without \`${first}\``, first === 'migration' ? `\`phase:\` with one of ${PHASE_WORDS.join(', ')}` : '`service:` and `versions:` together')
      return undefined
    }
    if (!isThere(read.migration, 'migration', around.migrations, at) || !isThere(read.service, 'service', around.services, at)) return undefined
    return {
      flag: read.flag,
      abovePercent: read.abovePercent ?? 0,
      migration: read.migration === undefined || read.phase === undefined ? null : { id: read.migration, phase: PHASES[read.phase] },
      versions: read.service === undefined || !read.versions ? null : { service: read.service, anyOf: read.versions },
      why: read.why ?? '',
    }
  }
  return list('needs', one, { max: 200 })
}

function isThere(name: string | undefined, what: 'migration' | 'service', known: readonly string[], at: Reading): boolean {
  if (name === undefined || known.includes(name)) return true
  reportUnknown(at, [what], name, known, what)
  return false
}
