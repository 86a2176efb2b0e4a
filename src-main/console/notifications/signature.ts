import { createHmac } from 'node:crypto'

export const SIGNATURE_HEADER = 'signalbox-signature'

/**
 * `t=<unix seconds>,v1=<hex HMAC-SHA-256 of "<t>.<body>">`: the time is signed too, so that a receiver can refuse what is
 * old, and a body cannot be sent again with another time. RFC 2104.
 */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1000)
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`
}
