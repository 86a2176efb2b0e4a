import type { MenuItemConstructorOptions } from 'electron'

export interface MenuActions {
  /** Shows a screen in the window. */
  go(place: string): void
  openWorkspace(): void
  checkForUpdates(): void
}

export interface MenuFacts {
  readonly platform: NodeJS.Platform
  readonly packaged: boolean
  /** Why updates are off; null when they are on. */
  readonly updatesOff: string | null
}

/**
 * The application menu as each platform expects it. Accelerators keep clear of the page's own keys (mod+K, mod+Shift+B);
 * acts on traffic are never in a menu, where nothing shows what they would do.
 */
export function menuTemplate(facts: MenuFacts, actions: MenuActions): MenuItemConstructorOptions[] {
  const mac = facts.platform === 'darwin'
  const separator = { type: 'separator' } as const
  const settings: MenuItemConstructorOptions = { id: 'settings', label: mac ? 'Settings…' : 'Settings', accelerator: 'CmdOrCtrl+,', click: () => actions.go('/settings') }
  const about: MenuItemConstructorOptions = { role: 'about', label: 'About Signalbox' }
  const updates: MenuItemConstructorOptions =
    facts.updatesOff === null ? { id: 'updates', label: 'Check for Updates…', click: () => actions.checkForUpdates() } : { id: 'updates', label: `Updates are off: ${facts.updatesOff}`, enabled: false }
  const reload: MenuItemConstructorOptions[] = [{ role: 'reload', label: 'Load the Page Again' }, ...(facts.packaged ? [] : [{ role: 'toggleDevTools' } as const])]

  return [
    ...(mac
      ? [{ label: 'Signalbox', submenu: [about, updates, separator, settings, separator, { role: 'services' }, separator, { role: 'hide' }, { role: 'hideOthers' }, { role: 'unhide' }, separator, { role: 'quit' }] } satisfies MenuItemConstructorOptions]
      : []),
    {
      label: mac ? 'File' : '&File',
      submenu: [
        { id: 'open-workspace', label: 'Open Workspace…', accelerator: 'CmdOrCtrl+O', click: () => actions.openWorkspace() },
        separator,
        ...(mac ? [{ role: 'close' } as const] : [settings, separator, { role: 'close', label: 'Close Window' } as const, { role: 'quit', label: facts.platform === 'win32' ? 'Exit' : 'Quit', accelerator: 'Ctrl+Q' } as const]),
      ],
    },
    { label: mac ? 'Edit' : '&Edit', submenu: [{ role: 'undo' }, { role: 'redo' }, separator, { role: 'cut' }, { role: 'copy' }, { role: 'paste' }, { role: 'selectAll' }] },
    {
      label: mac ? 'View' : '&View',
      submenu: [
        { id: 'overview', label: 'Overview', accelerator: 'CmdOrCtrl+1', click: () => actions.go('/') },
        { id: 'audit', label: 'Audit', accelerator: 'CmdOrCtrl+2', click: () => actions.go('/audit') },
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        separator,
        ...reload,
      ],
    },
    ...(mac ? [{ role: 'windowMenu' } as const] : [{ label: '&Help', submenu: [updates, separator, about] } satisfies MenuItemConstructorOptions]),
  ]
}
