import { Fault } from '../contract/fault.ts'
import type { JournalDraft } from '../contract/journal.ts'
import type { PairAct, PairView } from '../contract/pair.ts'
import type { Operator } from '../contract/release.ts'
import type { PairMode } from '../contract/service.ts'
import type { EnvironmentName } from '../contract/vocabulary.ts'
import type { Workspace } from '../contract/workspace.ts'
import type { Pair } from '../providers/postgres/replication/pair.ts'
import type { Pairs } from '../providers/postgres/replication/pairs.ts'
import type { CallContext, CoreApi } from '../rpc/core-api.ts'

export interface PairsApiParts {
  readonly pairs: Pairs
  /** What may run: null before somebody trusted the workspace. */
  readonly workspace: () => Workspace | null
  readonly who: (context: CallContext) => Operator
  readonly adminOnly: (act: string) => Promise<void>
  readonly note: (draft: Pick<JournalDraft, 'action' | 'summary' | 'evidence'> & Partial<JournalDraft>) => Promise<void>
}

const WORDS: { readonly [A in PairAct]: (service: string, side: EnvironmentName) => string } = {
  setUp: (service, side) => `Let the other database of ${service} follow ${side}`,
  switch: (service, side) => `Give the writes of ${service} to ${side}`,
  cancelSwitch: (service) => `Give up the switch of ${service}'s databases`,
  tearDown: (service) => `Let the databases of ${service} go their own ways`,
}

/** The contract's procedures on services with a database each. */
export function createPairsApi({ pairs, workspace, who, adminOnly, note }: PairsApiParts): CoreApi['pair'] {
  function modeOf(service: string): PairMode {
    const data = workspace()?.services.find(({ name }) => name === service)?.data
    if (data?.kind === 'perEnvironment' && data.sync.postgres) return data.sync.postgres
    throw new Fault('notFound', `${service} has no two PostgreSQL databases that follow each other.`, 'Declare them: docs/database-pairs.md.')
  }
  const pairOf = (service: string) => pairs.of(service, modeOf(service))

  async function viewOf(service: string, pair: Pair): Promise<PairView> {
    const { phase, words, source, generation } = await pair.state()
    const lag = phase === 'inStep' ? await pair.lag() : null
    return { service, phase, words, source, generation, lagMs: lag?.lagMs ?? null, behindBytes: lag?.behindBytes ?? null }
  }

  async function perform(pair: Pair, act: PairAct, side: EnvironmentName, copy: boolean): Promise<unknown> {
    switch (act) {
      case 'setUp':
        return pair.setUp(side, { copy })
      case 'switch':
        return pair.reverse(side)
      case 'cancelSwitch':
        return pair.cancelSwitch()
      case 'tearDown':
        return pair.tearDown()
    }
  }

  return {
    get: async ({ service }) => viewOf(service, await pairOf(service)),
    check: async ({ service, from }) => [...(await (await pairOf(service)).check(from))],
    async compare({ service }, { signal }) {
      const { tables, mismatches, ...rest } = await (await pairOf(service)).compare({ signal, maxMismatches: 200 })
      return { ...rest, tables: [...tables], mismatches: mismatches.map((each) => ({ ...each, key: { ...each.key }, columns: [...each.columns], source: each.source && { ...each.source }, target: each.target && { ...each.target } })) }
    },
    async act({ service, act, side, copy, reason, operationId }, context) {
      const pair = await pairOf(service)
      const summary = WORDS[act](service, side)
      await adminOnly(`change which database of ${service} follows`)
      const draft = { action: `pair.${act}`, operator: who(context), target: { service }, reason, operationId }
      await note({ ...draft, kind: 'intent', summary, outcome: 'sent', evidence: { side, copy } })
      try {
        await perform(pair, act, side, copy)
        const view = await viewOf(service, pair)
        await note({ ...draft, kind: 'outcome', summary: `${summary}: ${view.words}`, outcome: 'verified', evidence: { ...view } })
        return view
      } catch (error) {
        await note({ ...draft, kind: 'outcome', summary: `${summary}: ${error instanceof Error ? error.message : String(error)}`, outcome: 'failed', evidence: null })
        throw error
      }
    },
  }
}
