import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { functionPath, NOT_OF_THE_ROW, queueWritten } from './column-trigger.ts'
import { triggerName } from '../names.ts'
import { rewriteColumns } from './rewrite-columns.ts'
import { dollarQuoted, imagesDiffer, literal, rowObject } from '../sql-text.ts'
import type { ChangeTable, NumberedLink } from './table-links.ts'
import { quoted, quotedTable } from '../units.ts'

type Named = Pick<MigrationDefinition, 'id'>
type Row = 'NEW' | 'OLD'

export function mirrorFunction(definition: Named, table: Pick<ChangeTable, 'number'>): string {
  return `signalbox.${quoted(`mirror_${definition.id}_${table.number}`)}`
}

/** Says which row of which table is being mirrored right now: its trigger, and no other, is not fired. */
function guard(definition: Named, table: Pick<ChangeTable, 'number'>, key: readonly string[]): string {
  const text = key.length === 1 ? `${key[0] ?? ''}::text` : `concat_ws(E'\\x1f', ${key.map((part) => `${part}::text`).join(', ')})`
  return `${literal(`${definition.id}/${table.number}/`)} || ${text}`
}

/** What a link wrote into its columns, short: a row that holds anything else was changed on its way, and is mirrored back. */
function contentOf(link: NumberedLink, links: readonly NumberedLink[], values: readonly string[]): string {
  const text = values.length === 0 ? `''` : `md5(concat_ws(E'\\x1f', ${values.map((value) => `coalesce(${value}::text, E'\\x1e')`).join(', ')}))`
  return `${literal(`${links.indexOf(link)}/`)} || ${text}`
}

/**
 * The function that mirrors writes of one table over all its links: upserts where rows come and go together, since a
 * mirrored row may be there or not (it was backfilled, or not yet); fills columns where another link makes the row.
 *
 * While old is authoritative a mirror that fails must not fail the client: the row goes to quarantine. Towards old, and
 * once new is authoritative, it fails the client's statement: nothing is ever written to one side alone.
 */
export function tableMirrorFunction(definition: MigrationDefinition, table: ChangeTable, links: readonly NumberedLink[], writes: 'old' | 'new'): string {
  const out = links.filter((link) => link.source === table)
  const parts = out.map((link, index) => mirrorRow(definition, link, index, links, link.direction === 'up' && writes === 'old'))
  const key = (row: Row) => rowObject(row, table.primaryKey.map((name) => ({ name, stored: name })))
  const keyChanged = imagesDiffer(table.primaryKey.map((name) => `OLD.${quoted(name)}`), table.primaryKey.map((name) => `NEW.${quoted(name)}`))
  const body = `DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;${out.flatMap((link, index) => [...link.key.map(({ column }, place) => [`key_${index}_${place}`, column]), ...link.set.map(({ column }, place) => [`set_${index}_${place}`, column])].map(([variable, column]) => `\n  ${variable} ${quotedTable(link.target.stored)}.${quoted(column ?? '')}%TYPE;`)).join('')}
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
${out.map((link) => mirrorTruncate(definition, link, links)).join('\n')}
    RETURN NULL;
  END IF;
${parts.join('\n')}
  IF TG_OP <> 'DELETE' THEN
${out.map((link) => queueWritten(definition, link.unit, key('NEW'))).join('\n')}
  END IF;
  IF TG_OP = 'DELETE' THEN
${out.map((link) => queueWritten(definition, link.unit, key('OLD'))).join('\n')}
  ELSIF TG_OP = 'UPDATE' THEN
    IF ${keyChanged} THEN
${out.map((link) => queueWritten(definition, link.unit, key('OLD'))).join('\n')}
    END IF;
  END IF;
  RETURN NULL;
END`
  return `CREATE OR REPLACE FUNCTION ${mirrorFunction(definition, table)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${functionPath(table.name.schema)} AS ${dollarQuoted(body)};`
}

function over(row: string, expression: string, table: ChangeTable): string {
  const known = new Set(table.columns.map(({ name }) => name))
  return rewriteColumns(expression, (name) => (known.has(name) ? `${row}.${quoted(name)}` : null))
}

