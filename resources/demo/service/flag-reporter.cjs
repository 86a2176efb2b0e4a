// Tells Signalbox's flag server what became of flags in this app: how often each was evaluated, who met which variant, how
// the requests with it went, and what people did then. No dependencies; copy it into an app of your own (docs/flags-app.md).

const http = require('node:http')

const EVERY_MS = 1000
/** The most the server takes at once. */
const MAX_EVENTS = 1000
/** Beyond it nothing is kept: a server that is away must not fill the memory of the app. */
const MAX_WAITING = 5000
/** Who met what is told again after this, in case the server forgot. */
const FORGET_MS = 300_000

/**
 * `address`: of the flag server, as http://127.0.0.1:8016; `set`: left out, the server's own. Ask for a `visit` per request,
 * give it to the SDK as a hook, and say how the request ended:
 *
 *     const visit = reporter.visit(shopper.id)
 *     const isNew = await client.getBooleanValue('new-checkout', false, context, { hooks: [visit] })
 *     visit.done({ failed: response.statusCode >= 500 })
 */
function createFlagReporter({ address, set }) {
  let evaluations = new Map()
  let requests = new Map()
  let waiting = []
  let told = new Set()
  let forgetAt = Date.now() + FORGET_MS
  /** Variants seen so far: silence about them would be missing data, so they are reported with 0, too. */
  const known = new Map()
  const add = (event) => void (waiting.length < MAX_WAITING && waiting.push(set === undefined ? event : { set, ...event }))

  function visit(targetingKey) {
    const startedAt = performance.now()
    const met = new Map()
    return {
      // OpenFeature calls this after each evaluation that went well. Without a variant the default in the code was served.
      after({ flagKey: flag }, { variant, reason, flagMetadata }) {
        if (variant === undefined) return
        const key = `${flag}\n${variant}`
        met.set(key, { flag, variant })
        known.set(key, { flag, variant })
        evaluations.set(key, (evaluations.get(key) ?? 0) + 1)
        // A flag without rules gives everyone the same: nobody meets anything. After a change of shares everyone is new.
        const meeting = `${key}\n${flagMetadata?.['signalbox.experiment'] ?? ''}\n${targetingKey}`
        if (reason === 'STATIC' || targetingKey === undefined || told.has(meeting)) return
        told.add(meeting)
        add({ kind: 'exposure', flag, variant, targetingKey })
      },
      /** The request is answered. `failed`: by this app's fault, as a status of 500 and above. */
      done({ failed }) {
        const ms = Math.round((performance.now() - startedAt) * 100) / 100
        for (const key of met.keys()) {
          const counted = requests.get(key) ?? { count: 0, errors: 0, latencyMs: [] }
          requests.set(key, counted)
          counted.count += 1
          if (failed) counted.errors += 1
          if (counted.latencyMs.length < 10_000) counted.latencyMs.push(ms)
        }
      },
    }
  }

  // What does not arrive is lost: these are counts, and the app has better to do.
  const send = (body) =>
    new Promise((resolve) => {
      const sent = http.request(`${address}/signalbox/v1/events`, { method: 'POST', timeout: 2000, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => response.resume().once('close', resolve))
      sent.once('timeout', () => sent.destroy()).once('error', resolve).end(body)
    })

  /** This person did what the flags are there for: `converted('4711', 'order')` counts once, amounts add up. */
  const converted = (targetingKey, metric, value) => add({ kind: 'conversion', metric, targetingKey, value })

  async function report() {
    for (const [key, { flag, variant }] of known) {
      const count = evaluations.get(key) ?? 0
      if (count > 0) add({ kind: 'evaluations', flag, variant, count })
      add({ kind: 'requests', flag, variant, ...(requests.get(key) ?? { count: 0 }) })
    }
    evaluations = new Map()
    requests = new Map()
    if (Date.now() > forgetAt) {
      told = new Set()
      forgetAt = Date.now() + FORGET_MS
    }
    const events = waiting
    waiting = []
    for (let from = 0; from < events.length; from += MAX_EVENTS) {
      await send(JSON.stringify({ events: events.slice(from, from + MAX_EVENTS) }))
    }
  }

  const timer = setInterval(() => void report(), EVERY_MS)
  return {
    visit,
    converted,
    async close() {
      clearInterval(timer)
      await report()
    },
  }
}

module.exports = { createFlagReporter }
