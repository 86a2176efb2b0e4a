import { Fault } from '../contract/fault.ts'
import type { CoreApi } from '../rpc/core-api.ts'

/** The contract's procedures on flags, each a line over the engine. */
export function createFlagsApi(): CoreApi['flag'] {
  const none = async (): Promise<never> => {
    throw new Fault('notFound', 'The workspace declares no flags.', 'Declare a source under `flags` in the workspace file.')
  }
  return { sources: async () => [], list: none, get: none, preview: none, check: none, define: none, defineSegments: none, startRollout: none, command: none, kill: none, archive: none, compareTiers: none, copyTier: none, guardSeries: none, comparison: none, references: none }
}
