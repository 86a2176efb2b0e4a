import type { FlagReferencesReport } from '../../contract/flag.ts'
import type { VariantEvaluations } from '../../core/flags/ports.ts'
import type { Board, Seat } from './board.ts'
import type { FlagsDeps } from './deps.ts'
import { toFault } from './rollouts.ts'
import type { Telling } from './telling.ts'

/** How often evaluations are asked for: of our own server, and of a vendor who counts requests. */
const READ_MS = { file: 5000, vendor: 60_000 } as const

/** Reads how often flags are evaluated, and searches code for their keys. Losable; nothing waits for it. */
export function createReports(deps: FlagsDeps, board: Board, telling: Telling) {
  const busy = new Set<string>()
  const cancels = new Map<string, () => void>()
  let stopped = false

  async function read(name: string): Promise<void> {
    const seat = board.find(name)
    if (!seat || seat.set === null || busy.has(name)) return
    busy.add(name)
    try {
      const source = deps.source(name)
      if (source.capabilities.evaluations !== null) return
      const counted = await source.evaluations(seat.set)
      seat.evaluations = counted && { since: counted.since, byFlag: byFlag(counted.variants) }
      telling.evaluations(name)
    } catch (error) {
      // What is not known is never taken for silence.
      seat.evaluations = null
      // Who only looks starts no flag server to ask: nothing to tell.
      if (deps.readOnly() === null) deps.log(`evaluations of ${name}: ${toFault(error).message}`)
    } finally {
      busy.delete(name)
    }
  }

  function repeat(name: string, everyMs: number): void {
    const beat = () => {
      if (stopped) return
      void read(name)
      cancels.set(name, deps.clock.setTimer(everyMs, beat))
    }
    beat()
  }

  return {
    read,
    async references(seat: Seat): Promise<FlagReferencesReport> {
      const { code, name } = seat.config
      const keys = (seat.reading?.flagSet.flags ?? []).map(({ key }) => key)
      const at = deps.clock.wallMs()
      if (code.length === 0) return { at, tookMs: 0, folders: [], files: 0, lines: 0, skipped: 0, byFlag: {}, problems: ['The workspace names no folders of code for this source.'] }
      const found = await deps.scan(code, keys)
      const byKey = Object.fromEntries([...found.references].filter(([, places]) => places.length > 0).map(([key, places]) => [key, places.map(({ file, line, column, text }) => ({ file, line, column, text }))]))
      seat.references = { at, tookMs: found.tookMs, folders: [...code], files: found.files, lines: found.lines, skipped: found.skipped, byFlag: byKey, problems: [...found.problems] }
      telling.source(name)
      return seat.references
    },
    start(): void {
      for (const { config } of board.seats()) repeat(config.name, READ_MS[config.kind === 'file' ? 'file' : 'vendor'])
    },
    stop(): void {
      stopped = true
      for (const cancel of cancels.values()) cancel()
    },
  }
}
export type Reports = ReturnType<typeof createReports>

function byFlag(variants: readonly VariantEvaluations[]): ReadonlyMap<string, readonly VariantEvaluations[]> {
  const found = new Map<string, VariantEvaluations[]>()
  for (const one of variants) {
    const list = found.get(one.flag)
    if (list) list.push(one)
    else found.set(one.flag, [one])
  }
  return found
}
