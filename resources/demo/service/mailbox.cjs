// The mailer's data, one set per environment, kept in step by copying from the other one through the live address. The lag
// it reports is the age of what one side does not have yet: a real measurement of a real, if small, replication.
const { Agent, get } = require('node:http')

const COPY_EVERY_MS = 500
/** A side not heard of for so long is not there. */
const FORGOTTEN_MS = 20_000
/** Messages a side keeps for the other to copy. */
const KEPT = 1000

/** `delayMs`: how old a message must be before it is copied. */
function createMailbox({ environment, liveAddress, delayMs }) {
  const own = []
  let ownCount = 0
  /** What we have of the other side: everything up to `upTo`. */
  const copied = { count: 0, lastId: 0, upTo: 0 }
  /** What the other side last said that it has of ours. */
  const follower = { seenAt: 0, upTo: 0 }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  function copy() {
    const upTo = Date.now() - delayMs
    const request = get(`${liveAddress}/mailbox?follower=${environment}&after=${copied.lastId}&upTo=${upTo}`, { agent, timeout: 2000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => (text += part))
      response.on('end', () => {
        try {
          take(JSON.parse(text), upTo)
        } catch {
          // Whoever answered is no mailbox; the lag grows until one does.
        }
      })
      response.on('error', () => undefined)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => undefined)
  }

  function take(answer, upTo) {
    // The router sent us to ourselves: this side is live, and has nothing to copy just now.
    if (answer.environment === environment || !Array.isArray(answer.messages)) return
    // The other side was started anew, and counts from the beginning.
    if (answer.lastId < copied.lastId) copied.lastId = 0
    copied.count += answer.messages.length
    copied.lastId = answer.messages.at(-1)?.id ?? copied.lastId
    copied.upTo = upTo
  }

  const timer = liveAddress ? setInterval(copy, COPY_EVERY_MS) : null
  if (timer) copy()

  return {
    add() {
      ownCount += 1
      own.push({ id: ownCount, at: Date.now() })
      if (own.length > KEPT) own.shift()
      return ownCount
    },
    count: () => ownCount + copied.count,
    /** What the other side asks for when it copies. */
    page(query) {
      const upTo = Number(query.get('upTo'))
      if (query.get('follower') !== environment) Object.assign(follower, { seenAt: Date.now(), upTo })
      return { environment, lastId: ownCount, messages: own.filter(({ id, at }) => id > Number(query.get('after')) && at <= upTo) }
    },
    /** How far one side's data is behind the other's, whichever of the two is asked. Null: there is only one side. */
    lagMs() {
      const now = Date.now()
      const lags = []
      if (now - copied.upTo < FORGOTTEN_MS) lags.push(now - copied.upTo)
      if (now - follower.seenAt < FORGOTTEN_MS) lags.push(now - follower.upTo)
      return lags.length === 0 ? null : Math.max(...lags)
    },
    stop() {
      if (timer) clearInterval(timer)
      agent.destroy()
    },
  }
}

module.exports = { createMailbox }
