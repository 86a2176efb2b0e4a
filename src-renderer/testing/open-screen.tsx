import { createMemoryHistory } from '@tanstack/react-router'
import { cleanup, configure, render } from '@testing-library/react'
import { openClient } from '../../src-main/contract/client.ts'
import { memoryPipes } from '../../src-main/rpc/memory-pipe.ts'
import { createDispatcher } from '../../src-main/rpc/serve.ts'
import { App } from '../app/app.tsx'
import { startConsole, type RunningConsole } from '../app/console.ts'
import { createAppRouter } from '../app/router.tsx'
import type { Connect, Link } from '../lib/session.ts'
import { createTestCore, type TestCore, type TestWorld } from '../lib/test-core.ts'

export interface OpenScreen {
  readonly core: TestCore
  readonly running: RunningConsole
  readonly router: ReturnType<typeof createAppRouter>
  /** Cuts the connection; `connect` fails until `restore`. */
  cut(): void
  restore(): void
}

// Screens are loaded on demand, and the machine may be busy.
configure({ asyncUtilTimeout: 8000 })

const opened: RunningConsole[] = []

/** Layout that a test environment without a layout engine needs to have: a window of 1200 by 640. */
function giveLayout(): void {
  for (const box of ['offset', 'client']) {
    Object.defineProperty(HTMLElement.prototype, `${box}Height`, { configurable: true, get: () => 640 })
    Object.defineProperty(HTMLElement.prototype, `${box}Width`, { configurable: true, get: () => 1200 })
  }
  // Its own reports every box as empty.
  globalThis.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
}

/** The whole app at one address, over the real dispatcher and the real client, with an in-memory pipe between them. */
export function openScreen(path: string, world: TestWorld): OpenScreen {
  giveLayout()
  const core = createTestCore(world)
  const dispatcher = createDispatcher(core.api, { log: () => undefined, validateOutputs: true })
  let isCut = false
  let current: { readonly link: Link; readonly end: () => void } | null = null
  const connect: Connect = async () => {
    if (isCut) throw new Error('the console cannot be reached')
    const [near, far] = memoryPipes()
    dispatcher.serve(far)
    let end: () => void = () => undefined
    const closed = new Promise<string>((resolve) => {
      end = () => resolve('the console closed the connection')
    })
    const client = await openClient(near)
    current = { link: { client, closed, close: () => near.close() }, end }
    return current.link
  }
  const running = startConsole(connect, { schedule: (flush) => void setTimeout(flush, 0), retryMs: [10] })
  opened.push(running)
  const router = createAppRouter(createMemoryHistory({ initialEntries: [path] }))
  render(<App running={running} router={router} />)
  return {
    core,
    running,
    router,
    cut() {
      isCut = true
      current?.end()
    },
    restore() {
      isCut = false
    },
  }
}

export function closeScreens(): void {
  cleanup()
  for (const running of opened.splice(0)) running.stop()
}
