import { MemoryStorage } from '@openfeature/flagd-core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../contract/flag-definition.ts'
import { openEvaluator } from '../../providers/flagd/evaluator.ts'
import { diffFlagSets } from './diff-flag-sets.ts'
import { emptyDocument, putFlag, putSegment, usersOfSegment } from './flag-set.ts'
import { type LifecycleFacts, lifecycleOf } from './lifecycle.ts'
import { parseJson } from './parse-json.ts'
import { preview } from './preview.ts'
import { booleanFlag } from './testing/flags.ts'
import { validateFlagSet } from './validate-flag-set.ts'

const SILENT = { error() {}, warn() {}, info() {}, debug() {} }
const flagWith = (targeting: unknown, extra: object = {}): object => ({ flags: { f: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting, ...extra } } })

function flagdAccepts(document: unknown): boolean {
  try {
    new MemoryStorage(SILENT).setConfigurations(JSON.stringify(document), true)
    return true
  } catch {
    return false
  }
}

describe('validateFlagSet', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['a variant of another type', { flags: { f: { state: 'ENABLED', variants: { on: true, off: 'no' }, defaultVariant: 'on' } } }, '/flags/f/variants/off', /one type: "on" is a boolean, this is a string/],
    ['a default that is no variant', { flags: { f: { state: 'ENABLED', variants: { on: true }, defaultVariant: 'of' } } }, '/flags/f/defaultVariant', /no variant "of"/],
    ['no state', { flags: { f: { variants: { on: true }, defaultVariant: 'on' } } }, '/flags/f/state', /missing/],
    ['a result that is no variant', flagWith({ if: [{ '===': [{ var: 'a' }, 1] }, 'onn', null] }), '/flags/f/targeting/if/1', /"onn", but there is no such variant/],
    ['a bucket that is no variant', flagWith({ fractional: [['on', 5], ['of', 95]] }), '/flags/f/targeting/fractional/1/0', /"of"/],
    ['a negative weight', flagWith({ fractional: [['on', -5], ['off', 95]] }), '/flags/f/targeting/fractional/0/1', /whole number/],
    ['a fraction as weight', flagWith({ fractional: [['on', 0.5], ['off', 0.5]] }), '/flags/f/targeting/fractional/0/1', /whole number/],
    ['weights beyond flagd’s sum', flagWith({ fractional: [['on', 2_000_000_000], ['off', 2_000_000_000]] }), '/flags/f/targeting/fractional', /sum to 4000000000/],
    ['an unknown operator', flagWith({ iff: [true, 'on', null] }), '/flags/f/targeting/iff', /no operator/],
    ['an unknown segment', flagWith({ if: [{ $ref: 'beta' }, 'on', null] }), '/flags/f/targeting/if/0', /No segment is called "beta"/],
    ['a segment that refers to itself', { $evaluators: { a: { and: [{ $ref: 'a' }] } }, flags: {} }, '/$evaluators/a/and/0', /refers to itself/],
    ['segments in a circle', { $evaluators: { a: { and: [{ $ref: 'b' }] }, b: { and: [{ $ref: 'a' }] } }, flags: {} }, '/$evaluators/a/and/0', /each other/],
    ['a segment that comes too early', { $evaluators: { a: { '!!': [1] }, b: { and: [{ $ref: 'a' }] } }, flags: {} }, '/$evaluators/b/and/0', /stands before/],
    ['a bad version', flagWith({ if: [{ sem_ver: [{ var: 'v' }, '>=', '1.x'] }, 'on', null] }), '/flags/f/targeting/if/0/sem_ver/2', /no version/],
    ['an unknown property of flagd', flagWith({ if: [{ var: '$flagd.user' }, 'on', null] }), '/flags/f/targeting/if/0/var', /flagd gives/],
    ['metadata that is nested', { flags: {}, metadata: { a: {} } }, '/metadata/a', /texts, numbers and booleans/],
    ['flags as a list', { flags: [] }, '/flags', /list/],
  ])('finds %s at its path', (_name, document, path, message) => {
    const { problems, ok } = validateFlagSet(JSON.stringify(document))
    expect(ok).toBe(false)
    expect(problems.map((problem) => problem.path)).toContain(path)
    expect(problems.find((problem) => problem.path === path)?.message).toMatch(message)
  })

  it.each<[string, object, string]>([
    ['after everyone', flagWith({ if: [true, 'on', { fractional: [['on', 5], ['off', 95]] }] }), '/flags/f/targeting/if/2'],
    ['for nobody', flagWith({ if: [false, 'on', 'off'] }), '/flags/f/targeting/if/0'],
    ['taken by a rule before', flagWith({ if: [{ or: [{ $ref: 'a' }, { $ref: 'b' }] }, 'on', { if: [{ $ref: 'a' }, 'off', null] }] }), '/flags/f/targeting/if/2/if/0'],
    ['of weight 0', flagWith({ fractional: [['on', 0], ['off', 95]] }), '/flags/f/targeting/fractional/0'],
  ])('warns of a branch nobody reaches: %s', (_name, document, path) => {
    const { problems, ok } = validateFlagSet(JSON.stringify({ ...document, $evaluators: { a: { '!!': [{ var: 'a' }] }, b: { '!!': [{ var: 'b' }] } } }))
    expect(ok).toBe(true)
    expect(problems).toMatchObject([{ level: 'warning', path }])
  })

  it('says line and column, for syntax, for keys that are there twice, and for a file cut short', () => {
    const text = '{\n  "flags": {\n    "f": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "on" },\n    "f": { "state": "ENABLED", "variants": { "on": true }, "defaultVariant": "on" }\n  }\n}\n'
    expect(validateFlagSet(text).problems).toMatchObject([{ line: 4, column: 5, path: '/flags/f', message: expect.stringContaining('twice') }])
    expect(validateFlagSet(text.slice(0, 60)).problems).toMatchObject([{ line: 3, level: 'error' }])
    expect(validateFlagSet('{"flags": {,}}').problems).toMatchObject([{ line: 1, column: 12 }])
    expect(validateFlagSet('').ok).toBe(false)
    expect(validateFlagSet('[]').ok).toBe(false)
  })

  it('reads JSON as JSON.parse does, and refuses what it refuses', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseJson(text).value).toEqual(JSON.parse(text))
      }),
      { numRuns: 300, examples: [['[1e5,-0.5,"\\u00e9\\n"]'], ['{"__proto__":{"a":1}}']] },
    )
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom('', ',', '"', '}', '0', '\\', '\n'), (json, place, insert) => {
        const at = place % (json.length + 1)
        const text = json.slice(0, at) + insert + json.slice(at + (insert === '' ? 1 : 0))
        let accepted = true
        try {
          JSON.parse(text)
        } catch {
          accepted = false
        }
        expect(parseJson(text).value !== undefined).toBe(accepted)
      }),
      { numRuns: 1000 },
    )
  })

  it('is never looser than flagd’s own schema, over mutations of a good set', () => {
    const good = { $evaluators: { internal: { ends_with: [{ var: 'email' }, '@x'] } }, ...flagWith({ if: [{ $ref: 'internal' }, 'on', { fractional: [['on', 5], ['off', 95]] }] }) }
    const values = [null, true, 3, -1, 0.5, '', 'on', [], {}, ['on'], { var: 'a' }, { var: '$flagd.x' }, { if: [] }, { in: ['a'] }, { cat: 'x' }, { '<': [1] }, { sem_ver: [1, 2, 3] }, { fractional: [] }, { missing: [1] }]
    const paths: string[][] = []
    const walk = (value: unknown, path: string[]): void => {
      paths.push(path)
      if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key])
    }
    walk(good, [])
    let refusedByFlagd = 0
    for (const path of paths.slice(1)) {
      for (const value of values) {
        const mutated = structuredClone(good) as Record<string, unknown>
        let at = mutated
        for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>
        at[path.at(-1) ?? ''] = value
        const accepted = flagdAccepts(mutated)
        if (!accepted) refusedByFlagd += 1
        if (validateFlagSet(JSON.stringify(mutated)).ok) expect([JSON.stringify(mutated), accepted]).toEqual([JSON.stringify(mutated), true])
      }
    }
    expect(validateFlagSet(JSON.stringify(good)).problems).toEqual([])
    expect(refusedByFlagd).toBeGreaterThan(50)
  })

  it('takes well under a second for 10,000 flags', () => {
    const flags = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`flag-${index}`, { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: { if: [{ $ref: 'internal' }, 'on', { fractional: [['on', 5], ['off', 95]] }] } }]))
    const text = JSON.stringify({ $evaluators: { internal: { ends_with: [{ var: 'email' }, '@x'] } }, flags }, null, 2)
    const started = performance.now()
    expect(validateFlagSet(text).ok).toBe(true)
    expect(performance.now() - started).toBeLessThan(2500)
  })
})

