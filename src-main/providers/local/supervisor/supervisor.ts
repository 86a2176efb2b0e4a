import { dirname } from 'node:path'
import { Fault } from '../../../contract/fault.ts'
import { ENVIRONMENTS } from '../../../contract/vocabulary.ts'
import { localSettingsSchema, type LocalSettings } from '../config.ts'
import { identify } from '../identity.ts'
import type { LocalPaths } from '../paths.ts'
import { CONTROL_VERSIONS, type SupervisorStatus } from '../protocol.ts'
import type { ListenerKind } from '../router/messages.ts'
import { serveControl } from './control-server.ts'
import type { ServiceDurable } from './durable.ts'
import { createFlagServers, type FlagServers } from './flag-servers.ts'
import { bindListener, type ListeningHandle } from './listeners.ts'
import { releaseLock } from './lock.ts'
import type { Memory } from './memory.ts'
import { addressOf } from './observed.ts'
import { createPracticeServers, type PracticeServers } from './practice-servers.ts'
import { createHandlers } from './requests.ts'
import { createRouterLink } from './router-link.ts'
import { parentRouter, type RouterCommand } from './router-peer.ts'
import { createService, type Service } from './service.ts'
import type { StateLog } from './state-log.ts'
import { createUsageReader } from './usage.ts'
import { createWatchers } from './watchers.ts'

/** What answers that are on their way need to reach their clients, once the services are gone. */
const STOP_ROUTER_MS = 150

export interface Inherited {
  readonly router: number
  readonly sockets: readonly { readonly service: string; readonly kind: ListenerKind; readonly port: number; readonly handle: ListeningHandle }[]
}

export interface SupervisorOptions {
  readonly paths: LocalPaths
  readonly token: Buffer
  readonly log: StateLog
  readonly memory: Memory
  readonly inherited: Inherited | null
  readonly router: RouterCommand
  readonly selfEntry: string
  readonly dataFolder: string
  /** Program of the flag server. */
  readonly flagServerEntry: string
}

/** What requests may do to the supervisor as a whole. */
export interface Supervisor {
  service(name: string): Service
  readonly practice: PracticeServers
  readonly flagServers: FlagServers
  /** `variables`: values of the references in the settings; kept in memory only. */
  register(name: string, settings: unknown, variables: Readonly<Record<string, string>>): Promise<void>
  status(): SupervisorStatus
  stopAll(drainMs: number, why: string): Promise<void>
  upgradeRouter(entry: string | null, drainMs: number): Promise<void>
  upgradeSupervisor(entry: string | null): Promise<void>
  setIdleExit(idleExitMs: number | null): Promise<void>
}

