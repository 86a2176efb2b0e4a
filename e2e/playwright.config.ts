import { defineConfig } from 'playwright/test'
import { findChromium } from './find-chromium.ts'

const executablePath = findChromium()

export default defineConfig({
  testDir: '.',
  testMatch: '**/*.spec.ts',
  outputDir: '../test-results',
  // Each test starts consoles, supervisors and services of its own: two at a time is what a small machine bears.
  workers: 2,
  fullyParallel: false,
  retries: 0,
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
