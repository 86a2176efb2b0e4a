import type { EnvironmentName } from '../../../contract/vocabulary.ts'

/** Names of what a pair makes. Slots are known by their whole server, so pair, writing side and generation are in them. */
export function pairNames(pair: string) {
  const base = `sb_${pair}`
  return {
    publication: base,
    subscription: base,
    /** Holds what `from` writes in a generation until the other side has it. */
    slot: (from: EnvironmentName, generation: number) => `${base}_${from}_${generation}`,
    /** Made ahead of a switch, so that finding a consistent point waits for nobody while writes are closed. */
    earlySlot: (from: EnvironmentName) => `${base}_${from}_early`,
    slotPrefix: `${base}_`,
    /** Sorts first: a closed side refuses before any other trigger has done something. */
    trigger: `aaa_${base}_fence`,
  }
}
export type PairNames = ReturnType<typeof pairNames>

/** Lower case, digits, `_`; short enough for every name made of it. Anything else in a service's name becomes `_`. */
export const PAIR_NAME = /^[a-z0-9_]{1,32}$/
export function pairNameOf(service: string): string {
  return service.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_').slice(0, 32)
}

/** A text as an SQL literal. */
export function literal(text: string): string {
  return `${text.includes('\\') ? ' E' : ''}'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
}
