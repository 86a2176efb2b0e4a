// The flags of the demo: evaluated in this process by the standard OpenFeature SDK with flagd's provider, which gets every
// change pushed over the sync stream. FLAGS_SYNC (host:port) and FLAGS_HTTP come from Signalbox; without them there are none.
const { createFlagReporter } = require('./flag-reporter.cjs')

/** The shop's own record of a visitor: numbers up to 200 are its staff, every twentieth tries things early. */
function shopperOf(id) {
  return { targetingKey: `shopper-${id}`, email: `shopper-${id}@${id <= 200 ? 'signalbox.example' : 'mail.example'}`, plan: id % 20 === 0 ? 'beta' : id % 5 === 0 ? 'pro' : 'free' }
}

/** Null where the process was not told of a flag server: every flag is then what the code says. */
function openFlags() {
  const { FLAGS_SYNC, FLAGS_HTTP } = process.env
  if (!FLAGS_SYNC || !FLAGS_HTTP) return null
  const { OpenFeature, FlagdProvider } = require('./open-feature.cjs')
  const [host, port] = FLAGS_SYNC.split(':')
  // Not waited for: until the first set has come, and whenever there is none, the defaults in the code hold.
  OpenFeature.setProvider(new FlagdProvider({ resolverType: 'in-process', host, port: Number(port), tls: false }))
  const client = OpenFeature.getClient()
  const reporter = createFlagReporter({ address: FLAGS_HTTP })
  return {
    /** The flags for one request: `isOn` and `text` evaluate, `done` says how it went, `converted` that it paid off. */
    visit(id) {
      const shopper = shopperOf(id)
      const visit = reporter.visit(shopper.targetingKey)
      return {
        isOn: (flag) => client.getBooleanValue(flag, false, shopper, { hooks: [visit] }),
        text: (flag, otherwise) => client.getStringValue(flag, otherwise, shopper, { hooks: [visit] }),
        done: (failed) => visit.done({ failed }),
        converted: (metric) => reporter.converted(shopper.targetingKey, metric),
      }
    },
    async close() {
      await reporter.close()
      await OpenFeature.close()
    },
  }
}

module.exports = { openFlags }
