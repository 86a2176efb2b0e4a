import type { Session } from '../session.ts'
import { rowsOf } from '../session.ts'
import { keepCounts, NO_COUNTS, readCounts, type WatchCounts } from '../status.ts'
import type { ReadOutcome } from './sampled-reads.ts'

/** Counts what continuous comparing does, and keeps it in the database so that another console goes on counting. */
export interface Counting {
  read(outcome: ReadOutcome): void
  written(keys: number): void
  sampledShare(share: number): void
  keep(session: Session): Promise<void>
}

const TIMES = 200

/** `standing`: what is compared. Reads of another shape say nothing of this one and are counted anew. */
export async function countingOf(session: Session, migration: string, standing: string): Promise<Counting> {
  const before = await readCounts(session, migration)
  const sameShape = before.standing === standing
  const reads = { ...(sameShape ? before.reads : NO_COUNTS.reads) }
  let checked = before.written.checked
  let share = before.written.sampledShare
  let reported: WatchCounts['reported'] = before.reported
  const times: { readonly old: number[]; readonly new: number[] } = { old: [], new: [] }

  async function countReported(session: Session): Promise<void> {
    const [more] = await rowsOf(
      session,
      `SELECT count(*) FILTER (WHERE same) AS same, count(*) FILTER (WHERE NOT same) AS different, max(id) AS up_to FROM (SELECT id, same FROM signalbox.reported WHERE migration = $1 AND id > $2 AND at < clock_timestamp() - interval '5 s' ORDER BY id LIMIT 50000) r`,
      [migration, reported.upToId],
      (row) => ({ same: Number(row['same']), different: Number(row['different']), upToId: row['up_to'] === null ? null : Number(row['up_to']) }),
    )
    if (more && more.upToId !== null) reported = { same: reported.same + more.same, different: reported.different + more.different, upToId: more.upToId }
  }

  return {
    read({ result, oldMs, newMs }) {
      if (result === 'overtaken') return
      reads[result] += 1
      if (oldMs !== null) push(times.old, oldMs)
      if (newMs !== null) push(times.new, newMs)
    },
    written(keys) {
      checked += keys
    },
    sampledShare(now) {
      share = now
    },
    async keep(session) {
      await countReported(session)
      reads.oldP50Ms = median(times.old) ?? reads.oldP50Ms
      reads.newP50Ms = median(times.new) ?? reads.newP50Ms
      await keepCounts(session, migration, { standing, reads, written: { checked, sampledShare: share }, reported })
    },
  }
}

function push(list: number[], value: number): void {
  list.push(value)
  if (list.length > TIMES) list.shift()
}

function median(list: readonly number[]): number | null {
  const value = list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]
  return value === undefined ? null : Math.round(value * 1000) / 1000
}
