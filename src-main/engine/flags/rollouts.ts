import type { CriterionResult } from '../../contract/analysis.ts'
import { Fault } from '../../contract/fault.ts'
import type { FlagRollout } from '../../contract/flag.ts'
import type { Json, JournalDraft, JournalEntry } from '../../contract/journal.ts'
import { type Operator, SYSTEM_OPERATOR } from '../../contract/release.ts'
import { type RolloutInput, transition } from '../../core/flags/rollout/machine.ts'
import { batchOf } from '../ledger.ts'
import type { Board } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { plain, portrait, rolloutDraft, wantedPortrait } from './drafts.ts'

export interface Applied {
  readonly before: FlagRollout
  readonly next: FlagRollout
}

export interface MoveOptions {
  readonly rolloutId: string
  readonly input: RolloutInput
  readonly action: string
  readonly summary: string
  readonly operator?: Operator
  readonly reason?: string
  readonly operationId: string
  readonly evidence?: unknown
  /** Runs inside the flag's turn, on the state the move is made on; throws to refuse, false to leave it. */
  readonly check?: (rollout: FlagRollout) => boolean | void
  /** What was judged, for moves that ask for it. */
  readonly analysis?: readonly CriterionResult[]
  /** Said in the same commit, besides the move itself. */
  readonly entries?: (applied: Applied) => readonly JournalDraft[]
  /** False: `entries` say it all. */
  readonly tell?: boolean
  readonly remember?: boolean
}

/** The only way a rollout changes: load, decide, persist, publish. One change of a flag at a time. */
export function createRollouts(deps: FlagsDeps, board: Board, onChange: (applied: Applied) => void) {
  const turns = new Map<string, Promise<unknown>>()

  function inTurn<T>(source: string, flag: string, act: () => Promise<T>): Promise<T> {
    const key = `${source}/${flag}`
    const turn = (turns.get(key) ?? Promise.resolve()).then(act, act)
    const kept = turn.catch(() => {}).finally(() => {
      if (turns.get(key) === kept) turns.delete(key)
    })
    turns.set(key, kept)
    return turn
  }

  /** Commits, then tells of every entry. Only the way back has a second durable place. */
  async function persist(parts: { readonly entries: readonly JournalDraft[]; readonly rollouts?: readonly FlagRollout[]; readonly operation?: { readonly id: string; readonly releaseId: string } | null }, emergency: boolean): Promise<void> {
    deps.crashPoint('commit.before')
    const batch = batchOf({ entries: parts.entries, rollouts: parts.rollouts ?? [], operation: parts.operation ?? null })
    let written: readonly JournalEntry[] = []
    try {
      written = await deps.store.commit(batch)
    } catch (error) {
      if (!emergency) throw error
      // What it was compared with is of no use to what goes back, and there is room for little.
      const entries = batch.entries.map((entry) => ({ ...entry, before: withoutDefinition(entry.before), after: withoutDefinition(entry.after) }))
      await deps.store.commitEmergency({ ...batch, entries, rollouts: (batch.rollouts ?? []).map((rollout) => ({ ...rollout, frozen: null, analysis: [] })) })
    }
    deps.crashPoint('commit.after')
    for (const entry of written) deps.publish({ kind: 'journal', entry })
  }

  function entryOf(options: MoveOptions, { before, next }: Applied, effect: boolean, wanted: unknown): JournalDraft {
    const acts = effect
    return rolloutDraft(
      {
        kind: acts ? 'intent' : 'event',
        action: options.action,
        operator: options.operator ?? SYSTEM_OPERATOR,
        summary: options.summary,
        reason: options.reason ?? '',
        before: portrait(before),
        after: acts ? { ...portrait(next), flag: plain(wanted) } : portrait(next),
        operationId: options.operationId,
        outcome: acts ? 'sent' : 'recorded',
        evidence: plain(options.evidence),
      },
      next,
    )
  }

  /** Null: the phase had no use for the signal. */
  function move(options: MoveOptions): Promise<Applied | null> {
    const known = board.rollout(options.rolloutId)
    if (!known) return Promise.reject(new Fault('notFound', `There is no rollout ${options.rolloutId}.`, 'Look at the flag.'))
    return inTurn(known.source, known.flag, async () => {
      const before = board.rollout(options.rolloutId)
      if (!before || options.check?.(before) === false) return null
      const move = transition(options.analysis ? { ...before, analysis: [...options.analysis] } : before, options.input)
      return move ? adopt(options, { before, next: move.next }, move.effect) : null
    })
  }

  /** Commits a move that was decided, inside the flag's turn. */
  async function adopt(options: MoveOptions, applied: Applied, effect: Parameters<typeof wantedPortrait>[0] | null): Promise<Applied> {
    const { next } = applied
    const wanted = effect && wantedPortrait(effect, board.find(next.source)?.byKey.get(next.flag) ?? next.before.definition)
    const own = options.tell === false ? [] : [entryOf(options, applied, effect !== null, wanted)]
    const goesBack = next.phase === 'rollingBack' || applied.before.phase === 'rollingBack'
    try {
      await persist({ entries: [...own, ...(options.entries?.(applied) ?? [])], rollouts: [next], operation: options.remember ? { id: options.operationId, releaseId: `rollout:${next.id}` } : null }, goesBack)
    } catch (error) {
      // Whoever drove it before a reload of the workspace may have had the last word: it is decided anew on that.
      const there = error instanceof Fault && error.code === 'staleRevision' ? deps.store.rollout(next.id) : null
      if (there) board.put(there)
      throw error
    }
    board.put(next)
    // What is read anew is judged anew.
    if (next.stageIndex !== applied.before.stageIndex || next.verifiedStage !== applied.before.verifiedStage) board.analysis.delete(next.id)
    onChange(applied)
    return applied
  }

  /** Something is being done to this flag. */
  const isBusy = (source: string, flag: string): boolean => turns.has(`${source}/${flag}`)

  return { inTurn, isBusy, persist, move, adopt }
}
/** A flag's rules may be long; who gets what of it is not. */
function withoutDefinition(portrait: Json): Json {
  if (typeof portrait !== 'object' || portrait === null || Array.isArray(portrait)) return portrait
  const { definition: _definition, flag, ...rest } = portrait
  return flag === undefined ? rest : { ...rest, flag: withoutDefinition(flag) }
}

export type Rollouts = ReturnType<typeof createRollouts>

export function toFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('internal', error instanceof Error ? error.message : String(error), 'Look into the log; nothing is known to have changed.')
}
