import { Fault } from '../../../contract/fault.ts'
import type { Readiness } from '../../../contract/vocabulary.ts'
import type { LocalSettings } from '../config.ts'
import type { FileSettings } from '../../flagd/file-settings.ts'
import type { FlagServerPorts } from '../../flagd/flag-server-link.ts'
import { databasesIn, fillDatabases, fillFlagServers, flagSourcesIn, type References } from '../references.ts'
import { isAlive, readBootId } from '../identity.ts'
import type { EnvironmentDurable } from './durable.ts'
import type { EnvironmentLog } from './logs.ts'
import { findFreePort, probeOnce } from './probe.ts'
import { adoptProcess, endedWords, findBySpawnId, launchProcess, sessionRuns, type Ended, type ServiceProcess } from './service-process.ts'

const PROBE_TIMEOUT_MS = 2_000
const KILL_WAIT_MS = 2_000

export interface EnvironmentView {
  readonly readiness: Readiness
  readonly detail: string
  readonly restarts: number
  readonly startedAt: number | null
  readonly pid: number | null
  /** Where its requests go; null unless ready. */
  readonly endpoint: { readonly id: string; readonly host: string; readonly port: number } | null
}

export interface EnvironmentOptions {
  readonly service: string
  readonly name: 'blue' | 'green'
  readonly log: EnvironmentLog
  settings(): LocalSettings
  readonly references: References
  /** Address of a practice database, which is started for it. */
  practice(name: string, port: number): Promise<string>
  /** Where a source's flag server listens, which is started for it. */
  flags(name: string, settings: FileSettings): Promise<FlagServerPorts>
  durable(): EnvironmentDurable
  /** Remembers; the state it describes already holds. */
  persist(patch: Partial<EnvironmentDurable>): void
  onChange(): void
  /** It ended by itself while it was ready. */
  onDeath(): void
}

