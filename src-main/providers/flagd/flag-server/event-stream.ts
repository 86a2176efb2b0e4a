import type { ServerResponse } from 'node:http'

const KEEP_ALIVE_MS = 20_000
const MAX_STREAMS = 10_000

export interface EventStreams {
  readonly count: number
  /** False when there are too many. */
  open(set: string, digest: string, response: ServerResponse): boolean
  notify(set: string, digest: string): void
  close(): void
}

/** OFREP's change notices as server-sent events: what changed is fetched again by whoever is told. */
export function createEventStreams(): EventStreams {
  const streams = new Map<ServerResponse, string>()
  const timer = setInterval(() => {
    for (const response of streams.keys()) if (!response.writableNeedDrain) response.write(': still here\n\n')
  }, KEEP_ALIVE_MS)
  timer.unref()
  return {
    get count() {
      return streams.size
    },
    open(set, digest, response) {
      if (streams.size >= MAX_STREAMS) return false
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' })
      // The id tells a client that comes back whether it missed something.
      response.write(`retry: 1000\nid: ${digest}\n: connected\n\n`)
      streams.set(response, set)
      response.on('close', () => streams.delete(response))
      return true
    },
    notify(set, digest) {
      const message = `id: ${digest}\ndata: ${JSON.stringify({ type: 'refetchEvaluation', etag: digest })}\n\n`
      for (const [response, wanted] of streams) {
        if (wanted !== set) continue
        // Who does not read gets a connection of its own again, and fetches everything then.
        if (response.writableNeedDrain) response.destroy()
        else response.write(message)
      }
    },
    close() {
      clearInterval(timer)
      for (const response of streams.keys()) response.end()
    },
  }
}
