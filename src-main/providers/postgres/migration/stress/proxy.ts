import { connect, createServer, type Server, type Socket } from 'node:net'

/** A network in between that can fail. */
export interface FaultyNetwork {
  readonly url: string
  /** Every connection is reset. */
  cut(): void
  /** Nothing arrives any more, in neither direction, and nobody is told; `open` lets new connections through again. */
  silence(): void
  open(): void
  close(): Promise<void>
}

export async function openFaultyNetwork(url: string): Promise<FaultyNetwork> {
  const target = new URL(url)
  const pairs = new Set<readonly [Socket, Socket]>()
  let silent = false

  const server: Server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    const pair = [near, far] as const
    pairs.add(pair)
    const end = () => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay()
      from.on('data', (chunk: Buffer) => {
        if (!silent) to.write(chunk)
      })
      from.on('error', end)
      from.on('close', end)
    }
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const near = new URL(url)
  near.hostname = '127.0.0.1'
  near.port = typeof address === 'object' && address ? String(address.port) : ''

  function cut() {
    for (const [a, b] of pairs) {
      a.resetAndDestroy()
      b.destroy()
    }
    pairs.clear()
  }
  return {
    url: near.href,
    cut,
    silence() {
      silent = true
    },
    open() {
      // What was lost on the way is lost: connections of before have a hole in what they heard.
      if (silent) cut()
      silent = false
    },
    close() {
      cut()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }
}
