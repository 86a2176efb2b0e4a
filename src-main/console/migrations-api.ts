import { Fault } from '../contract/fault.ts'
import type { CoreApi } from '../rpc/core-api.ts'

const none = async (): Promise<never> => {
  throw new Fault('notFound', 'The workspace declares no such migration.', 'Look at `migrations` in the workspace file.')
}

/** Of a workspace without databases. */
export const NO_MIGRATIONS: CoreApi['migration'] = { list: async () => [], get: none, command: none, preflight: none, sql: none, rehearse: none, mismatches: none, repair: none, samples: none, events: none }
