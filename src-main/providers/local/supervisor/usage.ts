import { readdirSync, readFileSync } from 'node:fs'
import { statFields } from '../identity.ts'

export interface Usage {
  /** Percent of one core since the reading before. */
  readonly cpuPercent: number
  readonly memoryBytes: number
}

/** Linux reports in 1/100 s whatever the kernel's own tick is (times(2)), and x86 and most ARM kernels use pages of 4 KiB. */
const TICKS_PER_SECOND = 100
const PAGE_BYTES = 4096

/**
 * CPU and resident memory of whole process trees, read from /proc. A tree is a session: services are started as session
 * leaders, so a grandchild whose parent died is still counted. Null where there is no /proc, or the session is gone.
 */
export function createUsageReader(): (sessions: readonly number[]) => ReadonlyMap<number, Usage> {
  let before = new Map<number, { ticks: number; at: number }>()
  return (sessions) => {
    const sums = new Map<number, { ticks: number; pages: number }>()
    const wanted = new Set(sessions)
    const at = performance.now()
    const result = new Map<number, Usage>()
    if (wanted.size === 0) {
      before = new Map()
      return result
    }
    for (const name of processNumbers()) {
      const fields = readStat(name)
      const session = Number(fields?.[3])
      if (!fields || !wanted.has(session)) continue
      const sum = sums.get(session) ?? { ticks: 0, pages: 0 }
      sum.ticks += Number(fields[11]) + Number(fields[12])
      sum.pages += Number(fields[21])
      sums.set(session, sum)
    }
    const after = new Map<number, { ticks: number; at: number }>()
    for (const [session, { ticks, pages }] of sums) {
      const last = before.get(session)
      const seconds = last ? (at - last.at) / 1000 : 0
      // A child that ended takes its ticks along; the sum may shrink then.
      const used = last && seconds > 0 ? Math.max(0, ticks - last.ticks) / TICKS_PER_SECOND / seconds : 0
      result.set(session, { cpuPercent: Math.round(used * 1000) / 10, memoryBytes: pages * PAGE_BYTES })
      after.set(session, { ticks, at })
    }
    before = after
    return result
  }
}

function processNumbers(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => name.charCodeAt(0) >= 48 && name.charCodeAt(0) <= 57)
  } catch {
    return []
  }
}

function readStat(pid: string): readonly string[] | null {
  try {
    return statFields(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return null
  }
}
