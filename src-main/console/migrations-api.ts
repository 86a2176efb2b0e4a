import type { Operator } from '../contract/release.ts'
import type { Migrations } from '../engine/migrations/migrations.ts'
import type { CallContext, CoreApi } from '../rpc/core-api.ts'

/** The contract's procedures on migrations, each a line over the engine. */
export function createMigrationsApi(migrations: () => Migrations, who: (context: CallContext) => Operator): CoreApi['migration'] {
  return {
    list: async () => [...(await migrations().list())],
    get: ({ migration }) => migrations().get(migration),
    command: (input, context) => migrations().command(input, who(context)),
    preflight: ({ migration }, { signal }) => migrations().preflight(migration, signal),
    sql: async ({ migration }) => [...(await migrations().sql(migration))],
    rehearse: ({ migration, operationId }, context) => migrations().rehearse(migration, who(context), operationId),
    mismatches: async ({ migration, ...filter }) => [...(await migrations().mismatches(migration, filter))],
    repair: (input, context) => migrations().repair(input, who(context)),
    samples: async ({ migration, fromAt }) => [...migrations().samples(migration, fromAt)],
    events: async ({ migration, afterId, limit }) => [...(await migrations().events(migration, afterId, limit))],
  }
}
