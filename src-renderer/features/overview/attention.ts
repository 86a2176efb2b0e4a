import type { ServiceView } from '../../../src-main/contract/service.ts'
import { isMoving, isWaiting } from '../../lib/release-words.ts'

export const FILTERS = ['all', 'moving', 'waiting', 'failing', 'watch', 'unknown'] as const
export type Filter = (typeof FILTERS)[number]

export function matchesFilter(service: ServiceView, filter: Filter): boolean {
  switch (filter) {
    case 'all':
      return true
    case 'moving':
      return isMoving(service.release)
    case 'waiting':
      return isWaiting(service.release)
    default:
      return service.health === filter
  }
}

/** Every word must occur in name, provider, a version or `state:HEALTH`. */
export function matchesText(service: ServiceView, text: string): boolean {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return true
  const observed = service.observed.kind === 'known' ? service.observed.value.environments : null
  const versions = [observed?.blue.deployed?.version, observed?.green.deployed?.version, service.release?.release.candidate.version]
  const haystack = [service.name, service.provider, `state:${service.health}`, ...versions].join(' ').toLowerCase()
  return words.every((word) => haystack.includes(word))
}

/** Smaller needs a person sooner. */
export function attention(service: ServiceView): number {
  const view = service.release
  if (service.health === 'failing') return 0
  if (view?.release.failure && !view.ended) return 1
  if (view?.release.phase === 'rollingBack') return 2
  if (isWaiting(view)) return 3
  if (service.health === 'watch') return 4
  if (service.health === 'unknown') return 5
  if (isMoving(view)) return 6
  if (view?.release.phase === 'completed') return 7
  return 8
}

export function sortByAttention(services: readonly ServiceView[]): readonly ServiceView[] {
  return services.toSorted((a, b) => attention(a) - attention(b) || (a.name < b.name ? -1 : 1))
}
