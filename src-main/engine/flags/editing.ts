import { Fault } from '../../contract/fault.ts'
import type { FlagPreview } from '../../contract/flag.ts'
import type { FlagDefinition, FlagProblem, JsonObject } from '../../contract/flag-definition.ts'
import type { Operator } from '../../contract/release.ts'
import { emptyDocument, putFlag, putSegment, writeDocument } from '../../core/flags/flag-set.ts'
import { preview as previewFlag } from '../../core/flags/preview.ts'
import { audienceWords, percentWords } from '../../core/flags/rollout/words.ts'
import { validateFlagSet } from '../../core/flags/validate-flag-set.ts'
import { journalBlock } from '../../core/interlocks/flag-rules.ts'
import { type Acts, faultOf } from './acts.ts'
import type { Board, Seat } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import type { FlagRequest } from './flags.ts'
import type { Views } from './views.ts'

/** One flag with the segments it may refer to: enough to evaluate and to validate it. */
function documentOf(seat: Seat, definition: FlagDefinition): JsonObject {
  const segments = (seat.reading?.flagSet.segments ?? []).reduce(putSegment, emptyDocument())
  return putFlag(segments, definition)
}

/** Looks at, defines and removes flags outside of rollouts. */
export function createEditing(deps: FlagsDeps, board: Board, acts: Acts, views: Views) {
  function check(seat: Seat, flag: string, definition: FlagDefinition): readonly FlagProblem[] {
    const named: FlagProblem[] = definition.key === flag ? [] : [{ level: 'error', path: '/key', line: 1, column: 1, message: `The definition is of ${definition.key}, not of ${flag}.` }]
    const { safeVariant } = definition.facts
    const unsafe: FlagProblem[] = safeVariant !== null && !definition.variants.some(({ name }) => name === safeVariant) ? [{ level: 'error', path: '/facts/safeVariant', line: 1, column: 1, message: `There is no variant "${safeVariant}", which is declared safe.` }] : []
    const disabled: FlagProblem[] = definition.state === 'DISABLED' ? [{ level: 'error', path: '/state', line: 1, column: 1, message: 'DISABLED does not mean off: every caller gets the default written in its own code. Use the kill switch.' }] : []
    return [...named, ...unsafe, ...disabled, ...validateFlagSet(writeDocument(documentOf(seat, definition))).problems]
  }

  function preview(seat: Seat, request: { readonly flag: string; readonly context: JsonObject; readonly definition?: FlagDefinition | undefined }): FlagPreview {
    const definition = request.definition ?? views.definitionOf(seat, request.flag)
    const found = previewFlag(documentOf(seat, definition), definition.key, request.context, deps.openEvaluator)
    const segments = seat.reading?.flagSet.segments ?? []
    const rules = definition.targeting.kind === 'rules' ? definition.targeting.rules : []
    const matched = found.rules
    const words = ({ audience, serve }: (typeof rules)[number]): string => `${audienceWords(audience)}: ${serve.kind === 'variant' ? serve.variant : `${percentWords(serve.percent)} ${serve.variants.map(({ variant }) => variant).join(', ')}, else ${serve.otherwise}`}`
    const deciding = rules.findIndex((_rule, index) => matched[index] === true)
    const readable = new Set(segments.filter(({ rule }) => rule.kind === 'conditions').map(({ name }) => name))
    const asked = rules.slice(0, deciding < 0 ? rules.length : deciding + 1)
    const isHidden = definition.targeting.kind === 'handwritten' || asked.some(({ audience }) => audience.kind === 'segments' && audience.anyOf.some((name) => !readable.has(name)))
    // Other systems draw shares by a hash of their own, and not all of their rules are at hand: no variant is claimed.
    if (seat.config.kind !== 'file' && (isHidden || rules[deciding]?.serve.kind === 'split')) {
      const error = isHidden ? 'Its rules or segments were made in the system that keeps it, which alone evaluates them.' : 'Who is in the share of the rule that decides is drawn by the system that keeps it.'
      return { value: null, variant: null, reason: 'UNKNOWN', error, rules: rules.map((rule, index) => ({ words: words(rule), matched: matched[index] ?? false, decided: !isHidden && index === deciding })), segments: segments.map(({ name }) => ({ name, matched: found.segments.includes(name) })) }
    }
    return {
      value: found.value ?? null,
      variant: found.variant,
      reason: found.reason,
      error: found.error?.message ?? '',
      rules: rules.map((rule, index) => ({ words: words(rule), matched: matched[index] ?? false, decided: found.rule === index })),
      segments: segments.map(({ name }) => ({ name, matched: found.segments.includes(name) })),
    }
  }

  async function define(request: FlagRequest & { readonly definition: FlagDefinition; readonly expectedVersion: string | null }, operator: Operator): Promise<void> {
    const { source, flag, definition, expectedVersion, reason, operationId } = request
    const seat = board.seat(source)
    const set = board.setOf(source)
    const act = { source, set, flag, action: 'flag.define', summary: expectedVersion === null ? `Make the flag ${flag}` : `Change the flag ${flag}`, operator, reason, operationId }
    await acts.once<unknown>(
      operationId,
      async () => undefined,
      () =>
        acts.inTurn(source, flag, async () => {
          try {
            guardAct(source, flag)
            const why = deps.source(source).capabilities.define
            if (why !== null) throw new Fault('unsupported', why, 'Change it in the system that keeps it.')
            const wrong = check(seat, flag, definition).find(({ level }) => level === 'error')
            if (wrong) throw new Fault('invalidInput', `${wrong.message} Nothing was changed.`, 'Correct the definition.')
            const before = await acts.observe(source, set, flag)
            if (expectedVersion === null && before) throw new Fault('staleGeneration', `There is a flag ${flag} already. Nothing was changed.`, 'Change that one, or choose another key.')
            if (expectedVersion !== null && before?.version !== expectedVersion) throw new Fault('staleRevision', `${flag} has changed since you looked. Nothing was changed.`, 'Look at what it is now, then make the change again.')
            return await acts.perform({ ...act, change: { kind: 'define', definition }, expect: expectedVersion, emergency: false })
          } catch (error) {
            if (error instanceof Fault && error.data.cause === 'refused') return acts.refuse(act, error)
            throw error
          }
        }),
    )
  }

  /** What every change outside of a rollout needs. */
  function guardAct(source: string, flag: string): void {
    const block = [...views.actBlocks(), ...[journalBlock(deps.store.problem() === '')].flatMap((each) => each ?? [])][0]
    if (block) throw faultOf(block)
    if (board.running(source, flag)) throw new Fault('releaseInProgress', `A rollout of ${flag} goes on: a change beside it would be undone or mistaken for somebody else's. Nothing was changed.`, 'When it is over: let it finish, roll it back or abandon it.')
  }

  async function archive(seat: Seat, request: FlagRequest, operator: Operator): Promise<void> {
    const { source, flag, reason, operationId } = request
    const set = board.setOf(source)
    const act = { source, set, flag, action: 'flag.archive', summary: `Remove ${flag} from use`, operator, reason, operationId }
    await acts.once<unknown>(
      operationId,
      async () => undefined,
      () =>
        acts.inTurn(source, flag, async () => {
          try {
            const definition = views.definitionOf(seat, flag)
            const [block] = views.archive(seat, definition).blocks
            if (block) throw faultOf(block)
            const { stillEvaluated } = views.lifecycle(seat, definition)
            if (stillEvaluated === 'unknown' && reason.trim() === '') throw new Fault('interlocked', `Whether ${flag} is still evaluated is not known, and no reason was given. Nothing was changed.`, 'Say why it may go, then press it again.')
            return await acts.perform({ ...act, change: { kind: 'archive' }, expect: null, emergency: false })
          } catch (error) {
            if (error instanceof Fault && error.data.cause === 'refused') return acts.refuse(act, error)
            throw error
          }
        }),
    )
  }

  return { check, preview, define, archive, guardAct }
}
export type Editing = ReturnType<typeof createEditing>
