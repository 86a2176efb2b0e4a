import type { FileSettings } from '../../flagd/file-settings.ts'
import type { FlagServerPorts } from '../../flagd/flag-server-link.ts'
import { createFlagServerProcess, type FlagServerProcess, type FlagServerView } from './flag-server-process.ts'
import type { Memory } from './memory.ts'

/** The flag servers of one data folder, by name of their source. */
export interface FlagServers {
  /** Where it listens; starts it when it does not run. */
  start(name: string, settings: FileSettings): Promise<FlagServerPorts>
  views(): readonly FlagServerView[]
  recover(): void
  stop(): Promise<void>
}

export function createFlagServers(options: { readonly dataFolder: string; readonly command: readonly [node: string, entry: string]; readonly memory: Memory; note(text: string): void }): FlagServers {
  const servers = new Map<string, FlagServerProcess>()

  function open(name: string): FlagServerProcess {
    const present = servers.get(name)
    if (present) return present
    const made = createFlagServerProcess({
      name,
      dataFolder: options.dataFolder,
      command: options.command,
      durable: options.memory.flagServer(name),
      persist: (durable) => void options.memory.saveFlagServer(name, durable).catch((error: unknown) => options.note(`State of flag server ${name} could not be saved: ${String(error)}`)),
      note: (text) => options.note(text),
    })
    servers.set(name, made)
    return made
  }

  return {
    start: (name, settings) => open(name).start(settings),
    views: () => [...servers.values()].map((server) => server.view()),
    recover() {
      for (const name of options.memory.flagServers()) open(name).recover()
    },
    stop: async () => void (await Promise.all([...servers.values()].map((server) => server.stop()))),
  }
}
