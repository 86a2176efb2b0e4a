import { describe, expect, it } from 'vitest'
import { flagDefinitionSchema } from '../../../src-main/contract/flag-definition.ts'
import { createLiveFlags } from '../../lib/live-flags.ts'
import { makeDefinition, makeFlagPlan, makeRolloutView, makeSummary, SEGMENTS, share } from '../../lib/test-flags.ts'
import { shopFlags } from '../../lib/test-flag-cases.ts'
import { joinGuard } from '../../lib/flag-queries.ts'
import { operandText, readOperand } from './conditions-editor.tsx'
import { draftDefinition, emptyDefinition, errorsUnder, readDefinition, withRule } from './definition-draft.ts'
import { cleanUpWords, conditionWords, matchesFlag, ruleDetail, serveWords, settledWords, sortFlags, tabOf } from './flag-words.ts'
import { toGuardLines } from './guard-lines.ts'
import { jsonFault } from './json-fault.ts'
import { placeWords, readJson } from './json-text.ts'
import { draftRollout, readRollout, withStage } from './rollout-draft.ts'
import { withLines } from './use-flags.ts'

const NOW = Date.UTC(2026, 10, 21, 9)

describe('the list of flags', () => {
  const flags = shopFlags(NOW)

  it('puts every flag under one tab: what moves or depends, what everyone has, what may go', () => {
    const under = (tab: string) => flags.filter((flag) => tabOf(flag) === tab).map(({ key }) => key)
    expect(under('moving')).toContain('wallet-v2')
    expect(under('moving')).toContain('cart-sync-v3')
    expect(under('on')).toContain('payments-enabled')
    expect(under('off')).toContain('log-level')
    expect(under('cleanUp')).toEqual(['dark-emails', 'sku-badges', 'old-vat-table', 'fast-ship', 'not-searched'])
    expect(under('moving').length + under('on').length + under('off').length + under('cleanUp').length).toBe(flags.length)
  })

  it('sorts what needs a person before what goes on by itself, and that by what is due first', () => {
    const keys = sortFlags(flags.filter((flag) => tabOf(flag) === 'moving'), 'moving').map(({ key }) => key)
    expect(keys.slice(0, 4)).toEqual(['express-lane', 'one-tap-reorder', 'digest-mails', 'guest-address'])
    expect(keys.indexOf('tiered-vat')).toBeLessThan(keys.indexOf('vector-rank'))
  })

  it('finds by key, owner and state, all words', () => {
    expect(flags.filter((flag) => matchesFlag(flag, ['payments', 'permanent'])).map(({ key }) => key)).toEqual(['payments-enabled'])
    expect(flags.filter((flag) => matchesFlag(flag, ['zebra']))).toEqual([])
  })

  it('says what cleaning up means', () => {
    expect(cleanUpWords({ references: 4, settledOn: 'on' }, 2)).toBe('remove 4 reads in 2 files, keep on')
    expect(cleanUpWords({ references: 1, settledOn: 'off' }, null)).toBe('remove 1 read, keep off')
    expect(cleanUpWords({ references: 0, settledOn: 'on' }, null)).toBe('no reads left, delete the flag')
    expect(cleanUpWords({ references: null, settledOn: 'on' }, null)).toBe('code not searched')
    expect(flags.filter((flag) => tabOf(flag) === 'cleanUp').map(settledWords)).toEqual(['100 % for 61 d', '100 % for 48 d', 'not read for 90 d', 'off for 33 d', 'off for 41 d'])
  })

  it('shows a line of the stream over the list only when it is the newer of the two', () => {
    const live = createLiveFlags(() => undefined)
    live.putLine(makeSummary(NOW, 'a', { exposure: 'before' }))
    const list = { flags: [makeSummary(NOW, 'a', { exposure: 'fetched' })], asOf: live.lineNumber() }
    expect(withLines(list, live.lines()).map(({ exposure }) => exposure)).toEqual(['fetched'])
    live.putLine(makeSummary(NOW, 'a', { exposure: 'after' }))
    expect(withLines(list, live.lines()).map(({ exposure }) => exposure)).toEqual(['after'])
  })
})