function mirrorRow(definition: MigrationDefinition, link: NumberedLink, index: number, links: readonly NumberedLink[], lenient: boolean): string {
  const { source, target } = link
  const id = literal(definition.id)
  const to = quotedTable(target.stored)
  const variables = link.key.map((_, place) => `key_${index}_${place}`)
  const compute = (row: Row) => link.key.map(({ expression }, place) => `${variables[place] ?? ''} := (${over(row, expression, source)});`).join(' ')
  const keyIs = link.key.map(({ column }, place) => `t.${quoted(column)} = ${variables[place] ?? ''}`).join(' AND ')
  const given = variables.map((variable) => `${variable} IS NOT NULL`).join(' AND ')
  const mark = (values: readonly string[]) => `told := set_config('signalbox.mirror', ${guard(definition, target, guardOrder(link, variables))}, true) || set_config('signalbox.sent', ${contentOf(link, links, values)}, true);`
  const keyOf = (row: Row) => link.key.map(({ expression }) => `(${over(row, expression, source)})`)
  const set = link.set.map(({ column, expression }, place) => ({ column: quoted(column), value: `set_${index}_${place}`, made: `(${over('NEW', expression, source)})` }))
  const make = set.map(({ value, made }) => `${value} := ${made};`).join(' ')
  const values = set.map(({ value }) => value)
  const nothing = set.map(() => 'NULL')
  const fills = links.filter((other) => other.direction === link.direction && other.target === target && !other.existence)
  // A filling row and the row it fills may be written at the same moment by two transactions that do not see each
  // other. Both insert the same key then, so that the second waits for the end of the first, and looks again. What is
  // inserted is deleted at once: a key in progress is what holds up, and only writers of this very row.
  const pending = guard(definition, target, guardOrder(link, variables))
  const waitForOther = `INSERT INTO signalbox.pending (key) VALUES (${pending}) ON CONFLICT DO NOTHING;
        DELETE FROM signalbox.pending WHERE key = ${pending};`
  const untilFound = (statement: string) => `${statement}
      IF NOT FOUND THEN
        ${waitForOther}
        ${statement}
      END IF;`
  const remove = link.existence
    ? `DELETE FROM ${to} t WHERE ${keyIs};`
    : set.length === 0
      ? ''
      : untilFound(`UPDATE ${to} t SET ${set.map(({ column }) => `${column} = NULL`).join(', ')} WHERE ${keyIs};`)
  const write = link.existence
    ? `${fills.length > 0 ? 'inserted := NULL;\n      ' : ''}INSERT INTO ${to} AS t (${[...link.key.map(({ column }) => quoted(column)), ...set.map(({ column }) => column)].join(', ')}) OVERRIDING SYSTEM VALUE VALUES (${[...variables, ...set.map(({ value }) => value)].join(', ')})
        ON CONFLICT (${link.key.map(({ column }) => quoted(column)).join(', ')}) ${set.length === 0 ? 'DO NOTHING' : `DO UPDATE SET ${set.map(({ column }) => `${column} = EXCLUDED.${column}`).join(', ')} WHERE ${imagesDiffer(set.map(({ column }) => `t.${column}`), set.map(({ column }) => `EXCLUDED.${column}`))}`}${fills.length > 0 ? ' RETURNING t.xmax = 0 INTO inserted' : ''};${fills
        .map((fill) => `\n      IF inserted THEN
        ${untilFound(`PERFORM FROM ${quotedTable(fill.source.stored)} s WHERE ${fill.key.map(({ column, expression }, place) => `(${over('s', expression, fill.source)}) = ${variables[link.key.findIndex((part) => part.column === column)] ?? variables[place] ?? 'NULL'}`).join(' AND ')} FOR SHARE;`)}
        UPDATE ${to} t SET ${fill.set.map(({ column, expression }) => `${quoted(column)} = (${over('s', expression, fill.source)})`).join(', ')} FROM ${quotedTable(fill.source.stored)} s WHERE ${fill.key.map(({ column, expression }) => `(${over('s', expression, fill.source)}) = t.${quoted(column)}`).join(' AND ')} AND ${keyIs};
      END IF;`)
        .join('')}`
    : set.length === 0
      ? ''
      : untilFound(`UPDATE ${to} t SET ${set.map(({ column, value }) => `${column} = ${value}`).join(', ')} WHERE ${keyIs};`)
  const quarantineKey = rowObject('KEY', source.primaryKey.map((name) => ({ name, stored: name })))
  const act = `    IF TG_OP = 'DELETE' THEN
      ${compute('OLD')}
      IF ${given} THEN
      ${mark(nothing)}
      ${remove}
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = ${id} AND q.unit = ${literal(link.unit)} AND q.key = ${quarantineKey.replaceAll('KEY.', 'OLD.')};
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ${imagesDiffer(keyOf('OLD'), keyOf('NEW'))} THEN
          ${compute('OLD')}
          IF ${given} THEN
          ${mark(nothing)}
          ${remove}
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = ${id} AND q.unit = ${literal(link.unit)} AND q.key = ${quarantineKey.replaceAll('KEY.', 'OLD.')};
      END IF;
      ${compute('NEW')}
      IF ${given} THEN
      ${make}
      ${mark(values)}
      ${write}
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);`
  if (!lenient) return act
  const failed = (row: Row) => `INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES (${id}, ${literal(link.unit)}, ${quarantineKey.replaceAll('KEY.', `${row}.`)}, SQLERRM)
          ON CONFLICT (migration, unit, key) DO UPDATE SET error = EXCLUDED.error, at = clock_timestamp();`
  return `  BEGIN
${act}
  EXCEPTION WHEN OTHERS THEN
    IF ${NOT_OF_THE_ROW} THEN RAISE; END IF;
    IF TG_OP = 'DELETE' THEN
        ${failed('OLD')}
    ELSE
        ${failed('NEW')}
    END IF;
  END;`
}

