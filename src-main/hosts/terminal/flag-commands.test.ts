import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emptyDocument, putFlag, putSegment, writeDocument } from '../../core/flags/flag-set.ts'
import { booleanFlag } from '../../core/flags/testing/flags.ts'
import { startWebConsole } from '../web/console.ts'
import { linkTo } from './link.ts'
import { runTerminal } from './run.ts'

/** Real processes on a machine that may be busy with other things. */
const PATIENCE_MS = 120_000

const root = mkdtempSync(join(tmpdir(), 'signalbox-terminal-flags-'))
let counter = 0

interface Place {
  readonly folder: string
  readonly data: string
  readonly run: (...args: string[]) => Promise<{ readonly code: number; readonly out: string; readonly error: string }>
  /** What the file gives everyone: its default, and whether it has rules. */
  readonly served: (flag: string) => { readonly defaultVariant: unknown; readonly targeted: boolean }
}
const places: Place[] = []

/** The real terminal on a workspace of flags alone: over the console's socket, or with a core of its own. */
async function place(sources: readonly string[] = ['shop']): Promise<Place> {
  const folder = join(root, String((counter += 1)))
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const internal = { name: 'internal', rule: { kind: 'conditions' as const, match: 'all' as const, conditions: [{ test: 'is' as const, attribute: 'staff', value: true }] } }
  const rule = { audience: { kind: 'segments' as const, anyOf: ['internal'] }, serve: { kind: 'variant' as const, variant: 'on' } }
  for (const source of sources) {
    mkdirSync(join(folder, source))
    writeFileSync(join(folder, source, 'dev.json'), writeDocument(putFlag(putFlag(putSegment(emptyDocument(), internal), booleanFlag('new-checkout')), booleanFlag(`${source}-banner`, [rule]))))
  }
  mkdirSync(join(folder, 'code'))
  writeFileSync(join(folder, 'code', 'app.ts'), "const on = client.getBooleanValue('new-checkout', false)\n")
  writeFileSync(join(folder, 'signalbox.yaml'), `workspace: flagged\ntier: dev\nflags:\n${sources.map((source) => `  ${source}: {file: ./${source}, code: ./code}\n`).join('')}`)
  const made: Place = {
    folder,
    data,
    async run(...args) {
      let out = ''
      let error = ''
      const streams = { out: { write: (text: string) => (out += text) }, error: { write: (text: string) => (error += text) }, columns: null }
      const code = await runTerminal([...args, '--workspace', join(folder, 'signalbox.yaml'), '--data', data], { streams, linkTo, ask: null })
      return { code, out, error }
    },
    served(flag) {
      const document = JSON.parse(readFileSync(join(folder, sources[0] ?? '', 'dev.json'), 'utf8')) as { flags: Record<string, { defaultVariant: unknown; targeting?: object }> }
      return { defaultVariant: document.flags[flag]?.defaultVariant, targeted: Object.keys(document.flags[flag]?.targeting ?? {}).length > 0 }
    },
  }
  places.push(made)
  expect(await made.run('trust', '--yes')).toMatchObject({ code: 0 })
  return made
}

afterAll(async () => {
  await Promise.all(places.map((made) => made.run('stop', '--all', '--reason', 'end of the test')))
  rmSync(root, { recursive: true, force: true })
}, PATIENCE_MS)

