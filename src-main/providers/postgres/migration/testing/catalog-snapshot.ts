/** Anything that runs a query: a client or a pool of `pg`. */
interface Asks {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

/**
 * The catalog of schemas as sorted text, one object per line: columns, types, defaults, constraints, indexes, triggers,
 * views, functions, grants, owners, comments. Order of columns counts, the holes dropped ones leave do not. Schemas that
 * are asked for and are not there are not mentioned; so are all others but by their name.
 */
export async function catalogSnapshot(client: Asks, schemas: readonly string[]): Promise<string> {
  const { rows } = await client.query(SNAPSHOT_SQL, [[...schemas]])
  return rows.map((row) => (typeof row === 'object' && row !== null && 'line' in row ? String(row.line) : '')).join('\n')
}

const SNAPSHOT_SQL = `
WITH spaces AS (SELECT oid, nspname FROM pg_namespace WHERE nspname = ANY ($1)),
rels AS (SELECT c.*, n.nspname FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace)
SELECT line FROM (
  SELECT 'schema ' || nspname || ' owner ' || pg_get_userbyid(nspowner) || ' acl ' || coalesce(nspacl::text, '-') AS line FROM pg_namespace
    WHERE nspname = ANY ($1) OR (nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'signalbox'))
  UNION ALL SELECT 'relation ' || nspname || '.' || relname || ' kind ' || relkind::text || ' owner ' || pg_get_userbyid(relowner) || ' acl ' || coalesce(relacl::text, '-') || ' options ' || coalesce(reloptions::text, '-') || ' rls ' || relrowsecurity || relforcerowsecurity || ' persistence ' || relpersistence::text || ' comment ' || coalesce(obj_description(oid, 'pg_class'), '-') FROM rels
  UNION ALL SELECT 'column ' || r.nspname || '.' || r.relname || ' #' || row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum) || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
      || ' default ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '-') || ' identity ' || a.attidentity::text || ' generated ' || a.attgenerated::text || ' collation ' || coalesce(a.attcollation::regcollation::text, '-') || ' acl ' || coalesce(a.attacl::text, '-') || ' comment ' || coalesce(col_description(r.oid, a.attnum), '-') || ' storage ' || a.attstorage::text
    FROM rels r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
  UNION ALL SELECT 'constraint ' || n.nspname || '.' || coalesce(c.conrelid::regclass::text, '-') || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid) || ' valid ' || c.convalidated || ' comment ' || coalesce(obj_description(c.oid, 'pg_constraint'), '-') FROM pg_constraint c JOIN spaces n ON n.oid = c.connamespace
  UNION ALL SELECT 'index ' || r.nspname || '.' || r.relname || ' ' || pg_get_indexdef(r.oid) || ' valid ' || i.indisvalid || ' cluster ' || i.indisclustered || ' identity ' || i.indisreplident FROM rels r JOIN pg_index i ON i.indexrelid = r.oid
  UNION ALL SELECT 'trigger ' || r.nspname || '.' || r.relname || ' ' || t.tgname || ' ' || t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid) FROM rels r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
  UNION ALL SELECT 'view ' || nspname || '.' || relname || ' ' || pg_get_viewdef(oid) FROM rels WHERE relkind IN ('v', 'm')
  UNION ALL SELECT 'rule ' || r.nspname || '.' || r.relname || ' ' || pg_get_ruledef(w.oid) FROM rels r JOIN pg_rewrite w ON w.ev_class = r.oid WHERE w.rulename <> '_RETURN'
  UNION ALL SELECT 'policy ' || r.nspname || '.' || r.relname || ' ' || p.polname || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), '-') FROM rels r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL SELECT 'function ' || n.nspname || '.' || p.oid::regprocedure || ' acl ' || coalesce(p.proacl::text, '-') || ' ' || CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) ELSE '' END FROM pg_proc p JOIN spaces n ON n.oid = p.pronamespace
  UNION ALL SELECT 'type ' || n.nspname || '.' || t.typname || ' ' || t.typtype::text FROM pg_type t JOIN spaces n ON n.oid = t.typnamespace WHERE t.typtype IN ('d', 'e', 'r')
  UNION ALL SELECT 'signalbox function ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = to_regnamespace('signalbox') AND p.proname ~ '^(sync|mirror|reads)_' AND p.proname <> 'reads_new'
) all_lines ORDER BY line COLLATE "C"`
