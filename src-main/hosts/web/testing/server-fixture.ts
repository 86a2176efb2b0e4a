import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import { pipeOverPort } from '../../../contract/port-pipe.ts'
import type { CoreApi } from '../../../rpc/core-api.ts'
import { portLike } from '../../../rpc/port-like.ts'
import { createDispatcher } from '../../../rpc/serve.ts'
import { coreDouble, statusDouble } from '../../../rpc/testing/core-double.ts'
import { startWebServer, type WebServer } from '../server.ts'

export const SECRET_OUTSIDE = 'a file beside the renderer'

export interface ServerFixture {
  readonly server: WebServer
  /** Sessions that reached the core. */
  readonly sessions: () => number
  close(): Promise<void>
}

/** A real web server over a real dispatcher, with a core double and a small built renderer. */
export async function startServerFixture(options: { readonly helloDeadlineMs?: number; readonly api?: CoreApi } = {}): Promise<ServerFixture> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-web-'))
  const rendererFolder = join(folder, 'renderer')
  mkdirSync(join(rendererFolder, 'assets'), { recursive: true })
  writeFileSync(join(rendererFolder, 'index.html'), '<!doctype html><title>Signalbox</title>')
  writeFileSync(join(rendererFolder, 'assets', 'app-1234.js'), 'export {}')
  writeFileSync(join(folder, 'secret.txt'), SECRET_OUTSIDE)
  const api = options.api ?? coreDouble({ system: { status: () => Promise.resolve(statusDouble) } })
  const dispatcher = createDispatcher(api, { log: () => undefined, validateOutputs: true })
  let sessions = 0
  const server = await startWebServer({
    rendererFolder,
    port: 0,
    openSession() {
      sessions += 1
      const { port1, port2 } = new MessageChannel()
      dispatcher.serve(pipeOverPort(portLike(port2)))
      return port1
    },
    ...(options.helloDeadlineMs === undefined ? {} : { helloDeadlineMs: options.helloDeadlineMs }),
  })
  return {
    server,
    sessions: () => sessions,
    async close() {
      await server.close()
      rmSync(folder, { recursive: true })
    },
  }
}
