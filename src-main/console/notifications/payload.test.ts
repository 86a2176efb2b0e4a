import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { bodyOf, type Envelope } from './payload.ts'
import { hostOf, targetOf } from './references.ts'
import { nextOf, RETRY_DELAYS_MS } from './retry.ts'
import { signatureOf } from './signature.ts'

const envelope = (change: Partial<Envelope> = {}): Envelope => ({ id: 'abc', event: 'rolledBack', workspace: 'shop', tier: 'prod', service: 'checkout', releaseId: 'checkout-2', version: '1.9.0', title: 'checkout is rolled back by itself', detail: 'Error ratio 12 %, limit 1 %.', at: 0, entrySeq: 7, entryHash: 'abc', ...change })

interface SlackText {
  readonly type: string
  readonly text: string
}
interface SlackBody {
  readonly text: string
  readonly blocks: readonly { readonly type: string; readonly text?: SlackText; readonly elements?: readonly SlackText[] }[]
}
const slack = (change: Partial<Envelope> = {}) => JSON.parse(bodyOf(envelope(change), 'slack')) as SlackBody
const textsOf = (body: SlackBody) => body.blocks.flatMap(({ text, elements = [] }) => [...(text ? [text] : []), ...elements])

describe('Slack', () => {
  test('a text and blocks that say the same', () => {
    const body = slack()
    expect(body.text).toBe('checkout is rolled back by itself: Error ratio 12 %, limit 1 %.')
    expect(body.blocks.map(({ type }) => type)).toEqual(['section', 'section', 'context'])
    expect(textsOf(body).map(({ text }) => text)).toEqual(['*checkout is rolled back by itself*', 'Error ratio 12 %, limit 1 %.', 'shop (prod) · 1.9.0 · entry 7 · 1970-01-01T00:00:00.000Z'])
  })

  test('nothing of ours mentions a channel, makes a link or begins an entity', () => {
    for (const { text } of textsOf(slack({ title: '<!channel> a & b', detail: '<https://evil.example|click> &lt;', workspace: '<@U1>' }))) expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/)
  })

  // https://docs.slack.dev/reference/block-kit/blocks: 50 blocks; section text 1 to 3,000; context 1 to 10 elements, each up to 2,000; text up to 40,000.
  test.each([
    ['plain', 'x'],
    ['escaped', '&'],
    ['pairs', '\u{1F6A6}'],
    ['nothing', ''],
  ])('whatever is in it, it stays within what Slack takes: %s', (_what, character) => {
    const long = character.repeat(60_000)
    const body = slack({ title: `t${long}`, detail: long, version: long, workspace: long })
    expect(body.blocks.length).toBeLessThanOrEqual(50)
    expect(body.text.length).toBeLessThanOrEqual(40_000)
    for (const { type, text, elements } of body.blocks) {
      if (type === 'section') expect(text?.text.length).toBeGreaterThan(0)
      if (text) expect(text.text.length).toBeLessThanOrEqual(3000)
      if (type === 'context') expect(elements?.length).toBeLessThanOrEqual(10)
      for (const element of elements ?? []) expect(element.text.length).toBeLessThanOrEqual(2000)
    }
    for (const { text } of textsOf(body)) expect([text.isWellFormed(), /&(?!amp;|lt;|gt;)/.test(text)]).toEqual([true, false])
  })
})

test('our own shape is bounded too', () => {
  expect(bodyOf(envelope({ detail: 'x'.repeat(1_000_000) }), 'json').length).toBeLessThan(4000)
})

test('what docs/notifications.md says to verify with accepts what is signed, and nothing else', async () => {
  const page = readFileSync(new URL('../../../docs/notifications.md', import.meta.url), 'utf8')
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(10)
  const { verify } = (await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`)) as { verify: (secret: string, header: string, body: string) => boolean }
  const body = bodyOf(envelope(), 'json')
  const header = signatureOf('s3cret', body, Date.now())
  expect([verify('s3cret', header, body), verify('other', header, body), verify('s3cret', header, `${body} `), verify('s3cret', '', body), verify('s3cret', signatureOf('s3cret', body, Date.now() - 3_600_000), body)]).toEqual([true, false, false, false, false])
})

test('references are read when they are used; a problem names the variable and nothing else', () => {
  const variables: Record<string, string> = { URL: 'https://hooks.example/T0/B0/x', HALF: 'x' }
  const read = (name: string) => variables[name]
  expect(targetOf({ url: '${env:URL}', secret: 'a${env:HALF}b' }, read)).toEqual({ url: new URL('https://hooks.example/T0/B0/x'), secret: 'axb' })
  expect(targetOf({ url: '${env:URL}', secret: '${env:NONE}' }, read)).toEqual({ problem: 'The variable NONE is not set where Signalbox runs, so nothing was sent.' })
  expect(targetOf({ url: 'file:///etc/passwd', secret: null }, read)).toHaveProperty('problem')
  expect(hostOf({ url: 'https://user:pass@hooks.example:8443/T0?token=x', secret: null }, read)).toBe('hooks.example:8443')
})

test('eight tries in about an hour, each later than the one before, whatever the dice say', () => {
  expect(RETRY_DELAYS_MS).toHaveLength(7)
  for (const random of [0, 0.5, 0.999]) {
    const waits = RETRY_DELAYS_MS.map((_delay, index) => {
      const next = nextOf({ kind: 'none', why: '' }, index + 1, random)
      return next.kind === 'again' ? next.inMs : NaN
    })
    const total = waits.reduce((sum, wait) => sum + wait, 0)
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits)
    expect([total > 40 * 60_000, total < 75 * 60_000]).toEqual([true, true])
    expect(nextOf({ kind: 'none', why: '' }, 8, random).kind).toBe('failed')
  }
})

test.each([
  [200, 'sent'], [204, 'sent'], [301, 'failed'], [400, 'failed'], [401, 'failed'], [404, 'failed'], [408, 'again'], [410, 'failed'], [425, 'again'], [429, 'again'], [500, 'again'], [502, 'again'], [503, 'again'],
])('%i: %s', (status, kind) => {
  expect(nextOf({ kind: 'status', status, retryAfterMs: null, word: '' }, 1, 0.5).kind).toBe(kind)
})

test('who asks for a day gets an hour', () => {
  expect(nextOf({ kind: 'status', status: 429, retryAfterMs: 86_400_000, word: '' }, 1, 0)).toMatchObject({ inMs: 3_600_000, holdsAll: true })
})