describe('with no console running', () => {
  let shop: Place
  beforeAll(async () => {
    shop = await place()
  }, PATIENCE_MS)

  test('flags are listed, shown, tried and searched for, and nothing is acted on', async () => {
    const { run, served } = shop
    const listed = await run('flags')
    expect(listed.code).toBe(0)
    expect(listed.out).toMatch(/^Flag +Users +State.*\nnew-checkout +off +fullyOff.*\nshop-banner +internal +active/m)
    const document = JSON.parse((await run('flags', 'shop', '--json')).out) as readonly { source: { name: string }; flags: { key: string }[] }[]
    expect(document.map(({ source, flags }) => [source.name, flags.map(({ key }) => key)])).toEqual([['shop', ['new-checkout', 'shop-banner']]])
    const shown = await run('flag', 'shop-banner')
    expect(shown.out).toMatch(/off \(safe\) = false/)
    expect(shown.out, 'a look is no reason that an act could not be').toMatch(/^can Kill/m)
    expect((await run('flag', 'shop-banner', 'preview', '--context', '{"targetingKey": "anna", "staff": true}')).out).toMatch(/^on = true \(TARGETING_MATCH\)\n {2}decided internal.*\n {2}in segment internal/)
    expect((await run('flag', 'shop-banner', 'preview', '--context', '{"staff": false}')).out).toMatch(/^off = false/)
    expect((await run('flags', 'references')).out).toMatch(/new-checkout {2}1 place\n {2}.*app\.ts:1:\d+ {2}const on/)
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: false })
  }, PATIENCE_MS)

  test('what cannot be is said with its exit code', async () => {
    const { run } = shop
    expect(await run('flag', 'ghost')).toMatchObject({ code: 1, out: '' })
    expect(await run('kill', 'ghost', '--reason', 'x')).toMatchObject({ code: 1 })
    expect(await run('flags', 'nowhere')).toMatchObject({ code: 1, error: expect.stringMatching(/no flag source nowhere/) as unknown })
    expect(await run('rollout', 'new-checkout', 'advance')).toMatchObject({ code: 1, error: expect.stringMatching(/no rollout to act on[\s\S]*rollout new-checkout start/) as unknown })
    expect(await run('rollout', 'new-checkout', 'fly')).toMatchObject({ code: 2, error: expect.stringMatching(/start, advance, approve/) as unknown })
    for (const args of [['flag', 'new-checkout', 'sideways'], ['flag', 'new-checkout', 'preview'], ['flag', 'new-checkout', 'preview', '--context', 'x'], ['kill'], ['flag', 'a', 'preview', 'b']]) expect((await run(...args)).code, args.join(' ')).toBe(2)
  }, PATIENCE_MS)

  test('a rollout is started, advanced, taken back, and finished, each as read back', async () => {
    const { run, served } = shop
    const started = await run('rollout', 'new-checkout', 'start', '--reason', 'ready')
    expect(started).toMatchObject({ code: 0, out: expect.stringMatching(/^new-checkout: 1 % of users, after \d/) as unknown, error: expect.stringMatching(/No console is running/) as unknown })
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: true })
    expect((await run('rollout', 'new-checkout', 'advance', '--reason', 'looks well')).out).toMatch(/^new-checkout: 5 % of users/)
    expect((await run('flags')).out).toMatch(/new-checkout +5 % +rollingOut +stage 2 of 5, holding, next at/)
    expect((await run('rollout', 'new-checkout', 'rollback', '--reason', 'enough')).code).toBe(0)
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: false })
    await run('rollout', 'new-checkout', 'start', '--variant', 'on', '--reason', 'again')
    expect((await run('rollout', 'new-checkout', 'finish', '--reason', 'done')).code).toBe(0)
    expect(served('new-checkout')).toEqual({ defaultVariant: 'on', targeted: false })
    const actions = (await run('audit')).out
    for (const word of ['ready', 'looks well', 'enough', 'again', 'done']) expect(actions).toContain(word)
  }, PATIENCE_MS)

  test('the kill switch ends a rollout and is in the journal', async () => {
    const { run, served } = shop
    await run('rollout', 'new-checkout', 'start', '--reason', 'ready')
    const killed = await run('kill', 'new-checkout', '--json', '--reason', 'orders fail')
    expect(killed.code).toBe(0)
    expect(JSON.parse(killed.out)).toMatchObject({ summary: { percent: 0 }, rollout: { rollout: { phase: 'rolledBack', rollback: { to: 'safe', reason: 'orders fail' } } } })
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: false })
    // The other one has no rollout at all.
    expect((await run('kill', 'shop-banner')).error).toContain('A reason is owed')
    expect(served('shop-banner')).toEqual({ defaultVariant: 'off', targeted: false })
    expect((await run('audit')).out).toContain('orders fail')
  }, PATIENCE_MS)

  test('a flag that two sources have is not guessed at', async () => {
    const { run, served } = await place(['shop', 'desk'])
    expect(await run('kill', 'new-checkout')).toMatchObject({ code: 2, error: expect.stringMatching(/--source/) as unknown })
    expect(await run('kill', 'desk-banner', '--reason', 'x'), 'the control: one that only one has').toMatchObject({ code: 0 })
    expect(await run('kill', 'shop-banner', '--source', 'shop', '--reason', 'x')).toMatchObject({ code: 0 })
    expect(served('shop-banner')).toEqual({ defaultVariant: 'off', targeted: false })
  }, PATIENCE_MS)
})

