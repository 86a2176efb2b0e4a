/** Where everything of Signalbox's own lives in a target database. */
export const CONTROL_SCHEMA = 'signalbox'

/**
 * Version 1 of the control schema. Run once, in the transaction of the first start; every statement is idempotent.
 *
 * `events` refuses change and removal. `written` is a queue of keys that clients wrote, unlogged: after a crash of the
 * server it is empty, and the next full pass covers what it held. `switches` is what applications and views read.
 * `pending` is never seen with a row in it: two transactions that write parts of one row wait for each other by its key.
 */
export const CONTROL_SQL = `
CREATE SCHEMA IF NOT EXISTS signalbox;
CREATE TABLE IF NOT EXISTS signalbox.versions (version int PRIMARY KEY, installed_at timestamptz NOT NULL DEFAULT clock_timestamp());
INSERT INTO signalbox.versions (version) VALUES (1) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS signalbox.migrations (
  id text PRIMARY KEY,
  revision int NOT NULL,
  state jsonb NOT NULL,
  epoch bigint NOT NULL DEFAULT 0,
  owner text,
  owner_since timestamptz,
  structure jsonb
);
CREATE TABLE IF NOT EXISTS signalbox.events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  summary text NOT NULL,
  operation_id text NOT NULL,
  by jsonb NOT NULL,
  evidence jsonb
);
CREATE INDEX IF NOT EXISTS events_operation ON signalbox.events (operation_id);
CREATE OR REPLACE FUNCTION signalbox.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'events are never changed or removed'; END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'events_stay' AND tgrelid = 'signalbox.events'::regclass) THEN
    CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON signalbox.events FOR EACH STATEMENT EXECUTE FUNCTION signalbox.refuse_change();
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS signalbox.checkpoints (
  migration text NOT NULL,
  work text NOT NULL,
  unit text NOT NULL,
  last_key jsonb,
  high_key jsonb,
  rows_done bigint NOT NULL DEFAULT 0,
  rows_total bigint NOT NULL DEFAULT 0,
  done boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  extra jsonb,
  PRIMARY KEY (migration, work, unit)
);
CREATE TABLE IF NOT EXISTS signalbox.mismatches (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration text NOT NULL,
  unit text NOT NULL,
  class text NOT NULL,
  key jsonb NOT NULL,
  columns text[] NOT NULL DEFAULT '{}',
  old_row jsonb,
  new_row jsonb,
  found_by text NOT NULL,
  detail text NOT NULL DEFAULT '',
  first_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen timestamptz NOT NULL DEFAULT clock_timestamp(),
  status text NOT NULL DEFAULT 'open'
);
CREATE UNIQUE INDEX IF NOT EXISTS mismatches_open ON signalbox.mismatches (migration, unit, key) WHERE status = 'open';
CREATE TABLE IF NOT EXISTS signalbox.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration text NOT NULL,
  unit text NOT NULL,
  key jsonb NOT NULL,
  error text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (migration, unit, key)
);
CREATE UNLOGGED TABLE IF NOT EXISTS signalbox.written (
  migration text NOT NULL,
  unit text NOT NULL,
  key jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNLOGGED TABLE IF NOT EXISTS signalbox.pending (key text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS signalbox.reported (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration text NOT NULL,
  key jsonb,
  same boolean NOT NULL,
  detail text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS signalbox.switches (
  migration text PRIMARY KEY,
  reads_percent int NOT NULL DEFAULT 0,
  writes text NOT NULL DEFAULT 'old',
  /** Share of written keys that is queued, in 1/1024. */
  written_share int NOT NULL DEFAULT 1024
);
CREATE OR REPLACE FUNCTION signalbox.bucket(migration text, entity text) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (hashtextextended(migration || ':' || entity, 0) & 9223372036854775807) % 100 $$;
CREATE OR REPLACE FUNCTION signalbox.reads_new(migration_id text, entity text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce((SELECT signalbox.bucket(migration_id, entity) < s.reads_percent FROM signalbox.switches s WHERE s.migration = migration_id), false) $$;
`
