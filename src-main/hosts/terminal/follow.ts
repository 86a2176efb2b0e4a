import type { ConsoleClient } from '../../contract/client.ts'
import { Fault } from '../../contract/fault.ts'
import type { ReleaseView } from '../../contract/release.ts'

export interface FollowOptions {
  readonly service: string
  readonly releaseId: string
  /** True when there is nothing more to wait for. */
  readonly until: (view: ReleaseView) => boolean
  readonly onChange?: (view: ReleaseView) => void
  readonly timeoutMs: number
}

/**
 * Reads a release again with every change of its service until it is where it should be. Faults: `timeout` (the act
 * goes on without us), `disconnected`.
 */
export async function followRelease(client: ConsoleClient, options: FollowOptions): Promise<ReleaseView> {
  const read = () => client.release.get({ releaseId: options.releaseId })
  let view = await read()
  options.onChange?.(view)
  if (options.until(view)) return view

  const deadline = AbortSignal.timeout(options.timeoutMs)
  try {
    // Its snapshot covers whatever changed since the first reading.
    for await (const item of await client.system.watch({ metrics: false }, { signal: deadline })) {
      if (item.kind !== 'service' || item.service.name !== options.service) continue
      const next = await read()
      if (next.release.revision !== view.release.revision) options.onChange?.(next)
      view = next
      if (options.until(view)) return view
    }
  } catch (error) {
    if (!deadline.aborted) throw error
  }
  if (deadline.aborted) {
    throw new Fault('timeout', `Not verified after ${options.timeoutMs / 1000} s; the console goes on with it. ${view.next}`, 'Look at `signalbox status`, or follow longer with --timeout SECONDS.')
  }
  throw new Fault('disconnected', `The console stopped before the act was verified. ${view.next}`, 'Look at `signalbox status`.')
}

/** Traffic is where the act wanted it, as read back, or the act has failed. */
export function isVerified({ release }: ReleaseView): boolean {
  return !release.shiftPending && release.phase !== 'rollingBack'
}

/** Nothing more happens without an operator or the clock. */
export function isAtRest(view: ReleaseView): boolean {
  return view.ended || (view.waitsFor !== 'provider' && isVerified(view))
}
