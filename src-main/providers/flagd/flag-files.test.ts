import { readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { emptyDocument, putFlag, writeDocument } from '../../core/flags/flag-set.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { digestOf, publishFlagFile, readFlagFile } from './flag-files.ts'
import { eventually, type TemporaryFolder, temporaryFolder } from './testing/temporary-folder.ts'
import { type ServedSet, type WatchedSets, watchFlagSets } from './watch-flag-sets.ts'

const text = (...keys: string[]): string => writeDocument(keys.reduce((document, key) => putFlag(document, booleanFlag(key)), emptyDocument()))
let folder: TemporaryFolder
let file: string
beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder.path, 'flags.json')
})
afterEach(() => folder.remove())

describe('publishing a flag file', () => {
  it('compares and sets by digest', async () => {
    const first = await publishFlagFile(file, text('a'), { digest: null })
    expect(await readFlagFile(file)).toMatchObject({ digest: first, problems: [] })
    await expect(publishFlagFile(file, text('b'), { digest: null })).rejects.toMatchObject({ code: 'staleRevision' })
    const second = await publishFlagFile(file, text('b'), { digest: first })
    expect(second).toBe(digestOf(text('b')))
    await expect(publishFlagFile(file, text('c'), { digest: first })).rejects.toMatchObject({ code: 'staleRevision' })
    expect(await readFile(file, 'utf8')).toBe(text('b'))
    expect(await readdir(folder.path)).toEqual(['flags.json'])
  })

  it('lets one of many writers with the same digest win', async () => {
    const first = await publishFlagFile(file, text('a'), 'any')
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => publishFlagFile(file, text(`b${index}`), { digest: first })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('writes nothing that has errors, and says where', async () => {
    await expect(publishFlagFile(file, '{\n  "flags": {"a": {}}\n}', 'any')).rejects.toMatchObject({ code: 'invalidInput', data: { place: { line: 2, column: 13 } } })
    expect((await readFlagFile(file)).digest).toBeNull()
  })

  it('takes over the lock of a writer that died, and not a fresh one', async () => {
    const lock = join(folder.path, '.flags.json.lock')
    await writeFile(lock, '')
    const pending = publishFlagFile(file, text('a'), 'any')
    const early = await Promise.race([pending.then(() => 'written'), new Promise((resolve) => setTimeout(resolve, 200, 'waits'))])
    expect(early).toBe('waits')
    await utimes(lock, new Date(Date.now() - 20_000), new Date(Date.now() - 20_000))
    await pending
    expect((await readFlagFile(file)).digest).toBe(digestOf(text('a')))
  })

  it('says when the folder is not there', async () => {
    await expect(publishFlagFile(join(folder.path, 'no', 'flags.json'), text('a'), 'any')).rejects.toMatchObject({ code: 'providerUnavailable' })
  })
})

describe('watching sets', () => {
  let watched: WatchedSets | null = null
  afterEach(() => watched?.close())

  it('tells each version once, keeps the last good one over a half-written file, and says what is wrong where', async () => {
    const seen: ServedSet[] = []
    await publishFlagFile(file, text('a'), 'any')
    watched = await watchFlagSets(folder.path, (set) => seen.push(set))
    expect(seen.map(({ digest }) => digest)).toEqual([digestOf(text('a'))])
    await publishFlagFile(file, text('a', 'b'), 'any')
    await eventually(() => seen.length, (count) => count === 2)

    await writeFile(file, text('a', 'b', 'c').slice(0, 200))
    const broken = await eventually(() => watched?.get('flags'), (set) => set?.broken !== null)
    expect(broken).toMatchObject({ digest: digestOf(text('a', 'b')), broken: { why: expect.stringMatching(/^flags\.json:\d+:\d+: /) } })

    await writeFile(file, text('a', 'b', 'c'))
    await eventually(() => seen.length, (count) => count === 3)
    expect(watched.get('flags')?.broken).toBeNull()

    await rm(file)
    await eventually(() => watched?.get('flags')?.broken?.why, (why) => why === 'The file is gone.')
    expect(watched.get('flags')?.digest).toBe(digestOf(text('a', 'b', 'c')))
    expect(seen).toHaveLength(3)
  })

  it('tells every one of many renames that stays, and the newest at the end', async () => {
    const seen: string[] = []
    watched = await watchFlagSets(folder.path, (set) => seen.push(set.digest))
    for (let index = 0; index < 30; index += 1) await publishFlagFile(file, text(`flag-${index}`), 'any')
    await eventually(() => seen.at(-1), (digest) => digest === digestOf(text('flag-29')))
    expect(new Set(seen).size).toBe(seen.length)
  })

  it('names files that never were good', async () => {
    await writeFile(join(folder.path, 'prod.json'), '{')
    watched = await watchFlagSets(folder.path, () => undefined)
    expect([...watched.neverGood()]).toEqual([['prod', expect.stringContaining('prod.json:1:2')]])
    expect(watched.get('prod')).toBeUndefined()
  })
})
