import type { PreflightCheck } from '../../../../contract/migration.ts'
import { finding } from './lint.ts'
import { triggerName } from '../names.ts'
import { ask, listOf, textOf } from './preflight-context.ts'
import type { Check } from './preflight-context.ts'
import { quotedTable, spoken } from '../units.ts'

/** Checks of what else acts when rows are written: triggers and rules of the application. */

/** Bits of `pg_trigger.tgtype`: pg_trigger.h. */
const ROW = 1
const BEFORE = 2
const UPDATE = 16

export const checkTriggers: Check = async ({ session, definition, tables }) => {
  const found: PreflightCheck[] = []
  const ours = triggerName(definition, 'insert')
  for (const table of tables) {
    const name = spoken(table.name)
    const rows = await ask(
      session,
      `SELECT t.tgname AS name, t.tgtype::int AS type, t.tgenabled AS enabled, t.tgfoid::regproc::text AS function, coalesce(p.prosrc, '') AS source, t.tgqual IS NOT NULL AS conditional,
         (SELECT coalesce(array_agg(a.attname::text), '{}') FROM pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])) AS columns
       FROM pg_trigger t LEFT JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY t.tgname`,
      [quotedTable(table.name)],
    )
    for (const row of rows) {
      const type = Number(textOf(row, 'type'))
      const trigger = `The trigger ${textOf(row, 'name')} (${textOf(row, 'function')}) on ${name}`
      const before = (type & (ROW | BEFORE)) === (ROW | BEFORE)
      if (textOf(row, 'name').startsWith(`zzz_signalbox_${definition.id}_`)) continue
      if (before && definition.change.kind === 'columns' && textOf(row, 'name') > ours) {
        found.push(finding('triggers', 'blocker', `${trigger} fires after those of this migration, whose names begin with zzz_signalbox: what it changes would not be mirrored.`, 'Rename it to something before z: ALTER TRIGGER … RENAME TO.'))
        continue
      }
      const columns = listOf(row, 'columns')
      const onBackfill = definition.change.kind === 'columns' && (type & UPDATE) !== 0 && columns.length === 0
      const only = row['conditional'] === true ? ' where its WHEN says so' : ''
      if (onBackfill && before && /NEW\s*\.\s*"?\w+"?\s*:?=/i.test(textOf(row, 'source'))) found.push(finding('triggers', 'warning', `${trigger} changes rows before they are updated, and will for each row of the backfill${only}: a stamp like updated_at would be set on all of them.`, 'Restrict it with UPDATE OF the columns it is about, or WHEN (coalesce(current_setting(\'signalbox.backfill\', true), \'\') = \'\').'))
      else if (onBackfill) found.push(finding('triggers', 'warning', `${trigger} fires for each row the backfill updates${only}: whatever it does (notifications, audit rows, other tables) it does for all rows.`, 'Restrict it with UPDATE OF the columns it is about, or WHEN (coalesce(current_setting(\'signalbox.backfill\', true), \'\') = \'\').'))
    }
    for (const row of await ask(session, `SELECT rulename AS name, is_instead AS instead FROM pg_rewrite WHERE ev_class = to_regclass($1) AND rulename <> '_RETURN' AND ev_enabled <> 'D'`, [quotedTable(table.name)])) {
      found.push(finding('rules', 'blocker', `The rule ${textOf(row, 'name')} on ${name} rewrites statements${row['instead'] === true ? ' into others' : ''}: what it writes, and what it prevents, is not mirrored.`, 'Replace the rule by a trigger.'))
    }
  }
  return found.length > 0 ? found : [finding('triggers', 'ok', 'No trigger or rule of the tables is in the way.')]
}
