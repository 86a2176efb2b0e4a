import type { MigrationDefinition } from '../../../../contract/migration-definition.ts'
import { schemaNames } from '../names.ts'
import { rowsOf } from '../session.ts'
import type { Session } from '../session.ts'
import { literal } from '../sql-text.ts'
import type { Structure } from './structure.ts'
import { quoted } from '../units.ts'

const WORDS: Readonly<Record<Exclude<Structure, 'none'>, string>> = {
  shadow: 'Signalbox: projection over old data',
  expanded: 'Signalbox: both structures are there',
  tombstoned: 'Signalbox: the old structure waits aside',
}

/** What stands is written on the schema of the new shape, in the step's own transaction. */
export function standingSql(definition: Pick<MigrationDefinition, 'id'>, standing: Exclude<Structure, 'none'>): string {
  return `COMMENT ON SCHEMA ${quoted(schemaNames(definition).new)} IS ${literal(WORDS[standing])};`
}

export async function readStanding(session: Session, definition: Pick<MigrationDefinition, 'id'>): Promise<Structure> {
  const [words] = await rowsOf(session, `SELECT obj_description(oid, 'pg_namespace') AS words FROM pg_namespace WHERE nspname = $1`, [schemaNames(definition).new], (row) => row['words'])
  return words === WORDS.shadow ? 'shadow' : words === WORDS.expanded ? 'expanded' : words === WORDS.tombstoned ? 'tombstoned' : 'none'
}
