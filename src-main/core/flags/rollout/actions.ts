import type { FlagRollout, RolloutAction, RolloutCommand } from '../../../contract/flag.ts'
import { blocksForRollout, type RolloutFacts } from '../../interlocks/flag-rules.ts'
import { legalCommands } from './machine.ts'
import { holdingResults, killVariant, nextStage, onlyVariant, stageOf } from './state.ts'
import { exposureWords, stageWords, variantWords } from './words.ts'

type Words = Pick<RolloutAction, 'label' | 'effect'>

function before(rollout: FlagRollout): string {
  return exposureWords(rollout.before.definition).words
}

/** "Expose 50 % of users", or "On for everyone". */
function forwardWords(rollout: FlagRollout): Words {
  const next = nextStage(rollout)
  if (next === null) return finishWords(rollout, onlyVariant(rollout.plan))
  return { label: `Expose ${stageWords(rollout.plan, next)}`, effect: `Stage ${next + 1} of ${rollout.plan.stages.length}: ${variantWords(rollout.plan)}. Who has it keeps it.` }
}

function finishWords(rollout: FlagRollout, variant: string | null): Words {
  const skipped = nextStage(rollout)
  return { label: `Finish: ${variant ?? variantWords(rollout.plan)} for everyone`, effect: skipped === null ? 'One variant, without rules. The rollout is over.' : `Skips ${rollout.plan.stages.length - skipped} stages. The rollout is over.` }
}

/** The command in the words of its result. Also the journal's summary of it. */
export function describe(rollout: FlagRollout, command: RolloutCommand, variant: string | null = onlyVariant(rollout.plan)): Words {
  switch (command) {
    case 'start':
      return { label: `Expose ${stageWords(rollout.plan, 0)}`, effect: `Stage 1 of ${rollout.plan.stages.length}: ${variantWords(rollout.plan)}.` }
    case 'advance':
      return forwardWords(rollout)
    case 'approve': {
      const { label, effect } = forwardWords(rollout)
      return { label: `Approve: ${label.charAt(0).toLowerCase()}${label.slice(1)}`, effect }
    }
    case 'pause':
      return { label: 'Hold', effect: `Stay at ${stageWords(rollout.plan, rollout.verifiedStage)}, keep watching.` }
    case 'resume':
      return rollout.drift ? { label: `Write ${rollout.stageIndex === -1 ? 'the flag' : stageWords(rollout.plan, rollout.stageIndex)} again`, effect: 'Replaces what somebody changed elsewhere; the hold begins anew.' } : { label: 'Resume', effect: 'The plan goes on where it stopped.' }
    case 'rollBack':
      return { label: `Roll back to ${before(rollout)}`, effect: rollout.phase === 'finished' || rollout.phase === 'abandoned' ? 'The flag becomes what it was before the rollout; changes made since are replaced.' : 'The flag becomes what it was before the rollout, at once.' }
    case 'kill':
      return { label: `Kill: everyone gets ${killVariant(rollout)}`, effect: 'At once, whatever the context. The rollout is over.' }
    case 'retry':
      return { label: 'Try again', effect: 'Makes the change again that failed.' }
    case 'finish':
      return finishWords(rollout, variant)
    case 'abandon':
      return rollout.phase === 'planned' ? { label: 'Abandon', effect: 'Nothing was exposed.' } : { label: 'Abandon: leave the flag as it is', effect: 'The rollout is over; what is exposed stays exposed.' }
  }
}

/** It goes on although what guards it has not said yes: whoever does says why. */
export function overrulesGuard(rollout: FlagRollout, command: RolloutCommand): boolean {
  return (command === 'advance' || command === 'finish' || command === 'approve') && holdingResults(rollout).length > 0
}

/** Every legal command in the words of its result, and why it cannot be pressed now. */
export function actionsOf(rollout: FlagRollout, facts: RolloutFacts): readonly RolloutAction[] {
  return legalCommands(rollout).flatMap((command): RolloutAction[] => {
    const blocks = [...blocksForRollout(rollout, command, facts)]
    const needsReason = overrulesGuard(rollout, command)
    if (command === 'finish' && onlyVariant(rollout.plan) === null) return rollout.plan.variants.map(({ variant }) => ({ command, variant, ...describe(rollout, command, variant), blocks, needsReason }))
    // The last stage's advance is the finish: said once.
    if (command === 'finish' && nextStage(rollout) === null && stageOf(rollout)) return []
    return [{ command, ...describe(rollout, command), blocks, needsReason }]
  })
}