export async function createSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { memory, paths } = options
  const startedAt = Date.now()
  const services = new Map<string, Service>()
  const readUsage = createUsageReader()
  const watchers = createWatchers((name) => service(name).observe())
  let selfEntry = memory.supervisorEntry() ?? options.selfEntry
  let idleTimer: NodeJS.Timeout | null = null
  let stopping: Promise<void> | null = null
  let usageAt = 0
  let usage = readUsage([])

  const note = (text: string) => console.log(`${new Date().toISOString()} ${text}`)

  const practice = createPracticeServers({ folder: paths.practice, memory, note })
  const flagServers = createFlagServers({ dataFolder: dirname(paths.folder), command: [process.execPath, options.flagServerEntry], memory, note })
  const router = createRouterLink({
    command: options.router,
    supervisorCommand: () => [process.execPath, selfEntry, '--data', options.dataFolder, '--router', options.router.entry, '--flag-server', options.flagServerEntry],
    onSecond(message) {
      if (message.at !== usageAt) {
        usageAt = message.at
        const pids = [...services.values()].flatMap((item) => ENVIRONMENTS.map((environment) => item.view(environment).pid))
        usage = readUsage(pids.filter((pid) => pid !== null))
      }
      for (const [name, counts] of Object.entries(message.services)) services.get(name)?.addSecond(message.at, counts, usage)
    },
    onRouters(pids) {
      if (stopping) return
      void memory.saveRouters(pids.map(identify).filter((identity) => identity !== null)).catch((error: unknown) => note(String(error)))
    },
    note,
  })

  function open(name: string, settings: LocalSettings, durable: ServiceDurable, recovering: boolean): Service {
    const opened = createService({ name, settings, durable, recovering, router, logFolder: paths.logs, memory: memory.operations(name), practice: (database, port) => practice.start(database, port), flags: (source, from) => flagServers.start(source, from), onChange: () => watchers.changed(name), note })
    services.set(name, opened)
    return opened
  }

  function service(name: string): Service {
    const found = services.get(name)
    if (!found) throw new Fault('notFound', `The service ${name} is not known to the local provider.`, 'Register it: open the workspace that declares it.')
    return found
  }

  /** Opens what is not open yet at these addresses. A port that was 0 is picked once and kept. */
  async function openAddresses(name: string, settings: LocalSettings, known: ServiceDurable['ports']): Promise<ServiceDurable['ports']> {
    const ports = { ...known }
    for (const [kind, at] of [['live', settings.address], ['preview', settings.preview]] as const) {
      const wanted = at.port === 0 ? ports[kind] : at.port
      if (router.listening(name, kind) !== null && router.listening(name, kind) === wanted) continue
      const bound = bindListener(at.host, wanted, `the ${kind} address of ${name}`)
      try {
        await router.listen({ service: name, kind, handle: bound.handle, port: bound.port })
      } catch (error) {
        bound.handle.close()
        throw error
      }
      ports[kind] = bound.port
    }
    return ports
  }

  async function register(name: string, input: unknown, variables: Readonly<Record<string, string>>): Promise<void> {
    const parsed = localSettingsSchema.safeParse(input)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new Fault('invalidInput', `The settings of ${name} are not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}. Traffic is unchanged.`, 'Correct the workspace.')
    }
    const settings = parsed.data
    const present = services.get(name)
    const durable = present?.durable() ?? memory.durable(name)
    const opened = present ?? open(name, settings, durable, false)
    if (!present) router.prime(opened.route())
    let ports: ServiceDurable['ports']
    try {
      if (!present) await router.setRoute(opened.route())
      ports = await openAddresses(name, settings, durable.ports)
    } catch (error) {
      if (!present) {
        services.delete(name)
        router.forget(name)
        opened.release()
      }
      throw error
    }
    await opened.configure(settings, ports, variables)
    await memory.saveSettings(name, settings, opened.durable())
  }

  /** Brings back what the folder says was there: routes first, then sockets, then what has to be started. */
  async function recover(): Promise<void> {
    practice.recover()
    flagServers.recover()
    const found = memory.services().flatMap((name) => {
      const settings = memory.settings(name)
      return settings ? [{ name, opened: open(name, settings, memory.durable(name), true) }] : []
    })
    await Promise.all(found.map(({ opened }) => opened.recover()))
    for (const { opened } of found) router.prime(opened.route())
    if (options.inherited) {
      await memory.countAdoption()
      await router.succeed(parentRouter(options.inherited.router, router.onSecond), options.inherited.sockets)
      note(`Brought back by router ${options.inherited.router}; its sockets and ${found.length} services were taken over.`)
    }
    for (const { name, opened } of found) {
      try {
        await opened.configure(opened.settings(), await openAddresses(name, opened.settings(), opened.durable().ports))
      } catch (error) {
        // Whoever took the port while nobody held it is named when the service is registered again.
        note(`${name} has no address: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }

  function onConsoles(count: number): void {
    if (idleTimer) clearTimeout(idleTimer)
    idleTimer = null
    const idleExitMs = memory.idleExitMs()
    if (count === 0 && idleExitMs !== null) {
      idleTimer = setTimeout(() => void stopAll(2_000, 'Stopped: no console was connected any more.'), idleExitMs)
    }
  }

  function stopAll(drainMs: number, why: string): Promise<void> {
    stopping ??= (async () => {
      note(why)
      await Promise.all([...services.values()].map((item) => item.shutDown(drainMs, why)))
      await Promise.all([practice.stop(), flagServers.stop()])
      await router.stop(STOP_ROUTER_MS)
      for (const item of services.values()) item.release()
      await memory.saveRouters([])
      await options.log.close()
      watchers.close()
      setTimeout(() => {
        void control.close(why)
        releaseLock(paths.lock)
        setTimeout(() => process.exit(0), 100)
      }, 20)
    })()
    return stopping
  }

  const supervisor: Supervisor = {
    service,
    practice,
    flagServers,
    register,
    status: () => ({
      pid: process.pid,
      version: CONTROL_VERSIONS.newest,
      startedAt,
      adoptions: memory.adoptions(),
      consoles: control.consoles(),
      idleExitMs: memory.idleExitMs(),
      routers: [...router.status()],
      practice: [...practice.views()],
      flagServers: [...flagServers.views()],
      services: [...services].map(([name, item]) => ({
        name,
        liveAddress: router.listening(name, 'live') === null ? null : addressOf(item.settings().address.host, item.durable().ports.live),
        previewAddress: router.listening(name, 'preview') === null ? null : addressOf(item.settings().preview.host, item.durable().ports.preview),
        environments: { blue: environmentStatus(item, 'blue'), green: environmentStatus(item, 'green') },
      })),
    }),
    stopAll,
    upgradeRouter: (entry, drainMs) => router.upgrade(entry, drainMs),
    async upgradeSupervisor(entry) {
      if (entry !== null) {
        selfEntry = entry
        await memory.saveSupervisorEntry(entry)
        router.announceSupervisor()
      }
      note('Ending for an upgrade; the router brings back the next supervisor.')
      // Nothing is stopped: this is what a crash looks like, with everything saved.
      setTimeout(() => process.exit(0), 50)
    },
    async setIdleExit(idleExitMs) {
      await memory.saveIdleExit(idleExitMs)
      onConsoles(control.consoles())
    },
  }
  await recover()
  const control = await serveControl({ path: paths.socket, token: options.token, handle: createHandlers(supervisor, watchers), onConsoles })
  onConsoles(0)
  return supervisor
}

function environmentStatus(item: Service, environment: 'blue' | 'green') {
  const view = item.view(environment)
  return { readiness: view.readiness, version: item.durable()[environment].deployed?.ref.version ?? null, pid: view.pid, port: view.endpoint?.port ?? null }
}