describe('the stream about flags', () => {
  it('keeps the newest rollout of a flag, whatever order its states come in', () => {
    const live = createLiveFlags(() => undefined)
    const view = (revision: number, number = 1) => makeRolloutView({ now: NOW, key: 'a', changes: { id: `r${number}`, number, revision } })
    live.putRollout(view(5))
    live.putRollout(view(4))
    expect(live.rollout('shop', 'a')?.rollout.revision).toBe(5)
    live.putRollout(view(1, 2))
    live.putRollout(view(9, 1))
    expect(live.rollout('shop', 'a')?.rollout.number).toBe(2)
  })

  it('drops what a whole new snapshot does not bring again, and nothing before it is whole', () => {
    const live = createLiveFlags(() => undefined)
    live.endSnapshot()
    live.putRollout(makeRolloutView({ now: NOW, key: 'a' }))
    live.putRollout(makeRolloutView({ now: NOW, key: 'b' }))
    live.beginSnapshot()
    live.putRollout(makeRolloutView({ now: NOW, key: 'b' }))
    expect(live.rollouts()).toHaveLength(2)
    live.endSnapshot()
    expect(live.rollouts().map(({ rollout }) => rollout.flag)).toEqual(['b'])
  })

  it('notes a verdict when it changes, not each time it is said', () => {
    const live = createLiveFlags(() => undefined)
    const at = (verdict: 'pass' | 'fail', revision: number) => makeRolloutView({ now: NOW, key: 'a', changes: { revision, analysis: [{ ...makeRolloutView({ now: NOW + revision * 1000, key: 'a' }).rollout.analysis[0]!, verdict }] } })
    for (const [revision, verdict] of (['pass', 'pass', 'fail', 'fail', 'pass'] as const).entries()) live.putRollout(at(verdict, revision + 1))
    expect(live.verdicts(at('pass', 1).rollout.id).map(({ verdict }) => verdict)).toEqual(['pass', 'fail', 'pass'])
  })
})

describe('words of rules', () => {
  it('says a condition, what a rule serves and how it finds whom', () => {
    expect(conditionWords({ test: 'versionBelow', attribute: 'app.version', version: '4.2.0' })).toBe('app.version < 4.2.0')
    expect(conditionWords({ test: 'in', attribute: 'country', values: ['NO', 'SE', 'DK', 'FI', 'IS', 'DE', 'NL'] })).toBe('country in "NO", "SE", "DK", "FI", "IS" and 2 more')
    expect(serveWords({ kind: 'split', percent: 20, variants: [{ variant: 'A', share: 50 }, { variant: 'B', share: 50 }], otherwise: 'off' })).toBe('A 10 %, B 10 %, else off')
    expect(ruleDetail(share(25), SEGMENTS)).toBe('25 % by targeting key, sticky')
    expect(ruleDetail({ audience: { kind: 'segments', anyOf: ['internal', 'gone'] }, serve: { kind: 'variant', variant: 'on' } }, SEGMENTS)).toBe('email ends "@shop.test" or no segment gone')
  })

  it('reads what is typed as the value it looks like, and quotes what only looks like another', () => {
    expect(['pro', 'true', '42', '"42"', '007', ''].map(readOperand)).toEqual(['pro', true, 42, '42', '007', ''])
    for (const value of ['pro', 'true', '42', true, 42, '007']) expect(readOperand(operandText(value))).toBe(value)
  })
})

