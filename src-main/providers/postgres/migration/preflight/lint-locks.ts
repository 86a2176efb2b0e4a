import { Fault } from '../../../../contract/fault.ts'
import { nodeOf, nodesOf, parseStatements, plain, stringOf, textOf, walk } from './lint-parse.ts'
import type { SqlNode } from './lint-parse.ts'

/** Table locks, weakest first. PostgreSQL manual, 13.3.1 "Table-Level Locks". */
export const LOCK_MODES = ['none', 'ACCESS SHARE', 'ROW SHARE', 'ROW EXCLUSIVE', 'SHARE UPDATE EXCLUSIVE', 'SHARE', 'SHARE ROW EXCLUSIVE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'] as const
export type LockMode = (typeof LOCK_MODES)[number]

const BLOCKS: Readonly<Record<LockMode, string>> = {
  none: 'nobody',
  'ACCESS SHARE': 'only DROP, TRUNCATE and most of ALTER TABLE',
  'ROW SHARE': 'only structure changes',
  'ROW EXCLUSIVE': 'index builds and structure changes, no reads and no writes',
  'SHARE UPDATE EXCLUSIVE': 'vacuum and structure changes, no reads and no writes',
  SHARE: 'writes',
  'SHARE ROW EXCLUSIVE': 'writes, and other triggers and keys being made',
  EXCLUSIVE: 'writes, and rows being locked',
  'ACCESS EXCLUSIVE': 'reads and writes',
}

export interface Lock {
  readonly mode: LockMode
  /** Who waits while it is held. */
  readonly blocks: string
}

/**
 * The strongest lock that statements take on tables that are there already, and what it holds up. What functions they
 * call do is not looked into. Faults: `invalidInput` when they do not parse.
 */
export function lockOf(sql: string): Lock {
  const parsed = parseStatements(sql)
  if (!parsed.ok) throw new Fault('invalidInput', `SQL does not parse: ${parsed.slip.message}.`, 'Mend it in the declaration of the migration.')
  const mode = parsed.value.map(modeOf).reduce(stronger, 'none')
  return { mode, blocks: BLOCKS[mode] }
}

export function stronger(a: LockMode, b: LockMode): LockMode {
  return LOCK_MODES.indexOf(a) >= LOCK_MODES.indexOf(b) ? a : b
}

/** By kind of statement; what is not here takes no lock on a table. */
const FIXED: Readonly<Record<string, LockMode>> = {
  InsertStmt: 'ROW EXCLUSIVE',
  UpdateStmt: 'ROW EXCLUSIVE',
  DeleteStmt: 'ROW EXCLUSIVE',
  MergeStmt: 'ROW EXCLUSIVE',
  TruncateStmt: 'ACCESS EXCLUSIVE',
  CreateTrigStmt: 'SHARE ROW EXCLUSIVE',
  RuleStmt: 'ACCESS EXCLUSIVE',
  CreatePolicyStmt: 'ACCESS EXCLUSIVE',
  AlterPolicyStmt: 'ACCESS EXCLUSIVE',
  CreateStatsStmt: 'SHARE UPDATE EXCLUSIVE',
  ClusterStmt: 'ACCESS EXCLUSIVE',
  CreatePublicationStmt: 'SHARE UPDATE EXCLUSIVE',
  AlterPublicationStmt: 'SHARE UPDATE EXCLUSIVE',
}

