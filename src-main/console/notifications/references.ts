import type { Webhook } from '../../contract/workspace.ts'

const REFERENCE = /\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}/g

/** A variable's value now; undefined when it is not set. */
export type ReadVariable = (name: string) => string | undefined

/** Where a webhook is, with its secrets. Never kept, logged or journaled. */
export interface Target {
  readonly url: URL
  /** Null: it is declared without a signature. */
  readonly secret: string | null
}

/** The target, or why there is none, in words without any secret. Nothing is sent unsigned that is declared with a secret. */
export function targetOf(webhook: Pick<Webhook, 'url' | 'secret'>, read: ReadVariable): Target | { readonly problem: string } {
  const missing = [webhook.url, webhook.secret ?? ''].flatMap((text) => [...text.matchAll(REFERENCE)].map(([, name = '']) => name)).find((name) => (read(name) ?? '') === '')
  if (missing !== undefined) return { problem: `The variable ${missing} is not set where Signalbox runs, so nothing was sent.` }
  const filled = (text: string) => text.replaceAll(REFERENCE, (_whole, name: string) => read(name) ?? '')
  const written = filled(webhook.url)
  const url = URL.canParse(written) ? new URL(written) : null
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return { problem: 'Its address is not one that begins with http:// or https://.' }
  return { url, secret: webhook.secret === null ? null : filled(webhook.secret) }
}

/** What of an address may be written down: whoever knows the rest of a webhook's address can post to it. */
export function hostOf(webhook: Pick<Webhook, 'url' | 'secret'>, read: ReadVariable): string {
  const target = targetOf({ url: webhook.url, secret: null }, read)
  return 'url' in target ? target.url.host : ''
}
