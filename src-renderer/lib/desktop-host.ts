/** What the desktop's preload offers. Asking makes it post a port to this window. */
export interface DesktopHost {
  readonly requestPort: () => void
}

/** The desktop app around this page; none in a browser. */
export const desktopHost = (): DesktopHost | undefined => (globalThis as { signalboxDesktop?: DesktopHost }).signalboxDesktop
