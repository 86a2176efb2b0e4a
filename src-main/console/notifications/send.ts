import type { Webhook } from '../../contract/workspace.ts'
import { APP_VERSION } from '../version.ts'
import { bodyOf, type Envelope } from './payload.ts'
import { type Answer, post } from './post.ts'
import { type ReadVariable, targetOf } from './references.ts'
import { SIGNATURE_HEADER, signatureOf } from './signature.ts'

export interface SendOptions {
  readonly webhook: Webhook
  readonly envelope: Envelope
  /** Counts from 1. */
  readonly attempt: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly readVariable: ReadVariable
  readonly nowMs: () => number
}

/** One try. `problem`: it cannot be sent as declared, and so nothing was. */
export async function send(options: SendOptions): Promise<Answer | { readonly kind: 'problem'; readonly why: string }> {
  const { webhook, envelope, attempt, nowMs } = options
  const target = targetOf(webhook, options.readVariable)
  if ('problem' in target) return { kind: 'problem', why: target.problem }
  const body = bodyOf(envelope, webhook.format)
  const headers = {
    'user-agent': `Signalbox/${APP_VERSION}`,
    'signalbox-id': envelope.id,
    'signalbox-event': envelope.event,
    'signalbox-attempt': String(attempt),
    ...(target.secret === null ? {} : { [SIGNATURE_HEADER]: signatureOf(target.secret, body, nowMs()) }),
  }
  return post({ url: target.url, body, headers, timeoutMs: options.timeoutMs, signal: options.signal, nowMs })
}
