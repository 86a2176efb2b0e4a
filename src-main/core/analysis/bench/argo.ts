/**
 * Argo Rollouts' rule, after its documented behaviour (docs/features/analysis.md and analysis/analysis.go of
 * argoproj/argo-rollouts): a measurement per interval, each Successful, Failed, Inconclusive or Error; the metric fails
 * once Failed measurements exceed failureLimit (default 0), is inconclusive once Inconclusive ones exceed
 * inconclusiveLimit (0), and errs once more than consecutiveErrorLimit (4) measurements in a row were errors.
 */
export type Measurement = 'successful' | 'failed' | 'inconclusive' | 'error'
export type ArgoPhase = 'running' | 'failed' | 'inconclusive' | 'error'

export interface ArgoLimits {
  readonly failureLimit: number
  readonly inconclusiveLimit: number
  readonly consecutiveErrorLimit: number
}

export const ARGO_DEFAULTS: ArgoLimits = { failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 4 }

export function argoPhase(measurements: readonly Measurement[], limits: ArgoLimits): ArgoPhase {
  const count = (kind: Measurement) => measurements.filter((each) => each === kind).length
  if (count('failed') > limits.failureLimit) return 'failed'
  if (count('inconclusive') > limits.inconclusiveLimit) return 'inconclusive'
  let inARow = 0
  for (const each of measurements.toReversed()) {
    if (each !== 'error') break
    inARow += 1
  }
  return inARow > limits.consecutiveErrorLimit ? 'error' : 'running'
}
