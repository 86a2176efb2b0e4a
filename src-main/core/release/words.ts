import type { ReleaseCommand, ReleasePhase } from '../../contract/vocabulary.ts'

/** Commands as a person says them. */
const COMMAND_WORDS: { readonly [C in ReleaseCommand]: string } = {
  start: 'start',
  promote: 'promote',
  promoteFully: 'promote fully',
  approve: 'approve',
  pause: 'pause',
  resume: 'resume',
  rollBack: 'roll back',
  retry: 'retry',
  abandon: 'abandon',
  retire: 'retire',
  suspendGuard: 'suspend the guard',
  restoreGuard: 'restore the guard',
}

export function commandWords(command: ReleaseCommand): string {
  return COMMAND_WORDS[command]
}

/** `awaitingApproval` reads "awaiting approval". */
export function phaseWords(phase: ReleasePhase): string {
  return phase.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** Time left, in whole seconds, never less than none: "45 s", "7:17", "1:00:05". */
export function timeLeft(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms / 1000))
  if (whole < 60) return `${whole} s`
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}
