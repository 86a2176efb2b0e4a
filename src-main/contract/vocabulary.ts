/**
 * The closed lists of words that code, screens and documents share.
 * A word that is not here is not a state of anything.
 */

/** A workspace belongs to one tier. */
export const TIERS = ['dev', 'staging', 'prod'] as const
export type Tier = (typeof TIERS)[number]

/** The two environments of a service within its tier. They are places, never statuses. */
export const ENVIRONMENTS = ['blue', 'green'] as const
export type EnvironmentName = (typeof ENVIRONMENTS)[number]

/** The environment that is not this one. */
export function otherEnvironment(environment: EnvironmentName): EnvironmentName {
  return environment === 'blue' ? 'green' : 'blue'
}

/** Phases of a release, in the order a good one meets them; then the ways out. */
export const RELEASE_PHASES = [
  'planned',
  'deploying',
  'verifying',
  'awaitingApproval',
  'shifting',
  'baking',
  'completed',
  'retired',
  'rollingBack',
  'rolledBack',
  'failed',
  'abandoned',
] as const
export type ReleasePhase = (typeof RELEASE_PHASES)[number]

/** What an operator can ask of a release. Imperative, and the same words in the terminal. */
export const RELEASE_COMMANDS = [
  'start',
  'approve',
  'promote',
  'promoteFully',
  'pause',
  'resume',
  'rollBack',
  'retry',
  'abandon',
  'retire',
  'suspendGuard',
  'restoreGuard',
] as const
export type ReleaseCommand = (typeof RELEASE_COMMANDS)[number]

/**
 * Outcome of judging. Absence of data is `inconclusive`, never `pass` and never `fail`. `warn` is what everything
 * together comes to when a criterion failed that pauses and asks instead of taking traffic back.
 */
export const VERDICTS = ['pass', 'fail', 'warn', 'inconclusive'] as const
export type Verdict = (typeof VERDICTS)[number]

/** What the console says of a service at a glance, best first. */
export const HEALTH_STATES = ['healthy', 'watch', 'failing', 'unknown'] as const
export type HealthState = (typeof HEALTH_STATES)[number]

/**
 * What is observed of the process(es) behind an environment.
 * `empty`: nothing was ever deployed there, or it was retired.
 */
export const READINESS = ['empty', 'starting', 'ready', 'unready', 'crashed', 'stopping', 'stopped'] as const
export type Readiness = (typeof READINESS)[number]

/** Local roles. They order the work of honest people; they are no defence against the machine's owner. */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/**
 * How far an act has come: `sent` its intent is durable, `accepted` the provider acknowledged it,
 * `verified` it was read back from the data plane. `recorded` is for facts that act on nothing.
 */
export const OUTCOMES = ['recorded', 'sent', 'accepted', 'verified', 'failed', 'refused', 'superseded'] as const
export type Outcome = (typeof OUTCOMES)[number]
