import type { ReleaseView } from '../../contract/release.ts'
import type { ServiceView } from '../../contract/service.ts'
import { type EnvironmentName, ENVIRONMENTS, otherEnvironment } from '../../contract/vocabulary.ts'

/** "blue (1.8.0)", or "out of service" for a first release's way back. */
export function stableSide({ release }: ReleaseView): string {
  return release.stable === null ? 'out of service' : `${otherEnvironment(release.candidateEnvironment)} (${release.stable.version})`
}

export function candidateSide({ release }: ReleaseView): string {
  return `${release.candidateEnvironment} (${release.candidate.version})`
}

/** "0.42 s", "7.3 s", "45 s", and minutes as "7:17". A clock that went back is no negative time. */
export function seconds(measuredMs: number): string {
  const ms = Math.max(0, measuredMs)
  const whole = Math.round(ms / 1000)
  if (whole >= 60) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
  return `${(ms / 1000).toFixed(ms < 1000 ? 2 : ms < 10_000 ? 1 : 0)} s`
}

/** The result of an act in one sentence, in the words of the result. */
export function resultSentence(view: ReleaseView, tookMs: number): string {
  const { release } = view
  const share = release.desiredWeights[release.candidateEnvironment]
  switch (release.phase) {
    case 'rolledBack':
      return release.stable === null ? `Rolled back: ${release.service} is out of service after ${seconds(tookMs)}` : `Rolled back to ${stableSide(view)} after ${seconds(tookMs)}`
    case 'shifting':
    case 'baking':
    case 'completed':
    case 'retired':
      return `${candidateSide(view)} has ${share} % of live requests, read back after ${seconds(tookMs)}`
    case 'failed':
      return `Failed: ${release.failure?.fault.message ?? 'no reason was recorded'}`
    case 'abandoned':
      return `Abandoned; ${candidateSide(view)} got no live requests`
    default:
      return `${candidateSide(view)}: ${phaseWord(release.phase)}`
  }
}

/** `awaitingApproval` reads "awaiting approval". */
export function phaseWord(phase: string): string {
  return phase.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

/** "green 1.9.0", "green, empty", "green 1.9.0, crashed". */
export function environmentWords(view: ServiceView, environment: EnvironmentName): string {
  if (view.observed.kind === 'unknown') return `${environment} unknown`
  const { deployed, readiness } = view.observed.value.environments[environment]
  if (deployed === null) return `${environment}, empty`
  return readiness === 'ready' ? `${environment} ${deployed.version}` : `${environment} ${deployed.version}, ${readiness}`
}

/** One row of `status`. Traffic is what was read back; what could not be read says since when. */
export function statusRow(view: ServiceView, now: number): readonly string[] {
  const live = view.live
  const weights =
    view.observed.kind === 'known'
      ? ENVIRONMENTS.map((name) => `${name} ${view.observed.kind === 'known' ? view.observed.value.weights[name] : 0} %`).join(', ')
      : view.observed.since === 0
        ? 'unknown'
        : `unknown for ${seconds(now - view.observed.since)}`
  const release = view.release === null ? '' : `${view.release.release.candidate.version} ${phaseWord(view.release.release.phase)}${view.release.release.paused ? ', paused' : ''}`
  return [
    view.name,
    live === null ? 'none' : environmentWords(view, live),
    live === null ? ENVIRONMENTS.map((name) => environmentWords(view, name)).join('; ') : environmentWords(view, otherEnvironment(live)),
    weights,
    view.health,
    release,
    view.release?.next ?? '',
  ]
}
