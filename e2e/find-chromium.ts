import { existsSync } from 'node:fs'
import { chromium } from 'playwright'

/** A Chromium to drive: Playwright's own, else the system's; null when there is none. */
export function findChromium(): string | null {
  const candidates = [process.env['SIGNALBOX_CHROMIUM'], chromium.executablePath(), '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
  return candidates.find((path) => path !== undefined && path !== '' && existsSync(path)) ?? null
}
