/** What came of attacking a desktop host, and what the project's files say of it. */
export interface Observation {
  readonly url: string
  readonly schemes: readonly unknown[]
  /** Content-Security-Policy of pages, scripts and errors alike. */
  readonly policies: readonly string[]
  readonly preferences: Readonly<Record<string, unknown>>
  readonly sandboxed: boolean
  /** Which addresses a page can load from. */
  readonly requests: Readonly<Record<string, boolean>>
  readonly granted: readonly string[]
  readonly grantedToOthers: readonly string[]
  readonly devices: boolean
  readonly wentTo: readonly string[]
  readonly staysOnOwnScreens: boolean
  readonly opened: readonly string[]
  readonly attachesWebview: boolean
  readonly links: Record<string, { named: boolean; openedAfterNo: boolean; openedAfterYes: boolean }>
  readonly channels: readonly string[]
  readonly served: Readonly<Record<string, boolean>>
  readonly preload: { readonly required: readonly string[]; readonly offered: readonly string[]; readonly returned: string; readonly posted: readonly string[] }
}

export interface ProjectFacts {
  /** As package.json pins it. */
  readonly electron: string
  /** Of electron-builder.yml. */
  readonly fuses: Readonly<Record<string, boolean>>
  /** Text of everything the page is made of. */
  readonly page: string
}

export interface SecurityItem {
  readonly number: number
  readonly title: string
  readonly holds: (seen: Observation, project: ProjectFacts) => boolean
}

/** The oldest major that got fixes when this was written (electronjs.org/docs/latest/tutorial/electron-timelines). */
export const OLDEST_SUPPORTED_ELECTRON = 43

/** docs/tutorial/fuses.md; each with its safe setting. electron-builder knows the first eight, scripts/ninth-fuse.mjs sets the last. */
export const FUSES: Readonly<Record<string, boolean>> = {
  runAsNode: false,
  enableCookieEncryption: true,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableEmbeddedAsarIntegrityValidation: true,
  onlyLoadAppFromAsar: true,
  loadBrowserProcessSpecificV8Snapshot: false,
  grantFileProtocolExtraPrivileges: false,
  wasmTrapHandlers: true,
}

const none = (list: readonly unknown[]) => list.length === 0
const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)

/** Electron's security checklist, docs/tutorial/security.md: 20 items, in its order and numbering. */
export const SECURITY_LIST: readonly SecurityItem[] = [
  {
    number: 1,
    title: 'Only load secure content',
    holds: ({ url, requests }) => url.startsWith('signalbox-app://') && same(Object.entries(requests).filter(([, loads]) => loads).map(([to]) => to), ['own page', 'signalbox-app://console/assets/app.js']),
  },
  {
    number: 2,
    title: 'Do not enable Node.js integration for remote content',
    holds: ({ preferences }) => preferences['nodeIntegration'] === false && preferences['nodeIntegrationInWorker'] === false && preferences['nodeIntegrationInSubFrames'] === false,
  },
  { number: 3, title: 'Enable context isolation', holds: ({ preferences }) => preferences['contextIsolation'] === true },
  { number: 4, title: 'Enable process sandboxing', holds: ({ preferences, sandboxed }) => preferences['sandbox'] === true && sandboxed },
  {
    number: 5,
    title: 'Handle session permission requests',
    holds: ({ granted, grantedToOthers, devices }) => same(granted, ['clipboard-sanitized-write']) && none(grantedToOthers) && !devices,
  },
  { number: 6, title: 'Do not disable webSecurity', holds: ({ preferences }) => preferences['webSecurity'] === true },
  {
    number: 7,
    title: 'Define a Content Security Policy',
    holds: ({ policies }) =>
      policies.length > 0 &&
      policies.every((policy) => {
        const directives = new Map(policy.split('; ').map((directive) => [directive.split(' ', 1)[0] ?? '', directive.slice(directive.indexOf(' ') + 1)]))
        const closed = ['default-src', 'connect-src', 'base-uri', 'form-action', 'frame-ancestors'].every((name) => directives.get(name) === "'none'")
        return closed && directives.get('script-src') === "'self'" && !policy.includes('unsafe-eval')
      }),
  },
  { number: 8, title: 'Do not set allowRunningInsecureContent', holds: ({ preferences }) => preferences['allowRunningInsecureContent'] === false },
  { number: 9, title: 'Do not enable experimental features', holds: ({ preferences }) => preferences['experimentalFeatures'] === false },
  { number: 10, title: 'Do not use enableBlinkFeatures', holds: ({ preferences }) => !('enableBlinkFeatures' in preferences) },
  { number: 11, title: 'Do not use allowpopups for WebViews', holds: ({ preferences }, { page }) => preferences['webviewTag'] === false && !/<webview|allowpopups/i.test(page) },
  { number: 12, title: 'Verify WebView options before creation', holds: ({ attachesWebview }) => !attachesWebview },
  { number: 13, title: 'Disable or limit navigation', holds: ({ wentTo, staysOnOwnScreens }) => none(wentTo) && staysOnOwnScreens },
  { number: 14, title: 'Disable or limit creation of new windows', holds: ({ opened }) => none(opened) },
  {
    number: 15,
    title: 'Do not use shell.openExternal with untrusted content',
    holds: ({ links }) =>
      Object.keys(links).length > 5 && Object.entries(links).every(([url, { named, openedAfterNo, openedAfterYes }]) => named && !openedAfterNo && openedAfterYes === (url === 'https://example.com/docs')),
  },
  { number: 16, title: 'Use a current version of Electron', holds: (_seen, { electron }) => /^\d+\.\d+\.\d+$/.test(electron) && Number.parseInt(electron, 10) >= OLDEST_SUPPORTED_ELECTRON },
  {
    number: 17,
    title: 'Validate the sender of all IPC messages',
    holds: ({ channels, served }) => same(channels, ['signalbox:connect']) && Object.keys(served).length > 5 && same(Object.entries(served).filter(([, yes]) => yes).map(([frame]) => frame), ['ours']),
  },
  {
    number: 18,
    title: 'Avoid usage of the file:// protocol and prefer custom protocols',
    holds: ({ url, schemes, requests }) => !url.startsWith('file:') && requests['file:///etc/passwd'] === false && same(schemes, [{ scheme: 'signalbox-app', privileges: { standard: true, secure: true, codeCache: true } }]),
  },
  { number: 19, title: 'Check which fuses you can change', holds: (_seen, { fuses }) => Object.keys(fuses).length === Object.keys(FUSES).length && Object.entries(FUSES).every(([fuse, on]) => fuses[fuse] === on) },
  {
    number: 20,
    title: 'Do not expose Electron APIs to untrusted web content',
    holds: ({ preload }) => same(preload, { required: ['electron'], offered: ['signalboxDesktop.requestPort()'], returned: 'undefined', posted: ['string to signalbox-app://console with 1 port'] }),
  },
]
