import { resolve } from 'node:path'
import { z } from 'zod'
import { Fault, faultDataSchema, faultFromData } from '../../contract/fault.ts'
import { logLineSchema, type Capabilities, type LogLine, type VersionOption } from '../../contract/service.ts'
import { metricSampleSchema, leaseStateSchema, observedServiceSchema } from '../../contract/traffic.ts'
import type { EnvironmentsProvider } from '../../core/ports.ts'
import { createClient } from './client.ts'
import { localSettingsSchema, type LocalSettings } from './config.ts'
import { defaultEntries, launchSupervisor, type LocalEntries } from './launch.ts'
import { localPaths, readToken } from './paths.ts'
import { supervisorStatusSchema, type SupervisorStatus } from './protocol.ts'
import type { FlagServerLink } from '../flagd/flag-server-link.ts'
import { isClaimed } from './supervisor/lock.ts'
import { referencedValues } from './references.ts'
import { tailQueue } from './tail-queue.ts'
import { configDigest, listVersions, resolveVersion } from './versions.ts'

export const LOCAL_CAPABILITIES: Capabilities = {
  weightGranularityPercent: 1,
  previewAddress: true,
  verifiedWeights: true,
  stepsRunBy: 'console',
  compareAndSet: true,
  leases: true,
  logs: true,
  metrics: true,
  notes: {},
}

/** What a stop may take beyond its draining: the grace time of a process, and some. */
const STOP_EXTRA_MS = 120_000
/** Programs are copied and a data folder is made at the first start. */
const PRACTICE_START_MS = 120_000
const FLAG_SERVER_START_MS = 60_000
const RESUBSCRIBE_MS = 250
const REVIVAL_POLL_MS = 100
const REVIVAL_WAIT_MS = 15_000

export interface LocalProviderOptions {
  /** The console's data folder; the supervisor keeps its things in `local` below it. */
  readonly dataFolder: string
  /** Node to run supervisor and router with. Default: the one this runs on. */
  readonly nodePath?: string
  readonly entries?: LocalEntries
  /** Everything stops when no console was connected for so long. Null: never. Left out: as it was set before. */
  readonly idleExitMs?: number | null
  /** Never starts a supervisor: what runs is observed, and nothing else. */
  readonly onlyLooks?: boolean
}

/** The local provider: supervised processes behind a router, on this machine. */
export interface LocalProvider extends EnvironmentsProvider {
  /** Starts the supervisor when it is not running. */
  ensureSupervisor(): Promise<void>
  /** Null when none is running; starts nothing. */
  supervisorStatus(): Promise<SupervisorStatus | null>
  /** Ends every service, the router and the supervisor. Does nothing when none is running. */
  stopAll(drainMs?: number): Promise<void>
  /** Puts a new router, from `entry` or the same file, on the same sockets; the old one drains up to `drainMs`. */
  upgradeRouter(entry?: string | null, drainMs?: number): Promise<void>
  /** Replaces the supervisor, from `entry` or the same file, under running services and traffic. */
  upgradeSupervisor(entry?: string | null): Promise<void>
  /**
   * Address of a practice database, whose server is started when it does not run. `port`: the declared one, 0 for any.
   * Faults: `unsupported` when there is no PostgreSQL for this machine, `portTaken`, `processCrashed`.
   */
  practiceUrl(name: string, port?: number): Promise<string>
  /** How flag sources of files reach their flag server. */
  readonly flagServer: FlagServerLink
  /** Replaces supervisor, then router, by those of this console, under running services and traffic. Resolves when both are new. */
  renew(): Promise<void>
}

