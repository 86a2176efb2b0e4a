import type { Webhook } from '../contract/workspace.ts'
import { NOTIFICATION_EVENTS } from '../contract/workspace.ts'
import { field, list, mapping, record } from './collections.ts'
import type { ShapeContext } from './provider-shape.ts'
import type { Reader } from './reading.ts'
import { reportAt, scalarText } from './reading.ts'
import { word } from './scalars.ts'
import { address, referenced } from './secrets.ts'

/** Readers of the top level's `notify`: webhooks that are told of what a person should know. */

const NAME = { pattern: /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$/, expected: 'a name of letters, digits, spaces, `.`, `_` and `-`, at most 63' }
type Event = Webhook['on'][number]

/** How events are written in the file: `rolled-back`. */
const EVENT_WORDS = new Map<string, Event>(NOTIFICATION_EVENTS.map((event) => [event.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), event]))
/** Everything a person may have to act on; that a release went well is told only where it is asked for. */
export const DEFAULT_EVENTS: readonly Event[] = NOTIFICATION_EVENTS.filter((event) => event !== 'completed')

const eventWord = word([...EVENT_WORDS.keys()])
const events = list(
  'events',
  (node, at) => {
    const read = eventWord(node, at)
    return read === undefined ? undefined : EVENT_WORDS.get(read)
  },
  { min: 1, max: NOTIFICATION_EVENTS.length },
)

/** Many webhook addresses are secrets in themselves: whoever knows Slack's can post. */
function webhookUrl(context: ShapeContext): Reader<string> {
  const plain = address({ what: 'an address', example: 'https://example.com/hook' })
  const reference = referenced(context, { what: 'an address', example: '${env:WEBHOOK_URL}', secret: false })
  return (node, at) => {
    const written = scalarText(node) ?? ''
    if (written.includes('${')) return reference(node, at)
    if (/^https?:\/\/hooks\.slack(-gov)?\.com\//i.test(written)) return reportAt(node, at, 'this address is a secret: whoever knows it can post', 'a reference: `url: ${env:SLACK_WEBHOOK_URL}`, with the address in the environment Signalbox runs in')
    return plain(node, at)
  }
}

function webhook(name: string, context: ShapeContext): Reader<Webhook> {
  const read = mapping(`webhook \`${name}\``, {
    url: field('url', webhookUrl(context), 'where it is sent: `url: https://example.com/hook`, or a reference'),
    format: field('format', word(['json', 'slack'])),
    secret: field('secret', referenced(context, { what: '`secret`', example: '${env:WEBHOOK_SECRET}', secret: true })),
    on: field('on', events),
  })
  return (node, at) => {
    const values = read(node, at)
    if (values?.url === undefined) return undefined
    return { name, url: values.url, format: values.format ?? 'json', secret: values.secret ?? null, on: values.on ?? [...DEFAULT_EVENTS] }
  }
}

/** `notify: {on-call: {url: ..., format: slack, on: [rolled-back]}}`. */
export function notifyReader(context: ShapeContext): Reader<readonly Webhook[]> {
  return (node, at) => {
    const read = record('webhooks', NAME, (name) => webhook(name, context))(node, at)
    if (!read) return undefined
    const all = Object.values(read)
    if (all.length <= 20) return all
    at.problems.report(at.owner, `${all.length} webhooks`, 'at most 20')
    return undefined
  }
}