describe('what is typed', () => {
  it('keeps a definition as it is when nothing is changed, rules and text alike', () => {
    const rules = makeDefinition('a', { rules: [share(25)] })
    const byHand = makeDefinition('a', { targeting: { kind: 'handwritten', logic: { if: [{ '>': [{ var: 'orders' }, 10] }, 'on', null] } } })
    const objects = makeDefinition('a', { type: 'object', variants: [{ name: 'x', value: { a: [1, null] } }], defaultVariant: 'x' })
    for (const definition of [rules, byHand, objects]) expect(readDefinition(draftDefinition(definition)).definition).toEqual(definition)
  })

  it('names what is wrong by its place', () => {
    const draft = draftDefinition(makeDefinition('a', { rules: [share(25)] }))
    const bad = { ...draft, variants: [{ key: 0, name: 'on', value: 'yes' }, { key: 1, name: 'on', value: 'false' }], definition: { ...draft.definition, targeting: { kind: 'rules' as const, rules: [{ audience: { kind: 'everyone' as const }, serve: { kind: 'split' as const, percent: 120, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }] } } }
    const { errors } = readDefinition(bad)
    expect(errors?.get('variants.0.value')).toBeTruthy()
    expect(errors?.get('variants.1.name')).toBe('there already')
    expect(errorsUnder(errors, 'targeting.rules.0')).toBe('serve.percent: at most 100')
    expect(errorsUnder(errors, 'targeting.rules.1')).toBeNull()
  })

  it('makes new flags the contract takes, of every type, and puts rules before the one for everyone', () => {
    for (const type of ['boolean', 'string', 'number', 'object'] as const) expect(flagDefinitionSchema.safeParse({ ...emptyDefinition(type), key: 'a' }).success).toBe(true)
    const rules = withRule([share(25)], 'on')
    expect(rules.map(({ audience }) => audience.kind)).toEqual(['conditions', 'everyone'])
    expect(withRule([], 'on').map(({ audience }) => audience.kind)).toEqual(['everyone'])
  })

  it('says where text stops being JSON', () => {
    const read = readJson('{\n  "a": 1,\n  oops\n}')
    expect(read.problem && placeWords(read.problem)).toBe('Line 3, column 3: oops is not expected here')
    expect(readJson('{"a":').problem).toEqual({ message: 'it ends too early', line: 1, column: 6 })
    expect(readJson('{"a": 1,}').problem).toMatchObject({ line: 1, column: 9 })
    expect(readJson('{"a":[1]}').value).toEqual({ a: [1] })
  })

  it('finds the place of every fault that the engine finds, and none where there is none', () => {
    const good = ['{"a":[1,-2.5e3,"x\\u00e9",true,null,{}],"b":{"c":[]}}', ' [ ] ', '"x"', '0', '{"a" : { "b" : [ { } ] } }']
    for (const text of good) {
      expect(jsonFault(text)).toBeNull()
      for (let cut = 0; cut < text.length; cut += 1) {
        for (const changed of [text.slice(0, cut), `${text.slice(0, cut)}?${text.slice(cut)}`, `${text.slice(0, cut)},${text.slice(cut)}`]) {
          const isJson = readJson(changed).problem === null
          expect([changed, jsonFault(changed) === null]).toEqual([changed, isJson])
        }
      }
    }
  })

  it('reads a plan back as it was, and says what is wrong with a share at its stage', () => {
    const plan = makeFlagPlan('a')
    const draft = draftRollout(plan)
    expect(readRollout(draft, 'a').plan).toEqual(plan)
    const [first, ...rest] = draft.stages
    expect(readRollout({ ...draft, stages: [{ ...first!, percent: '120' }, ...rest] }, 'a').errors?.get('stages.0.percent')).toBe('at most 100')
    expect(readRollout({ ...draft, stages: [{ ...first!, percent: '' }, ...rest] }, 'a').errors?.get('stages.0.percent')).toBe('a number is needed')
    expect(withStage(draft).stages.map(({ percent }) => percent)).toEqual(['100', '5', '25', '50', '75', '100'])
  })
})

describe('guard charts', () => {
  const point = (at: number, requests: number, errors: number) => ({ at, requests, errors, p50Ms: 40, p99Ms: requests === 0 ? null : 200 })

  it('shows no data as a gap, never as zero', () => {
    const lines = toGuardLines({ exposed: [point(2000, 10, 1), point(4000, 0, 0)], unexposed: [], resolutionMs: 1000, absent: '' }, 0, 5000)
    expect(lines.times).toEqual([0, 1000, 2000, 3000, 4000, 5000])
    expect(lines.exposed.errorRatio).toEqual([null, null, 0.1, null, 0.1, null])
    expect(lines.exposed.p99Ms[2]).toBe(200)
    expect(lines.unexposed.perSecond.every((value) => value === null)).toBe(true)
  })

  it('joins what is new onto what is known, the new one counting where both are', () => {
    const series = (exposed: ReturnType<typeof point>[]) => ({ exposed, unexposed: [], resolutionMs: 1000, absent: '' })
    const joined = joinGuard(series([point(1000, 1, 0), point(2000, 1, 0), point(3000, 1, 0)]), series([point(3000, 5, 0), point(4000, 2, 0)]), 2000)
    expect(joined.exposed.map(({ at, requests }) => [at, requests])).toEqual([[2000, 1], [3000, 5], [4000, 2]])
  })
})
