import { request } from 'undici'
import { z } from 'zod'
import { Fault } from '../contract/fault.ts'
import type { PairMode } from '../contract/service.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { DataSync } from '../core/ports.ts'
import { runCommand } from './run-command.ts'

const TIMEOUT_MS = 2000
const answerSchema = z.object({ lagMs: z.number().min(0) })

/** Databases that follow each other by PostgreSQL's logical replication. */
export interface PairSync {
  lagMs(service: string, mode: PairMode, behind: EnvironmentName | null): Promise<number>
  turn(service: string, mode: PairMode, to: EnvironmentName): Promise<void>
}

/** Asks a service's declared sync how far one environment's data is behind. Faults: `unsupported`, `timeout`, `providerUnavailable`. */
export function createDataSync(options: { readonly folder: () => string; readonly pairs?: PairSync }): DataSync {
  return {
    async lagMs(service, mode, behind) {
      if (mode.kind === 'shared') return 0
      if (mode.sync.postgres) return pairsFor(service).lagMs(service, mode.sync.postgres, behind)
      const text = mode.sync.url === null ? await fromCommand(service, mode.sync.command ?? '') : await fromAddress(service, mode.sync.url)
      const parsed = answerSchema.safeParse(parseJson(text))
      if (!parsed.success) throw new Fault('providerUnavailable', `The data sync of ${service} answered something other than {"lagMs": number}.`, 'Mend the sync address or command in the workspace.')
      return parsed.data.lagMs
    },
    async turn(service, mode, to) {
      if (mode.kind === 'perEnvironment' && mode.sync.postgres) await pairsFor(service).turn(service, mode.sync.postgres, to)
    },
  }

  function pairsFor(service: string): PairSync {
    if (options.pairs) return options.pairs
    throw new Fault('unsupported', `The data of ${service} follows by logical replication, which this console cannot look at.`, 'Use a console with the PostgreSQL driver.')
  }

  async function fromCommand(service: string, command: string): Promise<string> {
    const done = await runCommand({ command, folder: options.folder(), variables: { SERVICE: service }, timeoutMs: TIMEOUT_MS, signal: new AbortController().signal })
    if (done.ended === 'exited' && done.exitCode === 0) return done.output
    throw new Fault('providerUnavailable', `The data sync command of ${service} ${done.ended === 'timeout' ? 'took too long' : `failed with exit code ${done.exitCode ?? 'unknown'}`}.`, 'Run it by hand to see why.')
  }
}

async function fromAddress(service: string, url: string): Promise<string> {
  try {
    const response = await request(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return await response.body.text()
  } catch (error) {
    throw new Fault('providerUnavailable', `The data sync of ${service} does not answer at ${url}.`, 'See that it runs.', { cause: error })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
