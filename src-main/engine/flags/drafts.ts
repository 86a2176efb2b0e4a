import type { Json, JournalDraft } from '../../contract/journal.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import type { FlagDefinition } from '../../contract/flag-definition.ts'
import { SYSTEM_OPERATOR } from '../../contract/release.ts'
import { changedFlag } from '../../core/flags/changed-flag.ts'
import type { FlagChange } from '../../core/flags/ports.ts'
import { exposureWords, headlineOf } from '../../core/flags/rollout/words.ts'

export function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null)) as Json
}

type Parts = Pick<JournalDraft, 'kind' | 'action' | 'summary' | 'outcome' | 'operationId'> & Partial<JournalDraft>

/** An entry about a flag, whether or not a rollout of it goes on. */
export function flagDraft(parts: Parts, source: string, flag: string, rollout: string | null = null): JournalDraft {
  return { operator: SYSTEM_OPERATOR, target: { flag: `${source}/${flag}`, ...(rollout === null ? {} : { rollout }) }, reason: '', ticket: '', before: null, after: null, evidence: null, ...parts }
}

export function rolloutDraft(parts: Parts, rollout: FlagRollout): JournalDraft {
  return flagDraft(parts, rollout.source, rollout.flag, rollout.id)
}

/** What of a rollout an auditor compares before and after. */
export function portrait(rollout: FlagRollout): { readonly [key: string]: Json } {
  return {
    phase: rollout.phase,
    stage: rollout.stageIndex + 1,
    of: rollout.plan.stages.length,
    exposed: headlineOf(rollout),
    paused: rollout.paused !== null,
    approvals: rollout.approvals.map(({ by, stage }) => `${by.name}: stage ${stage + 1}`),
  }
}

/** A flag as an auditor reads it: who gets what, and the definition. */
export function flagPortrait(definition: FlagDefinition | null): Json {
  return definition && plain({ exposure: exposureWords(definition).words, definition })
}

/** What a change would make of the flag, as far as it can be told before. */
export function wantedPortrait(change: FlagChange, now: FlagDefinition | null): Json {
  return flagPortrait(changedFlag(change, now))
}
