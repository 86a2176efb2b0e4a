import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A tab's secret must be used within this time of being fetched. */
const TAB_SECRET_TTL_MS = 30_000
/** Unused tokens, browsers and tabs kept; the oldest go first. */
const MAX_KEPT = 64

export interface Access {
  /** A new one-time token, to be handed over in a URL's fragment. */
  issueToken(): string
  /** Uses a token up. Returns the value of the browser's cookie, or null. */
  redeemToken(token: string): string | null
  /** True when the Cookie header carries a browser that redeemed a token. */
  knowsBrowser(cookieHeader: string | undefined): boolean
  /** A secret for one WebSocket of one tab of a known browser; null for a stranger. */
  issueTabSecret(cookieHeader: string | undefined): string | null
  /** Uses a tab's secret up, for the browser it was given to. */
  redeemTabSecret(cookieHeader: string | undefined, secret: string): boolean
  /** What to put into Set-Cookie: host-only (no Domain), HttpOnly, SameSite=Strict, ends with the browser. */
  setCookie(value: string): string
}

/**
 * Who may talk to the console from a browser: a one-time token becomes a cookie, the cookie fetches a secret per tab,
 * and the secret opens one WebSocket. Everything is 256 random bits, kept as a hash, compared in constant time.
 */
export function createAccess(cookieName: string, monotonicMs: () => number = () => performance.now()): Access {
  const tokens: Buffer[] = []
  const browsers: Buffer[] = []
  const tabs: { readonly hash: Buffer; readonly browser: Buffer; readonly until: number }[] = []

  const keep = <T>(list: T[], item: T) => {
    list.push(item)
    if (list.length > MAX_KEPT) list.shift()
  }
  const browserOf = (cookieHeader: string | undefined): Buffer | null => {
    const hash = digest(cookieValue(cookieHeader, cookieName))
    return browsers.filter((known) => timingSafeEqual(known, hash))[0] ?? null
  }

  return {
    issueToken() {
      const token = randomBytes(32).toString('base64url')
      keep(tokens, digest(token))
      return token
    },
    redeemToken(token) {
      if (!takeOut(tokens, digest(token), (kept) => kept)) return null
      const value = randomBytes(32).toString('base64url')
      keep(browsers, digest(value))
      return value
    },
    knowsBrowser: (cookieHeader) => browserOf(cookieHeader) !== null,
    issueTabSecret(cookieHeader) {
      const browser = browserOf(cookieHeader)
      if (!browser) return null
      const secret = randomBytes(32).toString('base64url')
      keep(tabs, { hash: digest(secret), browser, until: monotonicMs() + TAB_SECRET_TTL_MS })
      return secret
    },
    redeemTabSecret(cookieHeader, secret) {
      const browser = browserOf(cookieHeader)
      const tab = takeOut(tabs, digest(secret), (kept) => kept.hash)
      return tab !== undefined && browser !== null && tab.browser.equals(browser) && tab.until > monotonicMs()
    },
    setCookie: (value) => `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict`,
  }
}

/** Removes and returns the item with this hash. Looks at every item, so that time says nothing about which matched. */
function takeOut<T>(list: T[], hash: Buffer, hashOf: (item: T) => Buffer): T | undefined {
  let found = -1
  for (const [index, item] of list.entries()) if (timingSafeEqual(hashOf(item), hash)) found = index
  return found < 0 ? undefined : list.splice(found, 1)[0]
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}

function cookieValue(header: string | undefined, name: string): string {
  for (const part of (header ?? '').split(';')) {
    const [key, ...rest] = part.trim().split('=')
    if (key === name) return rest.join('=')
  }
  return ''
}
