import type { Operator } from '../contract/release.ts'
import type { Flags } from '../engine/flags/flags.ts'
import type { CallContext, CoreApi } from '../rpc/core-api.ts'

/** The contract's procedures on flags, each a line over the engine. */
export function createFlagsApi(flags: () => Flags, who: (context: CallContext) => Operator): CoreApi['flag'] {
  return {
    sources: async () => [...(await flags().sources())],
    list: async ({ source }) => [...(await flags().list(source))],
    get: ({ source, flag }) => flags().get(source, flag),
    preview: (input) => flags().preview(input),
    check: async ({ source, flag, definition }) => [...(await flags().check(source, flag, definition))],
    define: (input, context) => flags().define(input, who(context)),
    defineSegments: (input, context) => flags().defineSegments(input, who(context)),
    foresee: ({ source, flag, plan }) => flags().foresee(source, flag, plan),
    startRollout: (input, context) => flags().startRollout(input, who(context)),
    command: (input, context) => flags().command(input, who(context)),
    kill: (input, context) => flags().kill(input, who(context)),
    archive: (input, context) => flags().archive(input, who(context)),
    compareTiers: async ({ source, from, to }) => [...(await flags().compareTiers(source, from, to))],
    copyTier: async (input, context) => [...(await flags().copyTier(input, who(context)))],
    guardSeries: ({ source, flag, fromAt }) => flags().guardSeries(source, flag, fromAt),
    comparison: ({ source, flag }) => flags().comparison(source, flag),
    references: ({ source }) => flags().references(source),
  }
}