describe('preview', () => {
  const rules = [
    { audience: { kind: 'segments' as const, anyOf: ['internal'] }, serve: { kind: 'variant' as const, variant: 'on' } },
    { audience: { kind: 'everyone' as const }, serve: { kind: 'split' as const, percent: 100, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } },
  ]
  const document = putSegment(putFlag(emptyDocument(), booleanFlag('f', rules)), { name: 'internal', rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'endsWith', attribute: 'email', value: '@signal.box' }] } })

  it('says variant, rule and segments, and why nothing decided', () => {
    expect(preview(document, 'f', { email: 'a@signal.box' }, openEvaluator)).toMatchObject({ variant: 'on', value: true, rule: 0, segments: ['internal'], why: 'Rule 1 decided.' })
    expect(preview(document, 'f', { targetingKey: 'a' }, openEvaluator)).toMatchObject({ variant: 'on', rule: 1, segments: [], why: expect.stringContaining('share') })
    expect(preview(document, 'f', {}, openEvaluator)).toMatchObject({ variant: 'off', rule: null, why: expect.stringContaining('needs a targeting key') })
    expect(preview(document, 'g', {}, openEvaluator)).toMatchObject({ error: { code: 'FLAG_NOT_FOUND' } })
  })

  it('knows who uses a segment', () => {
    expect(usersOfSegment(document, 'internal')).toEqual({ flags: ['f'], segments: [] })
    expect(usersOfSegment(document, 'other')).toEqual({ flags: [], segments: [] })
  })
})

