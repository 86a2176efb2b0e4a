// The mailer's data, one set per environment, kept in step by pulling from the other one through the live address. The lag
// it reports is the age of what one side does not have yet: a real measurement of a real, if small, replication.
const { Agent, get } = require('node:http')

const KEPT = 500
/** A side not heard of for so long is not there. */
const FORGOTTEN_MS = 60_000

function createMailbox({ environment, liveAddress, everyMs }) {
  const own = []
  let ownCount = 0
  const copied = { from: '', count: 0, caughtUpAt: 0 }
  const follower = { seenAt: 0, caughtUpAt: 0 }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  const pull = () => {
    const askedAt = Date.now()
    const address = `${liveAddress}/mailbox?follower=${environment}&after=${copied.count}&caughtUpAt=${copied.caughtUpAt}`
    const request = get(address, { agent, timeout: 2000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => (text += part))
      response.on('end', () => {
        try {
          take(JSON.parse(text), askedAt)
        } catch {
          // The live side answered an error; the lag grows until it does not.
        }
      })
      response.on('error', () => undefined)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => undefined)
  }
  const take = (answer, askedAt) => {
    // The router sent us to ourselves: we are the live side, and have nothing to copy.
    if (answer.environment === environment || !Array.isArray(answer.messages)) return
    copied.from = answer.environment
    copied.count = answer.count
    copied.caughtUpAt = askedAt
  }
  const timer = liveAddress ? setInterval(pull, everyMs) : null

  return {
    add() {
      ownCount += 1
      own.push({ id: ownCount, at: Date.now() })
      if (own.length > KEPT) own.shift()
      return ownCount
    },
    count: () => ownCount + copied.count,
    page(query) {
      if (query.get('follower') !== environment) {
        follower.seenAt = Date.now()
        follower.caughtUpAt = Number(query.get('caughtUpAt'))
      }
      return { environment, count: ownCount, messages: own.filter(({ id }) => id > Number(query.get('after'))) }
    },
    /** How far one side's data is behind the other's, whichever of the two is asked. Null: there is only one side. */
    lagMs() {
      const now = Date.now()
      const following = now - copied.caughtUpAt < FORGOTTEN_MS ? now - copied.caughtUpAt : null
      const followed = now - follower.seenAt < FORGOTTEN_MS && follower.caughtUpAt > 0 ? now - follower.caughtUpAt : null
      return following === null && followed === null ? null : Math.max(following ?? 0, followed ?? 0)
    },
    stop() {
      if (timer) clearInterval(timer)
      agent.destroy()
    },
  }
}

module.exports = { createMailbox }
