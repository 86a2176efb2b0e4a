import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, type SupervisorClient } from './client.ts'
import { helloSchema, lineSplitter, proof } from './protocol.ts'

/** The console's end, against supervisors that are older, false, or forgetful. */
describe('a console', () => {
  const token = randomBytes(32)
  let folder: string
  let client: SupervisorClient
  let close = async () => {}
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'signalbox-client-'))))
  afterEach(async () => {
    client.close()
    await close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function meet(onSocket: (socket: Socket, say: (value: unknown) => void) => void): Promise<void> {
    const server = createServer((socket) => onSocket(socket.on('error', () => {}), (value) => socket.write(`${JSON.stringify(value)}\n`)))
    const path = join(folder, 's')
    await new Promise<void>((resolve) => server.listen(path, resolve))
    close = () => new Promise((resolve) => server.close(() => resolve()))
    client = createClient({ socketPath: path, token: () => token, launch: () => {} })
  }

  /** A supervisor that knows the token and answers with what `answer` gives. */
  function honest(answer: (line: { id: number; method: string }, say: (value: unknown) => void, socket: Socket) => void) {
    return (socket: Socket, say: (value: unknown) => void) => {
      const challenge = 'c'.repeat(32)
      let met = false
      socket.on('data', lineSplitter((text) => {
        const value: unknown = JSON.parse(text)
        if (met) return answer(value as { id: number; method: string }, say, socket)
        const { hello, nonce } = helloSchema.parse(value)
        expect(hello).toBe(proof(token, 'console', challenge, nonce))
        met = true
        say({ welcome: proof(token, 'supervisor', challenge, nonce), version: 1 })
      }))
      say({ challenge, versions: { oldest: 1, newest: 4 }, pid: 1 })
    }
  }

  it('talks to a newer supervisor in the version both know', async () => {
    await meet(honest(({ id }, say) => say({ id, result: 'fine', addedLater: true })))
    expect(await client.request('status', {})).toBe('fine')
  })

  it('says what to do about one that shares no version', async () => {
    await meet((_, say) => say({ challenge: 'c'.repeat(32), versions: { oldest: 2, newest: 3 }, pid: 1 }))
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'providerUnavailable', message: expect.stringContaining('version 3') as string })
  })

  it('trusts none that cannot prove that it has the token', async () => {
    await meet((socket, say) => {
      socket.once('data', () => say({ welcome: '0'.repeat(64), version: 1 }))
      say({ challenge: 'c'.repeat(32), versions: { oldest: 1, newest: 1 }, pid: 1 })
    })
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'providerUnavailable', message: expect.stringContaining('prove') as string })
  })

  it('sends a request again when the connection breaks under it, and gives up in the end', async () => {
    let seen = 0
    await meet(honest(({ id }, say, socket) => {
      seen += 1
      if (seen === 1) socket.destroy()
      else say({ id, result: seen })
    }))
    expect(await client.request('status', {})).toBe(2)
    seen = -10
    client.close()
    await close()
    await meet(honest((_, _say, socket) => void socket.destroy()))
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'providerUnavailable' })
  })

  it('tells a stream once that it is lost', async () => {
    await meet(honest(({ id }, say, socket) => {
      say({ id, event: 1 })
      say({ id, event: 2 })
      setTimeout(() => socket.destroy(), 20)
    }))
    const events: unknown[] = []
    await new Promise<void>((resolve) => void client.stream('watch', { service: 'web' }, (event) => events.push(event), () => resolve()))
    expect(events).toEqual([1, 2])
  })
})
