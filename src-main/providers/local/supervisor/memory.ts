import { localSettingsSchema, type LocalSettings } from '../config.ts'
import type { ProcessIdentity } from '../identity.ts'
import { NEW_SERVICE, type ServiceDurable } from './durable.ts'
import { NEW_FLAG_SERVER, type FlagServerDurable } from './flag-server-process.ts'
import { NEW_PRACTICE, type PracticeDurable } from './practice-server.ts'
import type { OperationMemory } from './service.ts'
import type { StateLog } from './state-log.ts'

/** Answers kept per service. An act is repeated within minutes, if ever; fences refuse older ones. */
const OPERATIONS_KEPT = 400

/** Typed view of the state log. */
export interface Memory {
  services(): readonly string[]
  settings(service: string): LocalSettings | null
  durable(service: string): ServiceDurable
  saveSettings(service: string, settings: LocalSettings, durable: ServiceDurable): Promise<void>
  operations(service: string): OperationMemory
  routers(): readonly ProcessIdentity[]
  saveRouters(routers: readonly ProcessIdentity[]): Promise<void>
  adoptions(): number
  countAdoption(): Promise<void>
  idleExitMs(): number | null
  saveIdleExit(idleExitMs: number | null): Promise<void>
  supervisorEntry(): string | null
  saveSupervisorEntry(entry: string): Promise<void>
  practices(): readonly string[]
  practice(name: string): PracticeDurable
  savePractice(name: string, durable: PracticeDurable): Promise<void>
  flagServers(): readonly string[]
  flagServer(name: string): FlagServerDurable
  saveFlagServer(name: string, durable: FlagServerDurable): Promise<void>
}

export function createMemory(log: StateLog): Memory {
  const { entries } = log
  const order = new Map<string, string[]>()
  for (const key of entries.keys()) {
    const [kind, service, id] = key.split('\n')
    if (kind === 'operation' && service && id) order.set(service, [...(order.get(service) ?? []), id])
  }

  return {
    services: () => [...entries.keys()].filter((key) => key.startsWith('settings\n')).map((key) => key.slice('settings\n'.length)),
    settings(service) {
      const parsed = localSettingsSchema.safeParse(entries.get(`settings\n${service}`))
      return parsed.success ? parsed.data : null
    },
    // Fields that a newer supervisor added are filled in; this file is the only writer.
    durable: (service) => ({ ...NEW_SERVICE, ...(entries.get(`service\n${service}`) as Partial<ServiceDurable> | undefined) }),
    saveSettings: (service, settings, durable) =>
      log.append([
        [`settings\n${service}`, settings],
        [`service\n${service}`, durable],
      ]),
    operations(service) {
      const ids = order.get(service) ?? []
      order.set(service, ids)
      return {
        find: (id) => entries.get(`operation\n${service}\n${id}`) as { readonly answer: unknown } | undefined,
        async commit(state, operation) {
          const records: [string, unknown][] = [[`service\n${service}`, state]]
          if (operation) {
            records.push([`operation\n${service}\n${operation.id}`, { answer: operation.answer }])
            ids.push(operation.id)
            while (ids.length > OPERATIONS_KEPT) records.push([`operation\n${service}\n${ids.shift() ?? ''}`, null])
          }
          await log.append(records)
        },
      }
    },
    routers: () => (entries.get('routers') as readonly ProcessIdentity[] | undefined) ?? [],
    saveRouters: (routers) => log.append([['routers', routers]]),
    adoptions: () => Number(entries.get('adoptions') ?? 0),
    countAdoption: () => log.append([['adoptions', Number(entries.get('adoptions') ?? 0) + 1]]),
    idleExitMs: () => (entries.get('idleExitMs') as number | undefined) ?? null,
    saveIdleExit: (idleExitMs) => log.append([['idleExitMs', idleExitMs]]),
    supervisorEntry: () => (entries.get('supervisorEntry') as string | undefined) ?? null,
    saveSupervisorEntry: (entry) => log.append([['supervisorEntry', entry]]),
    practices: () => [...entries.keys()].filter((key) => key.startsWith('practice\n')).map((key) => key.slice('practice\n'.length)),
    practice: (name) => ({ ...NEW_PRACTICE, ...(entries.get(`practice\n${name}`) as Partial<PracticeDurable> | undefined) }),
    savePractice: (name, durable) => log.append([[`practice\n${name}`, durable]]),
    flagServers: () => [...entries.keys()].filter((key) => key.startsWith('flags\n')).map((key) => key.slice('flags\n'.length)),
    flagServer: (name) => ({ ...NEW_FLAG_SERVER, ...(entries.get(`flags\n${name}`) as Partial<FlagServerDurable> | undefined) }),
    saveFlagServer: (name, durable) => log.append([[`flags\n${name}`, durable]]),
  }
}
