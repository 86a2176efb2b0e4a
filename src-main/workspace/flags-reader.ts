import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isMap } from 'yaml'
import { flagSourceConfigSchema, type FlagSourceConfig } from '../contract/flag.ts'
import { TIERS, type Tier } from '../contract/vocabulary.ts'
import { field, mapping, record } from './collections.ts'
import { criteriaReader } from './criteria-reader.ts'
import type { CriteriaContext } from './criterion-subject.ts'
import { defaultStages, FLAG_DEFAULTS } from './flag-defaults.ts'
import { needsReader, stagesReader, type NeedsSurroundings } from './flag-stages-reader.ts'
import { setsReader, vendorReader, VENDORS, type VendorRead } from './flag-vendors-reader.ts'
import { oneOrMore, reportUnknown } from './migration-names.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader, Reading } from './reading.ts'
import { reportAt } from './reading.ts'
import { duration, integer, text, yesNo } from './scalars.ts'
import { clip } from './units.ts'

/** Readers of `flags`: where flags are kept, and how they are rolled out. */

export const FLAG_SOURCE_NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, expected: 'a name of letters, digits, `.`, `_` and `-`, at most 63' }
const MAX_SOURCES = 10
const PORT = integer({ min: 0, max: 65_535, expected: 'a port from 1 to 65535, or 0 to have one picked and kept' })
const SET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/
const KINDS = ['file', ...VENDORS] as const
const FILE_ONLY = ['copied', 'sets', 'httpPort', 'syncPort'] as const
const FILE_WORDS = { copied: 'copied', sets: 'sets', httpPort: 'http-port', syncPort: 'sync-port' } as const

export interface FlagsSurroundings extends NeedsSurroundings {
  readonly tier: Tier
  readonly context: ShapeContext
  readonly metrics: CriteriaContext['metrics']
}

function folderReader(context: ShapeContext): Reader<string> {
  return (node, at) => {
    const written = text({ expected: 'a folder, from where this file is', maxLength: 1000 })(node, at)
    return written === undefined ? undefined : resolve(context.folder, written)
  }
}

/** One that is there. */
function codeFolder(context: ShapeContext): Reader<string> {
  const read = folderReader(context)
  return (node, at) => {
    const path = read(node, at)
    if (path === undefined) return undefined
    return existsSync(path) && statSync(path).isDirectory() ? path : reportAt(node, at, `there is no folder ${clip(path, 200)}`, 'a folder with code that reads flags: absolute, or from where this file is')
  }
}

const stale = mapping('`stale`', { settled: field('settledForMs', duration({ minMs: 1000 })), silent: field('silentForMs', duration({ minMs: 1000 })) })

function sourceReader(name: string, around: FlagsSurroundings): Reader<FlagSourceConfig> {
  const { context, tier } = around
  const fields = {
    file: field('file', folderReader(context)),
    copied: field('copied', yesNo),
    sets: field('sets', setsReader('a set')),
    'http-port': field('httpPort', PORT),
    'sync-port': field('syncPort', PORT),
    unleash: field('unleash', vendorReader('unleash', context)),
    launchdarkly: field('launchdarkly', vendorReader('launchdarkly', context)),
    statsig: field('statsig', vendorReader('statsig', context)),
    services: field('services', oneOrMore('services', text({ expected: 'the name of a service under `services`', maxLength: 100 }), 50)),
    criteria: field('criteria', criteriaReader({ metrics: around.metrics, probes: null, guards: 'flags' })),
    stages: field('stages', stagesReader(tier)),
    needs: field('needs', needsReader(around)),
    code: field('code', oneOrMore('folders', codeFolder(context), 20)),
    stale: field('stale', stale),
  }
  return (node, at) => {
    const read = mapping(`flag source \`${clip(name)}\``, fields, { folder: 'the folder of flag sets is `file`.', url: 'an address stands under the system: `unleash: {url: ...}`.' })(node, at)
    if (!read) return undefined
    const has = (key: string) => at.has([...at.path, key])
    const kind = kindOf(has, at)
    if (kind === undefined) return undefined
    const found = kind === 'file' ? fileOf(read, at, tier) : read[kind]
    if (!found || !checked(found.sets, read, at, around)) return undefined
    if (Object.keys(fields).some((key) => has(fields[key as keyof typeof fields].into) && read[fields[key as keyof typeof fields].into] === undefined)) return undefined
    return flagSourceConfigSchema.parse({
      name,
      kind,
      sets: [...found.sets],
      services: read.services ?? [],
      criteria: read.criteria ?? FLAG_DEFAULTS.criteria,
      stages: read.stages ?? defaultStages(tier),
      needs: read.needs ?? [],
      code: read.code ?? [],
      settledForMs: read.stale?.settledForMs ?? FLAG_DEFAULTS.settledForMs,
      silentForMs: read.stale?.silentForMs ?? FLAG_DEFAULTS.silentForMs,
      settings: found.settings,
    })
  }
}

