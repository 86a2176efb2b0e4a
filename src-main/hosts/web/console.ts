import { openClient } from '../../contract/client.ts'
import { pipeOverPort } from '../../contract/port-pipe.ts'
import type { SystemStatus } from '../../contract/system.ts'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { startCoreThread } from '../../rpc/core-thread.ts'
import { portLike } from '../../rpc/port-like.ts'
import { startLocalSocket } from '../local-socket/server.ts'
import { startWebServer } from './server.ts'

export interface WebConsoleOptions {
  readonly compose: ComposeOptions
  /** Module of the core thread. */
  readonly coreEntry: URL
  /** Folder of the built renderer. */
  readonly rendererFolder: string
  /** 0 picks a free one. */
  readonly port: number
  readonly log: (line: string) => void
}

export interface WebConsole {
  /** What the core says of itself now. */
  status(): Promise<SystemStatus>
  /** An address that lets one browser in, once. */
  issueUrl(): string
  /** Closes the console. Services, router and supervisor go on. */
  close(): Promise<void>
  /** Settles when the core thread is gone: null after `close`, otherwise why. */
  readonly ended: Promise<Error | null>
}

/** Core thread, web server and terminal socket of one console. Whatever fails, nothing is left running. */
export async function startWebConsole(options: WebConsoleOptions): Promise<WebConsole> {
  const core = await startCoreThread(options.coreEntry, options.compose, options.log)
  const openSession = () => core.openSession()
  try {
    const server = await startWebServer({ rendererFolder: options.rendererFolder, openSession, port: options.port })
    const terminal = options.compose.auditFile === null ? await listenForTerminals() : null
    return {
      async status() {
        const pipe = pipeOverPort(portLike(openSession()))
        try {
          return await (await openClient(pipe)).system.status()
        } finally {
          pipe.close()
        }
      },
      issueUrl: () => server.issueUrl(),
      async close() {
        // The core first: streams end in order, and clients hear of it.
        await Promise.all([core.close(), terminal?.close()])
        await server.close()
      },
      ended: core.ended,
    }

    async function listenForTerminals() {
      try {
        return await startLocalSocket({ dataFolder: options.compose.dataFolder, openSession, issueUrl: () => server.issueUrl() })
      } catch (error) {
        options.log(`terminals cannot reach this console: ${error instanceof Error ? error.message : String(error)}`)
        return null
      }
    }
  } catch (error) {
    await core.close()
    throw error
  }
}
