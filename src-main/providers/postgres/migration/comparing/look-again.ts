import type { MigrationContext } from '../context.ts'
import { compareExtra, compareKeys, needsExtraWalk } from './compare-rows.ts'
import { comparisonsOf } from './compare-units.ts'
import { recordMismatches, settleMismatches, unsettled, type OnRecord } from './mismatches.ts'
import { isDouble } from './compare-classify.ts'
import { keyFromRecord, type Key } from '../page.ts'
import type { Session } from '../session.ts'

/** So many of those on record are looked at in one go. */
const AT_ONCE = 500

/**
 * Looks again at what is on record as wrong: what is right by now is `gone`; what is still wrong is brought up to date,
 * so that an ignore rule which expired counts it again. Answers how many are gone. `before`: those not seen since.
 */
export async function lookAgain(session: Session, context: MigrationContext, which: { readonly before?: Date; readonly ids?: readonly string[] }): Promise<number> {
  const records = await unsettled(session, context.id, AT_ONCE, which)
  let gone = 0
  for (const comparison of comparisonsOf(context)) {
    const mine = records.filter(({ unit, class: kind, detail }) => unit === comparison.unit.name && kind !== 'conflict' && kind !== 'unverifiable' && !(comparison.projected && isDouble(detail)))
    const ofTarget = (record: OnRecord) => record.class === 'extra' && needsExtraWalk(comparison)
    for (const extra of [false, true]) {
      const columns = extra ? comparison.toKey.map(({ column }) => column) : comparison.key
      const asked = mine.filter((record) => ofTarget(record) === extra).flatMap((record) => keyed(record, keyFromRecord(record.key, columns)))
      if (asked.length === 0) continue
      const keys = asked.map(({ key }) => key)
      const seen = extra ? await compareExtra(session, comparison, { keys }, 'fullPass') : await compareKeys(session, comparison, keys, 'fullPass')
      if (seen.overtaken) return gone
      await recordMismatches(session, context.id, context.definition.verify.ignore, seen.found, Date.now())
      const wrong = new Set(seen.found.map(({ key }) => JSON.stringify(columns.map(({ name }) => key[name]))))
      const right = asked.filter(({ key }) => !wrong.has(JSON.stringify(key)))
      gone += await settleMismatches(session, right.map(({ id }) => id), 'gone')
    }
  }
  return gone
}

function keyed(record: OnRecord, key: Key | null): { readonly id: string; readonly key: Key }[] {
  return key ? [{ id: record.id, key }] : []
}
