import { Agent, request } from 'undici'
import type { Probe } from '../../contract/workspace.ts'
import type { ProbeAnswer } from './prober.ts'

const MAX_BODY_BYTES = 1024 * 1024

/** A connection per check, as a new user would: a kept one could fail by its age, and would not notice a dead listener. */
const FRESH = new Agent({ pipelining: 0, connect: { timeout: 60_000 } })

/** Asks once over HTTP. Redirects are answers like any other. Never rejects. */
export async function askOverHttp(address: string, probe: Probe, signal: AbortSignal): Promise<ProbeAnswer> {
  const startedMs = performance.now()
  const answered = (wrong: string | null): ProbeAnswer => ({ wrong, latencyMs: performance.now() - startedMs })
  try {
    const response = await request(new URL(probe.path, address), { method: 'GET', headers: { 'user-agent': 'signalbox-probe' }, signal, dispatcher: FRESH })
    const body = await readBody(response.body)
    if (response.statusCode !== probe.expectStatus) return answered(`status ${response.statusCode}, expected ${probe.expectStatus}`)
    if (probe.expectBody !== null && !body.includes(probe.expectBody)) return answered(`the body does not contain "${probe.expectBody.slice(0, 100)}"`)
    return answered(null)
  } catch (error) {
    const code = error !== null && typeof error === 'object' && 'code' in error && typeof error.code === 'string' ? error.code : null
    return answered(signal.aborted ? 'stopped before it was done' : (code ?? (error instanceof Error ? error.name : 'no answer')))
  }
}

async function readBody(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
