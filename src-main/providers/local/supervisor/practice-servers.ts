import { join } from 'node:path'
import type { Memory } from './memory.ts'
import { createPracticeServer, type PracticeServer, type PracticeView } from './practice-server.ts'

/** The practice databases of one data folder, by name. */
export interface PracticeServers {
  /** The database's address; starts its server when it does not run. */
  start(name: string, port: number): Promise<string>
  view(name: string): PracticeView
  views(): readonly PracticeView[]
  recover(): void
  stop(): Promise<void>
}

export function createPracticeServers(options: { readonly folder: string; readonly memory: Memory; note(text: string): void }): PracticeServers {
  const servers = new Map<string, PracticeServer>()

  function open(name: string): PracticeServer {
    const present = servers.get(name)
    if (present) return present
    const made = createPracticeServer({
      name,
      folder: join(options.folder, name),
      durable: options.memory.practice(name),
      persist: (durable) => void options.memory.savePractice(name, durable).catch((error: unknown) => options.note(`State of practice database ${name} could not be saved: ${String(error)}`)),
      note: (text) => options.note(text),
    })
    servers.set(name, made)
    return made
  }

  return {
    start: (name, port) => open(name).start(port),
    view: (name) => servers.get(name)?.view() ?? { name, state: 'stopped', port: null, pid: null, detail: '' },
    views: () => [...servers.values()].map((server) => server.view()),
    recover() {
      for (const name of options.memory.practices()) open(name).recover()
    },
    stop: async () => void (await Promise.all([...servers.values()].map((server) => server.stop()))),
  }
}
