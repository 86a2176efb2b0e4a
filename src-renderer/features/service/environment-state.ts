import type { ServiceView } from '../../../src-main/contract/service.ts'
import type { EnvironmentName, Readiness } from '../../../src-main/contract/vocabulary.ts'
import { HEALTH_MARK, type MarkState } from '../../components/state-mark.tsx'

const READINESS_MARK: Readonly<Record<Readiness, MarkState>> = {
  empty: 'unknown',
  starting: 'unknown',
  ready: 'fine',
  unready: 'fail',
  crashed: 'fail',
  stopping: 'unknown',
  stopped: 'unknown',
}

export interface EnvironmentState {
  readonly mark: MarkState
  /** "ready", "watch", "crashed": one word. */
  readonly word: string
  /** The rest of the line, after a comma; may be empty. */
  readonly detail: string
}

/** The lamp of one environment: what its processes do, and the service's health where its traffic is. */
export function environmentState(service: ServiceView, environment: EnvironmentName): EnvironmentState {
  if (service.observed.kind === 'unknown') return { mark: 'unknown', word: 'unknown', detail: service.observed.why }
  const { environments, weights } = service.observed.value
  const { readiness, detail } = environments[environment]
  const roles = [weights[environment] > 0 ? 'live' : 'idle']
  if (service.stable?.environment === environment) roles.push('last stable')
  if (readiness !== 'ready') return { mark: READINESS_MARK[readiness], word: readiness, detail: detail || roles.filter((role) => role !== 'idle').join(', ') }
  const release = service.release?.release
  const rejecting = release?.phase === 'rolledBack' && release.candidateEnvironment === environment && environments[environment].deployed?.version === release.candidate.version ? release.analysis.find((result) => result.verdict === 'fail' && result.severity === 'fail') : undefined
  if (rejecting && weights[environment] === 0) return { mark: 'fail', word: 'failed', detail: `${rejecting.name}, idle` }
  const judged = service.release && !service.release.ended ? service.release.release.candidateEnvironment : service.live
  if (judged === environment && (service.health === 'watch' || service.health === 'failing')) {
    return { mark: HEALTH_MARK[service.health], word: service.health, detail: service.healthReason.replace(/\.$/, '') }
  }
  return { mark: 'fine', word: 'ready', detail: roles.join(', ') }
}
