import { beforeEach, expect, test } from 'vitest'
import { createLinkOffer } from './external-links.ts'
import { seen } from './testing/electron-double.ts'

beforeEach(() => {
  seen.boxes.length = 0
  seen.openedOutside.length = 0
  seen.copied.length = 0
})

test('an https address is shown whole and opened only when somebody agrees', async () => {
  const offer = createLinkOffer()
  seen.answer = () => 0
  await offer('https://example.com/a?b=c#d')
  expect(seen.boxes[0]).toMatchObject({ message: 'Open this address in your browser?', detail: 'https://example.com/a?b=c#d', buttons: ['Cancel', 'Copy', 'Open'] })
  expect(seen.openedOutside).toEqual([])
  seen.answer = () => 2
  await offer('https://example.com/a?b=c#d')
  expect(seen.openedOutside).toEqual(['https://example.com/a?b=c#d'])
})

test('a preview address, which is plain http, can be copied and is not opened', async () => {
  const offer = createLinkOffer()
  seen.answer = () => 1
  await offer('http://127.0.0.1:7301/')
  expect(seen.copied).toEqual(['http://127.0.0.1:7301/'])
  seen.answer = () => 2
  await offer('http://127.0.0.1:7301/')
  expect(seen.openedOutside).toEqual([])
})

test('what is shown is what would be opened: names that look alike are written out, endless ones are not opened', async () => {
  const offer = createLinkOffer()
  seen.answer = () => 2
  await offer('https://exаmple.com/')
  expect(seen.boxes[0]?.detail).toBe('https://xn--exmple-4nf.com/')
  expect(seen.openedOutside).toEqual(['https://xn--exmple-4nf.com/'])
  await offer(`https://example.com/${'a'.repeat(700)}`)
  expect(seen.openedOutside).toHaveLength(1)
})

test('one question at a time', async () => {
  const offer = createLinkOffer()
  let close = (_button: number) => {}
  seen.answer = () => new Promise((resolve) => (close = resolve))
  const first = offer('https://example.com/1')
  await Promise.all([offer('https://example.com/2'), offer('https://example.com/3')])
  expect(seen.boxes).toHaveLength(1)
  close(0)
  await first
  const next = offer('https://example.com/4')
  expect(seen.boxes).toHaveLength(2)
  close(0)
  await next
})