function modeOf(node: SqlNode): LockMode {
  const { kind, fields } = node
  const fixed = FIXED[kind]
  if (fixed) return fixed
  const concurrently = fields['concurrent'] === true
  switch (kind) {
    case 'SelectStmt':
      return selectMode(node)
    case 'ViewStmt':
    case 'CreateTableAsStmt':
      return fields['replace'] === true ? 'ACCESS EXCLUSIVE' : 'ACCESS SHARE'
    case 'CopyStmt':
      return fields['is_from'] === true ? 'ROW EXCLUSIVE' : 'ACCESS SHARE'
    case 'IndexStmt':
      return concurrently ? 'SHARE UPDATE EXCLUSIVE' : 'SHARE'
    case 'ReindexStmt':
      return nodesOf(fields['params']).some((option) => textOf(option, 'defname') === 'concurrently') ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
    case 'VacuumStmt':
      return nodesOf(fields['options']).some((option) => textOf(option, 'defname') === 'full') ? 'ACCESS EXCLUSIVE' : 'SHARE UPDATE EXCLUSIVE'
    case 'RefreshMatViewStmt':
      return concurrently ? 'EXCLUSIVE' : 'ACCESS EXCLUSIVE'
    case 'CommentStmt':
      return ['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE'].includes(textOf(node, 'objtype')) ? 'SHARE UPDATE EXCLUSIVE' : ['OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_POLICY', 'OBJECT_RULE'].includes(textOf(node, 'objtype')) ? 'ACCESS SHARE' : 'none'
    case 'LockStmt':
      return LOCK_MODES[Number(textOf(node, 'mode'))] ?? 'ACCESS EXCLUSIVE'
    case 'CreateStmt':
      return createMode(node)
    case 'DropStmt':
      return dropMode(node)
    case 'RenameStmt':
      return renameMode(node)
    case 'AlterObjectSchemaStmt':
      return ['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE', 'OBJECT_SEQUENCE'].includes(textOf(node, 'objectType')) ? 'ACCESS EXCLUSIVE' : 'none'
    case 'AlterSeqStmt':
      return 'SHARE ROW EXCLUSIVE'
    case 'AlterTableStmt':
      return nodesOf(fields['cmds']).map((command) => alterMode(command, textOf(node, 'objtype'))).reduce(stronger, 'ACCESS SHARE')
    case 'AlterTableMoveAllStmt':
      return 'ACCESS EXCLUSIVE'
    case 'DoStmt':
    case 'CallStmt':
      // What they run is a text of its own; nobody has looked into it here.
      return 'none'
    default:
      return 'none'
  }
}

function selectMode(node: SqlNode): LockMode {
  let mode: LockMode = 'none'
  walk(node, (inner) => {
    if (inner.kind === 'RangeVar') mode = stronger(mode, 'ACCESS SHARE')
    if (inner.kind === 'LockingClause') mode = stronger(mode, 'ROW SHARE')
    if (/^(Insert|Update|Delete|Merge)Stmt$/.test(inner.kind)) mode = stronger(mode, 'ROW EXCLUSIVE')
    return undefined
  })
  // FROM lists of plain tables are written as RangeVar nodes; a name alone is one too.
  return mode
}

function createMode(node: SqlNode): LockMode {
  if ('partbound' in node.fields) return 'ACCESS EXCLUSIVE'
  let mode: LockMode = Array.isArray(node.fields['inhRelations']) ? 'SHARE UPDATE EXCLUSIVE' : 'none'
  walk(node, (inner) => {
    if (inner.kind === 'Constraint' && textOf(inner, 'contype') === 'CONSTR_FOREIGN') mode = stronger(mode, 'SHARE ROW EXCLUSIVE')
    if (inner.kind === 'TableLikeClause') mode = stronger(mode, 'ACCESS SHARE')
    return undefined
  })
  return mode
}

function dropMode(node: SqlNode): LockMode {
  switch (textOf(node, 'removeType')) {
    case 'OBJECT_INDEX':
      return node.fields['concurrent'] === true ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
    case 'OBJECT_TABLE':
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
    case 'OBJECT_FOREIGN_TABLE':
    case 'OBJECT_TRIGGER':
    case 'OBJECT_RULE':
    case 'OBJECT_POLICY':
    case 'OBJECT_SEQUENCE':
      return 'ACCESS EXCLUSIVE'
    case 'OBJECT_PUBLICATION':
      return 'none'
    default:
      // What else depends on it goes with CASCADE, tables too.
      return textOf(node, 'behavior') === 'DROP_CASCADE' ? 'ACCESS EXCLUSIVE' : 'none'
  }
}

function renameMode(node: SqlNode): LockMode {
  const what = textOf(node, 'renameType')
  if (what === 'OBJECT_INDEX') return 'SHARE UPDATE EXCLUSIVE'
  return ['OBJECT_TABLE', 'OBJECT_COLUMN', 'OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE', 'OBJECT_RULE', 'OBJECT_POLICY', 'OBJECT_SEQUENCE', 'OBJECT_ATTRIBUTE'].includes(what) ? 'ACCESS EXCLUSIVE' : 'none'
}

