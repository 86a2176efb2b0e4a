// One small web service, played by every service of the demo. What it is and how it behaves stands in the version.json of
// the folder it is started in; PORT and ENVIRONMENT come from Signalbox, and where its flags are (flags.cjs).
require('./small.cjs')
const { createServer } = require('node:http')
const { readFileSync } = require('node:fs')
const { openFlags } = require('./flags.cjs')
const { createMailbox } = require('./mailbox.cjs')
const { page } = require('./page.cjs')

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

const manifest = JSON.parse(readFileSync('version.json', 'utf8'))
const { service, behaviour } = manifest
const environment = process.env.ENVIRONMENT ?? 'unknown'
const version = process.env.VERSION ?? manifest.version
const startedAt = Date.now()
const who = { service, version, environment, pid: process.pid, startedAt }

/** Work of one request in milliseconds: log-normal, as real latencies are; now and then something slow happens. */
function workMs() {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
  const usual = behaviour.medianMs * Math.exp(0.45 * normal)
  return Math.random() < behaviour.slowRatio ? usual + behaviour.slowMs * (0.75 + 0.5 * Math.random()) : usual
}

const kept = []
let keptBytes = 0
/** The leak of a leaking version: real memory that is never given back, up to a limit. */
function leak() {
  if (behaviour.leakBytesPerRequest === 0 || keptBytes >= behaviour.leakLimitBytes) return
  kept.push(Buffer.alloc(behaviour.leakBytesPerRequest, 1))
  keptBytes += behaviour.leakBytesPerRequest
}

const mailbox = service === 'mailer' ? createMailbox({ environment, liveAddress: process.env.LIVE_ADDRESS, delayMs: behaviour.copyDelayMs }) : null
const flags = openFlags()
const counts = { requests: 0, errors: 0 }

/** What the flags make of a request: whether the shopper was lost on the way, whether it breaks, and what else it says. */
const experiences = {
  async checkout(visit, path) {
    if (path === '/') return (await visit.isOn('maintenance-banner')) ? { more: { banner: 'We are back at noon.' } } : {}
    const isNew = await visit.isOn('new-checkout')
    if (!path.startsWith('/orders')) return { more: { checkout: isNew ? 'one page' : 'three pages' } }
    if (await visit.isOn('express-checkout')) {
      // It saves a page, and asks a payment service that is slow and now and then away.
      await pause(40 + 80 * Math.random())
      if (Math.random() < 0.08) return { fails: 'payment could not be confirmed' }
    }
    const wrapping = await visit.isOn('gift-wrapping')
    // One page instead of three: fewer shoppers leave before the end.
    if (Math.random() < (isNew ? 0.22 : 0.3)) return { leaves: { step: 'address' } }
    visit.converted('order')
    return { more: { checkout: isNew ? 'one page' : 'three pages', wrapping } }
  },
  async search(visit, path) {
    if (path.startsWith('/search')) return { more: { filters: await visit.isOn('search-filters') } }
    if (!path.startsWith('/suggest')) return {}
    const suggestions = await visit.text('search-suggestions', 'none')
    return { more: { suggestions } }
  },
}

const answers = {
  checkout: (path) => (path.startsWith('/orders') ? { status: 201, body: { order: 100_000 + counts.requests, total: '38.20' } } : { status: 200, body: { items: 3, total: '38.20', currency: 'EUR' } }),
  search: (_path, search) => ({ status: 200, body: { query: new URLSearchParams(search).get('q') ?? '', results: ['Green tea', 'Black tea', 'Tea pot'] } }),
  mailer: (path) => (path.startsWith('/send') ? { status: 202, body: { queued: mailbox.add() } } : { status: 200, body: { messages: mailbox.count() } }),
}

function send(response, status, body, headers = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  response.writeHead(status, { 'content-type': typeof body === 'string' ? 'text/html; charset=utf-8' : 'application/json', 'content-length': Buffer.byteLength(text), 'cache-control': 'no-store', ...headers })
  response.end(text)
}

async function answer(request, response) {
  const [path, search = ''] = request.url.split('?')
  request.resume()
  if (path === '/ready') {
    if (behaviour.ready) return send(response, 200, { ready: true, ...who })
    return send(response, 503, { ready: false, why: 'The payment database refuses the connection: unknown user "checkout_v12".' })
  }
  if (path === '/whoami') return send(response, 200, who)
  if (mailbox && path === '/mailbox') return send(response, 200, mailbox.page(new URLSearchParams(search)))
  if (mailbox && path === '/lag') {
    const lagMs = mailbox.lagMs()
    return lagMs === null ? send(response, 404, { error: 'there is no other side to compare with' }) : send(response, 200, { lagMs })
  }
  counts.requests += 1
  // Who asks is known to the shop by a header here, by a session elsewhere.
  const id = Number(request.headers['x-shopper'])
  const visit = flags && experiences[service] && id > 0 ? flags.visit(id) : null
  if (visit) response.once('close', () => visit.done(response.statusCode >= 500 || !response.writableFinished))
  await pause(workMs())
  leak()
  if (behaviour.crashAfterRequests > 0 && counts.requests >= behaviour.crashAfterRequests) {
    console.error(`fatal: index file is corrupt at segment ${counts.requests}; giving up`)
    process.exit(70)
  }
  if (Math.random() < behaviour.errorRatio) {
    counts.errors += 1
    if (counts.errors % 10 === 1) console.error(`error: ${request.method} ${path}: tax table has no row for region "XI" (${counts.errors} so far)`)
    return send(response, 500, { error: 'tax could not be computed', ...who })
  }
  const experience = visit ? await experiences[service](visit, path) : {}
  if (experience.fails) return send(response, 502, { error: experience.fails, ...who })
  if (experience.leaves) return send(response, 200, { ...experience.leaves, version, environment })
  const wantsPage = path === '/' && (request.headers.accept ?? '').includes('text/html')
  if (wantsPage) return send(response, 200, page(who, manifest))
  const { status, body } = answers[service](path, search)
  return send(response, status, { ...body, ...experience.more, version, environment })
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(`error: ${error.stack}`)
    response.destroy()
  })
})
// Longer than any proxy keeps an idle connection, so that it is never this side that closes one under a request.
server.keepAliveTimeout = 120_000
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`${service} ${version} listens on ${server.address().port} (${environment})`)
})

let before = 0
const report = setInterval(() => {
  const requests = counts.requests - before
  before = counts.requests
  if (requests > 0) console.log(`${(requests / 30).toFixed(1)} requests/s, ${counts.errors} errors so far, ${Math.round(process.memoryUsage().rss / 1e6)} MB resident`)
}, 30_000)

process.on('SIGTERM', () => {
  console.log('asked to stop; answering what is under way')
  clearInterval(report)
  mailbox?.stop()
  server.close(() => {
    if (flags) void flags.close().finally(() => process.exit(0))
    else process.exit(0)
  })
})