function kindOf(has: (key: string) => boolean, at: Reading): (typeof KINDS)[number] | undefined {
  const kinds = KINDS.filter(has)
  const [kind] = kinds
  const expected = `exactly one of \`file: ./flags\`, ${VENDORS.map((vendor) => `\`${vendor}: {...}\``).join(', ')}`
  if (kind === undefined || kinds.length > 1) {
    at.problems.report(kinds[1] === undefined ? at.owner : at.placeOf([...at.path, kinds[1]]), kind === undefined ? 'a flag source that is kept nowhere' : `a flag source with ${kinds.map((one) => `\`${one}\``).join(' and ')}`, expected)
    return undefined
  }
  const odd = kind === 'file' ? undefined : FILE_ONLY.find(has)
  if (odd === undefined) return kind
  at.problems.report(at.placeOf([...at.path, odd]), `\`${FILE_WORDS[odd]}\` beside \`${kind}\``, odd === 'sets' ? `\`environments\` under \`${kind}\`` : `\`${FILE_WORDS[odd]}\` only beside \`file\``)
  return undefined
}

interface FileRead {
  readonly file?: string
  readonly copied?: boolean
  readonly sets?: VendorRead['sets']
  readonly httpPort?: number
  readonly syncPort?: number
}

function fileOf({ file, copied = false, sets = TIERS.map((tier) => ({ tier, set: tier })), httpPort = 0, syncPort = 0 }: FileRead, at: Reading, tier: Tier): VendorRead | undefined {
  if (file === undefined) return undefined
  if (httpPort !== 0 && httpPort === syncPort) {
    at.problems.report(at.placeOf([...at.path, 'syncPort']), `port ${syncPort} twice`, 'a port of its own for each')
    return undefined
  }
  const odd = sets.find(({ set }) => !SET_NAME.test(set))
  if (odd) {
    at.problems.report(at.placeOf([...at.path, 'sets', odd.tier]), `\`${clip(odd.set)}\` does not fit`, 'the name of a file without `.json`: letters, digits, `.`, `_` and `-`')
    return undefined
  }
  return { sets, settings: { folder: copied ? null : file, seed: copied ? file : null, httpPort, syncPort, defaultSet: sets.find((one) => one.tier === tier)?.set ?? tier } }
}

/** What only the whole shows. */
function checked(sets: VendorRead['sets'], read: { readonly services?: readonly string[]; readonly criteria?: FlagSourceConfig['criteria']; readonly stages?: FlagSourceConfig['stages'] }, at: Reading, around: FlagsSurroundings): boolean {
  if (!sets.some(({ tier }) => tier === around.tier)) {
    const key = at.has([...at.path, 'file']) ? 'sets' : VENDORS.find((vendor) => at.has([...at.path, vendor])) ?? 'sets'
    at.problems.report(at.placeOf([...at.path, key]), `nothing for ${around.tier}, the tier of this workspace`, `\`${around.tier}:\` with its name there: rollouts act on it`)
    return false
  }
  const unknown = read.services?.find((service) => !around.services.includes(service))
  if (unknown !== undefined) {
    reportUnknown(at, ['services'], unknown, around.services, 'service')
    return false
  }
  const criteria = read.criteria ?? FLAG_DEFAULTS.criteria
  const odd = read.criteria?.findIndex(({ metric }) => metric.source === 'process' || metric.source === 'probe') ?? -1
  if (odd >= 0) {
    at.problems.report(at.placeOf([...at.path, 'criteria', odd]), 'a criterion on processes or probes, which users of one variant have none of', '`metric:` with error-ratio or a latency, or `query:`')
    return false
  }
  const names = criteria.map(({ name }) => name)
  for (const [index, stage] of (read.stages ?? []).entries()) {
    const missing = stage.criteria?.find((name) => !names.includes(name))
    if (missing === undefined) continue
    reportUnknown(at, ['stages', index, 'criteria'], missing, names, 'criterion')
    return false
  }
  return true
}

/** `flags: {shop: {file: ./flags, services: [checkout]}}`. */
export function flagsReader(around: FlagsSurroundings): Reader<readonly FlagSourceConfig[]> {
  return (node, at) => {
    if (isMap(node) && node.items.length > MAX_SOURCES) return reportAt(node, at, `${node.items.length} flag sources`, `at most ${MAX_SOURCES}`)
    const read = record('flag sources', FLAG_SOURCE_NAME, (name) => sourceReader(name, around))(node, at)
    return read && Object.values(read)
  }
}
