import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConsoleClient, openClient } from '../contract/client.ts'
import { Fault } from '../contract/fault.ts'
import { pipeOverPort } from '../contract/port-pipe.ts'
import type { Frame, FramePipe } from '../contract/wire.ts'
import { enterAsBrowser } from '../hosts/web/testing/browser-double.ts'
import { startWebServer } from '../hosts/web/server.ts'
import { type CoreThread, startCoreThread } from './core-thread.ts'
import { memoryPipes } from './memory-pipe.ts'
import { createDispatcher } from './serve.ts'
import { portLike } from './port-like.ts'
import { composeConformanceDouble } from './testing/core-double.ts'

/** A way to reach the same core. */
interface Transport {
  /** A fresh connection, and how to cut it without a farewell. */
  connect(): Promise<{ readonly pipe: FramePipe; readonly secret?: string; readonly cut: () => void }>
  readonly logged: string[]
  close(): Promise<void>
}

const options = { host: 'web', dataFolder: '', workspaceFile: null, auditFile: null, trustWorkspace: false, scope: 'whole' } as const
const doubleWorker = new URL('testing/core-double-worker.ts', import.meta.url)

async function overMemory(): Promise<Transport> {
  const logged: string[] = []
  const core = await composeConformanceDouble(options)
  const dispatcher = createDispatcher(core.dispatch, { log: (line) => logged.push(line), validateOutputs: true })
  return {
    logged,
    connect() {
      const [here, there] = memoryPipes()
      dispatcher.serve(there)
      return Promise.resolve({ pipe: here, cut: () => there.close() })
    },
    close: () => core.close(),
  }
}

async function startThread(logged: string[]): Promise<CoreThread> {
  process.env['SIGNALBOX_VALIDATE_OUTPUTS'] = '1'
  return startCoreThread(doubleWorker, options, (line) => logged.push(line))
}

async function overMessagePort(): Promise<Transport> {
  const logged: string[] = []
  const thread = await startThread(logged)
  return {
    logged,
    connect() {
      const port = thread.openSession()
      return Promise.resolve({ pipe: pipeOverPort(portLike(port)), cut: () => port.close() })
    },
    close: () => thread.close(),
  }
}

