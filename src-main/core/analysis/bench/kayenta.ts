import { classify, mannWhitney, type Classified } from '../mann-whitney.ts'

/**
 * Kayenta's judge for one metric, after its documented behaviour (NetflixACAJudge and MannWhitneyClassifier of
 * spinnaker/kayenta): Mann-Whitney on the points of both sides, confidence 0.98, tolerance 0.25 of the Hodges-Lehmann
 * estimate. No data on a side is "no data", which passes unless the metric is critical; equal arrays pass. Where all points
 * of both sides are one and the same value, it adds Gaussian noise before testing; here they are simply the same.
 */
export const KAYENTA = { confidence: 0.98, tolerance: 0.25, pointsNeeded: 50 } as const

export function kayentaClassify(experiment: readonly number[], control: readonly number[], direction: 'above' | 'below' | 'either', options: { readonly confidence: number; readonly tolerance: number } = KAYENTA): Classified | 'noData' {
  if (experiment.length === 0 || control.length === 0) return 'noData'
  if (experiment.length === control.length && experiment.every((value, i) => value === control[i])) return 'same'
  if (new Set([...experiment, ...control]).size === 1) return 'same'
  return classify(mannWhitney(experiment, control, options.confidence), options.tolerance, direction)
}
