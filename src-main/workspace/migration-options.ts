import { isMap } from 'yaml'
import type { IgnoreRule, MigrationDefinition, MigrationPolicy, ThrottleOptions, VerifyOptions } from '../contract/migration-definition.ts'
import { DEFAULT_POLICY, DEFAULT_THROTTLE, DEFAULT_VERIFY } from '../contract/migration-definition.ts'
import { field, list, mapping, record } from './collections.ts'
import { identifier, isKnown } from './migration-names.ts'
import type { Reader } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { decimal, duration, integer, size, text, weight, word, yesNo } from './scalars.ts'
import { question, rowExpression } from './sql-text.ts'
import { clip } from './units.ts'

/** Readers of how a migration is verified, throttled, held and used: `verify`, `throttle`, `policy`, `services`. */

const NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/, expected: 'a name of letters, digits, spaces, `.`, `_` and `-`, at most 100' }

/** The word `none`, or a value. */
function orNone<T>(read: Reader<T>): Reader<T | null> {
  return (node, at) => (scalarText(node) === 'none' ? null : read(node, at))
}

function positive(expected: string, limits: { readonly min: number; readonly max: number }): Reader<number> {
  const read = decimal(expected)
  return (node, at) => {
    const value = read(node, at)
    return value === undefined || (value >= limits.min && value <= limits.max) ? value : reportAt(node, at, `\`${clip(scalarText(node) ?? '')}\` is out of range`, expected)
  }
}

const count = (what: string, min: number, max: number) => integer({ min, max, expected: `${what}, ${min} to ${max}` })

/** A day, or a time with its zone, as wall clock ms. */
const moment: Reader<number> = (node, at) => {
  const expected = 'a day as 2027-01-31, or a time with its zone as 2027-01-31T12:00:00Z'
  const written = text({ expected })(node, at)
  if (written === undefined) return undefined
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(written) ? Date.parse(written) : Number.NaN
  return Number.isNaN(ms) ? reportAt(node, at, `\`${clip(written)}\` is not a day`, expected) : ms
}

const ignoreMapping = mapping('an ignore rule', {
  column: field('column', identifier),
  when: field('when', rowExpression, 'what is accepted, over `old` and `new`: `when: trim(old) = new`'),
  reason: field('reason', text({ expected: 'why that is right', maxLength: 1000 }), 'why that is right: `reason: white space is not kept`'),
  until: field('expiresAt', moment, 'the day from which it counts again: `until: 2027-01-31`'),
})

export const verifyReader: Reader<VerifyOptions> = (node, at) => {
  const read = mapping('`verify`', {
    'chunk-rows': field('chunkRows', count('rows', 100, 100_000)),
    'reads-per-second': field('readsPerSecond', count('reads', 0, 1000)),
    'written-keys-per-second': field('writtenKeysPerSecond', count('keys', 1, 10_000)),
    'min-reads': field('minReads', count('reads', 0, 1_000_000_000)),
    'max-latency-ratio': field('maxLatencyRatio', positive('how many times as slow, above 0: 5', { min: 0.001, max: 1_000_000 })),
    queries: field('queries', record('queries', NAME, () => mapping('a query', { old: field('old', question, 'the question as asked now: `old: SELECT ... WHERE id = $1`'), new: field('new', question, 'the same question of the new shape: `new: SELECT ... WHERE id = $1`') }))),
    ignore: field('ignore', record('ignore rules', NAME, () => ignoreMapping)),
  })(node, at)
  if (!read) return undefined
  const { queries, ignore, ...numbers } = read
  for (const [key, found, max] of [['queries', queries, 20], ['ignore', ignore, 50]] as const) {
    const given = Object.keys(found ?? {}).length
    if (given > max) at.problems.report(at.placeOf([...at.path, key]), `${given} under \`${key}\``, `at most ${max}`)
  }
  return {
    ...DEFAULT_VERIFY,
    ...numbers,
    queries: Object.entries(queries ?? {}).map(([name, one]) => ({ name, old: one.old ?? '', new: one.new ?? '' })),
    ignore: Object.entries(ignore ?? {}).map(([name, rule]): IgnoreRule => ({ name, column: rule.column ?? null, when: rule.when ?? '', reason: rule.reason ?? '', expiresAt: rule.expiresAt ?? 0 })),
  }
}

