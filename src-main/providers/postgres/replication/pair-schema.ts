/**
 * What a pair keeps in each of its databases, in the schema the migrations use too. Every statement is idempotent.
 *
 * The fence is a statement trigger. Apply workers run as `replica` and pass it; clients wait `hold_ms` for it to open,
 * then fail with 25006, which drivers know as "this is not the primary". Each closing has a number, and the trigger
 * carries it: a transaction with an old snapshot sees the new trigger, and finds that its number was not opened yet.
 */
export const PAIR_SQL = `
CREATE SCHEMA IF NOT EXISTS signalbox;
CREATE TABLE IF NOT EXISTS signalbox.pairs (
  pair text PRIMARY KEY,
  side text NOT NULL,
  source text NOT NULL,
  generation bigint NOT NULL,
  step text NOT NULL,
  tables jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS signalbox.pair_fences (
  pair text PRIMARY KEY,
  closing bigint NOT NULL,
  opened bigint NOT NULL,
  hold_ms int NOT NULL
);
CREATE TABLE IF NOT EXISTS signalbox.pair_heartbeats (
  pair text NOT NULL,
  side text NOT NULL,
  generation bigint NOT NULL,
  beat bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (pair, side, generation)
);
CREATE OR REPLACE FUNCTION signalbox.pair_fence() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  fence signalbox.pair_fences;
  since timestamptz := clock_timestamp();
BEGIN
  LOOP
    SELECT * INTO fence FROM signalbox.pair_fences f WHERE f.pair = TG_ARGV[0];
    IF fence.opened >= TG_ARGV[1]::bigint THEN RETURN NULL; END IF;
    EXIT WHEN clock_timestamp() >= since + make_interval(secs => coalesce(fence.hold_ms, 0) / 1000.0);
    PERFORM pg_sleep(0.004);
  END LOOP;
  RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = format('%I.%I takes no writes here: the other database of the pair %s does', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_ARGV[0]);
END $$;
`
