import { defineConfig } from 'playwright/test'
import { findChromium } from './find-chromium.ts'
import { ON_DESKTOP, whyNoDesktop } from './launch-desktop.ts'

const executablePath = findChromium()
const missing = await whyNoDesktop()
// Once, not in each worker.
if (missing !== null && process.env['TEST_WORKER_INDEX'] === undefined) console.log(`The desktop app's tests are ${missing}.`)

export default defineConfig({
  testDir: '.',
  // HOST=desktop: the same stories in the desktop app, and its own; not those about browsers and their addresses.
  testMatch: ON_DESKTOP ? ['release.spec.ts', 'oncall.spec.ts', 'keyboard.spec.ts', 'audit.spec.ts', 'desktop.spec.ts'] : '**/*.spec.ts',
  testIgnore: ON_DESKTOP ? [] : ['desktop.spec.ts'],
  outputDir: '../test-results',
  // Each test starts consoles, supervisors and services of its own: two at a time is what a small machine bears.
  workers: 2,
  fullyParallel: false,
  // Real processes on a busy machine: a story that fails twice in a row fails.
  retries: 1,
  timeout: 120_000,
  expect: { timeout: 10_000 },
  forbidOnly: Boolean(process.env['CI']),
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    headless: true,
    locale: 'en-GB',
    timezoneId: 'UTC',
    viewport: { width: 1440, height: 900 },
    // Playwright's own ffmpeg may be missing; a trace tells more anyway.
    video: 'off',
    trace: 'retain-on-failure',
    launchOptions: executablePath === null ? {} : { executablePath },
  },
})
