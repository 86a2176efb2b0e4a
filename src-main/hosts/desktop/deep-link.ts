/** `signalbox://service/NAME` opens a service. Registered with the operating system by the installers. */
export const LINK_SCHEME = 'signalbox'

/** Longest service name the contract takes, UTF-16 units. */
const MAX_NAME = 200
const MAX_LINK = 2000

/**
 * What a link from outside asks to see, or null for anything but a service's page. It only ever opens a screen: a link
 * cannot act. Whether there is such a service is the screen's to say.
 */
export function parseDeepLink(link: string): { readonly service: string } | null {
  if (link.length > MAX_LINK) return null
  const rest = /^signalbox:\/\/service\/([^/?#]+)\/?$/i.exec(link)?.[1]
  if (rest === undefined) return null
  let service: string
  try {
    service = decodeURIComponent(rest)
  } catch {
    return null
  }
  // Names are for people to read: nothing that hides, moves the cursor, or steps to another place.
  const readable = !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\]/u.test(service) && service.trim() === service && service !== '.' && service !== '..'
  return service.length > 0 && service.length <= MAX_NAME && readable ? { service } : null
}

/** The first link among a program's arguments: how Windows and Linux hand one over. */
export function deepLinkIn(argv: readonly string[]): { readonly service: string } | null {
  const found = argv.find((argument) => argument.toLowerCase().startsWith(`${LINK_SCHEME}://`))
  return found === undefined ? null : parseDeepLink(found)
}

/** The screen of a service, as the renderer's router writes it behind the `#`. */
export function servicePlace(service: string): string {
  return `/services/${encodeURIComponent(service)}`
}
