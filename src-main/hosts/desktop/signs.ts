import { join } from 'node:path'
import { app, Menu, type MenuItemConstructorOptions, nativeImage, Notification, Tray } from 'electron'
import type { HealthState } from '../../contract/vocabulary.ts'
import { type Attention, badgeCount, type Notice, worstOf } from './attention.ts'
import { servicePlace } from './deep-link.ts'
import type { ConsoleWindow } from './window.ts'

/** A shape and a word for each state: never colour alone. */
const WORDS: Readonly<Record<HealthState, string>> = { failing: 'Failing', watch: 'Watch', unknown: 'Unknown', healthy: 'All healthy' }
/** So many services are named in the tray's menu. */
const NAMED = 8
/** The longest tooltip Windows shows, characters. */
const TOOLTIP = 127

/** What the desktop shows of the console outside its window: tray, badge and notifications. */
export interface Signs {
  present(attention: Attention): void
  notify(notice: Notice): void
  /** False where the system has no tray. */
  readonly hasTray: boolean
  remove(): void
}

export function createSigns(window: ConsoleWindow, iconsFolder: string, platform: NodeJS.Platform = process.platform): Signs {
  const image = (name: string) => nativeImage.createFromPath(join(iconsFolder, `${name}.png`))
  const trayImage = (state: HealthState) => image(`tray-${state}${platform === 'darwin' ? 'Template' : ''}`)
  // Shown ones are kept: a notification that is collected loses its click.
  const shown = new Set<Notification>()
  const tray = makeTray()
  let last = ''

  function makeTray(): Tray | null {
    try {
      const made = new Tray(trayImage('unknown'))
      // Elsewhere a click opens the menu.
      if (platform === 'win32') made.on('click', () => window.show())
      return made
    } catch {
      return null
    }
  }

  return {
    hasTray: tray !== null,
    present(attention) {
      const count = badgeCount(attention)
      const { state } = worstOf(attention)
      const words = trayWords(attention)
      const drawn = JSON.stringify([count, state, words, window.current() !== undefined])
      if (drawn === last) return
      last = drawn
      if (platform === 'win32') window.current()?.setOverlayIcon(count === 0 ? null : image('badge'), count === 0 ? '' : waitingWords(count))
      else app.setBadgeCount(count)
      if (!tray) return
      tray.setImage(trayImage(state))
      tray.setToolTip(['Signalbox', attention.workspace, words.headline].filter((part) => part !== '').join(' · ').slice(0, TOOLTIP))
      const open = (place?: string) => () => window.show(place)
      const template: MenuItemConstructorOptions[] = [
        { label: words.headline, enabled: false },
        ...words.services.map((name) => ({ label: name, click: open(servicePlace(name)) })),
        ...(count === 0 ? [] : [{ label: waitingWords(count), click: open('/') }]),
        { type: 'separator' },
        { label: 'Open', click: open() },
        { label: 'Quit', click: () => app.quit() },
      ]
      tray.setContextMenu(Menu.buildFromTemplate(template))
    },
    notify(notice) {
      const { service } = notice
      if ((service !== null && window.isShowing(service)) || !Notification.isSupported()) return
      const notification = new Notification({ title: notice.title, body: notice.body })
      shown.add(notification)
      notification.on('click', () => window.show(service === null ? undefined : servicePlace(service)))
      notification.on('close', () => shown.delete(notification))
      notification.show()
    },
    remove() {
      tray?.destroy()
      for (const notification of shown) notification.close()
    },
  }
}

/** The worst state in words, and which services are in it when it is not a good one. */
function trayWords(attention: Attention): { readonly headline: string; readonly services: readonly string[] } {
  if (!attention.known) return { headline: 'Not connected to its core', services: [] }
  const { state, services } = worstOf(attention)
  if (attention.health.size === 0) return { headline: 'No services', services: [] }
  if (state === 'healthy') return { headline: WORDS.healthy, services: [] }
  return { headline: `${WORDS[state]}: ${services.slice(0, 3).join(', ')}${services.length > 3 ? ` and ${services.length - 3} more` : ''}`, services: services.slice(0, NAMED) }
}

function waitingWords(count: number): string {
  return count === 1 ? '1 thing to look at' : `${count} things to look at`
}
