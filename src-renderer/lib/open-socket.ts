/** What a socket to the console is opened with; or that this browser was not let in. */
export type OpenedSocket = { readonly socket: WebSocket; readonly secret: string } | 'notLetIn'

/**
 * Lets this tab in and opens its socket. Needs nothing else of the app, so that it can run while the rest is still being
 * loaded. Rejects when the console cannot be reached.
 */
export async function openSocket(signal?: AbortSignal): Promise<OpenedSocket> {
  const secret = (await redeemToken(signal)) ?? (await tabSecret(signal))
  if (secret === null) return 'notLetIn'
  const socket = new WebSocket(`ws://${window.location.host}/rpc`)
  socket.binaryType = 'arraybuffer'
  const giveUp = () => socket.close()
  signal?.addEventListener('abort', giveUp)
  socket.addEventListener('close', () => signal?.removeEventListener('abort', giveUp))
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve())
    socket.addEventListener('close', () => reject(new Error('the console cannot be reached')))
  })
  return { socket, secret }
}

/** Takes the one-time token out of the address bar, before anything can bookmark it, and trades it for a cookie. */
async function redeemToken(signal?: AbortSignal): Promise<string | null> {
  const token = /^#token=([\w-]+)$/.exec(window.location.hash)?.[1]
  if (token === undefined) return null
  window.history.replaceState(null, '', window.location.pathname + window.location.search)
  const answer = await post('/enter', { token }, signal)
  // Refused when it was used before; this browser may still hold the cookie it was used for.
  return answer.ok ? secretOf(answer) : null
}

async function tabSecret(signal?: AbortSignal): Promise<string | null> {
  const answer = await post('/tab', {}, signal)
  if (answer.status === 401) return null
  if (!answer.ok) throw new Error(`the console answered ${answer.status}`)
  return secretOf(answer)
}

async function secretOf(answer: Response): Promise<string> {
  const { secret } = (await answer.json()) as { secret: string }
  return secret
}

function post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  return fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body), redirect: 'error', ...(signal ? { signal } : {}) })
}
