import { expect, test } from 'vitest'
import { createAccess } from './access.ts'

function admitted(now: () => number = () => 0) {
  const access = createAccess('signalbox-1', now)
  const cookie = access.setCookie(access.redeemToken(access.issueToken()) ?? '').split(';')[0] ?? ''
  return { access, cookie }
}

test('a tab’s secret runs out', () => {
  let now = 0
  const { access, cookie } = admitted(() => now)
  const [early, late] = [access.issueTabSecret(cookie) ?? '', access.issueTabSecret(cookie) ?? '']
  now = 29_000
  expect(access.redeemTabSecret(cookie, early)).toBe(true)
  now = 31_000
  expect(access.redeemTabSecret(cookie, late)).toBe(false)
})

test('the cookie is found among others, and by its whole name and value only', () => {
  const { access, cookie } = admitted()
  expect(access.knowsBrowser(`a=b; ${cookie}; c=d`)).toBe(true)
  expect(access.knowsBrowser(`x${cookie}`)).toBe(false)
  expect(access.knowsBrowser(`${cookie}x`)).toBe(false)
  expect(access.knowsBrowser('signalbox-1=')).toBe(false)
  expect(access.knowsBrowser('signalbox-1')).toBe(false)
  expect(access.knowsBrowser(undefined)).toBe(false)
})

test('what is kept has a limit: the oldest tokens go first', () => {
  const { access } = admitted()
  const [oldest] = Array.from({ length: 65 }, () => access.issueToken())
  expect(access.redeemToken(oldest ?? '')).toBeNull()
  expect(access.redeemToken(access.issueToken())).not.toBeNull()
})
