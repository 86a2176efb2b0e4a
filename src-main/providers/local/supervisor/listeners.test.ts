import { spawn } from 'node:child_process'
import { createServer, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { bindListener } from './listeners.ts'

/** Holds what the supervisor depends on of a call that Node does not document. */
describe('a bound listener', () => {
  const CHILD = `process.on('message', (m, handle) => require('http').createServer((q, r) => r.end(String(process.pid))).listen(handle, () => process.send('up')))`

  it('is accepted on by one process after the other, and keeps connections waiting in between', async () => {
    const { handle, port } = bindListener('127.0.0.1', 0, 'test')
    const start = async () => {
      const child = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      child.send('listen', handle as unknown as Socket, { keepOpen: true })
      await new Promise((resolve) => child.once('message', resolve))
      return child
    }
    const ask = async () => Number(await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })).text())
    const first = await start()
    expect(await ask()).toBe(first.pid)
    first.kill('SIGKILL')
    await new Promise((resolve) => first.once('exit', resolve))
    const waiting = ask()
    const second = await start()
    expect(await waiting).toBe(second.pid)
    second.kill('SIGKILL')
    await new Promise((resolve) => second.once('exit', resolve))
    handle.close()
    await expect(ask()).rejects.toThrow()
  })

  it('says at once that a port is taken, and by whom', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const { port } = holder.address() as { port: number }
    expect(() => bindListener('127.0.0.1', port, 'the live address of web')).toThrow(new RegExp(`Port ${port}, the live address of web, is held by process ${process.pid} `))
    holder.close()
  })
})