async function overWebSocket(): Promise<Transport> {
  const logged: string[] = []
  const thread = await startThread(logged)
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-conformance-'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  const server = await startWebServer({ rendererFolder: folder, openSession: () => thread.openSession(), port: 0 })
  return {
    logged,
    async connect() {
      const browser = await enterAsBrowser(server.issueUrl())
      const { pipe, socket } = await browser.openSocket()
      return { pipe, secret: await browser.tabSecret(), cut: () => socket.terminate() }
    },
    async close() {
      await server.close()
      await thread.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function faultOf(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => new Error('it did not reject'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof Fault)) throw new Error(`not a fault: ${String(error)}`, { cause: error })
  return error
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it never came true')
}

const transports: readonly (readonly [string, () => Promise<Transport>])[] = [
  ['memory', overMemory],
  ['a message port into a worker thread', overMessagePort],
  ['a WebSocket through the web host', overWebSocket],
]

describe.each(transports)('over %s', (_name, start) => {
  let transport: Transport
  const cuts: (() => void)[] = []

  beforeAll(async () => {
    transport = await start()
  })
  afterAll(async () => {
    for (const cut of cuts) cut()
    await transport.close()
  })

  async function connect(): Promise<{ client: ConsoleClient; cut: () => void }> {
    const { pipe, secret, cut } = await transport.connect()
    cuts.push(cut)
    return { client: await openClient(pipe, secret === undefined ? {} : { secret }), cut }
  }

  async function openStreams(): Promise<number> {
    const { client, cut } = await connect()
    const { count } = await client.journal.checkpoint()
    cut()
    return count
  }

  test('a call is answered, with input and output', async () => {
    const { client } = await connect()
    expect(await client.system.status()).toMatchObject({ appVersion: '0.0.0-double', host: 'web' })
    expect((await client.system.identify({ name: 'Ünïcødé 🚦', email: '' })).operator.name).toBe('Ünïcødé 🚦')
  })

  test('a fault arrives as the same fault', async () => {
    const { client } = await connect()
    const fault = await faultOf(client.service.get({ service: 'ghost' }))
    expect(fault.data).toEqual({
      code: 'notFound',
      message: 'No service ghost.',
      next: 'Look at the list.',
      cause: 'refused',
      retryable: false,
      place: { file: 'a.yaml', line: 3, column: 5 },
    })
  })

  test('anything else arrives as internal with a trace id; message and stack stay in the log', async () => {
    const { client } = await connect()
    const fault = await faultOf(client.workspace.get())
    expect(fault.code).toBe('internal')
    expect(fault.data.traceId).toMatch(/^[0-9a-f-]{36}$/)
    expect(JSON.stringify(fault.data)).not.toMatch(/SECRET|core-double/)
    await until(() => Promise.resolve(transport.logged.some((line) => line.includes(fault.data.traceId ?? '-') && line.includes('SECRET-IN-MESSAGE') && line.includes('core-double'))))
  })

  test('an answer that breaks the contract is internal, not half a view', async () => {
    const { client } = await connect()
    expect((await faultOf(client.workspace.reload())).code).toBe('internal')
  })

  test('bad input is refused and says which field', async () => {
    const { client } = await connect()
    const fault = await faultOf(client.journal.get({ seq: 0 }))
    expect(fault.code).toBe('invalidInput')
    expect(fault.message).toContain('seq')
    const unknownKey = await faultOf(client.service.get({ service: 'a', extra: true } as { service: string }))
    expect(unknownKey.code).toBe('invalidInput')
  })

  test('an unknown procedure is refused', async () => {
    const { client } = await connect()
    const { missing } = client.system as unknown as { missing: (input: unknown) => Promise<unknown> }
    expect((await faultOf(missing({}))).code).toBe('unsupported')
  })

  test('a stream flows, and leaving it closes the generator', async () => {
    const { client } = await connect()
    let last = ''
    for await (const item of await client.system.watch({ metrics: false })) {
      if (item.kind === 'resync') last = item.reason
      if (last === '5') {
        expect(await openStreams()).toBe(1)
        break
      }
    }
    await until(async () => (await openStreams()) === 0)
  })

  test('aborting a stream closes a generator that is not yielding', async () => {
    const { client } = await connect()
    const controller = new AbortController()
    const lines = await client.service.tailLogs({ service: 'a', environment: 'blue', lines: 1 }, { signal: controller.signal })
    expect((await lines.next()).value).toMatchObject({ text: 'line 0' })
    const pending = lines.next()
    expect(await openStreams()).toBe(1)
    controller.abort()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    await until(async () => (await openStreams()) === 0)
  })

  test('a fault inside a stream arrives after what came before it', async () => {
    const { client } = await connect()
    const lines = await client.service.tailLogs({ service: 'a', environment: 'blue', lines: 13 })
    const seen: string[] = []
    const fault = await faultOf(
      (async () => {
        for await (const line of lines) seen.push(line.text)
      })(),
    )
    expect(seen).toHaveLength(13)
    expect(fault.code).toBe('providerUnavailable')
  })

  test('a cut connection rejects calls and streams with disconnected, and closes the generator', async () => {
    const { client, cut } = await connect()
    const call = faultOf(client.workspace.trust({ commandsDigest: '' }))
    const lines = await client.service.tailLogs({ service: 'a', environment: 'blue', lines: 0 })
    const next = faultOf(lines.next())
    await until(async () => (await openStreams()) === 1)
    cut()
    expect((await call).code).toBe('disconnected')
    expect((await next).code).toBe('disconnected')
    expect((await faultOf(client.system.status())).code).toBe('disconnected')
    await until(async () => (await openStreams()) === 0)
  })

  test('large answers and large requests pass whole', async () => {
    const { client } = await connect()
    const name = 'x'.repeat(190)
    expect((await client.system.identify({ name, email: '' })).operator.name).toBe(name)
    let length = 0
    for await (const item of await client.journal.export({ format: 'jsonl' })) if (item.kind === 'chunk') length += item.text.length
    expect(length).toBe(64 * 64 * 1024)
    const fault = await faultOf(client.release.create({ service: 'a', version: '1', notes: '🚦'.repeat(100_000), start: false, operationId: 'op-123456' }))
    expect(fault.message).toContain('notes')
  })

  test('calls in parallel each get their own answer', async () => {
    const { client } = await connect()
    const names = Array.from({ length: 200 }, (_, i) => `name ${i}`)
    const answers = await Promise.all(names.map((name) => client.system.identify({ name, email: '' })))
    expect(answers.map((answer) => answer.operator.name)).toEqual(names)
  })

  test('another protocol version is refused at the greeting', async () => {
    const { pipe, secret, cut } = await transport.connect()
    cuts.push(cut)
    const fault = await faultOf(openClient(pipe, { protocol: 999, ...(secret === undefined ? {} : { secret }) }))
    expect(fault.code).toBe('unsupported')
    expect(fault.message).toContain('999')
  })

  test.each(['{"i":"1"', '{}', '[]', 'null', '{"i":"1","p":{"u":"http://elsewhere/"}}', new Uint8Array([255, 0, 255])])(
    'the malformed frame %j ends its own connection and no other',
    async (frame: Frame) => {
      const { client } = await connect()
      const { pipe, secret, cut } = await transport.connect()
      cuts.push(cut)
      const victim = await openClient(pipe, secret === undefined ? {} : { secret })
      await victim.system.status()
      void pipe.send(frame)
      await until(async () => (await faultOf(victim.system.status())).code === 'disconnected')
      expect(await client.system.status()).toBeTruthy()
    },
  )
})
