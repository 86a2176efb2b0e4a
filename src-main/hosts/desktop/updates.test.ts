import { describe, expect, test } from 'vitest'
import { seen } from './testing/electron-double.ts'
import { checkForUpdates } from './update-dialog.ts'
import { decideUpdates, restrain, type Updater, whyNotSigned } from './updates.ts'

const FEED = 'provider: generic\nurl: https://updates.example/signalbox\npublisherName: [Signalbox Ltd]\nupdaterCacheDirName: signalbox-updater\n'

describe('off unless everything that makes an update safe is there', () => {
  test.each<[string, string | null, NodeJS.Platform, boolean, string]>([
    ['not installed', FEED, 'win32', false, 'not an installed app'],
    ['no feed', null, 'win32', true, 'names no place'],
    ['plain http', FEED.replace('https', 'http'), 'win32', true, 'not valid'],
    ['another provider', FEED.replace('generic', 'custom'), 'darwin', true, 'not valid'],
    ['not YAML', '{', 'darwin', true, 'not valid'],
    ['empty', '', 'darwin', true, 'not valid'],
    ['no publisher', FEED.replace(/publisherName.*\n/, ''), 'win32', true, 'no publisher'],
    ['an empty publisher', FEED.replace('[Signalbox Ltd]', '[]'), 'win32', true, 'not valid'],
    ['an AppImage, which nobody signs', FEED, 'linux', true, 'package manager'],
  ])('%s', (_what, feed, platform, packaged, why) => {
    expect(decideUpdates(feed, platform, packaged)).toEqual({ off: expect.stringContaining(why) })
  })

  test.each<[NodeJS.Platform, string, readonly string[]]>([
    ['win32', FEED, ['Signalbox Ltd']],
    ['win32', FEED.replace('[Signalbox Ltd]', 'Signalbox Ltd'), ['Signalbox Ltd']],
    ['darwin', FEED.replace(/publisherName.*\n/, ''), []],
  ])('control: on for %s with all of it', (platform, feed, publishers) => {
    expect(decideUpdates(feed, platform, true)).toEqual({ feed: { url: 'https://updates.example/signalbox', publishers } })
  })
})

describe('a signature', () => {
  const says = (answer: object | string) => () => Promise.resolve(typeof answer === 'string' ? answer : JSON.stringify(answer))
  const check = (answer: object | string) => whyNotSigned('C:\\update.exe', ['Signalbox Ltd'], says(answer))

  test('control: valid, by the publisher', async () => {
    expect(await check({ Status: 0, Subject: 'CN=Signalbox Ltd, O=Signalbox Ltd, C=GB' })).toBeNull()
    expect(await check({ Status: 0, Subject: 'C=GB, CN="Signalbox Ltd"' })).toBeNull()
  })
  test.each<[string, object | string]>([
    ['not signed', { Status: 2, Subject: null }],
    ['changed after signing', { Status: 3, Subject: 'CN=Signalbox Ltd' }],
    ['by somebody else', { Status: 0, Subject: 'CN=Somebody Else' }],
    ['by a name that contains ours', { Status: 0, Subject: 'CN=Signalbox Ltd Fakes' }],
    ['with our name elsewhere', { Status: 0, Subject: 'CN=Evil, O=Signalbox Ltd' }],
    ['PowerShell says nothing', ''],
    ['PowerShell says something else', 'PS C:\\>'],
  ])('refused: %s', async (_what, answer) => {
    expect(await check(answer)).toMatch(/signature|signed/)
  })
  test('refused: PowerShell cannot be asked', async () => {
    expect(await whyNotSigned('x', ['Signalbox Ltd'], () => Promise.reject(new Error('ENOENT')))).toContain('could not be checked')
  })
})

function updater(extra: Partial<Updater> = {}): Updater & { downloads: number; installs: number } {
  return {
    autoDownload: true,
    autoInstallOnAppQuit: true,
    allowDowngrade: true,
    allowPrerelease: true,
    disableWebInstaller: false,
    downloads: 0,
    installs: 0,
    checkForUpdates: () => Promise.resolve({ isUpdateAvailable: true, updateInfo: { version: '9.0.0' } }),
    downloadUpdate() {
      this.downloads += 1
      return Promise.resolve()
    },
    quitAndInstall() {
      this.installs += 1
    },
    ...extra,
  }
}
const feed = { url: 'https://updates.example/signalbox', publishers: ['Signalbox Ltd'] }

test('an updater is held to what a person agrees to, with a check of its own on Windows', async () => {
  const held = updater()
  restrain(held, feed, 'win32', () => Promise.reject(new Error('no PowerShell')))
  expect(held).toMatchObject({ autoDownload: false, autoInstallOnAppQuit: false, allowDowngrade: false, allowPrerelease: false, disableWebInstaller: true })
  expect(await held.verifyUpdateCodeSignature?.(['Signalbox Ltd'], 'x')).toContain('could not be checked')
})

test('nothing is fetched before somebody agrees', async () => {
  const asked = updater()
  seen.answer = () => 0
  await checkForUpdates(feed, () => Promise.resolve(asked))
  expect([asked.downloads, asked.installs]).toEqual([0, 0])
  seen.answer = () => 1
  await checkForUpdates(feed, () => Promise.resolve(asked))
  expect([asked.downloads, asked.installs]).toEqual([1, 1])
  seen.answer = undefined
})

test('an update that cannot be had or is refused leaves this version running, and says so', async () => {
  seen.boxes.length = 0
  seen.answer = () => 1
  const refused = updater({ downloadUpdate: () => Promise.reject(new Error('the update carries no valid signature')) })
  await checkForUpdates(feed, () => Promise.resolve(refused))
  expect(refused.installs).toBe(0)
  expect(seen.boxes.at(-1)).toMatchObject({ message: 'Signalbox was not updated.', detail: expect.stringContaining('no valid signature') })
  await checkForUpdates(feed, () => Promise.resolve(updater({ checkForUpdates: () => Promise.resolve(null) })))
  expect(seen.boxes.at(-1)?.message).toContain('is the newest version')
  seen.answer = undefined
})
