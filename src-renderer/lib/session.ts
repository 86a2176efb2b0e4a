import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from '../../src-main/contract/contract.ts'
import type { FaultData } from '../../src-main/contract/fault.ts'

export type Client = ContractRouterClient<Contract>

/** One open connection to the core. `closed` resolves once, with why in a few words, and never rejects. */
export interface Link {
  readonly client: Client
  readonly closed: Promise<string>
  close(): void
}
export type Connect = (signal: AbortSignal) => Promise<Link>

/** What a call rejects with while no connection is open. */
export const DISCONNECTED: FaultData = {
  code: 'disconnected',
  message: 'The console is not connected to its core. Traffic keeps flowing as it was last set.',
  next: 'Wait for the connection to come back, or roll back from a terminal: signalbox rollback SERVICE',
  cause: 'errored',
  retryable: true,
}

/** The connection that is open now, if any, behind one name that outlives reconnects. */
export interface Session {
  /** Calls the core over the open connection; rejects with `DISCONNECTED` when there is none. */
  call<T>(use: (client: Client) => Promise<T>): Promise<T>
  setLink(link: Link | null): void
}

export function createSession(): Session {
  let current: Link | null = null
  let giveUp: () => void = () => undefined
  let givenUp = new Promise<void>(() => undefined)
  return {
    async call(use) {
      const link = current
      if (!link) throw new FaultError(DISCONNECTED)
      // A hung core's socket closes late, if ever: a link that was given up answers nobody any more.
      const lost = Promise.race([link.closed, givenUp]).then(() => {
        throw new FaultError(DISCONNECTED)
      })
      return Promise.race([use(link.client), lost])
    },
    setLink(link) {
      giveUp()
      current = link
      givenUp = new Promise((resolve) => {
        giveUp = resolve
      })
    },
  }
}

/** Carries a fault through code that throws errors. */
export class FaultError extends Error {
  readonly data: FaultData
  constructor(data: FaultData) {
    super(data.message)
    this.name = 'FaultError'
    this.data = data
  }
}

function isFaultData(value: unknown): value is FaultData {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value && 'next' in value && 'cause' in value
}

/** Whatever a call rejected with, as a fault an operator can read. */
export function toFault(error: unknown): FaultData {
  if (typeof error === 'object' && error !== null && 'data' in error && isFaultData(error.data)) return error.data
  const message = error instanceof Error ? error.message : String(error)
  return {
    code: 'internal',
    message: `Something unexpected happened: ${message}`,
    next: 'Look at what is live before trying again; the journal says what was done.',
    cause: 'errored',
    retryable: false,
  }
}