/** What of ALTER TABLE takes less than ACCESS EXCLUSIVE. PostgreSQL manual, ALTER TABLE. */
const ALTERS: Readonly<Record<string, LockMode>> = {
  AT_ValidateConstraint: 'SHARE UPDATE EXCLUSIVE',
  AT_SetStatistics: 'SHARE UPDATE EXCLUSIVE',
  AT_SetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_SetRelOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ResetRelOptions: 'SHARE UPDATE EXCLUSIVE',
  AT_ClusterOn: 'SHARE UPDATE EXCLUSIVE',
  AT_DropCluster: 'SHARE UPDATE EXCLUSIVE',
  AT_AttachPartition: 'SHARE UPDATE EXCLUSIVE',
  AT_DetachPartitionFinalize: 'SHARE UPDATE EXCLUSIVE',
  AT_EnableTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableAlwaysTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableReplicaTrig: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_EnableTrigUser: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrig: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigAll: 'SHARE ROW EXCLUSIVE',
  AT_DisableTrigUser: 'SHARE ROW EXCLUSIVE',
}

function alterMode(command: SqlNode, object: string): LockMode {
  const subtype = textOf(command, 'subtype')
  if (subtype === 'AT_AddConstraint') {
    const constraint = nodeOf(command.fields['def'])
    return constraint && textOf(constraint, 'contype') === 'CONSTR_FOREIGN' ? 'SHARE ROW EXCLUSIVE' : 'ACCESS EXCLUSIVE'
  }
  if (subtype === 'AT_DetachPartition') return plain(nodeOf(command.fields['def'])?.fields)['concurrent'] === true ? 'SHARE UPDATE EXCLUSIVE' : 'ACCESS EXCLUSIVE'
  // `fillfactor` and the like of a view or an index are changed under the strongest lock.
  if (object !== 'OBJECT_TABLE' && object !== '' && /RelOptions/.test(subtype)) return 'ACCESS EXCLUSIVE'
  return ALTERS[subtype] ?? 'ACCESS EXCLUSIVE'
}

/** Something a statement does that hurts while a service runs, and what to do instead. */
export interface Danger {
  readonly rule: string
  readonly detail: string
  readonly instead: string
}

/** What Squawk and strong_migrations warn of, as far as one statement tells. Faults: `invalidInput` when they do not parse. */
export function dangersOf(sql: string): readonly Danger[] {
  const parsed = parseStatements(sql)
  if (!parsed.ok) throw new Fault('invalidInput', `SQL does not parse: ${parsed.slip.message}.`, 'Mend it in the declaration of the migration.')
  return parsed.value.flatMap((node) => dangersIn(node))
}

function dangersIn(node: SqlNode): readonly Danger[] {
  const danger = (rule: string, detail: string, instead: string): readonly Danger[] => [{ rule, detail, instead }]
  switch (node.kind) {
    case 'IndexStmt':
      return node.fields['concurrent'] === true ? [] : danger('index built while writes wait', 'CREATE INDEX holds up every write until it is built', 'CREATE INDEX CONCURRENTLY')
    case 'ReindexStmt':
    case 'RefreshMatViewStmt':
      return modeOf(node) === 'ACCESS EXCLUSIVE' ? danger('rebuilt while reads wait', 'it holds up reads until it is done', 'the same CONCURRENTLY') : []
    case 'VacuumStmt':
    case 'ClusterStmt':
      return modeOf(node) === 'ACCESS EXCLUSIVE' ? danger('table rewritten while reads wait', 'the whole table is written anew under a lock that holds up reads', 'plain VACUUM') : []
    case 'TruncateStmt':
      return danger('rows removed', 'all rows go', 'deletes in batches')
    case 'DropStmt':
      return ['OBJECT_TABLE', 'OBJECT_SCHEMA'].includes(textOf(node, 'removeType')) || textOf(node, 'behavior') === 'DROP_CASCADE' ? danger('structure dropped', 'there is no way back', 'the cleanup of a migration, after its hold') : []
    case 'RenameStmt':
      return modeOf(node) === 'ACCESS EXCLUSIVE' && ['OBJECT_TABLE', 'OBJECT_COLUMN'].includes(textOf(node, 'renameType')) ? danger('name changed under running programs', 'statements with the old name fail at once', 'a migration that serves both names') : []
    case 'AlterTableStmt':
      return nodesOf(node.fields['cmds']).flatMap(alterDangers)
    default:
      return []
  }
}

