import { Fault } from '../../../contract/fault.ts'
import type { VersionRef } from '../../../contract/traffic.ts'
import { ENVIRONMENTS } from '../../../contract/vocabulary.ts'
import type { LocalSettings } from '../config.ts'
import { checkLaunch, configDigest, launchSpec, resolveVersion } from '../versions.ts'
import type { KnownVersion } from './durable.ts'

/** How many are remembered per service: far more than any roll back goes back. */
const KEPT = 20

const isOf = (version: VersionRef) => (item: KnownVersion) => item.ref.version === version.version && item.ref.configDigest === version.configDigest

/**
 * How a version is to be run: as the settings say now, or, for a configuration that has changed since, as remembered.
 * Faults: `versionUnknown`, `commandNotFound`.
 */
export async function launchable(settings: LocalSettings, remembered: readonly KnownVersion[], version: VersionRef): Promise<KnownVersion> {
  if (configDigest(settings, version.version) === version.configDigest) {
    await resolveVersion(settings, version.version)
    return { ref: version, blue: launchSpec(settings, version.version, 'blue'), green: launchSpec(settings, version.version, 'green') }
  }
  const known = remembered.find(isOf(version))
  if (!known) {
    throw new Fault('versionUnknown', `The configuration of version ${version.version} is not the one that was resolved. Nothing was started and traffic is unchanged.`, 'Start the release again, with the configuration as it is now.')
  }
  for (const environment of ENVIRONMENTS) await checkLaunch(known[environment], version.version)
  return known
}

/** The newest first, each once. */
export function remember(remembered: readonly KnownVersion[], known: KnownVersion): readonly KnownVersion[] {
  const same = isOf(known.ref)
  return [known, ...remembered.filter((item) => !same(item))].slice(0, KEPT)
}