/** Keeps the process of one environment as it is wanted: started, probed, restarted with backoff, stopped. */
export interface Environment {
  view(): EnvironmentView
  /** Starts what the durable part says is deployed. Something running must have been stopped before. */
  start(): void
  /** From here on it gets no new request. */
  markStopping(): void
  /** SIGTERM to the group, SIGKILL after the grace time. Resolves when nothing of it is left. */
  stop(why: string): Promise<void>
  /** Restarts it, counted like a crash. */
  restart(why: string): void
  /** A console gave values of variables: starts what waited for them. */
  onVariables(): void
  /** Finds out what became of it while there was no supervisor. */
  recover(): Promise<void>
  /** The supervisor goes, the process stays. */
  release(): void
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export function createEnvironment(options: EnvironmentOptions): Environment {
  const { log } = options
  /** Grows with every start and stop; whatever was begun under an older number gives up. */
  let run = 0
  let readiness: Readiness = options.durable().deployed ? 'stopped' : 'empty'
  let detail = options.durable().stoppedWhy
  let current: { readonly process: ServiceProcess; readonly port: number; host: string | null; readonly startedAt: number } | null = null
  let ends: number[] = []
  let restartWhy: string | null = null
  /** True while it is not started for want of a variable's value. */
  let lacksVariables = false
  let retryTimer: NodeJS.Timeout | null = null

  function set(next: Readiness, why: string): void {
    const changed = next !== readiness || why !== detail
    readiness = next
    detail = why
    if (changed) options.onChange()
  }

  function stderrWords(): string {
    const last = log.lastErrors(3)
    return last.length > 0 ? ` Last on stderr: ${last.join(' | ').slice(0, 600)}` : ''
  }

  function start(): void {
    ends = []
    options.persist({ restarts: 0 })
    void launch()
  }

  async function launch(): Promise<void> {
    const mine = ++run
    const { deployed, spawnId } = options.durable()
    if (!deployed || !spawnId) return
    const { databases, flags } = options.settings()
    const named = databasesIn(Object.values(deployed.spec.env))
    const written = Object.fromEntries(named.flatMap((name) => (databases[name]?.kind === 'url' ? [[name, databases[name].url]] : [])))
    const missing = options.references.missing({ ...deployed.spec.env, ...written })
    lacksVariables = missing.length > 0
    if (lacksVariables) {
      set('crashed', `Not started: the value of ${missing.join(', ')} is not known here. Open a console where ${missing.length === 1 ? 'it is' : 'they are'} set.`)
      return
    }
    set('starting', named.length === 0 ? 'Starting.' : `Waiting for the database ${named.join(', ')}.`)
    let addresses: Readonly<Record<string, string>>
    let flagServers: Readonly<Record<string, FlagServerPorts>>
    try {
      addresses = { ...written, ...(await practiceAddresses(named, databases)) }
      flagServers = await flagServerPorts(flagSourcesIn(Object.values(deployed.spec.env)), flags)
    } catch (error) {
      if (mine !== run) return
      set('crashed', `Not started: ${error instanceof Error ? error.message : String(error)}${error instanceof Fault ? ` ${error.data.next}` : ''}`)
      return
    }
    if (mine !== run) return
    set('starting', 'Starting.')
    const port = await findFreePort()
    if (mine !== run) return
    const startedAt = Date.now()
    log.reserve()
    const child = launchProcess(deployed.spec, {
      service: options.service,
      environment: options.name,
      version: deployed.ref.version,
      port,
      spawnId,
      fill: (text) => options.references.fill(fillFlagServers(fillDatabases(text, addresses), flagServers)),
      stdoutFd: log.stdoutFd,
      stderrFd: log.stderrFd,
    })
    current = { process: child, port, host: null, startedAt }
    options.persist({ process: { identity: child.identity, port, host: '', startedAt, ready: false } })
    log.note(`Started version ${deployed.ref.version} as process ${child.identity.pid} on port ${port}: ${deployed.spec.run}`)
    watchEnd(mine, child)
    void probeUntilReady(mine, performance.now())
  }

  /** Starts what is not running. Faults: those of a practice server, and `notFound`. */
  async function practiceAddresses(named: readonly string[], databases: LocalSettings['databases']): Promise<Readonly<Record<string, string>>> {
    const addresses: Record<string, string> = {}
    for (const name of named) {
      const connection = databases[name]
      if (!connection) throw new Fault('notFound', `the workspace has no database ${name} any more.`, 'Declare it, or release a version that does not need it.')
      if (connection.kind === 'practice') addresses[name] = await options.practice(name, connection.port)
    }
    return addresses
  }

  /** Starts what is not running. Faults: those of a flag server, and `notFound`. */
  async function flagServerPorts(named: readonly string[], flags: LocalSettings['flags']): Promise<Readonly<Record<string, FlagServerPorts>>> {
    const ports: Record<string, FlagServerPorts> = {}
    for (const name of named) {
      const settings = flags[name]
      if (!settings) throw new Fault('notFound', `the workspace has no flag source ${name} any more.`, 'Declare it, or release a version that does not need it.')
      ports[name] = await options.flags(name, settings)
    }
    return ports
  }

  function watchEnd(mine: number, child: ServiceProcess): void {
    void child.ended.then((ended) => {
      if (mine !== run) return
      child.signal('SIGKILL')
      onEnd(ended)
    })
  }

  function onEnd(ended: Ended): void {
    const wasReady = readiness === 'ready'
    const everReady = options.durable().process?.ready ?? false
    const { restart } = options.settings()
    const words = restartWhy ?? `The process ${endedWords(ended)}.${stderrWords()}`
    restartWhy = null
    current = null
    run += 1
    options.persist({ process: null })
    log.note(words)
    const now = performance.now()
    ends = [...ends.filter((at) => now - at < restart.windowMs), now]
    const hopeless = !everReady && (ended.code === 127 || ended.code === 126)
    if (ends.length > restart.maxInWindow || hopeless) {
      const count = ends.length > 1 ? `Crash loop: ended ${ends.length} times within ${Math.round(restart.windowMs / 1000)} s; not started again. ` : ''
      set('crashed', `${count}${words}`)
    } else {
      const pauseMs = Math.min(restart.maxBackoffMs, restart.backoffMs * 2 ** (ends.length - 1))
      set('starting', `${words} Starting again in ${pauseMs} ms (restart ${ends.length} of at most ${restart.maxInWindow}).`)
      const mine = run
      retryTimer = setTimeout(() => {
        if (mine !== run) return
        options.persist({ restarts: options.durable().restarts + 1 })
        void launch()
      }, pauseMs)
    }
    if (wasReady) options.onDeath()
  }

  async function probeUntilReady(mine: number, begunAt: number): Promise<void> {
    for (;;) {
      const { ready: probe } = options.settings()
      const target = current
      if (mine !== run || !target) return
      const result = await probeOnce(probe, target.port, PROBE_TIMEOUT_MS, null)
      if (mine !== run) return
      const tookMs = Math.round(performance.now() - begunAt)
      if (result.ok) {
        target.host = result.host
        const { process: recorded } = options.durable()
        if (recorded) options.persist({ process: { ...recorded, host: result.host, ready: true } })
        log.note(`Ready after ${tookMs} ms.`)
        set('ready', '')
        void watchLiveness(mine)
        return
      }
      if (tookMs > probe.timeoutMs) {
        if (readiness !== 'unready') log.note(`Readiness was not reached within ${probe.timeoutMs} ms: ${result.why}.`)
        set('unready', `readinessTimeout: not ready within ${probe.timeoutMs} ms, ${result.why}.${stderrWords()}`)
      } else {
        detail = `Starting for ${Math.round(tookMs / 1000)} s: ${result.why}.`
      }
      await sleep(probe.intervalMs)
    }
  }

  async function watchLiveness(mine: number): Promise<void> {
    let failures = 0
    for (;;) {
      const { live, ready: probe } = options.settings()
      if (!live) {
        await sleep(1_000)
        if (mine !== run) return
        continue
      }
      await sleep(live.intervalMs)
      const target = current
      if (mine !== run || !target) return
      const result = await probeOnce(probe, target.port, live.timeoutMs, target.host)
      if (mine !== run) return
      failures = result.ok ? 0 : failures + 1
      if (!result.ok && failures >= live.failures) {
        restart(`Liveness failed ${failures} times in a row: ${result.why}.`)
        return
      }
    }
  }

  function restart(why: string): void {
    const target = current
    if (!target || restartWhy !== null) return
    restartWhy = why
    const wasReady = readiness === 'ready'
    set('unready', `${why} Restarting.`)
    log.note(`${why} Restarting.`)
    target.process.signal('SIGTERM')
    const killer = setTimeout(() => target.process.signal('SIGKILL'), options.settings().stopGraceMs)
    void target.process.ended.then(() => clearTimeout(killer))
    if (wasReady) options.onDeath()
  }

  async function stop(why: string): Promise<void> {
    run += 1
    if (retryTimer) clearTimeout(retryTimer)
    const target = current
    if (target) {
      set('stopping', 'Stopping.')
      const { pid } = target.process.identity
      const deadline = performance.now() + options.settings().stopGraceMs
      log.note(`Stopping process ${pid} (SIGTERM).`)
      target.process.signal('SIGTERM')
      // The leader may be a shell that ends at once while what it started still finishes its work: wait for the whole group.
      while (sessionRuns(pid) && performance.now() < deadline) await sleep(20)
      if (sessionRuns(pid)) {
        log.note(`Process ${pid} did not end within ${options.settings().stopGraceMs} ms (SIGKILL).`)
        target.process.signal('SIGKILL')
      }
      await Promise.race([target.process.ended, sleep(KILL_WAIT_MS)])
      log.note(`Process ${pid} is gone.`)
    }
    current = null
    restartWhy = null
    options.persist({ process: null, stoppedWhy: why })
    set(options.durable().deployed ? 'stopped' : 'empty', why)
  }

  async function recover(): Promise<void> {
    const { process: recorded, wanted, spawnId, deployed } = options.durable()
    if (!deployed) return
    if (recorded && recorded.identity.bootId !== readBootId()) {
      const why = `Gone since the reboot. Deploy version ${deployed.ref.version} here again to bring it back.`
      options.persist({ process: null, wanted: 'stopped', stoppedWhy: why })
      set('stopped', why)
      return
    }
    if (recorded && isAlive(recorded.identity)) {
      const mine = ++run
      const process = adoptProcess(recorded.identity)
      current = { process, port: recorded.port, host: recorded.host === '' ? null : recorded.host, startedAt: recorded.startedAt }
      log.note(`Took over process ${recorded.identity.pid} on port ${recorded.port} from an earlier supervisor.`)
      if (wanted === 'stopped') return stop(options.durable().stoppedWhy)
      watchEnd(mine, process)
      if (recorded.ready) {
        // It serves users: it stays in traffic while it is probed again.
        set('ready', '')
        void watchLiveness(mine)
      } else {
        set('starting', 'Starting.')
        void probeUntilReady(mine, performance.now())
      }
      return
    }
    if (wanted === 'stopped') {
      set('stopped', options.durable().stoppedWhy)
      return
    }
    const orphan = spawnId ? findBySpawnId(spawnId) : null
    if (orphan) {
      const process = adoptProcess(orphan)
      process.signal('SIGKILL')
      await process.ended
    }
    log.note(recorded ? 'The process ended while no supervisor was there.' : 'The start was not finished by an earlier supervisor.')
    void launch()
  }

  return {
    view: () => ({
      readiness,
      detail,
      restarts: options.durable().restarts,
      startedAt: current?.startedAt ?? null,
      pid: current?.process.identity.pid ?? null,
      endpoint: readiness === 'ready' && current?.host ? { id: `${current.process.identity.pid}.${current.process.identity.startTime}`, host: current.host, port: current.port } : null,
    }),
    start,
    markStopping: () => set('stopping', 'No new requests; those in flight may end.'),
    stop,
    restart,
    onVariables() {
      if (lacksVariables && readiness === 'crashed') start()
    },
    recover,
    release() {
      run += 1
      if (retryTimer) clearTimeout(retryTimer)
    },
  }
}
