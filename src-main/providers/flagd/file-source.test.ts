import { readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagSourceConfig } from '../../contract/flag.ts'
import type { FlagRolloutPlan, Segment } from '../../contract/flag-definition.ts'
import { emptyDocument, putFlag, putSegment, writeDocument } from '../../core/flags/flag-set.ts'
import type { FlagSource } from '../../core/flags/ports.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { flagSourceContext, openFlagSource } from '../flag-sources.ts'
import { eventually, type TemporaryFolder, temporaryFolder } from './testing/temporary-folder.ts'

const NOW = 1_700_000_000_000
const PLAN: FlagRolloutPlan = {
  flag: 'new-checkout',
  variants: [{ variant: 'on', share: 100 }],
  baseline: 'off',
  stages: [5, 25].map((percent) => ({ audience: { kind: 'everyone' }, percent, holdMs: 1000, approval: false, criteria: null })),
}
const HAND_MADE = `{
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "other": { "state": "ENABLED", "variants": {"on": true,   "off": false}, "defaultVariant": "off" },
        "new-checkout": {
            "state": "ENABLED", "variants": { "on": true, "off": false },
            "defaultVariant": "off", "note": "kept",
            "targeting": { "if": [ { "in": ["@x.com", {"var": "email"}] }, "on" ] }
        }
    },
    "$evaluators": { "beta": { "==": [ {"var": "plan"}, "beta" ] } }
}
`

let folder: TemporaryFolder
let file: string
let source: FlagSource
const open = (): FlagSource => openFlagSource(config(folder.path), { ...flagSourceContext(join(folder.path, 'data')), wallMs: () => NOW })
const text = (): Promise<string> => readFile(file, 'utf8')
const apply = (change: Parameters<FlagSource['apply']>[0]['change'], expected: string | null, key = 'new-checkout') => source.apply({ set: 'dev', key, change, expect: expected, comment: '' })
const version = async (): Promise<string> => (await source.observe('dev', 'new-checkout')).version

beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.path, 'dev.json')
  await writeFile(file, writeDocument(putFlag(putFlag(emptyDocument(), booleanFlag('new-checkout')), booleanFlag('other'))))
  source = open()
})
afterEach(async () => {
  await source.close()
  await folder.remove()
})

