import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ServiceView } from '../../../src-main/contract/service.ts'
import { PlaceText } from '../../components/place.tsx'
import { useConsole, useServices, useStatus } from '../../lib/console-context.tsx'
import { nextVersion } from '../../lib/next-version.ts'
import { versionsQuery } from '../../lib/queries.ts'
import { otherEnvironment } from '../../../src-main/contract/vocabulary.ts'

/** A few words that lead to the first release of the demo; gone once somebody made one. */
export function FirstSteps() {
  const status = useStatus()
  const services = useServices()
  const isUntouched = services.length > 0 && services.every((service) => !service.release || service.release.release.stable === null || service.release.release.createdBy.known === 'system')
  const first = services.find((service) => service.stable !== null && service.newReleaseBlocks.length === 0)
  if (!status?.workspace.demo || !isUntouched || !first) return null
  return <Lead service={first} />
}

function Lead({ service }: { readonly service: ServiceView }) {
  const { session } = useConsole()
  const { data } = useQuery(versionsQuery(session, service.name))
  const stable = service.stable
  const next = nextVersion(data ?? [], stable?.deployed.version ?? null)
  if (!stable || !next) return null
  return (
    <p className="flex flex-none items-center gap-3 border-b border-line-1 bg-bg-2 px-4 py-2">
      <span>
        This is the demo workspace: real processes, real requests. <b>{service.name}</b> <PlaceText text={`${stable.deployed.version} is live on ${stable.environment}. Deploy ${next.version} to ${otherEnvironment(stable.environment)}`} /> and watch it take over.
      </span>
      <Link
        to="/services/$name/release"
        params={{ name: service.name }}
        search={{ version: next.version }}
        className="ml-auto inline-flex h-[26px] items-center rounded-2 border border-line-3 bg-bg-1 px-2.5 text-12 font-medium hover:bg-bg-3"
      >
        Deploy {next.version}
      </Link>
    </p>
  )
}
