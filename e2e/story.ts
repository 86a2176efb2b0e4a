import type { Page } from 'playwright/test'
import { type OpenLoop, openLoop, type Sample, targetOf } from '../src-main/bench/load.ts'
import { nowMs } from '../src-main/bench/measure.ts'
import type { LaunchedConsole } from './launch-console.ts'

interface StatusDocument {
  readonly services: readonly { readonly observed: { readonly value?: { readonly liveAddress: string; readonly weights: { readonly blue: number; readonly green: number } } } }[]
}

/** Where users come in, as the terminal says it. */
export async function liveAddressOf(launched: LaunchedConsole): Promise<string> {
  for (let tries = 0; tries < 50; tries += 1) {
    const { stdout } = await launched.terminal('status', '--json')
    const address = (JSON.parse(stdout) as StatusDocument).services[0]?.observed.value
    if (address && address.weights.blue + address.weights.green === 100) return address.liveAddress
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('the service never came up')
}

export interface Users {
  readonly load: OpenLoop
  /** Requests that got no answer of the service: dropped, refused, or answered by the router. */
  readonly dropped: readonly Sample[]
  /** When the last request was sent that this version answered; 0: none was. The clock of `nowMs`. */
  lastAnsweredBy(version: string): number
  count(version: string): number
}

/** Users who come at a constant rate whatever the service does, and never try again. The broken version's own answers are not drops. */
export function startUsers(address: string, ratePerSecond: number): Users {
  const dropped: Sample[] = []
  const last = new Map<string, number>()
  const counts = new Map<string, number>()
  const load = openLoop(targetOf(address), ratePerSecond, (sample) => {
    const isServices = sample.error === null && /^\d\.0\.0$/.test(sample.body)
    if (!isServices) dropped.push(sample)
    last.set(sample.body, Math.max(last.get(sample.body) ?? 0, sample.sentMs))
    counts.set(sample.body, (counts.get(sample.body) ?? 0) + 1)
  })
  return { load, dropped, lastAnsweredBy: (version) => last.get(version) ?? 0, count: (version) => counts.get(version) ?? 0 }
}
export const clockMs = nowMs

/** The console's lever with these words at its beginning. */
export const lever = (page: Page, words: RegExp) => page.getByRole('group', { name: 'Actions on checkout' }).getByRole('button', { name: words })
