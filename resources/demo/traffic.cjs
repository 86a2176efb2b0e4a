// The visitors of the demo: open-loop traffic (a request is sent when its time has come, whatever became of the ones
// before) with Poisson arrivals and a day of ten minutes. It is itself a service of the demo: it listens on PORT, so that
// it is deployed, released and stopped like any other. No dependencies.
require('./service/small.cjs')
const { createServer, request: send } = require('node:http')
const { readFileSync } = require('node:fs')
const { createClient } = require('./client.cjs')
const { page } = require('./service/page.cjs')

const DAY_MS = 600_000
const MAX_IN_FLIGHT = 1000
const TIMEOUT_MS = 10_000

const { behaviour, ...manifest } = JSON.parse(readFileSync('version.json', 'utf8'))
const environment = process.env.ENVIRONMENT ?? 'unknown'
const version = process.env.VERSION ?? manifest.version
/** This service's own live address: only the environment that answers there sends traffic, so that two never do at once. */
const liveAddress = process.env.LIVE_ADDRESS

/** One in twenty-five is of the staff, who are numbered first. */
const shopper = () => 1 + Math.floor(Math.random() < 0.04 ? 200 * Math.random() : 200 + 19_800 * Math.random())
const pick = (list) => list[Math.floor(Math.random() * list.length)]
const words = ['tea', 'kettle', 'cup', 'filter', 'green tea', 'honey']
const visits = {
  checkout: () => pick([['GET', '/'], ['GET', `/cart/${Math.floor(Math.random() * 5000)}`], ['GET', `/cart/${Math.floor(Math.random() * 5000)}`], ['POST', '/orders']]),
  search: () => pick([['GET', `/search?q=${encodeURIComponent(pick(words))}`], ['GET', `/suggest?q=${pick(words).slice(0, 2)}`]]),
  mailer: () => pick([['POST', '/send'], ['GET', '/']]),
  customers: () => [Math.random() < 0.55 ? 'GET' : 'POST', '/customers'],
}
/** TARGETS: `checkout=http://127.0.0.1:7301@132 search=...`: service, live address, mean requests per second. */
const targets = (process.env.TARGETS ?? '').split(/\s+/).filter(Boolean).map((text) => {
  const [, name, address, mean] = /^(\w+)=(http:\/\/[^@]+)@([\d.]+)$/.exec(text)
  const { hostname, port } = new URL(address)
  const client = createClient({ hostname, port: Number(port), timeoutMs: TIMEOUT_MS })
  return { name, client, mean: Number(mean) * behaviour.visitors, visit: visits[name], next: 0, inFlight: 0, sent: 0, ok: 0, errors: 0, failed: 0, notSent: 0, lastFailure: '' }
})

/** Morning and evening are busy, the night is not: between 0.85 and 1.12 of the mean. */
function timeOfDay(now) {
  const day = (2 * Math.PI * (now % DAY_MS)) / DAY_MS
  return 1.02 - 0.11 * Math.cos(day) - 0.06 * Math.cos(2 * day)
}

/** Share of the last visits to our own live address that we answered ourselves: how much of the traffic is ours to make. */
let share = liveAddress ? 0 : 1
const mine = []
function learnShare() {
  const ask = send(`${liveAddress}/whoami`, { timeout: 1000 }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (part) => (text += part))
    response.on('end', () => {
      let answeredBy = ''
      try {
        answeredBy = JSON.parse(text).environment
      } catch {
        // A router that has nothing to route to answers with an error page: then nobody is live.
      }
      mine.push(answeredBy === environment ? 1 : 0)
      if (mine.length > 6) mine.shift()
      share = mine.reduce((sum, one) => sum + one, 0) / mine.length
    })
    response.on('error', () => undefined)
  })
  ask.on('timeout', () => ask.destroy())
  ask.on('error', () => undefined)
  ask.end()
}

function visit(target) {
  if (target.inFlight >= MAX_IN_FLIGHT) {
    target.notSent += 1
    return
  }
  const [method, path] = target.visit()
  target.inFlight += 1
  target.sent += 1
  target.client.ask(method, path, (status, why) => {
    target.inFlight -= 1
    if (status === 0) target.failed += 1
    else if (status >= 500) target.errors += 1
    else target.ok += 1
    if (status === 0 || status >= 500) target.lastFailure = why || `status ${status}`
  }, `x-shopper: ${shopper()}\r\n`)
}

// One timer for all targets: what is due is sent, then sleep until the next arrival. A timer of a busy machine comes late;
// what became due meanwhile is still sent, so that the rate holds.
function run() {
  const now = performance.now()
  let soonest = now + 50
  for (const target of targets) {
    const perMs = (target.mean * timeOfDay(Date.now()) * share) / 1000
    if (perMs === 0 || now - target.next > 2000) target.next = now
    while (perMs > 0 && target.next <= now) {
      visit(target)
      target.next += -Math.log(1 - Math.random()) / perMs
    }
    if (perMs > 0) soonest = Math.min(soonest, target.next)
  }
  timer = setTimeout(run, Math.max(2, soonest - now))
}

const figures = () => targets.map(({ name, sent, ok, errors, failed, notSent, inFlight, lastFailure }) => ({ name, sent, ok, errors, failed, notSent, inFlight, lastFailure }))
const who = { service: 'shoppers', version, environment, pid: process.pid }
const server = createServer((request, response) => {
  request.resume()
  const wantsPage = request.url === '/' && (request.headers.accept ?? '').includes('text/html')
  const body = wantsPage ? page(who, manifest) : JSON.stringify(request.url === '/stats' ? { share, timeOfDay: timeOfDay(Date.now()), targets: figures() } : { ...who, share })
  response.writeHead(200, { 'content-type': wantsPage ? 'text/html; charset=utf-8' : 'application/json', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
  response.end(body)
})
server.keepAliveTimeout = 120_000
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => console.log(`shoppers ${version} listens on ${server.address().port} (${environment})`))

let timer = setTimeout(run, 50)
const learning = liveAddress ? setInterval(learnShare, 500) : null
let before = figures()
const report = setInterval(() => {
  const after = figures()
  for (const [index, { name, sent, errors, failed, notSent, lastFailure }] of after.entries()) {
    const then = before[index]
    if (sent === then.sent) continue
    const bad = errors - then.errors + failed - then.failed + notSent - then.notSent
    console.log(`${name}: ${((sent - then.sent) / 30).toFixed(1)} requests/s, ${bad === 0 ? 'all answered' : `${bad} not answered well, the last: ${lastFailure}`}`)
  }
  before = after
}, 30_000)

process.on('SIGTERM', () => {
  console.log('asked to stop; the shop closes')
  clearTimeout(timer)
  clearInterval(report)
  if (learning) clearInterval(learning)
  for (const { client } of targets) client.close()
  server.close(() => process.exit(0))
})
