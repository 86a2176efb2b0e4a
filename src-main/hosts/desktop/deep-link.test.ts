import { expect, test } from 'vitest'
import { deepLinkIn, parseDeepLink, servicePlace } from './deep-link.ts'

test.each([
  ['signalbox://service/checkout', 'checkout'],
  ['SIGNALBOX://service/checkout/', 'checkout'],
  ['signalbox://service/caf%C3%A9%20au%20lait', 'café au lait'],
  ['signalbox://service/no-such-service', 'no-such-service'],
  ['signalbox://service/%23%3Fx', '#?x'],
])('%s opens a service', (link, service) => {
  expect(parseDeepLink(link)).toEqual({ service })
})

test.each([
  'signalbox://service/',
  'signalbox://service',
  'signalbox://release/x',
  'signalbox://service/a/rollBack',
  'signalbox://service/a?force=1',
  'signalbox://service/a#x',
  'signalbox://service/%2e%2e',
  'signalbox://service/..%2f..%2fsettings',
  'signalbox://service/a%5Cb',
  'signalbox://service/%00',
  'signalbox://service/%E2%80%AEevil',
  'signalbox://service/%zz',
  'signalbox://service/%20a',
  `signalbox://service/${'a'.repeat(201)}`,
  `signalbox://service/${'%61'.repeat(900)}`,
  'signalbox-app://console/',
  'javascript:alert(1)',
  'https://example.com/signalbox://service/a',
])('refused: %s', (link) => {
  expect(parseDeepLink(link)).toBeNull()
})

test('is found among the arguments of a second launch', () => {
  expect(deepLinkIn(['/opt/Signalbox/signalbox', '--allow-file-access-from-files', 'signalbox://service/search'])).toEqual({ service: 'search' })
  expect(deepLinkIn(['/opt/Signalbox/signalbox', '--workspace', 'x.yaml'])).toBeNull()
  expect(deepLinkIn([])).toBeNull()
})

test('becomes one place of the router, whatever is in the name', () => {
  expect(servicePlace('#?x /y')).toBe('/services/%23%3Fx%20%2Fy')
})
