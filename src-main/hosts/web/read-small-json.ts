import type { IncomingMessage } from 'node:http'

/** Nothing a browser posts here is longer. */
export const MAX_BODY_BYTES = 4096

export type SmallJson = { readonly ok: true; readonly value: Readonly<Record<string, unknown>> } | { readonly ok: false; readonly status: number; readonly why: string }

/**
 * Reads a small JSON object. Only `application/json`, which no HTML form can send; more than the limit is refused
 * before it is read, or cut off while it comes.
 */
export async function readSmallJson(request: IncomingMessage): Promise<SmallJson> {
  if ((request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() !== 'application/json') return { ok: false, status: 415, why: 'only application/json is understood' }
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return { ok: false, status: 413, why: 'too large' }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return { ok: false, status: 413, why: 'too large' }
    chunks.push(chunk)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ok: true, value: value as Record<string, unknown> }
  } catch {
    // Answered below.
  }
  return { ok: false, status: 400, why: 'not a JSON object' }
}
