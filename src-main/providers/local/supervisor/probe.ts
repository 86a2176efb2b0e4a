import { request } from 'node:http'
import { connect, createServer } from 'node:net'
import type { ReadyProbe } from '../config.ts'

export type ProbeResult = { readonly ok: true; readonly host: string } | { readonly ok: false; readonly why: string }

/** A port nobody listens on at this moment. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** Asks once. Programs that listen on `localhost` only may be on ::1, so that is tried when 127.0.0.1 refuses. */
export async function probeOnce(probe: ReadyProbe, port: number, timeoutMs: number, host: string | null): Promise<ProbeResult> {
  const once = (at: string) => (probe.kind === 'tcp' ? probeTcp(at, port, timeoutMs) : probeHttp(at, port, probe.path, probe.expectStatus, timeoutMs))
  if (host !== null) return once(host)
  const first = await once('127.0.0.1')
  if (first.ok || !first.why.includes('refused')) return first
  const second = await once('::1')
  return second.ok ? second : first
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (result: ProbeResult) => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(timeoutMs, () => end({ ok: false, why: `port ${port} did not answer within ${timeoutMs} ms` }))
    socket.once('connect', () => end({ ok: true, host }))
    socket.once('error', (error) => end({ ok: false, why: words(error, port) }))
  })
}

function probeHttp(host: string, port: number, path: string, expectStatus: number | null, timeoutMs: number): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path, agent: false, headers: { host: `127.0.0.1:${port}`, 'user-agent': 'signalbox-readiness', connection: 'close' } }, (answer) => {
      const status = answer.statusCode ?? 0
      answer.resume()
      asked.destroy()
      clearTimeout(timer)
      const ok = expectStatus === null ? status < 400 : status === expectStatus
      resolve(ok ? { ok: true, host } : { ok: false, why: `${path} answered ${status}${expectStatus === null ? '' : ` instead of ${expectStatus}`}` })
    })
    const timer = setTimeout(() => {
      asked.destroy()
      resolve({ ok: false, why: `${path} did not answer within ${timeoutMs} ms` })
    }, timeoutMs)
    asked.once('error', (error) => {
      clearTimeout(timer)
      resolve({ ok: false, why: words(error, port) })
    })
    asked.end()
  })
}

function words(error: Error, port: number): string {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ECONNREFUSED' ? `port ${port} refused the connection` : code === 'ECONNRESET' ? `port ${port} closed the connection` : error.message
}
