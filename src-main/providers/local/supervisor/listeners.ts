import net from 'node:net'
import { Fault } from '../../../contract/fault.ts'
import { findPortHolder } from './port-holder.ts'

/** A bound TCP handle. Only routers accept on it; the supervisor keeps its copy so that it outlives them. */
export type ListeningHandle = { close(): void; getsockname(out: Record<string, unknown>): number }

/**
 * The call with which Node's own cluster module shares one socket between processes: binds without accepting.
 * It is not in the documented interface; `listeners.test.ts` holds the behaviour this depends on.
 */
type CreateServerHandle = (address: string, port: number, addressType: 4 | 6, fd: number, flags: number) => ListeningHandle | number
const createServerHandle = (net as unknown as { readonly _createServerHandle: CreateServerHandle })._createServerHandle

const EADDRINUSE = -98
const EADDRINUSE_MAC = -48
const EACCES = -13

/** Binds an address. Port 0 picks a free one. Faults: `portTaken`, `invalidInput`. */
export function bindListener(host: string, port: number, purpose: string): { readonly handle: ListeningHandle; readonly port: number } {
  const handle = createServerHandle(host, port, net.isIPv6(host) ? 6 : 4, -1, 0)
  if (typeof handle === 'number') throw bindFault(handle, host, port, purpose)
  // libuv keeps "address in use" back until the handle is asked for its name.
  const name: Record<string, unknown> = {}
  const status = handle.getsockname(name)
  if (status !== 0) {
    handle.close()
    throw bindFault(status, host, port, purpose)
  }
  return { handle, port: Number(name['port']) }
}

export function portTaken(port: number, purpose: string): Fault {
  const holder = findPortHolder(port)
  const who = holder ? `process ${holder.pid} (${holder.command})` : 'another process, whose name this user may not see'
  return new Fault('portTaken', `Port ${port}, ${purpose}, is held by ${who}. This service gets no traffic until the port is free.`, `Stop that process, or choose another port in the workspace.`)
}

function bindFault(status: number, host: string, port: number, purpose: string): Fault {
  if (status === EADDRINUSE || status === EADDRINUSE_MAC) return portTaken(port, purpose)
  const why = status === EACCES ? `this user may not use port ${port}` : `the system refused it (error ${status})`
  return new Fault('invalidInput', `The ${purpose} ${host}:${port} cannot be opened: ${why}. This service gets no traffic.`, 'Correct the address in the workspace; ports below 1024 usually need rights this user lacks.')
}
