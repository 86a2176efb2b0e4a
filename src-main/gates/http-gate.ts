import { request } from 'undici'
import type { Gate } from '../contract/plan.ts'

const MAX_BODY_BYTES = 1024 * 1024

/** Tests an address once. Null: it passed; otherwise what was seen against what was expected. */
async function probe(gate: Extract<Gate, { kind: 'http' }>, address: string, signal: AbortSignal): Promise<string | null> {
  const startedMs = performance.now()
  const deadline = AbortSignal.timeout(gate.timeoutMs)
  try {
    const response = await request(new URL(gate.path, address), { method: gate.method as 'GET', signal: AbortSignal.any([signal, deadline]) })
    const body = await readBody(response.body)
    const tookMs = Math.round(performance.now() - startedMs)
    if (response.statusCode !== gate.expectStatus) return `status ${response.statusCode}, expected ${gate.expectStatus}`
    for (const [name, expected] of Object.entries(gate.expectHeaders)) {
      const seen = response.headers[name.toLowerCase()]
      if (seen !== expected) return `header ${name} is ${seen === undefined ? 'missing' : `"${String(seen)}"`}, expected "${expected}"`
    }
    if (gate.expectBody !== null && !body.includes(gate.expectBody)) return `the body does not contain "${gate.expectBody}"`
    if (gate.maxLatencyMs !== null && tookMs > gate.maxLatencyMs) return `answered after ${tookMs} ms, limit ${gate.maxLatencyMs} ms`
    return null
  } catch (error) {
    if (signal.aborted) return 'stopped before it was done'
    if (deadline.aborted) return `no answer within ${gate.timeoutMs} ms`
    return error instanceof Error ? error.message || error.name : String(error)
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

/** Every one of `times` attempts must pass. Returns one line for the screen. */
export async function runHttpGate(gate: Extract<Gate, { kind: 'http' }>, address: string, signal: AbortSignal): Promise<{ passed: boolean; detail: string }> {
  for (let attempt = 1; attempt <= gate.times; attempt += 1) {
    const wrong = await probe(gate, address, signal)
    if (wrong !== null) return { passed: false, detail: `${gate.method} ${gate.path}: ${wrong}${gate.times > 1 ? ` (attempt ${attempt} of ${gate.times})` : ''}.` }
  }
  return { passed: true, detail: `${gate.times} of ${gate.times} passed.` }
}
