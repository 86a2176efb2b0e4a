import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import type { PreflightCheck } from '../../../../contract/migration.ts'
import { goneName } from '../names.ts'
import { spoken, storedName } from '../units.ts'
import type { TableFacts } from '../units.ts'

/** PostgreSQL cuts longer names off (NAMEDATALEN - 1). */
const MAX_NAME_BYTES = 63

/** Names that are too long, and names made from others that are cut off to the same text. */
export function lintNames(definition: MigrationDefinition, facts: readonly TableFacts[]): readonly PreflightCheck[] {
  const { change } = definition
  const declared = change.kind === 'columns' ? [...change.add.map(({ name }) => name), ...change.checks.map(({ name }) => name)] : change.new.flatMap((table) => [table.name.table, ...table.columns.map(({ name }) => name), ...table.checks.map(({ name }) => name)])
  const found: PreflightCheck[] = declared.filter((name) => bytes(name) > MAX_NAME_BYTES).map((name) => ({ name: 'names', state: 'blocker', detail: `The name ${name} has ${bytes(name)} bytes, and PostgreSQL cuts it off after ${MAX_NAME_BYTES}.`, fix: 'Choose a shorter one.' }))
  if (change.kind === 'columns') {
    const table = facts.find(({ name }) => spoken(name) === spoken(change.table))
    const made = [...change.add.map(({ name }) => (table ? storedName(definition, table, name) : name)), ...change.replace.map(({ name }) => goneName(definition, name)), ...change.add.filter(({ notNull }) => notNull).map(({ name }) => `sb_${definition.id}_${name}_given`.slice(0, MAX_NAME_BYTES))]
    for (const name of new Set(made.filter((one, index) => made.indexOf(one) !== index))) found.push({ name: 'names', state: 'blocker', detail: `Two things of this migration would have the same name, ${name}, since names are cut off after ${MAX_NAME_BYTES} characters.`, fix: 'Choose a shorter id for the migration.' })
    for (const name of made.filter((one) => bytes(one) > MAX_NAME_BYTES)) found.push({ name: 'names', state: 'blocker', detail: `The name ${name}, under which something is kept meanwhile, has ${bytes(name)} bytes, and PostgreSQL cuts it off after ${MAX_NAME_BYTES}.`, fix: 'Choose a shorter id for the migration, or shorter names.' })
  }
  return found
}

function bytes(name: string): number {
  return new TextEncoder().encode(name).length
}
