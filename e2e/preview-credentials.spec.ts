import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, type Page, test } from 'playwright/test'
import { type ServerFixture, startServerFixture } from '../src-main/hosts/web/testing/server-fixture.ts'

/** A service or preview of the local provider, as any program could be, that keeps what it is sent. */
interface Nosy {
  readonly server: Server
  readonly port: number
  readonly received: { readonly url: string; readonly headers: IncomingHttpHeaders }[]
}

let console_: ServerFixture
let nosy: Nosy

test.beforeEach(async () => {
  console_ = await startServerFixture()
  const received: Nosy['received'] = []
  const server = createServer((request, response) => {
    received.push({ url: request.url ?? '', headers: request.headers })
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>a service</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  nosy = { server, port: (server.address() as AddressInfo).port, received }
})

test.afterEach(async () => {
  nosy.server.closeAllConnections()
  nosy.server.close()
  await console_.close()
})

/** Opens the console and trades its token, with the page's own fetch, as the renderer does. */
async function enter(page: Page): Promise<void> {
  const url = console_.server.issueUrl()
  await page.goto(url)
  const status = await page.evaluate(async (token) => {
    const answer = await fetch('/enter', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token }) })
    return answer.status
  }, new URL(url).hash.slice('#token='.length))
  expect(status).toBe(200)
}

test('a service sees no credential of the console, and cannot use one', async ({ page }) => {
  await enter(page)
  const authority = console_.server.authority

  // Control: the browser does hold the cookie, out of scripts' reach, and sends it to the console.
  expect(await page.evaluate(async () => (await fetch('/tab', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).status)).toBe(200)
  expect(await page.evaluate(() => document.cookie)).toBe('')

  for (const host of ['127.0.0.1', 'localhost']) {
    await page.goto(`http://${host}:${nosy.port}/from-the-same-browser`)
    expect(await page.evaluate(() => document.cookie)).toBe('')

    const attempts = await page.evaluate(async (consoleAuthority) => {
      const ask = (path: string, init: RequestInit) => fetch(`http://${consoleAuthority}${path}`, { credentials: 'include', ...init }).then((answer) => answer.status, () => 'failed')
      const socket = new Promise<string>((resolve) => {
        const attempt = new WebSocket(`ws://${consoleAuthority}/rpc`)
        attempt.addEventListener('open', () => resolve('open'))
        attempt.addEventListener('close', () => resolve('failed'))
      })
      const image = new Promise<string>((resolve) => {
        const element = document.createElement('iframe')
        element.src = `http://${consoleAuthority}/`
        element.addEventListener('load', () => {
          try {
            resolve(element.contentDocument === null ? 'closed to us' : 'readable')
          } catch {
            resolve('closed to us')
          }
        })
        document.body.append(element)
      })
      return {
        json: await ask('/tab', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }),
        form: await ask('/tab', { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{}' }),
        read: await ask('/', {}),
        socket: await socket,
        frame: await image,
      }
    }, authority)
    expect(attempts).toMatchObject({ json: 'failed', read: 'failed', socket: 'failed', frame: 'closed to us' })
  }
  expect(console_.sessions()).toBe(0)

  const seen = nosy.received.filter((request) => request.url === '/from-the-same-browser')
  expect(seen).toHaveLength(2)
  for (const { headers } of nosy.received) {
    expect(headers.cookie).toBeUndefined()
    expect(headers.referer ?? '').not.toContain('signalbox')
    expect(JSON.stringify(headers)).not.toContain('token')
  }
})

test('control: a program on the console’s own host name would see the cookie, which is why none is ever put there', async ({ page }) => {
  await enter(page)
  await page.goto(`http://signalbox.localhost:${nosy.port}/`)
  expect(nosy.received[0]?.headers.cookie ?? '').toContain('signalbox-')
})
