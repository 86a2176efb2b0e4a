import { Fault } from '../../src-main/contract/fault.ts'
import type { FlagProblem } from '../../src-main/contract/flag-definition.ts'
import type { FlagComparison, FlagGuardSeries, FlagPreview, FlagReferencesReport, FlagSourceView, FlagSummary, FlagView, TierDifference } from '../../src-main/contract/flag.ts'
import type { WatchItem } from '../../src-main/contract/system.ts'
import type { CoreApi } from '../../src-main/rpc/core-api.ts'
import { makeFlagView, makeRolloutView } from './test-flags.ts'

/** What the double answers about flags. */
export interface TestFlags {
  sources: readonly FlagSourceView[]
  /** Flags that can be opened, by their own view. */
  views: readonly FlagView[]
  /** Lines besides those of the views. */
  lines: readonly FlagSummary[]
  guard?: (key: string, fromAt: number) => FlagGuardSeries
  comparison?: (key: string) => FlagComparison
  preview?: (key: string) => FlagPreview
  references?: FlagReferencesReport
  differences?: readonly TierDifference[]
  problems?: (key: string) => FlagProblem[]
  /** Runs on what acts; returns the flag as it is afterwards. Throw a Fault to refuse. */
  onAct?: (name: string, input: { readonly source?: string; readonly flag?: string; readonly rollout?: string }) => FlagView | Promise<FlagView>
}

const notHere = (what: string) => new Fault('notFound', `There is no ${what}.`, 'Look at the list.')
const NO_GUARD: FlagGuardSeries = { exposed: [], unexposed: [], resolutionMs: 1000, absent: 'The services report no requests by variant.' }

/** The flag part of a core that holds what it is given. */
export function testFlagApi(flags: TestFlags | undefined, calls: { name: string; input: unknown }[], push: (item: WatchItem) => void, now: () => number): CoreApi['flag'] {
  const sourceOf = (name: string) => {
    const found = flags?.sources.find((source) => source.name === name)
    if (!found) throw notHere(`source of flags ${name}`)
    return found
  }
  const viewOf = (source: string, key: string): FlagView => {
    sourceOf(source)
    const found = flags?.views.find(({ summary }) => summary.source === source && summary.key === key)
    if (found) return found
    const line = flags?.lines.find((summary) => summary.source === source && summary.key === key)
    if (!line) throw notHere(`flag ${key}`)
    return makeFlagView({ now: now(), key, summary: line })
  }
  const act = async (name: string, input: { readonly source?: string; readonly flag?: string; readonly rollout?: string }): Promise<FlagView> => {
    calls.push({ name, input })
    const key = input.flag ?? flags?.views.find((view) => view.rollout?.rollout.id === input.rollout)?.summary.key ?? ''
    const source = input.source ?? flags?.sources[0]?.name ?? ''
    const after = flags?.onAct ? await flags.onAct(name, input) : viewOf(source, key)
    if (flags) flags.views = [...flags.views.filter(({ summary }) => summary.key !== after.summary.key), after]
    if (after.rollout) push({ kind: 'rollout', rollout: after.rollout })
    push({ kind: 'flag', flag: after.summary })
    return after
  }
  const rolloutOf = (view: FlagView) => {
    if (!view.rollout) throw notHere(`rollout of ${view.summary.key}`)
    return view.rollout
  }
  return {
    sources: async () => [...(flags?.sources ?? [])],
    list: async ({ source }) => {
      sourceOf(source)
      const views = (flags?.views ?? []).map(({ summary }) => summary)
      const known = new Set(views.map(({ key }) => key))
      return [...views, ...(flags?.lines ?? []).filter(({ key }) => !known.has(key))].filter((summary) => summary.source === source)
    },
    get: async ({ source, flag }) => viewOf(source, flag),
    preview: async (input) => {
      calls.push({ name: 'flag.preview', input })
      const said = flags?.preview?.(input.flag)
      if (!said) throw notHere('preview')
      return said
    },
    check: async (input) => {
      calls.push({ name: 'flag.check', input })
      return flags?.problems?.(input.flag) ?? []
    },
    define: (input) => act('flag.define', input),
    defineSegments: async (input) => {
      calls.push({ name: 'flag.defineSegments', input })
      const source = { ...sourceOf(input.source), segments: input.segments, digest: `${input.expectedDigest}+` }
      if (flags) flags.sources = flags.sources.map((each) => (each.name === source.name ? source : each))
      push({ kind: 'flagSource', source })
      return source
    },
    foresee: async ({ flag, plan }) => {
      const { stages } = makeRolloutView({ now: now(), key: flag, plan, changes: { stageIndex: -1, phase: 'planned', stageSince: now(), dueAt: null } })
      const late = stages.map((stage) => (stage.detectionMs !== null && stage.detectionMs > stage.holdMs ? { ...stage, tooShort: true } : stage))
      return { stages: late, problems: plan.variants.some(({ variant }) => variant === plan.baseline) ? [`"${plan.baseline}" is both baseline and rolled out.`] : [] }
    },
    startRollout: async (input) => rolloutOf(await act('flag.startRollout', input)),
    command: async (input) => rolloutOf(await act('flag.command', input)),
    kill: (input) => act('flag.kill', input),
    archive: (input) => act('flag.archive', input),
    compareTiers: async () => [...(flags?.differences ?? [])],
    copyTier: async (input) => {
      calls.push({ name: 'flag.copyTier', input })
      return (flags?.differences ?? []).filter(({ key }) => input.flags.includes(key))
    },
    guardSeries: async ({ flag, fromAt }) => flags?.guard?.(flag, fromAt) ?? NO_GUARD,
    comparison: async ({ flag }) => flags?.comparison?.(flag) ?? { since: null, users: 0, variants: [], sampleRatio: null, crossedOver: 0, notCounted: 0, metrics: [], notes: ['No user has been reported as exposed.'] },
    references: async () => {
      if (!flags?.references) throw notHere('folder of code')
      return flags.references
    },
  }
}