test('through the running console, which goes on with the rollout', async () => {
  const { run, served, folder, data } = await place()
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  const console_ = await startWebConsole({
    compose: { host: 'web', dataFolder: data, workspaceFile: join(folder, 'signalbox.yaml'), auditFile: null, trustWorkspace: false, scope: 'whole' },
    coreEntry: new URL('../core-worker.ts', import.meta.url),
    rendererFolder: folder,
    port: 0,
    log: () => undefined,
  })
  try {
    const started = await run('rollout', 'new-checkout', 'start', '--reason', 'ready')
    expect(started).toMatchObject({ code: 0, out: expect.stringMatching(/1 % of users/) as unknown })
    expect(started.error).not.toContain('No console')
    expect((await run('rollout', 'new-checkout', 'pause', '--reason', 'lunch')).code).toBe(0)
    expect((await run('flags')).out).toMatch(/stage 1 of 5, paused/)
    expect((await run('kill', 'new-checkout', '--reason', 'orders fail')).out).toMatch(/^new-checkout: off, read back after/)
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: false })
  } finally {
    await console_.close()
  }
}, PATIENCE_MS)

const cannotMount = whyNoMount()
if (cannotMount !== null) console.warn(`SKIPPED: the kill switch on a full disk: ${cannotMount}`)

describe.skipIf(cannotMount !== null)('on a full disk', () => {
  let mounted = ''
  beforeAll(() => {
    // The next place's data folder.
    mounted = join(root, String(counter + 1), 'data')
    mkdirSync(mounted, { recursive: true, mode: 0o700 })
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=700', 'tmpfs', mounted]).status).toBe(0)
  })
  afterAll(async () => {
    const [made] = places.splice(places.findIndex(({ data }) => data === mounted), 1)
    await made?.run('stop', '--all', '--reason', 'end of the test')
    // A process that has just ended may hold on for a moment.
    for (let tries = 0; tries < 100 && spawnSync('umount', [mounted], { stdio: 'ignore' }).status !== 0; tries += 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  }, PATIENCE_MS)

  test('the kill switch works with no console and no room for the journal, which has it once there is room', async () => {
    const { run, served, data } = await place()
    await run('rollout', 'new-checkout', 'start', '--reason', 'ready')
    expect(served('new-checkout').targeted).toBe(true)
    const ballast = join(data, 'ballast')
    expect(spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=512'], { stdio: 'ignore' }).status).not.toBe(0)
    expect((await run('rollout', 'new-checkout', 'advance', '--reason', 'x')).code, 'anything else is refused').not.toBe(0)
    expect(await run('kill', 'new-checkout', '--reason', 'orders fail')).toMatchObject({ code: 0, out: expect.stringMatching(/^new-checkout: off, read back/) as unknown })
    expect(served('new-checkout')).toEqual({ defaultVariant: 'off', targeted: false })
    rmSync(ballast)
    expect((await run('kill', 'shop-banner', '--reason', 'tidying')).code).toBe(0)
    expect((await run('audit')).out).toMatch(/Kill: everyone gets off +sent +orders fail/)
    expect(await run('verify')).toMatchObject({ code: 0 })
  }, PATIENCE_MS)
})

function whyNoMount(): string | null {
  if (process.getuid?.() !== 0 || !existsSync('/bin/mount')) return 'it needs the right to mount a small disk'
  const trial = mkdtempSync(join(tmpdir(), 'signalbox-mount-'))
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', trial]).status !== 0) return 'this machine does not let one be mounted'
    spawnSync('umount', [trial])
    return null
  } finally {
    rmSync(trial, { recursive: true, force: true })
  }
}
