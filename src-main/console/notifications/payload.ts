import type { Webhook } from '../../contract/workspace.ts'
import type { Notification } from './told.ts'

/** A notification with the workspace it comes from. `test`: somebody pressed the button. */
export interface Envelope extends Omit<Notification, 'event'> {
  readonly event: Notification['event'] | 'test'
  readonly workspace: string
  readonly tier: string
}

/** Characters; longer ones end in an ellipsis. */
const TITLE = 200
const DETAIL = 2000

/** The body that is sent, the same in every try. */
export function bodyOf(envelope: Envelope, format: Webhook['format']): string {
  const cut = { ...envelope, title: clip(envelope.title, TITLE), detail: clip(envelope.detail, DETAIL) }
  return JSON.stringify(format === 'slack' ? slackBody(cut) : jsonBody(cut))
}

function jsonBody({ id, event, workspace, tier, service, releaseId, version, title, detail, at, entrySeq, entryHash }: Envelope) {
  return { format: 'signalbox-notification', formatVersion: 1, id, event, workspace, tier, service, releaseId, version, title, detail, at: new Date(at).toISOString(), entrySeq, entryHash }
}

/** Longest text of a section block and of a context element. */
const SLACK_SECTION = 3000
const SLACK_CONTEXT = 2000

/**
 * A text for notifications and old clients, and the same as blocks.
 * @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 * @see https://docs.slack.dev/reference/block-kit/blocks/section-block (3,000 characters), .../context-block (10 elements)
 */
function slackBody(envelope: Envelope) {
  const { title, detail, workspace, tier, version, entrySeq, at } = envelope
  const context = [`${workspace} (${tier})`, version, entrySeq === null ? '' : `entry ${entrySeq}`, new Date(at).toISOString()].filter((part) => part !== '').join(' · ')
  const mrkdwn = (text: string) => ({ type: 'mrkdwn', text, verbatim: true })
  return {
    text: escapedUpTo(`${title}: ${detail}`, SLACK_SECTION),
    blocks: [
      { type: 'section', text: mrkdwn(`*${escapedUpTo(title, SLACK_SECTION - 2)}*`) },
      ...(detail === '' ? [] : [{ type: 'section', text: mrkdwn(escapedUpTo(detail, SLACK_SECTION)) }]),
      { type: 'context', elements: [mrkdwn(escapedUpTo(context, SLACK_CONTEXT))] },
    ],
    unfurl_links: false,
    unfurl_media: false,
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

/**
 * Slack reads `&`, `<` and `>` as its own; nothing of ours may mention a channel or make a link. Cut between characters,
 * never within an escape: what is written longer than it was still fits.
 */
function escapedUpTo(text: string, limit: number): string {
  let out = ''
  for (const character of text) {
    const escaped = ESCAPES[character] ?? character
    if (out.length + escaped.length > limit - 1) return `${out}…`
    out += escaped
  }
  return out
}

function clip(text: string, limit: number): string {
  // By code points: half a character is not one.
  const characters = Array.from(text)
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join('')}…`
}
