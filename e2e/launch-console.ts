import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright/test'
import { launchElectron, ON_DESKTOP } from './launch-desktop.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

export interface LaunchedConsole {
  /** Lets one browser in, once. Empty on the desktop, which has a window of its own. */
  readonly url: string
  readonly dataFolder: string
  readonly pid: number
  /** Shows the console: in this page, or in the desktop app's own, which is returned instead. */
  open(page: Page): Promise<Page>
  /** What it printed so far. */
  output(): string
  /** Runs a command of the terminal on the same data folder. */
  terminal(...args: string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
  /** Ends the console only, as Ctrl-C does, or as a crash does. */
  end(signal?: NodeJS.Signals): Promise<void>
  /** Ends the console, its supervisor and services, and removes the data folder. */
  close(): Promise<void>
}

interface LaunchOptions {
  readonly workspace?: string
  readonly dataFolder?: string
  readonly args?: readonly string[]
}

/** Starts the real console in its own process, as `npm start` does: for the browser, or with HOST=desktop as the desktop app. */
export function launchConsole(options: LaunchOptions = {}): Promise<LaunchedConsole> {
  return ON_DESKTOP ? launchOnDesktop(options) : launchForBrowser(options)
}

async function launchForBrowser(options: LaunchOptions): Promise<LaunchedConsole> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'signalbox-e2e-'))
  const where = ['--data', dataFolder, ...(options.workspace === undefined ? [] : ['--workspace', options.workspace])]
  const child = spawn(process.execPath, ['scripts/start.mjs', '--web', '--no-open', ...where, ...(options.args ?? [])], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // What the core answers is held against the contract while we test.
    env: { ...process.env, SIGNALBOX_VALIDATE_OUTPUTS: '1' },
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  const terminal: LaunchedConsole['terminal'] = (...args) => run(['src-main/hosts/terminal/main.ts', ...args, ...where])
  const url = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString('utf8')
      const found = /^http:\/\/signalbox\.localhost:\d+\/#token=[\w-]+$/m.exec(output)?.[0]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then(() => reject(new Error(`the console did not start:\n${output}`)))
    setTimeout(() => reject(new Error(`the console did not start in time:\n${output}`)), 45_000).unref()
  }).catch(async (error: unknown) => {
    // Its core may have started services before something else stood in the way.
    child.kill('SIGKILL')
    await ended
    await stopAll(terminal)
    if (options.dataFolder === undefined) rmSync(dataFolder, { recursive: true, force: true })
    throw error
  })

  const end: LaunchedConsole['end'] = async (signal = 'SIGINT') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  return {
    url,
    dataFolder,
    pid: child.pid ?? 0,
    async open(page) {
      await page.goto(url)
      return page
    },
    output: () => output,
    terminal,
    end,
    async close() {
      await end()
      await stopAll(terminal)
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

async function launchOnDesktop(options: LaunchOptions): Promise<LaunchedConsole> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'signalbox-e2e-'))
  const where = ['--data', dataFolder, ...(options.workspace === undefined ? [] : ['--workspace', options.workspace])]
  const application = await launchElectron({ host: 'desktop', dataFolder, workspaceFile: options.workspace ?? null, auditFile: null, trustWorkspace: options.args?.includes('--trust') ?? false, scope: 'whole' })
  const child = application.process()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')))
  const terminal: LaunchedConsole['terminal'] = (...args) => run(['src-main/hosts/terminal/main.ts', ...args, ...where])
  const end: LaunchedConsole['end'] = async (signal = 'SIGINT') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await ended
  }
  return {
    url: '',
    dataFolder,
    pid: child.pid ?? 0,
    open: () => application.firstWindow(),
    output: () => output,
    terminal,
    end,
    async close() {
      await end()
      await stopAll(terminal)
      rmSync(dataFolder, { recursive: true, force: true })
    },
  }
}

/** Nothing may be left running where the folder that tells of it is gone. */
async function stopAll(terminal: LaunchedConsole['terminal']): Promise<void> {
  const { code, stderr } = await terminal('stop', '--all', '--reason', 'end of the test')
  if (code !== 0) throw new Error(`not everything was stopped: ${stderr}`)
}

function run(args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString('utf8')))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')))
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
  })
}