export function createLocalProvider(options: LocalProviderOptions): LocalProvider {
  const dataFolder = resolve(options.dataFolder)
  const paths = localPaths(dataFolder)
  const launch = { dataFolder, nodePath: options.nodePath ?? process.execPath, entries: options.entries ?? defaultEntries() }
  const refuseToLaunch = () => {
    throw new Fault('providerUnavailable', 'No supervisor is running.', 'Start the console.')
  }
  const client = createClient({ socketPath: paths.socket, token: () => readToken(paths.token), launch: options.onlyLooks ? refuseToLaunch : () => launchSupervisor(paths, launch) })
  /** Never launches anything. */
  const look = createClient({ socketPath: paths.socket, token: () => readToken(paths.token), launch: refuseToLaunch })
  const known = new Map<string, LocalSettings>()
  let idleExitSent = options.idleExitMs === undefined

  function settingsOf(service: string): LocalSettings {
    const settings = known.get(service)
    if (!settings) throw new Fault('notFound', `The service ${service} is not known to the local provider.`, 'Register it: open the workspace that declares it.')
    return settings
  }

  /**
   * A supervisor that ended on purpose took its lock along. If the lock is there, one runs, is coming up, or was killed
   * and may be brought back by its router. Looked at twice, for the moment in which the lock changes hands.
   */
  async function isExpected(): Promise<boolean> {
    if (isClaimed(paths.lock)) return true
    await new Promise((resolve) => setTimeout(resolve, REVIVAL_POLL_MS))
    return isClaimed(paths.lock)
  }

  async function sendIdleExit(start: boolean): Promise<void> {
    if (idleExitSent) return
    await client.request('setIdleExit', { idleExitMs: options.idleExitMs ?? null }, { start })
    idleExitSent = true
  }

  async function observe(service: string) {
    return observedServiceSchema.parse(await client.request('observe', { service }))
  }

  async function supervisor(): Promise<SupervisorStatus | null> {
    for (let waitedMs = 0; ; waitedMs += REVIVAL_POLL_MS) {
      try {
        return supervisorStatusSchema.parse(await look.request('status', {}))
      } catch (error) {
        if (!(error instanceof Fault && error.code === 'providerUnavailable')) throw error
        if (waitedMs > REVIVAL_WAIT_MS || !(await isExpected())) return null
      }
      await new Promise((resolve) => setTimeout(resolve, REVIVAL_POLL_MS))
    }
  }

  return {
    name: 'local',
    capabilities: LOCAL_CAPABILITIES,
    async register(config) {
      const parsed = localSettingsSchema.safeParse(config.settings)
      if (!parsed.success) throw new Fault('invalidInput', `The settings of ${config.name} for the local provider are not valid: ${z.prettifyError(parsed.error)}`, 'Correct the workspace.')
      known.set(config.name, parsed.data)
      await sendIdleExit(true)
      await client.request('register', { name: config.name, settings: parsed.data, variables: referencedValues(parsed.data, process.env) }, { start: true })
    },
    observe,
    subscribe(service, onChange, onLost) {
      let over = false
      let timer: NodeJS.Timeout | null = null
      let cancel = () => {}
      const begin = () => {
        timer = null
        cancel = client.stream(
          'watch',
          { service },
          (event) => {
            const { observed, fault } = watchEventSchema.parse(event)
            if (observed) onChange(observed)
            else if (fault) onLost(faultFromData(fault))
          },
          (fault) => {
            if (over) return
            onLost(fault)
            timer = setTimeout(begin, RESUBSCRIBE_MS)
          },
        )
      }
      begin()
      return () => {
        over = true
        if (timer) clearTimeout(timer)
        cancel()
      }
    },
    async versions(service) {
      const settings = settingsOf(service)
      const [listed, observed] = await Promise.all([listVersions(settings), observe(service).catch(() => null)])
      return listed.map((item): VersionOption => {
        const digest = configDigest(settings, item.version)
        const runs = (name: 'blue' | 'green') => {
          const environment = observed?.environments[name]
          return environment?.deployed?.version === item.version && environment.deployed.configDigest === digest
        }
        return { ...item, changes: [...item.changes], configDigest: digest, deployedOn: runs('blue') ? 'blue' : runs('green') ? 'green' : null }
      })
    },
    resolveVersion: async (service, version) => resolveVersion(settingsOf(service), version),
    async deploy(operation, service, environment, version) {
      const settings = known.get(service)
      const variables = settings ? referencedValues(settings, process.env) : {}
      await client.request('deploy', { service, operation, environment, version, variables }, { timeoutMs: 30_000, start: true })
    },
    async setWeights(operation, request) {
      return generationSchema.parse(await client.request('setWeights', { operation, request }, { start: true }))
    },
    renewLease: async (service, leaseId, ttlMs) => leaseStateSchema.parse(await client.request('renewLease', { service, leaseId, ttlMs })),
    async stop(operation, service, environment, drainMs) {
      await client.request('stop', { service, operation, environment, drainMs }, { timeoutMs: drainMs + STOP_EXTRA_MS })
    },
    tailLogs: (service, environment, lines, signal) =>
      tailQueue<LogLine>(signal, (push, fail) =>
        client.stream('tailLogs', { service, environment, lines }, (event) => push(z.array(logLineSchema).parse(event)), fail),
      ),
    metrics: async (service, fromAt) => seriesSchema.parse(await client.request('metrics', { service, fromAt })),
    async close() {
      client.close()
      look.close()
    },
    // An answer is the proof; a connection may be to one that has just died.
    ensureSupervisor: async () => void (await client.request('status', {}, { start: true })),
    supervisorStatus: supervisor,
    async stopAll(drainMs = 2_000) {
      // What a killed supervisor left behind can only be found, and ended, by its successor.
      const through = (await isExpected()) ? client : look
      try {
        await through.request('stopAll', { drainMs }, { timeoutMs: drainMs + STOP_EXTRA_MS })
      } catch (error) {
        if (!(error instanceof Fault && error.code === 'providerUnavailable')) throw error
      }
    },
    upgradeRouter: async (entry = null, drainMs = 600_000) => void (await client.request('upgradeRouter', { entry, drainMs }, { timeoutMs: 30_000 })),
    upgradeSupervisor: async (entry = null) => void (await client.request('upgradeSupervisor', { entry })),
    async practiceUrl(name, port = 0) {
      return practiceAnswerSchema.parse(await client.request('practice.start', { name, port }, { timeoutMs: PRACTICE_START_MS })).url
    },
    flagServer: {
      async start(name, settings) {
        if (options.onlyLooks) {
          const found = (await supervisor())?.flagServers.find((server) => server.name === name)
          return found?.httpPort && found.syncPort ? { httpPort: found.httpPort, syncPort: found.syncPort } : { why: 'It does not run, and this was opened only to look.' }
        }
        // Asked for again and again by whoever looks at flags: what was ended on purpose stays ended.
        await sendIdleExit(false)
        return flagPortsSchema.parse(await client.request('flags.start', { name, settings }, { timeoutMs: FLAG_SERVER_START_MS }))
      },
    },
    async renew() {
      const before = supervisorStatusSchema.parse(await client.request('status', {}))
      await client.request('upgradeSupervisor', { entry: launch.entries.supervisor })
      for (const endMs = Date.now() + REVIVAL_WAIT_MS; ; ) {
        const now = await client.request('status', {}).then((value) => supervisorStatusSchema.parse(value), () => null)
        if (now && now.pid !== before.pid) break
        if (Date.now() > endMs) throw new Fault('timeout', 'The next supervisor is not up yet. Services and router run on without it.', 'Look at `signalbox status` in a moment; it is brought back by itself.')
        await new Promise((resolve) => setTimeout(resolve, REVIVAL_POLL_MS))
      }
      await client.request('upgradeRouter', { entry: launch.entries.router, drainMs: 600_000 }, { timeoutMs: 30_000 })
    },
  }
}

/** A supervisor of an earlier version counts no histogram. */
const sampleSchema = metricSampleSchema.extend({ latency: metricSampleSchema.shape.latency.default([]) })
const seriesSchema = z.strictObject({ blue: z.array(sampleSchema), green: z.array(sampleSchema) })
const flagPortsSchema = z.object({ httpPort: z.int(), syncPort: z.int() })
const practiceAnswerSchema = z.object({ url: z.string() })
const generationSchema = z.object({ generation: z.int() })
const watchEventSchema = z.object({ observed: observedServiceSchema.optional(), fault: faultDataSchema.optional() })