describe('a flag set as a source', () => {
  it('exposes, finishes, kills and restores, and sees that it did', async () => {
    const before = await source.observe('dev', 'new-checkout')
    const expose = (stage: number) => ({ kind: 'expose', before: before.definition, plan: PLAN, stage }) as const
    expect(source.matches(expose(0), before)).toBe(false)
    await apply(expose(0), before.version)
    const exposed = await source.observe('dev', 'new-checkout')
    expect([source.matches(expose(0), exposed), source.matches(expose(1), exposed)]).toEqual([true, false])
    expect(exposed.version).not.toBe(before.version)
    expect(exposed.definition.facts.changedAt).toBe(NOW)

    await apply({ kind: 'finish', variant: 'on' }, exposed.version)
    expect((await source.observe('dev', 'new-checkout')).definition).toMatchObject({ defaultVariant: 'on', targeting: { kind: 'rules', rules: [] } })
    await apply({ kind: 'kill', variant: 'off' }, null)
    expect((await source.observe('dev', 'new-checkout')).definition).toMatchObject({ state: 'ENABLED', defaultVariant: 'off', targeting: { rules: [] } })
    await apply({ kind: 'restore', native: before.native, definition: before.definition }, null)
    expect(await source.observe('dev', 'new-checkout')).toEqual(before)
    expect(await text()).not.toContain('DISABLED')
  })

  it('leaves alone what is so already, and refuses what was decided on another version', async () => {
    const first = await version()
    await apply({ kind: 'finish', variant: 'on' }, first)
    const written = await text()
    await apply({ kind: 'finish', variant: 'on' }, await version())
    expect(await text()).toBe(written)
    await expect(apply({ kind: 'finish', variant: 'off' }, first)).rejects.toMatchObject({ code: 'staleGeneration' })
    expect(await text()).toBe(written)
  })

  it('refuses a flag that is there already as a new one, and makes one that is not', async () => {
    await expect(apply({ kind: 'define', definition: { ...booleanFlag('new-checkout'), defaultVariant: 'on' } }, null)).rejects.toMatchObject({ code: 'staleGeneration' })
    await apply({ kind: 'define', definition: booleanFlag('third') }, null, 'third')
    expect((await source.observe('dev', 'third')).definition.facts).toMatchObject({ createdAt: NOW, changedAt: NOW })
    await expect(source.observe('dev', 'fourth')).rejects.toMatchObject({ code: 'notFound' })
    await expect(apply({ kind: 'kill', variant: 'off' }, null, 'fourth')).rejects.toMatchObject({ code: 'notFound' })
  })

  it('sees that rules were changed as asked, the experiment they begin aside, and writes one that is asked for alone', async () => {
    const pro = { audience: { kind: 'conditions' as const, match: 'all' as const, conditions: [{ test: 'is' as const, attribute: 'plan', value: 'pro' }] }, serve: { kind: 'split' as const, percent: 50, variants: [{ variant: 'on', share: 100 }], otherwise: 'off' } }
    const wanted = { kind: 'define', definition: booleanFlag('new-checkout', [pro]) } as const
    await apply(wanted, await version())
    const now = await source.observe('dev', 'new-checkout')
    expect(now.definition.metadata).toEqual({ 'signalbox.experiment': String(NOW) })
    expect(source.matches(wanted, now)).toBe(true)
    expect(source.matches({ kind: 'define', definition: booleanFlag('new-checkout') }, now)).toBe(false)
    const anew = { kind: 'define', definition: { ...now.definition, metadata: { 'signalbox.experiment': 'second' } } } as const
    await apply(anew, now.version)
    expect((await source.observe('dev', 'new-checkout')).definition.metadata).toEqual({ 'signalbox.experiment': 'second' })
  })

  it('lets writers of different flags all win, and one of those of the same flag', async () => {
    const others = Array.from({ length: 8 }, (_, index) => `flag-${index}`)
    await Promise.all(others.map((key) => open().apply({ set: 'dev', key, change: { kind: 'define', definition: booleanFlag(key) }, expect: null, comment: '' })))
    const { flagSet } = await source.read('dev')
    expect(flagSet.flags.map(({ key }) => key).toSorted()).toEqual([...others, 'new-checkout', 'other'].toSorted())
    const decided = await version()
    const results = await Promise.allSettled(['on', 'off', 'on', 'off'].map((variant, index) => open().apply({ set: 'dev', key: 'new-checkout', change: { kind: 'define', definition: { ...booleanFlag('new-checkout'), defaultVariant: variant, metadata: { by: index } } }, expect: decided, comment: '' })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('keeps a hand-made file’s layout, its unknown keys and its rules where nothing changes', async () => {
    await writeFile(file, HAND_MADE)
    await apply({ kind: 'kill', variant: 'off' }, null, 'other')
    // It is so already: nothing was written.
    expect(await text()).toBe(HAND_MADE)
    await apply({ kind: 'kill', variant: 'off' }, null)
    const killed = await text()
    expect(killed.split('\n').slice(0, 4)).toEqual(HAND_MADE.split('\n').slice(0, 4))
    expect(killed).toContain('"note": "kept"')
    expect(killed).toContain('"$evaluators": { "beta": { "==": [ {"var": "plan"}, "beta" ] } }')
    expect((JSON.parse(killed) as { flags: Record<string, object> }).flags['new-checkout']).not.toHaveProperty('targeting')
  })

  it('changes a flag’s version with the segments it names, and with no others', async () => {
    const named = booleanFlag('new-checkout', [{ audience: { kind: 'segments', anyOf: ['beta'] }, serve: { kind: 'variant', variant: 'on' } }])
    const segment = (name: string, value: string): Segment => ({ name, rule: { kind: 'conditions', match: 'all', conditions: [{ test: 'is', attribute: 'plan', value }] } })
    const document = putSegment(putSegment(putFlag(emptyDocument(), named), segment('beta', 'beta')), segment('staff', 'staff'))
    await writeFile(file, writeDocument(document))
    const { digest, versions } = await source.read('dev')
    await source.writeSegments('dev', [segment('beta', 'beta'), segment('staff', 'crew')], digest)
    const second = await source.read('dev')
    expect(second.versions).toEqual(versions)
    await expect(source.writeSegments('dev', [segment('beta', 'gold')], digest)).rejects.toMatchObject({ code: 'staleGeneration' })
    await source.writeSegments('dev', [segment('beta', 'gold')], second.digest)
    const third = await source.read('dev')
    expect(third.versions.get('new-checkout')).not.toBe(versions.get('new-checkout'))
    expect(third.flagSet.segments.map(({ name }) => name)).toEqual(['beta'])
    await expect(source.writeSegments('dev', [], third.digest)).rejects.toMatchObject({ code: 'invalidInput' })
  })

  it('answers the last good version over a broken file, refuses changes, and kills all the same', async () => {
    await source.read('dev')
    const half = HAND_MADE.slice(0, 300)
    await writeFile(file, half)
    const reading = await source.read('dev')
    expect(reading).toMatchObject({ broken: { why: expect.stringMatching(/^dev\.json:\d+:\d+: /) }, problems: [{ level: 'error' }] })
    expect(reading.flagSet.flags.map(({ key }) => key)).toEqual(['new-checkout', 'other'])
    await expect(apply({ kind: 'finish', variant: 'on' }, await version())).rejects.toMatchObject({ code: 'invalidInput' })
    expect(await text()).toBe(half)
    await apply({ kind: 'kill', variant: 'off' }, null)
    expect((await source.read('dev')).broken).toBeNull()
    expect((await source.observe('dev', 'new-checkout')).definition.defaultVariant).toBe('off')
    expect(await readFile(`${file}.broken`, 'utf8')).toBe(half)
    await rm(file)
    expect(await source.read('dev')).toMatchObject({ broken: { why: 'dev.json is gone.' }, flagSet: { flags: [{ key: 'new-checkout' }, { key: 'other' }] } })
  })

  it('starts with nothing where there is no file yet', async () => {
    const reading = await source.read('prod')
    expect(reading).toMatchObject({ flagSet: { flags: [] }, broken: null, digest: '' })
    await source.apply({ set: 'prod', key: 'first', change: { kind: 'define', definition: booleanFlag('first') }, expect: null, comment: '' })
    expect((await source.read('prod')).flagSet.flags.map(({ key }) => key)).toEqual(['first'])
    expect((await readdir(folder.path)).toSorted()).toEqual(['dev.json', 'prod.json'])
    await expect(source.read('../dev')).rejects.toMatchObject({ code: 'invalidInput' })
  })

  it('tells of changes by others, and not of other files', async () => {
    let told = 0
    const stop = source.subscribe('dev', () => (told += 1))
    await writeFile(join(folder.path, 'prod.json'), writeDocument(emptyDocument()))
    await open().apply({ set: 'dev', key: 'new-checkout', change: { kind: 'finish', variant: 'on' }, expect: null, comment: '' })
    await eventually(() => told, (count) => count > 0)
    stop()
  })

  it('archives by saying so, and says what a test finds', async () => {
    await apply({ kind: 'archive' }, await version())
    expect((await source.observe('dev', 'new-checkout')).definition.facts.archived).toBe(true)
    const test = await source.test()
    expect(test.map(({ name, ok }) => [name, ok])).toEqual([['shop: dev.json', true], ['shop: flag server', false]])
    await expect(source.evaluations('dev')).rejects.toMatchObject({ code: 'providerUnavailable' })
  })
})

function config(path: string): FlagSourceConfig {
  return { name: 'shop', kind: 'file', sets: [{ tier: 'dev', set: 'dev' }], services: [], criteria: [], stages: [], needs: [], code: [], settledForMs: 1, silentForMs: 1, settings: { folder: path, defaultSet: 'dev' } }
}
