import { fileURLToPath } from 'node:url'
import type { ComposeOptions } from '../../rpc/core-api.ts'
import { openBrowser } from './open-browser.ts'
import { startWebConsole } from './console.ts'
import { openingRemarks } from './opening-remarks.ts'

export interface WebMainOptions {
  readonly compose: ComposeOptions
  readonly port: number
  readonly openBrowser: boolean
}

/** Runs the console for browsers until it is asked to stop. Resolves with the exit code. */
export async function runWebHost(options: WebMainOptions): Promise<number> {
  const print = (line: string) => process.stdout.write(`${line}\n`)
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    // For good: Ctrl-C reaches this process from the shell and again through npm, and the second must not cut the closing short.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
  const console = await startWebConsole({
    compose: options.compose,
    port: options.port,
    coreEntry: new URL('../core-worker.ts', import.meta.url),
    rendererFolder: fileURLToPath(new URL('../../../dist/renderer', import.meta.url)),
    log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  })
  const { compose } = options
  // A remark that cannot be had keeps nobody from the console, where it is shown too.
  const remarks = compose.auditFile === null ? await console.status().then(openingRemarks, () => []) : []
  for (const line of remarks) process.stderr.write(`${line}\n`)
  if (compose.auditFile === null) {
    print(`Workspace: ${compose.workspaceFile ?? 'the demo'}`)
    print(`Data: ${compose.dataFolder}`)
    print('Open this address; it lets one browser in, once (a new one: npm run signalbox -- open):')
  } else {
    print(`Journal, read-only: ${compose.auditFile}`)
    print('Open this address; it lets one browser in, once:')
  }
  print(console.issueUrl())
  // Its own address: one token lets in one browser, and the printed one stays good.
  if (options.openBrowser) openBrowser(console.issueUrl())

  const outcome = await Promise.race([stopped, console.ended])
  if (outcome instanceof Error) {
    process.stderr.write(`The console stopped: ${outcome.stack ?? outcome.message}\nServices go on running as they were. Next step: start the console again.\n`)
    await console.close()
    return 3
  }
  await console.close()
  print(compose.auditFile === null ? '\nThe console is closed. Services go on running; to stop them: npm run signalbox -- stop --all' : '\nClosed.')
  return 0
}
