import type { Client } from 'pg'

/**
 * What pgroll 0.16 does to change the type of `orders.amount`, replayed statement by statement (its documentation and
 * source: pkg/migrations, pkg/backfill): a new column and a marker, two triggers that tell direction by the search path,
 * and a backfill that touches 1,000 rows at a time so that the first trigger fills them. A replay, not the program.
 */
export const PGROLL_START = `
ALTER TABLE orders ADD COLUMN _pgroll_new_amount numeric(12,2);
ALTER TABLE orders ADD COLUMN _pgroll_needs_backfill boolean DEFAULT true;
CREATE FUNCTION _pgroll_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  "amount" orders."amount"%TYPE := NEW."amount";
  latest_schema text := 'public_02_change';
  search_path text;
BEGIN
  SELECT current_setting INTO search_path FROM current_setting('search_path');
  IF search_path != latest_schema THEN
    NEW."_pgroll_new_amount" = amount::numeric(12,2);
  END IF;
  NEW."_pgroll_needs_backfill" = false;
  RETURN NEW;
END; $$;
CREATE FUNCTION _pgroll_down() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  "amount" orders."_pgroll_new_amount"%TYPE := NEW."_pgroll_new_amount";
  latest_schema text := 'public_02_change';
  search_path text;
BEGIN
  SELECT current_setting INTO search_path FROM current_setting('search_path');
  IF search_path = latest_schema THEN
    NEW."amount" = amount::text;
  END IF;
  NEW."_pgroll_needs_backfill" = false;
  RETURN NEW;
END; $$;
CREATE TRIGGER _pgroll_trigger_orders_amount BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION _pgroll_up();
CREATE TRIGGER _pgroll_trigger_orders__pgroll_new_amount BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION _pgroll_down();`

/** Its backfill, until no row is left. Answers how many rows were touched. */
export async function pgrollBackfill(client: Client): Promise<number> {
  let last: number | null = null
  let rows = 0
  for (;;) {
    await client.query('BEGIN')
    const result: { rows: { last: number | null; touched: string }[] } = await client.query(
      `WITH batch AS (SELECT id FROM orders WHERE _pgroll_needs_backfill = true ${last === null ? '' : `AND (id) > (${last})`} ORDER BY id LIMIT 1000 FOR NO KEY UPDATE),
        touched AS (UPDATE orders SET id = orders.id FROM batch WHERE orders.id = batch.id RETURNING orders.id)
      SELECT max(id) AS last, count(*) AS touched FROM touched`,
    )
    await client.query('COMMIT')
    const touched = Number(result.rows[0]?.touched ?? 0)
    if (touched === 0) return rows
    rows += touched
    last = result.rows[0]?.last ?? last
  }
}
