import type { VersionOption } from '../../src-main/contract/service.ts'

/** What most people come to release: the next version after the one that is live, otherwise the newest that can be deployed. */
export function nextVersion(options: readonly VersionOption[], liveVersion: string | null): VersionOption | null {
  const canDeploy = (option: VersionOption) => option.problem === null && option.version !== liveVersion
  const liveAt = options.findIndex((option) => option.version === liveVersion)
  const newer = liveAt === -1 ? [] : options.slice(0, liveAt).filter(canDeploy)
  return newer.at(-1) ?? options.find(canDeploy) ?? null
}