describe('diff and lifecycle', () => {
  it('names what was added, changed in which part, and removed', () => {
    const before = putFlag(putFlag(emptyDocument(), booleanFlag('a')), booleanFlag('b'))
    const after = putFlag(putFlag(emptyDocument(), { ...booleanFlag('b'), defaultVariant: 'on' }), booleanFlag('c')) as JsonObject
    expect(diffFlagSets(before, after).map(({ name, change, parts }) => [name, change, parts])).toEqual([['b', 'changed', ['defaultVariant']], ['c', 'added', []], ['a', 'removed', []]])
    expect(diffFlagSets(before, before)).toEqual([])
  })

  const DAY = 24 * 3_600_000
  const facts: LifecycleFacts = { now: 100 * DAY, rollout: false, lastEvaluatedAt: 99.9 * DAY, evaluationsSince: 0, settledSince: 99 * DAY, settledForMs: 14 * DAY, silentForMs: 7 * DAY }
  const on = { ...booleanFlag('f'), defaultVariant: 'on' }

  it.each<[string, Parameters<typeof lifecycleOf>[0], Partial<LifecycleFacts>, object]>([
    ['fully on', on, {}, { state: 'fullyOn', settledOn: 'on', stillEvaluated: 'yes' }],
    ['fully off', booleanFlag('f'), {}, { state: 'fullyOff' }],
    ['stale by time', on, { settledSince: 80 * DAY }, { state: 'stale', why: 'Everyone has had "on" for 20 days.', stillEvaluated: 'yes' }],
    ['stale by silence', on, { lastEvaluatedAt: 80 * DAY }, { state: 'stale', why: 'Not evaluated for 20 days.', stillEvaluated: 'no' }],
    ['not stale when evaluations were not counted long enough', on, { lastEvaluatedAt: null, evaluationsSince: 99 * DAY }, { state: 'fullyOn', stillEvaluated: 'unknown' }],
    ['permanent', { ...on, facts: { ...on.facts, permanent: true } }, { settledSince: 0 }, { state: 'permanent' }],
    ['rolling out', on, { rollout: true, settledSince: 0 }, { state: 'rollingOut' }],
    ['active', booleanFlag('f', [{ audience: { kind: 'everyone' }, serve: { kind: 'split', percent: 5, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }]), {}, { state: 'active', settledOn: null }],
  ])('is %s', (_name, flag, more, expected) => expect(lifecycleOf(flag, { ...facts, ...more })).toMatchObject(expected))
})
