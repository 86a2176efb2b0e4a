import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const READY_WITHIN_MS = 20_000
export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Whether a real Prometheus can be tried here. Says so aloud when not. */
export function hasPrometheus(): boolean {
  const found = spawnSync('prometheus', ['--version']).status === 0
  if (!found) console.warn('SKIPPED: real answers cannot be tried without Prometheus (apt-get install prometheus)')
  return found
}
export function hasOpenssl(): boolean {
  const found = spawnSync('openssl', ['version']).status === 0
  if (!found) console.warn('SKIPPED: client certificates cannot be tried without OpenSSL (apt-get install openssl)')
  return found
}

/** Prometheus on a folder and port of its own, scraping each second. */
export interface RunningPrometheus {
  readonly url: string
  readonly folder: string
  start(isReady: (url: string) => Promise<boolean>): Promise<void>
  /** As a machine that loses its power: no goodbye. */
  kill(): Promise<void>
  remove(): Promise<void>
}

export async function preparePrometheus(targets: readonly { readonly port: number; readonly labels: Readonly<Record<string, string>> }[], options: { readonly webConfig?: (folder: string) => string } = {}): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-prometheus-'))
  const port = await freePort()
  const scrape = targets.map(({ port: target, labels }) => ({ targets: [`127.0.0.1:${target}`], labels }))
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ global: { scrape_interval: '1s', scrape_timeout: '900ms' }, scrape_configs: [{ job_name: 'shop', static_configs: scrape }] }))
  const web = options.webConfig?.(folder)
  if (web !== undefined) writeFileSync(join(folder, 'web.yml'), web)
  let child: ChildProcess | null = null

  const url = `${web === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const kill = async () => {
    const ending = child
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = new Promise<void>((done) => ending.once('exit', () => done()))
    ending.kill('SIGKILL')
    await gone
  }
  return {
    url,
    folder,
    kill,
    async start(isReady) {
      const started = spawn('prometheus', ['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=127.0.0.1:${port}`, '--log.level=error', ...(web === undefined ? [] : ['--web.config.file=web.yml'])], { cwd: folder, stdio: 'ignore' })
      child = started
      const giveUpAt = Date.now() + READY_WITHIN_MS
      while (!(await isReady(url).catch(() => false))) {
        if (started.exitCode !== null || Date.now() > giveUpAt) throw new Error(`Prometheus did not become ready (exit code ${started.exitCode})`)
        await sleep(100)
      }
    },
    async remove() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A program of the shop, as a scraper sees it: counters that grew at these rates since it started, and a gauge. */
export interface ScrapedProgram {
  readonly port: number
  /** Answers `/metrics` with an error from now on. */
  fail(): void
  /** Its counters begin at zero again, as after a restart. */
  reset(): void
  close(): Promise<void>
}

export async function openScrapedProgram(rates: { readonly requests: number; readonly errors: number; readonly memory: number; readonly version: string }): Promise<ScrapedProgram> {
  let startedAt = Date.now() - 60_000
  let failing = false
  const server = createHttpServer((_request, response) => {
    const seconds = (Date.now() - startedAt) / 1000
    response.statusCode = failing ? 500 : 200
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    const labels = `version="${rates.version}"`
    response.end(
      failing
        ? ''
        : `# TYPE requests_total counter\nrequests_total{${labels}} ${(rates.requests * seconds).toFixed(3)}\n# TYPE errors_total counter\nerrors_total{${labels}} ${(rates.errors * seconds).toFixed(3)}\n# TYPE memory_bytes gauge\nmemory_bytes{${labels}} ${rates.memory}\n`,
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    fail: () => void (failing = true),
    reset: () => void (startedAt = Date.now()),
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
