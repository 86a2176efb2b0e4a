import type { ColumnChange, MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { newChecks } from './checks.ts'
import type { TableDetail } from '../facts.ts'
import { uniqueIndexName } from './indexes.ts'
import { columnNames, triggerName } from '../names.ts'
import { columnsRead, rewriteColumns } from './rewrite-columns.ts'
import { differs, dollarQuoted, imagesDiffer, isSteady, literal, rowObject } from '../sql-text.ts'
import { quoted, quotedTable, spoken } from '../units.ts'

/** Errors that are not about the row: they go to the client, whoever is authoritative. */
export const NOT_OF_THE_ROW = `left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58', 'XX')`

export function syncFunction(definition: Pick<MigrationDefinition, 'id'>): string {
  return `signalbox.${quoted(`sync_${definition.id}`)}`
}

/**
 * The function that keeps both sides of a row equal. Which way is told by what changed, not by who writes: only new
 * columns, then `down`; only old ones, `up`; both, then the authoritative side, and a conflict is recorded when they
 * disagree. `writes` is a constant in it: replacing the function is the switch, and takes no lock on the table.
 *
 * A row that was not filled yet is filled by any write. A side that was written is not computed again from the other
 * as long as that one does not change: what a client wrote stays as it wrote it.
 */
export function columnSyncFunction(definition: MigrationDefinition, change: ColumnChange, facts: TableDetail, tombstoned: boolean, writes: 'old' | 'new'): string {
  const names = columnNames(definition, change, facts, tombstoned)
  const unit = literal(spoken(change.table))
  const id = literal(definition.id)
  const over = (row: string, expression: string, of: (name: string) => string | null) =>
    rewriteColumns(expression, (name) => {
      const stored = of(name)
      return stored === null ? null : `${row}.${quoted(stored)}`
    })
  const typeOf = (name: string) => facts.columns.find((column) => column.name === name)?.type ?? ''
  const added = change.add.map((column) => ({ ...column, stored: names.ofNew(column.name) ?? column.name }))
  const replaced = change.replace.map((column) => ({ ...column, stored: names.ofOld(column.name) ?? column.name, type: typeOf(column.name) }))
  const checks = newChecks(definition, change, facts)
  const replacedNames = new Set(replaced.map(({ name }) => name))
  const addedNames = new Set(added.map(({ name }) => name))
  const sources = (expressions: readonly string[], own: ReadonlySet<string>, of: (name: string) => string | null) =>
    [...new Set(expressions.flatMap((expression) => columnsRead(expression)))].filter((name) => !own.has(name)).map((name) => ({ stored: of(name) ?? name, type: typeOf(name) }))
  const changed = (columns: readonly { readonly stored: string; readonly type: string }[]) =>
    columns.map(({ stored, type }) => differs(`NEW.${quoted(stored)}`, `OLD.${quoted(stored)}`, type)).join(' OR ') || 'false'
  const empty = (row: string) => added.map(({ stored }) => `${row}.${quoted(stored)} IS NULL`).join(' AND ')
  const wrong = (row: string) => checks.map(({ expression }) => `(${over(row, expression, names.ofNew)}) IS FALSE`).join(' OR ')
  const unfilled = (row: string) => (added.length > 0 ? empty(row) : wrong(row) || 'false')
  const key = (row: string) => rowObject(row, facts.primaryKey.map((name) => ({ name, stored: names.ofOld(name) ?? name })))
  // While tombstoned, new columns have their defaults, and a client of the old shape leaves them to those.
  const given =
    added
      .filter(({ default: value }) => !tombstoned || value === null || isSteady(value))
      .map(({ stored, type, default: value }) => (tombstoned && value !== null ? differs(`NEW.${quoted(stored)}`, `CAST((${value}) AS ${type})`, type) : `NEW.${quoted(stored)} IS NOT NULL`))
      .join(' OR ') || 'false'
  const someNew = added.map(({ stored }) => `NEW.${quoted(stored)} IS NOT NULL`).join(' OR ') || 'false'
  // A client of the new shape leaves old columns to their defaults: a value that is the default says nothing.
  const oldGiven =
    replaced
      .filter(({ name }) => {
        const { default: value, identity } = facts.columns.find((column) => column.name === name) ?? { default: null, identity: null }
        return identity === null && (value === null || isSteady(value))
      })
      .map(({ name, stored, type }) => {
        const value = facts.columns.find((column) => column.name === name)?.default ?? null
        return value === null ? `NEW.${quoted(stored)} IS NOT NULL` : differs(`NEW.${quoted(stored)}`, `CAST((${value}) AS ${type})`, type)
      })
      .join(' OR ') || 'false'

  const up = added.map(({ stored, up: expression }) => `NEW.${quoted(stored)} := (${over('NEW', expression, names.ofOld)});`)
  const down = replaced.map(({ stored, down: expression }) => `NEW.${quoted(stored)} := (${over('NEW', expression, names.ofNew)});`)
  const record = (columns: readonly { readonly stored: string }[], kept: string) => `
      IF ${imagesDiffer(columns.map(({ stored }) => `given.${quoted(stored)}`), columns.map(({ stored }) => `NEW.${quoted(stored)}`))} THEN
        INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail)
        VALUES (${id}, ${unit}, 'conflict', ${key('NEW')}, ARRAY[${added.map(({ name }) => literal(name)).join(', ')}]::text[], ${rowObject('given', replaced)}, ${rowObject('given', added)}, 'mirror', ${literal(`Both sides were written by one statement and disagreed; the ${kept} side was kept.`)})
        ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET class = EXCLUDED.class, columns = EXCLUDED.columns, old_row = EXCLUDED.old_row, new_row = EXCLUDED.new_row, detail = EXCLUDED.detail, last_seen = clock_timestamp();
      END IF;`
  const both = added.length > 0 && replaced.length > 0
  const upChecks = checks.length > 0 ? `\n      IF ${wrong('NEW')} THEN RAISE EXCEPTION 'a constraint of the new shape does not hold' USING ERRCODE = 'check_violation'; END IF;` : ''
  // Once the unique index is there, a second row of the same new value must not fail a client of the old shape either.
  const keyDiffers = `(${facts.primaryKey.map((name) => `t.${quoted(names.ofOld(name) ?? name)}`).join(', ')}) IS DISTINCT FROM (${facts.primaryKey.map((name) => `OLD.${quoted(names.ofOld(name) ?? name)}`).join(', ')})`
  const unique = added
    .filter((column) => column.unique)
    .map(({ name, stored }) => {
      const index = literal(`${quoted(change.table.schema)}.${quoted(uniqueIndexName(change, name))}`)
      return `
      IF NEW.${quoted(stored)} IS NOT NULL AND EXISTS (SELECT FROM pg_index i WHERE i.indexrelid = to_regclass(${index}) AND i.indisvalid) THEN
        IF EXISTS (SELECT FROM ${quotedTable(change.table)} t WHERE t.${quoted(stored)} = NEW.${quoted(stored)} AND ${keyDiffers}) THEN RAISE EXCEPTION 'another row has that %', ${literal(name)} USING ERRCODE = 'unique_violation'; END IF;
      END IF;`
    })
    .join('')
  const upward =
    writes === 'new'
      ? `    ${up.join('\n    ') || 'NULL;'}`
      : `    BEGIN
      ${both ? 'given := NEW;\n      ' : ''}${up.join('\n      ')}${upChecks}${unique}${both ? `\n      IF new_side THEN${record(added, 'old')}\n      END IF;` : ''}
    EXCEPTION WHEN OTHERS THEN
      IF ${NOT_OF_THE_ROW} THEN RAISE; END IF;
      ${added.map(({ stored }) => `NEW.${quoted(stored)} := NULL;`).join(' ')}${checks.length > 0 ? `\n      PERFORM set_config('signalbox.rejected', ${id}, true);` : ''}
      INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES (${id}, ${unit}, ${key('NEW')}, SQLERRM)
        ON CONFLICT (migration, unit, key) DO UPDATE SET error = EXCLUDED.error, at = clock_timestamp();
    END;`
  // One of several new columns written before the row was filled: the others are what the old side says.
  const completed =
    added.length > 1
      ? `    IF TG_OP = 'UPDATE' THEN
      IF ${unfilled('OLD')} THEN
        BEGIN
          ${added.map(({ stored, up: expression }) => `IF NEW.${quoted(stored)} IS NULL THEN NEW.${quoted(stored)} := (${over('NEW', expression, names.ofOld)}); END IF;`).join('\n          ')}
        EXCEPTION WHEN OTHERS THEN
          IF ${NOT_OF_THE_ROW} THEN RAISE; END IF;
        END;
      END IF;
    END IF;\n`
      : ''
  const downward = `${completed}    ${both && writes === 'new' ? 'given := NEW;\n    ' : ''}${down.join('\n    ') || 'NULL;'}${both && writes === 'new' ? `\n    IF old_side THEN${record(replaced, 'new')}\n    END IF;` : ''}`

  const upSources = sources(change.add.map(({ up: expression }) => expression), replacedNames, names.ofOld)
  const downSources = sources(change.replace.map(({ down: expression }) => expression), addedNames, names.ofNew)
  const due = writes === 'old' ? [changed(upSources), unfilled('OLD') === 'false' ? 'false' : `(${unfilled('OLD')})`].filter((part) => part !== 'false').join(' OR ') || 'false' : replaced.length > 0 ? 'false' : changed(upSources)
  const dueDown = writes === 'new' && replaced.length > 0 ? changed(downSources) : 'false'
  // With checks alone there is nothing to compute, but each row is tried.
  const always = added.length === 0 && checks.length > 0 && writes === 'old'
  const body = `DECLARE
  old_side boolean;
  new_side boolean;
  due boolean;
  due_down boolean := false;${both ? '\n  given record;' : ''}
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM signalbox.quarantine WHERE migration = ${id} AND unit = ${unit} AND key = ${key('OLD')};
    RETURN NULL;
  END IF;${checks.length > 0 ? `\n  IF current_setting('signalbox.rejected', true) = ${id} THEN PERFORM set_config('signalbox.rejected', '', true); END IF;` : ''}
  IF TG_OP = 'INSERT' THEN
    new_side := ${given};
    old_side := ${oldGiven};
    due := true;${writes === 'new' && added.length > 0 ? `\n    IF NOT new_side AND NOT old_side THEN new_side := ${someNew}; END IF;` : ''}
  ELSE
    new_side := ${changed(added)};
    old_side := ${changed(replaced)};
    due := ${always ? 'true' : due};${dueDown === 'false' ? '' : `\n    due_down := NOT old_side AND (${dueDown});`}
    IF ${unfilled('OLD')} THEN
      DELETE FROM signalbox.quarantine WHERE migration = ${id} AND unit = ${unit} AND key = ${key('OLD')};
    END IF;
  END IF;
  IF ${writes === 'old' ? '(new_side AND NOT old_side)' : 'new_side'} OR due_down THEN
${downward}
  ELSIF old_side OR due THEN
${upward}
  END IF;
${queueWritten(definition, spoken(change.table), key('NEW'))}
  RETURN NEW;
END`
  return `CREATE OR REPLACE FUNCTION ${syncFunction(definition)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = ${functionPath(change.table.schema)} AS ${dollarQuoted(body)};`
}

/** Puts a key into the queue of written keys, for the declared share of keys. */
export function queueWritten(definition: Pick<MigrationDefinition, 'id'>, unit: string, key: string): string {
  return `  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, ${literal(unit)}, k.key FROM (SELECT ${key} AS key) k, signalbox.switches s
    WHERE s.migration = ${literal(definition.id)} AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);`
}

/** Where functions that run with the owner's rights find names: nothing a client can put something into before them. */
export function functionPath(schema: string): string {
  return ['pg_catalog', ...(schema === 'public' || schema === 'pg_catalog' ? [] : [quoted(schema)]), 'public', 'pg_temp'].join(', ')
}

/** The triggers that call it. Fired last of all of their kind, since triggers fire in the order of their names. */
export function columnTriggers(definition: MigrationDefinition, change: ColumnChange, facts: TableDetail, tombstoned: boolean): readonly string[] {
  const names = columnNames(definition, change, facts, tombstoned)
  const table = quotedTable(change.table)
  const run = `FOR EACH ROW`
  const oldSide = new Set([...change.replace.map(({ name }) => name), ...change.add.flatMap(({ up }) => columnsRead(up)), ...facts.primaryKey, ...newChecks(definition, change, facts).flatMap(({ expression }) => columnsRead(expression)).filter((name) => names.ofOld(name) !== null)])
  const typeOf = (name: string) => facts.columns.find((column) => column.name === name)?.type ?? ''
  // The backfill's own writes change new columns alone and are let through; what the application's triggers do beside them is not.
  const own = [...oldSide].map((name) => differs(`OLD.${quoted(names.ofOld(name) ?? name)}`, `NEW.${quoted(names.ofOld(name) ?? name)}`, typeOf(name)))
  const added = change.add.map(({ name }) => `OLD.${quoted(names.ofNew(name) ?? name)} IS NULL`)
  return [
    `CREATE TRIGGER ${quoted(triggerName(definition, 'insert'))} BEFORE INSERT ON ${table} ${run} EXECUTE FUNCTION ${syncFunction(definition)}();`,
    `CREATE TRIGGER ${quoted(triggerName(definition, 'update'))} BEFORE UPDATE ON ${table} ${run} WHEN ((${[`current_setting('signalbox.backfill', true) IS DISTINCT FROM ${literal(definition.id)}`, ...own].join(' OR ')}) AND current_setting('signalbox.repair', true) IS DISTINCT FROM ${literal(definition.id)}) EXECUTE FUNCTION ${syncFunction(definition)}();`,
    `CREATE TRIGGER ${quoted(triggerName(definition, 'delete'))} AFTER DELETE ON ${table} ${run} ${added.length > 0 ? `WHEN (${added.join(' AND ')}) ` : ''}EXECUTE FUNCTION ${syncFunction(definition)}();`,
    ...(facts.subscribed ? (['insert', 'update', 'delete'] as const).map((part) => `ALTER TABLE ${table} ENABLE ALWAYS TRIGGER ${quoted(triggerName(definition, part))};`) : []),
  ]
}