export const throttleReader: Reader<ThrottleOptions> = (node, at) => {
  const read = mapping('`throttle`', {
    'target-batch': field('targetBatchMs', duration({ minMs: 5, maxMs: 5000, likelyUnit: 'ms' })),
    'max-batch-rows': field('maxBatchRows', count('rows', 1, 100_000)),
    nice: field('niceRatio', positive('how many times as long as each batch took it sleeps, 0 to 100: 1', { min: 0, max: 100 })),
    'max-replica-lag': field('maxReplicaLagMs', orNone(duration({ likelyUnit: 'ms' }))),
    'max-wal-backlog': field('maxWalBacklogBytes', orNone(size)),
    'max-lock-waiters': field('maxLockWaiters', count('sessions', 0, 10_000)),
    'max-active-sessions': field('maxActiveSessions', orNone(count('sessions', 1, 10_000))),
    'wait-for-autovacuum': field('waitForAutovacuum', yesNo),
    'max-probe': field('maxProbeMs', orNone(duration({ minMs: 1, likelyUnit: 'ms' }))),
    hours: field('hours', orNone(text({ pattern: /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/, expected: 'hours in UTC, as `22:00-06:00`' }))),
  })(node, at)
  return read && { ...DEFAULT_THROTTLE, ...read }
}

const readSteps: Reader<number[]> = (node, at) => {
  const steps = list('steps', weight, { min: 1, max: 20 })(node, at)
  if (!steps) return undefined
  steps.forEach((percent, index) => {
    const before = steps[index - 1]
    if (before !== undefined && percent <= before) at.problems.report(at.placeOf([...at.path, index]), `${percent} follows ${before}`, 'shares that grow from step to step')
  })
  const last = steps.length - 1
  if (steps[last] !== 100) at.problems.report(at.placeOf([...at.path, last]), `the last step is ${steps[last] ?? 0}`, 'a last step of 100')
  return steps
}

const approvals = (of: string) => count(`how many other people must approve ${of}`, 0, 10)

export const policyReader: Reader<MigrationPolicy> = (node, at) => {
  const read = mapping('`policy`', {
    'read-steps': field('readSteps', readSteps),
    'read-hold': field('readHoldMs', duration()),
    soak: field('soakMs', duration()),
    'switch-soak': field('switchSoakMs', duration()),
    tombstone: field('tombstoneMs', duration()),
    approvals: field(
      'approvals',
      mapping('`approvals`', {
        'switch-reads': field('switchReads', approvals('the switch of reads')),
        'switch-writes': field('switchWrites', approvals('the switch of writes')),
        drop: field('drop', approvals('the final drop')),
      }),
    ),
    rehearsal: field('rehearsal', word(['required', 'optional'])),
    'max-pass-age': field('maxPassAgeMs', duration({ minMs: 1000 })),
    'lock-timeout': field('lockTimeoutMs', duration({ minMs: 5, maxMs: 10_000, likelyUnit: 'ms' })),
    'statement-timeout': field('statementTimeoutMs', duration({ minMs: 1000, maxMs: 24 * 3_600_000 })),
  })(node, at)
  return read && { ...DEFAULT_POLICY, ...read, approvals: { ...DEFAULT_POLICY.approvals, ...read.approvals } }
}

const versionPattern = text({ expected: 'a version, or a pattern as `1.*`', pattern: /^[A-Za-z0-9*][A-Za-z0-9._+@:*-]{0,199}$/ })
const serviceMapping = mapping('a service that uses it', {
  'old-versions': field('oldVersions', list('versions', versionPattern, { max: 100 })),
  'new-versions': field('newVersions', list('versions', versionPattern, { max: 100 })),
})

/** `services: {customers: {old-versions: [1.*], new-versions: [2.*]}}`; a name alone when every version can work with both. */
export function migrationServicesReader(services: readonly string[]): Reader<MigrationDefinition['services']> {
  const versions = record('services', NAME, (name) => (node, at) => {
    const known = isKnown(at, name, services, 'service')
    const read = isMap(node) ? serviceMapping(node, at) : reportAt(node, at, 'what the service’s versions need is missing', '`{old-versions: [1.*], new-versions: [2.*]}`; a key left out: every version')
    return known ? read : undefined
  })
  return (node, at) => {
    const read = versions(node, at)
    return read && Object.entries(read).map(([service, one]) => ({ service, oldVersions: one.oldVersions ?? null, newVersions: one.newVersions ?? null }))
  }
}

/** `reads-flag: {source: shop, flag: read-new-names, variant: new}`. */
export const readsFlagReader = mapping('`reads-flag`', {
  source: field('source', text({ expected: 'the name of a source under `flags`', maxLength: 100 }), 'the source of the flag: `source: shop`'),
  flag: field('flag', text({ expected: 'the key of a flag', maxLength: 256 }), 'the key of the flag: `flag: read-new-names`'),
  variant: field('variant', text({ expected: 'the variant with which code reads the new side', maxLength: 200 }), 'the variant that reads new: `variant: new`'),
})
