import type { Block } from '../../contract/release.ts'
import { percentWords } from '../flags/rollout/words.ts'
import { matchesVersion } from './migration-rules.ts'

/** A flag that users have now, and the versions of one service that it needs for as long as they do. */
export interface ExposedFlag {
  readonly flag: string
  /** Of everyone; null: segments only, or nobody can say. */
  readonly percent: number | null
  /** Up to so many it needs nothing. */
  readonly abovePercent: number
  readonly anyOf: readonly string[]
  /** In the workspace's own words; may be empty. */
  readonly why: string
}

/** Flags that a version would leave without the code they need: the release's side of what flags need of versions. */
export function blocksForExposed(service: string, version: string, exposed: readonly ExposedFlag[]): readonly Block[] {
  return exposed
    .filter(({ anyOf }) => !anyOf.some((pattern) => matchesVersion(pattern, version)))
    .map(({ flag, percent, abovePercent, anyOf, why }) => ({
      rule: 'flagNeedsVersion',
      reason: `The flag ${flag} is exposed to ${percent === null ? 'some users' : percentWords(percent)} and needs ${service} ${anyOf.join(' or ')}.${why === '' ? '' : ` ${why}`}`,
      unblocks: `When ${abovePercent <= 0 ? `nobody is exposed to ${flag}` : `${flag} is at ${percentWords(abovePercent)} or less`}, or with a version that knows it.`,
    }))
}
