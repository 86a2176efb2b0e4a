import { Fault } from '../contract/fault.ts'
import type { ServiceView } from '../contract/service.ts'
import type { LocalProvider } from '../providers/local/provider.ts'

export interface ConnectionCheck {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  /** What to do when it is not ok; empty otherwise. */
  readonly next: string
}

/** Looks at everything that could be missing between this console and the local provider. Starts nothing. */
export async function testLocalConnection(provider: LocalProvider, services: readonly ServiceView[]): Promise<ConnectionCheck[]> {
  const checks: ConnectionCheck[] = []
  const look = async (name: string, act: () => Promise<string>) => {
    try {
      checks.push({ name, ok: true, detail: await act(), next: '' })
      return true
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('internal', String(error), 'Look into the log.')
      checks.push({ name, ok: false, detail: fault.message, next: fault.data.next })
      return false
    }
  }
  const reached = await look('supervisor', async () => {
    const status = await provider.supervisorStatus()
    if (!status) throw new Fault('providerUnavailable', 'No supervisor is running, so no service answers.', 'Start a release, or press Start again on a service.')
    return `process ${status.pid}, protocol ${status.version}, ${status.consoles} console${status.consoles === 1 ? '' : 's'} connected`
  })
  if (!reached) return checks
  await look('router', async () => {
    const routers = (await provider.supervisorStatus())?.routers ?? []
    if (routers.length === 0) throw new Fault('providerUnavailable', 'The supervisor has no router, so no service answers.', 'Wait a second; it starts another by itself. If not: signalbox stop --all, then start again.')
    return `${routers.length} running`
  })
  for (const { name, state, port, pid, detail } of (await provider.supervisorStatus())?.practice ?? []) {
    await look(`practice database ${name}`, async () => {
      if (state === 'crashed') throw new Fault('processCrashed', detail, `Look at practice/${name}/server.log in the data folder. The next who needs it starts it again.`)
      return state === 'ready' ? `process ${pid}, port ${port}` : state === 'starting' ? detail : 'stopped; started when it is needed'
    })
  }
  for (const { name } of services) {
    await look(name, async () => {
      const observed = await provider.observe(name)
      if (observed.liveAddress === null) throw new Fault('portTaken', `${name} has no live address.`, 'See who has its port; free it or change the port in the workspace.')
      return `${observed.liveAddress}, weights read back: blue ${observed.weights.blue} %, green ${observed.weights.green} %`
    })
  }
  return checks
}
