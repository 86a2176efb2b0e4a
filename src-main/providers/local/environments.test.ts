import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { withBench } from './test-bench.ts'

describe.concurrent('an environment', () => {
  it('runs in a clean environment: what was declared and what finds programs, nothing of the console', withBench({}, async (bench) => {
    process.env['SIGNALBOX_TEST_SECRET'] = 'hunter2'
    const { live } = await bench.start({ env: { GREETING: 'hi from ${environment} ${version} at ${port}', SHARED: 'all' }, envBlue: { SHARED: 'blue' } })
    delete process.env['SIGNALBOX_TEST_SECRET']
    const variables = (await (await fetch(`${live}/env`)).json()) as Record<string, string>
    expect(variables).toMatchObject({ VERSION: 'good-1', ENVIRONMENT: 'blue', SERVICE: 'web', SHARED: 'blue', GREETING: `hi from blue good-1 at ${variables['PORT']}` })
    expect(Object.keys(variables).filter((name) => !/^(PORT|VERSION|ENVIRONMENT|SERVICE|SHARED|GREETING|PATH|HOME|LANG|LC_ALL|TZ|TMPDIR|USER|SIGNALBOX_SPAWN|PWD|SHLVL|OLDPWD|_)$/.test(name))).toEqual([])
  }))

  it('gets what its variables refer to from the console, kept nowhere, and waits where it is not known', withBench({}, async (bench) => {
    process.env['SIGNALBOX_TEST_REFERENCE'] = 'hunter3'
    const { live } = await bench.start({ env: { DATABASE_URL: 'db://${env:SIGNALBOX_TEST_REFERENCE}@${version}' } })
    expect(await (await fetch(`${live}/env`)).json()).toMatchObject({ DATABASE_URL: 'db://hunter3@good-1' })
    const written = readdirSync(bench.dataFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    expect(written.length).toBeGreaterThan(3)
    for (const entry of written) expect(readFileSync(join(entry.parentPath, entry.name), 'latin1')).not.toContain('hunter3')
    delete process.env['SIGNALBOX_TEST_REFERENCE']
    // It was told once, so that a crash, or a roll back from a terminal that does not know the value, starts it all the same.
    await bench.deploy('green', 'good-2')
    await bench.ready('green')

    const other = bench.config('other', { env: { KEY: '${env:SIGNALBOX_TEST_LATE}' } })
    await bench.provider.register(other)
    await bench.provider.deploy(bench.operation(), 'other', 'blue', await bench.provider.resolveVersion('other', 'good-1'))
    const readiness = async () => (await bench.provider.observe('other')).environments.blue
    await bench.until('it waits', async () => (await readiness()).readiness === 'crashed')
    expect((await readiness()).detail).toBe('Not started: the value of SIGNALBOX_TEST_LATE is not known here. Open a console where it is set.')
    process.env['SIGNALBOX_TEST_LATE'] = 'now'
    await bench.provider.register(other)
    delete process.env['SIGNALBOX_TEST_LATE']
    await bench.until('it runs', async () => (await readiness()).readiness === 'ready')
  }))

  it('that ends at its start is tried again a few times, then given up, with its exit code and last words', withBench({}, async (bench) => {
    await bench.start({ restart: { backoffMs: 20, maxInWindow: 2 } })
    await bench.deploy('green', 'crash-1')
    await bench.until('given up', async () => (await bench.provider.observe('web')).environments.green.readiness === 'crashed')
    const { green } = (await bench.provider.observe('web')).environments
    expect(green.detail).toMatch(/Crash loop: ended 3 times.*ended with code 3.*cannot open the database/s)
    expect(green.restarts).toBe(2)
    expect(green.instances).toEqual({ ready: 0, wanted: 1 })
    expect((await bench.log('green')).filter((line) => line.stream === 'stderr' && line.text === 'cannot open the database')).toHaveLength(3)
  }))

  it('that never gets ready says so after its deadline, and with what it was answered', withBench({}, async (bench) => {
    await bench.start({ ready: { kind: 'http', path: '/ready', timeoutMs: 300, intervalMs: 30 } })
    await bench.deploy('green', 'unready-1')
    await bench.until('unready', async () => {
      const { green } = (await bench.provider.observe('web')).environments
      return green.readiness === 'unready' && green.detail.includes('503')
    })
    expect((await bench.provider.observe('web')).environments.green.detail).toMatch(/readinessTimeout: not ready within 300 ms, \/ready answered 503/)
  }))

  it('that dies with the traffic is told of, users get 503 without internals, and it comes back by itself', withBench({}, async (bench) => {
    const { live } = await bench.start({ restart: { backoffMs: 400, maxInWindow: 3 } }, true)
    const first = await bench.provider.observe('web')
    await fetch(`${live}/die`).then((answer) => expect(answer.status).toBe(502))
    await bench.until('death is seen', async () => (await bench.blue()).readiness !== 'ready')
    expect((await bench.blue()).detail).toMatch(/ended with code 7.*Starting again in 400 ms/s)
    expect((await fetch(live)).status).toBe(503)
    expect((await bench.provider.observe('web')).weights).toEqual({ blue: 100, green: 0 })
    await bench.ready('blue')
    expect((await fetch(live)).status).toBe(200)
    expect((await bench.blue()).restarts).toBe(first.environments.blue.restarts + 1)
  }))

  it('that dies with part of the traffic leaves it to the other one that has weight', withBench({}, async (bench) => {
    const { live } = await bench.start({ restart: { backoffMs: 2000, maxInWindow: 3 } }, true)
    await bench.weights({ blue: 50, green: 50 })
    const { pid } = (await (await fetch(live)).json()) as { pid: number }
    process.kill(pid, 'SIGKILL')
    const statuses = []
    for (let i = 0; i < 40; i++) statuses.push((await fetch(live)).status)
    expect(new Set(statuses)).toEqual(new Set([200]))
  }))

  it('that dies with the traffic is relieved by the stable one, when the workspace says so', withBench({}, async (bench) => {
    const { live } = await bench.start({ onLiveDeath: 'switch', restart: { backoffMs: 3000, maxInWindow: 3 } }, true)
    await bench.weights({ blue: 0, green: 100 })
    await fetch(`${live}/die`)
    await bench.until('switched', async () => (await bench.provider.observe('web')).weights.blue === 100)
    expect((await bench.provider.observe('web')).generationCause).toBe('liveDeath')
    expect((await fetch(live)).status).toBe(200)
  }))

  it('is not relieved by one that never was stable', withBench({}, async (bench) => {
    const { live } = await bench.start({ onLiveDeath: 'switch', restart: { backoffMs: 500, maxInWindow: 3 } }, true)
    await fetch(`${live}/die`)
    await bench.until('death is seen', async () => (await bench.blue()).readiness !== 'ready')
    await bench.ready('blue')
    expect((await bench.provider.observe('web')).generation).toBe(1)
  }))

  it('that does not answer its liveness probe is restarted', withBench({}, async (bench) => {
    const { live } = await bench.start({ live: { intervalMs: 100, timeoutMs: 100, failures: 2 }, restart: { backoffMs: 20, maxInWindow: 3 }, stopGraceMs: 200 })
    const { pid } = (await (await fetch(live)).json()) as { pid: number }
    process.kill(pid, 'SIGSTOP')
    await bench.until('restarted', async () => (await bench.blue()).restarts === 1 && (await bench.blue()).readiness === 'ready')
    expect((await bench.log('blue')).some((line) => line.stream === 'supervisor' && line.text.includes('Liveness failed 2 times in a row'))).toBe(true)
  }))

  it('that takes more memory than it may is restarted', withBench({}, async (bench) => {
    await bench.start({ memoryLimitBytes: 20e6, restart: { backoffMs: 20, maxInWindow: 9 } })
    await bench.until('restarted', async () => (await bench.blue()).restarts > 0)
    expect((await bench.log('blue')).some((line) => line.text.includes('the limit is 20 MB'))).toBe(true)
  }))

  it('is stopped gracefully after its requests in flight have ended', withBench({}, async (bench) => {
    const { live } = await bench.start({}, true)
    const slow = fetch(`${live}/wait?ms=700`)
    await bench.until('in flight', async () => (await bench.blue()).inFlight === 1)
    await bench.weights({ blue: 0, green: 100 })
    await bench.provider.stop(bench.operation(), 'web', 'blue', 5_000)
    expect(await (await slow).json()).toEqual({ environment: 'blue', version: 'good-1' })
    expect(await bench.blue()).toMatchObject({ readiness: 'stopped', deployed: { version: 'good-1' }, detail: 'Stopped on request.' })
    expect((await bench.log('blue')).map((line) => line.text)).toContain('ending')
  }))

  it('that ignores SIGTERM is killed, with everything it started', withBench({}, async (bench) => {
    await bench.start({ run: `sleep 300 & ${process.execPath} app.mjs \${version}`, stopGraceMs: 300 })
    await bench.deploy('green', 'deaf-1')
    await bench.ready('green')
    const began = performance.now()
    await bench.provider.stop(bench.operation(), 'web', 'green', 0)
    expect(performance.now() - began).toBeGreaterThan(280)
    expect((await bench.log('green')).some((line) => line.text.includes('SIGKILL'))).toBe(true)
  }))

  it('is told what its predecessor was: a deploy replaces, with its drain, and remembers how an older configuration ran', withBench({}, async (bench) => {
    const { preview } = await bench.start({ env: { COLOUR: 'red' } })
    const old = await bench.provider.resolveVersion('web', 'good-2')
    await bench.provider.deploy(bench.operation(), 'web', 'green', old)
    await bench.ready('green')
    await bench.provider.register(bench.config('web', { env: { COLOUR: 'black' } }))
    const next = await bench.provider.resolveVersion('web', 'good-2')
    expect(next.configDigest).not.toBe(old.configDigest)
    const colour = async () => ((await (await fetch(`${preview}/env`)).json()) as { COLOUR: string }).COLOUR
    await bench.provider.deploy(bench.operation(), 'web', 'green', next)
    await bench.until('replaced', async () => (await bench.provider.observe('web')).environments.green.readiness === 'ready')
    expect(await colour()).toBe('black')
    await bench.provider.deploy(bench.operation(), 'web', 'green', old)
    await bench.until('replaced', async () => (await bench.provider.observe('web')).environments.green.readiness === 'ready')
    expect(await colour()).toBe('red')
  }))
})

describe.concurrent('bad input', () => {
  it('names who holds a port that is taken', withBench({}, async (bench) => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { port } = holder.address() as { port: number }
    await expect(bench.provider.register(bench.config('web', { address: { port } }))).rejects.toMatchObject({ code: 'portTaken', message: expect.stringContaining(`process ${process.pid} (`) as string })
    await expect(bench.provider.observe('web')).rejects.toMatchObject({ code: 'notFound' })
    await new Promise((resolve) => holder.close(resolve))
    await bench.provider.register(bench.config('web', { address: { port } }))
    expect((await bench.provider.observe('web')).liveAddress).toBe(`http://127.0.0.1:${port}`)
  }))

  it('says which command or folder is missing before anything moves', withBench({}, async (bench) => {
    await bench.start()
    const before = await bench.provider.observe('web')
    await bench.provider.register(bench.config('web', { run: 'no-such-program --serve' }))
    await expect(bench.provider.resolveVersion('web', 'good-2')).rejects.toMatchObject({ code: 'commandNotFound', message: expect.stringContaining('no-such-program') as string })
    expect((await bench.provider.versions('web')).every((option) => option.problem?.includes('no-such-program'))).toBe(true)
    await bench.provider.register(bench.config('web', { folder: join(bench.folder, 'nowhere', '${version}') }))
    await expect(bench.provider.resolveVersion('web', 'good-2')).rejects.toMatchObject({ code: 'versionUnknown' })
    for (const version of ['../good-1', 'good-1; touch /tmp/x', '$(id)', 'missing']) await expect(bench.provider.resolveVersion('web', version)).rejects.toMatchObject({ code: 'versionUnknown' })
    const after = await bench.provider.observe('web')
    expect(after.environments.blue).toMatchObject({ readiness: 'ready', startedAt: before.environments.blue.startedAt })
  }))

  it('keeps a picked port for good, and lists what a version would change', withBench({}, async (bench) => {
    const { live } = await bench.start()
    mkdirSync(join(bench.folder, 'versions', 'good-9'))
    writeFileSync(join(bench.folder, 'versions', 'good-9', 'version.json'), JSON.stringify({ title: 'Faster checkout', changes: ['one query less'], createdAt: '2030-01-02T00:00:00Z' }))
    const [newest] = await bench.provider.versions('web')
    expect(newest).toMatchObject({ version: 'good-9', title: 'Faster checkout', changes: ['one query less'], createdAt: Date.UTC(2030, 0, 2), deployedOn: null, problem: null })
    expect((await bench.provider.versions('web')).find((option) => option.version === 'good-1')?.deployedOn).toBe('blue')
    await bench.provider.stopAll()
    await bench.provider.register(bench.config('web'))
    expect((await bench.provider.observe('web')).liveAddress).toBe(live)
  }))
})