/** The order of the target's own primary key, in which its trigger's guard is written. */
function guardOrder(link: NumberedLink, variables: readonly string[]): readonly string[] {
  return link.target.primaryKey.map((column) => variables[link.key.findIndex((part) => part.column === column)] ?? 'NULL')
}

function mirrorTruncate(definition: MigrationDefinition, link: NumberedLink, links: readonly NumberedLink[]): string {
  const to = quotedTable(link.target.stored)
  const others = links.filter((other) => other !== link && other.direction === link.direction && other.target === link.target && other.existence)
  const quiet = (statement: string) => `    PERFORM set_config('signalbox.backfill', ${literal(definition.id)}, true);\n    ${statement}\n    PERFORM set_config('signalbox.backfill', backfill, true);`
  const forget = `\n    DELETE FROM signalbox.quarantine q WHERE q.migration = ${literal(definition.id)} AND q.unit = ${literal(link.unit)};`
  if (!link.existence) return link.set.length === 0 ? '    NULL;' : quiet(`UPDATE ${to} SET ${link.set.map(({ column }) => `${quoted(column)} = NULL`).join(', ')};`) + forget
  if (others.length > 0) {
    const kept = others.map((other) => `NOT EXISTS (SELECT FROM ${quotedTable(other.source.stored)} s WHERE ${other.key.map(({ column, expression }) => `(${over('s', expression, other.source)}) = t.${quoted(column)}`).join(' AND ')})`)
    return quiet(`DELETE FROM ${to} t WHERE ${kept.join(' AND ')};`) + forget
  }
  if (link.direction === 'down') return quiet(`DELETE FROM ${to};`) + forget
  return `    PERFORM set_config('signalbox.mirror', ${literal(`${definition.id}/${link.target.number}/truncate`)}, true);\n    TRUNCATE ${to};\n    PERFORM set_config('signalbox.mirror', mirrored, true);${forget}`
}

/** So deep in triggers of triggers nothing is mirrored any more: two applications' triggers that never agree end there, and are found as a mismatch. */
const MAX_DEPTH = 24

/** Fired after those of the application, since triggers fire in the order of their names. */
export function tableTriggers(definition: MigrationDefinition, table: ChangeTable, links: readonly NumberedLink[], subscribed: boolean): readonly string[] {
  const at = quotedTable(table.stored)
  const id = literal(definition.id)
  const backfill = `current_setting('signalbox.backfill', true) IS DISTINCT FROM ${id}`
  const own = (row: Row) => `current_setting('signalbox.mirror', true) IS DISTINCT FROM ${guard(definition, table, table.primaryKey.map((column) => `${row}.${quoted(column)}`))}`
  // The very echo is let through, and nothing else: what the application's triggers made of the row on its way is mirrored back.
  const contents = links.filter(({ target, set }) => target === table && set.length > 0).map((link) => `WHEN ${literal(String(links.indexOf(link)))} THEN ${contentOf(link, links, link.set.map(({ column }) => `NEW.${quoted(column)}`))}`)
  const changed = contents.length === 0 ? '' : ` OR current_setting('signalbox.sent', true) IS DISTINCT FROM CASE split_part(current_setting('signalbox.sent', true), '/', 1) ${contents.join(' ')} ELSE current_setting('signalbox.sent', true) END AND pg_trigger_depth() < ${MAX_DEPTH}`
  const run = `EXECUTE FUNCTION ${mirrorFunction(definition, table)}();`
  return [
    `CREATE TRIGGER ${quoted(triggerName(definition, 'write'))} AFTER INSERT OR UPDATE ON ${at} FOR EACH ROW WHEN (${backfill} AND (${own('NEW')}${changed})) ${run}`,
    `CREATE TRIGGER ${quoted(triggerName(definition, 'delete'))} AFTER DELETE ON ${at} FOR EACH ROW WHEN (${backfill} AND ${own('OLD')}) ${run}`,
    `CREATE TRIGGER ${quoted(triggerName(definition, 'truncate'))} AFTER TRUNCATE ON ${at} FOR EACH STATEMENT WHEN (current_setting('signalbox.mirror', true) IS DISTINCT FROM ${literal(`${definition.id}/${table.number}/truncate`)}) ${run}`,
    ...(subscribed ? (['write', 'delete', 'truncate'] as const).map((part) => `ALTER TABLE ${at} ENABLE ALWAYS TRIGGER ${quoted(triggerName(definition, part))};`) : []),
  ]
}