function alterDangers(command: SqlNode): readonly Danger[] {
  const subtype = textOf(command, 'subtype')
  const definition = nodeOf(command.fields['def'])
  const danger = (rule: string, detail: string, instead: string): readonly Danger[] => [{ rule, detail, instead }]
  if (subtype === 'AT_AlterColumnType') return danger('table rewritten while reads wait', 'most changes of a type write every row anew under a lock that holds up reads', 'a new column, filled in batches')
  if (subtype === 'AT_SetNotNull') return danger('rows scanned while reads wait', 'SET NOT NULL reads every row under a lock that holds up reads, unless a validated check proves it', 'CHECK (… IS NOT NULL) NOT VALID, then VALIDATE, then SET NOT NULL')
  if (subtype === 'AT_DropColumn') return danger('column dropped', 'its values are gone, and statements that name it fail', 'the cleanup of a migration, after its hold')
  if (subtype === 'AT_SetTableSpace' || subtype === 'AT_SetLogged' || subtype === 'AT_SetUnLogged') return danger('table rewritten while reads wait', 'the whole table is written anew', 'a time when nobody uses it')
  if (subtype === 'AT_AddConstraint' && definition) return constraintDangers(definition)
  if (subtype === 'AT_AddColumn' && definition) {
    const constraints = nodesOf(definition.fields['constraints'])
    const rewriting = constraints.find((one) => textOf(one, 'contype') === 'CONSTR_GENERATED' || textOf(one, 'contype') === 'CONSTR_IDENTITY')
    const serial = /serial/.test(nameOfType(definition))
    const volatile = constraints.some((one) => textOf(one, 'contype') === 'CONSTR_DEFAULT' && callsVolatile(one))
    if (rewriting || serial || volatile) return danger('table rewritten while reads wait', 'a default that is another one for each row is written into every row', 'the column without it, then SET DEFAULT')
    if (constraints.some((one) => ['CONSTR_UNIQUE', 'CONSTR_PRIMARY'].includes(textOf(one, 'contype')))) return danger('index built while reads wait', 'the index of the constraint is built under a lock that holds up reads', 'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX')
  }
  return []
}

function constraintDangers(constraint: SqlNode): readonly Danger[] {
  const kind = textOf(constraint, 'contype')
  if ((kind === 'CONSTR_CHECK' || kind === 'CONSTR_FOREIGN') && constraint.fields['initially_valid'] === true) return [{ rule: 'rows scanned while writes wait', detail: 'every row is checked under the lock', instead: 'NOT VALID, then VALIDATE CONSTRAINT' }]
  if ((kind === 'CONSTR_UNIQUE' || kind === 'CONSTR_PRIMARY') && textOf(constraint, 'indexname') === '') return [{ rule: 'index built while reads wait', detail: 'the index of the constraint is built under a lock that holds up reads', instead: 'CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX' }]
  if (kind === 'CONSTR_EXCLUSION') return [{ rule: 'index built while reads wait', detail: 'an exclusion constraint cannot be built concurrently', instead: 'a new table that has it' }]
  return []
}

function nameOfType(column: SqlNode): string {
  const names = plain(column.fields['typeName'])['names']
  return Array.isArray(names) ? stringOf(names.at(-1)) : ''
}

/** Functions known to give each row another value; `now()` gives all rows one. */
function callsVolatile(node: SqlNode): boolean {
  let found = false
  walk(node, (inner) => {
    const names = inner.kind === 'FuncCall' && Array.isArray(inner.fields['funcname']) ? inner.fields['funcname'].map((name) => stringOf(name)) : []
    if (/^(nextval|random|gen_random_uuid|uuid_generate_v\d\w*|uuidv\d|clock_timestamp|timeofday)$/.test(names.at(-1) ?? '')) found = true
    return undefined
  })
  return found
}
