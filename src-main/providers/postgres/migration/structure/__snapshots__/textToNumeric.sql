-- createShadow
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
CREATE SCHEMA "sb_mig_new";
GRANT USAGE ON SCHEMA "sb_mig_new" TO PUBLIC;
CREATE VIEW "sb_mig_new"."orders" WITH (security_invoker = true) AS SELECT t."id", t."part", CAST((t."amount"::numeric) AS numeric(12,2)) AS "amount" FROM "public"."orders" t;
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: projection over old data';
DELETE FROM signalbox.checkpoints WHERE migration = 'mig';
DELETE FROM signalbox.quarantine WHERE migration = 'mig';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.mismatches WHERE migration = 'mig';
DELETE FROM signalbox.reported WHERE migration = 'mig';
DELETE FROM signalbox.switches WHERE migration = 'mig';
COMMIT;

-- shadowScan
-- No lock that readers or writers wait for: it reads.
SELECT "amount"::numeric FROM "public"."orders";

-- expand
-- ACCESS EXCLUSIVE on public.orders holds up reads and writes: for the milliseconds of the transaction (23 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_new"."orders";
DROP SCHEMA IF EXISTS "sb_mig_new";
LOCK TABLE "public"."orders" IN ACCESS EXCLUSIVE MODE;
ALTER TABLE "public"."orders" ADD COLUMN "sb_mig_amount" numeric(12,2);
CREATE OR REPLACE FUNCTION signalbox."sync_mig"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  old_side boolean;
  new_side boolean;
  due boolean;
  due_down boolean := false;
  given record;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    RETURN NULL;
  END IF;
  IF current_setting('signalbox.rejected', true) = 'mig' THEN PERFORM set_config('signalbox.rejected', '', true); END IF;
  IF TG_OP = 'INSERT' THEN
    new_side := NEW."sb_mig_amount" IS NOT NULL;
    old_side := NEW."amount" IS DISTINCT FROM CAST(('0'::text) AS text);
    due := true;
  ELSE
    new_side := ROW(NEW."sb_mig_amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."sb_mig_amount")::record;
    old_side := NEW."amount" IS DISTINCT FROM OLD."amount";
    due := (OLD."sb_mig_amount" IS NULL);
    IF OLD."sb_mig_amount" IS NULL THEN
      DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    END IF;
  END IF;
  IF (new_side AND NOT old_side) OR due_down THEN
    NEW."amount" := (NEW."sb_mig_amount"::text);
  ELSIF old_side OR due THEN
    BEGIN
      given := NEW;
      NEW."sb_mig_amount" := (NEW."amount"::numeric);
      IF (NEW."sb_mig_amount" IS NOT NULL) IS FALSE THEN RAISE EXCEPTION 'a constraint of the new shape does not hold' USING ERRCODE = 'check_violation'; END IF;
      IF new_side THEN
      IF ROW(given."sb_mig_amount")::record OPERATOR(pg_catalog.*<>) ROW(NEW."sb_mig_amount")::record THEN
        INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail)
        VALUES ('mig', 'public.orders', 'conflict', jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text), ARRAY['amount']::text[], jsonb_build_object('amount', given."amount"::text), jsonb_build_object('amount', given."sb_mig_amount"::text), 'mirror', 'Both sides were written by one statement and disagreed; the old side was kept.')
        ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET class = EXCLUDED.class, columns = EXCLUDED.columns, old_row = EXCLUDED.old_row, new_row = EXCLUDED.new_row, detail = EXCLUDED.detail, last_seen = clock_timestamp();
      END IF;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      IF left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58', 'XX') THEN RAISE; END IF;
      NEW."sb_mig_amount" := NULL;
      PERFORM set_config('signalbox.rejected', 'mig', true);
      INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES ('mig', 'public.orders', jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text), SQLERRM)
        ON CONFLICT (migration, unit, key) DO UPDATE SET error = EXCLUDED.error, at = clock_timestamp();
    END;
  END IF;
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.orders', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  RETURN NEW;
END
$sb$;
CREATE TRIGGER "zzz_signalbox_mig_insert" BEFORE INSERT ON "public"."orders" FOR EACH ROW EXECUTE FUNCTION signalbox."sync_mig"();
CREATE TRIGGER "zzz_signalbox_mig_update" BEFORE UPDATE ON "public"."orders" FOR EACH ROW WHEN ((current_setting('signalbox.backfill', true) IS DISTINCT FROM 'mig' OR OLD."amount" IS DISTINCT FROM NEW."amount" OR OLD."id" IS DISTINCT FROM NEW."id" OR OLD."part" IS DISTINCT FROM NEW."part") AND current_setting('signalbox.repair', true) IS DISTINCT FROM 'mig') EXECUTE FUNCTION signalbox."sync_mig"();
CREATE TRIGGER "zzz_signalbox_mig_delete" AFTER DELETE ON "public"."orders" FOR EACH ROW WHEN (OLD."sb_mig_amount" IS NULL) EXECUTE FUNCTION signalbox."sync_mig"();
ALTER TABLE "public"."orders" ADD CONSTRAINT "sb_mig_amount_given" CHECK (("sb_mig_amount" IS NOT NULL) OR current_setting('signalbox.rejected', true) IS NOT DISTINCT FROM 'mig') NOT VALID;
CREATE SCHEMA "sb_mig_old";
GRANT USAGE ON SCHEMA "sb_mig_old" TO PUBLIC;
CREATE VIEW "sb_mig_old"."orders" WITH (security_invoker = true) AS SELECT t."id", t."part", t."amount" FROM "public"."orders" t;
CREATE SCHEMA "sb_mig_new";
GRANT USAGE ON SCHEMA "sb_mig_new" TO PUBLIC;
CREATE VIEW "sb_mig_new"."orders" WITH (security_invoker = true) AS SELECT t."id", t."part", t."sb_mig_amount" AS "amount" FROM "public"."orders" t;
ALTER VIEW "sb_mig_new"."orders" ALTER COLUMN "amount" SET DEFAULT 0;
CREATE SCHEMA "sb_mig_reads";
GRANT USAGE ON SCHEMA "sb_mig_reads" TO PUBLIC;
CREATE VIEW "sb_mig_reads"."orders" WITH (security_invoker = true) AS SELECT t."id", t."part", CASE WHEN (signalbox.bucket('mig', concat_ws(',', t."id"::text, t."part"::text)) < (SELECT s.reads_percent FROM signalbox.switches s WHERE s.migration = 'mig')) AND (t."sb_mig_amount" IS NOT NULL) THEN CAST((t."sb_mig_amount"::text) AS text) ELSE t."amount" END AS "amount" FROM "public"."orders" t;
ALTER VIEW "sb_mig_reads"."orders" ALTER COLUMN "amount" SET DEFAULT '0'::text;
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."orders"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public"."orders" AS t ("id", "part", "amount") VALUES (NEW."id", NEW."part", NEW."amount") RETURNING t."id", t."part" INTO NEW."id", NEW."part";
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = OLD."id" AND v."part" = OLD."part";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part";
      RETURN OLD;
    END IF;
    UPDATE "public"."orders" t SET "id" = NEW."id", "part" = NEW."part", "amount" = CASE WHEN ROW(NEW."amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."amount")::record THEN NEW."amount" ELSE t."amount" END WHERE t."id" = OLD."id" AND t."part" = OLD."part" RETURNING t."id", t."part" INTO NEW."id", NEW."part";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = NEW."id" AND v."part" = NEW."part";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
CREATE TRIGGER "signalbox_mig_reads" INSTEAD OF INSERT OR UPDATE OR DELETE ON "sb_mig_reads"."orders" FOR EACH ROW EXECUTE FUNCTION signalbox."reads_mig_0"();
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: both structures are there';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.switches WHERE migration = 'mig';
INSERT INTO signalbox.switches (migration, reads_percent, writes, written_share) VALUES ('mig', 0, 'old', 1024);
COMMIT;

-- backfill
-- Row locks of one batch, some milliseconds each; no lock on a table that readers or writers wait for.
UPDATE "public"."orders" SET "sb_mig_amount" = "amount"::numeric WHERE ("id", "part") > $1 AND ("id", "part") <= $2;

-- validate
-- SHARE UPDATE EXCLUSIVE while it reads all rows: holds up vacuum and other structure changes, no reads and no writes.
CREATE INDEX CONCURRENTLY "sb_mig_orders_amount" ON public.orders USING btree ("sb_mig_amount", "id");
ALTER TABLE "public"."orders" VALIDATE CONSTRAINT "sb_mig_amount_given";
ANALYZE "public"."orders";

-- fullPass
-- No lock that readers or writers wait for: it reads.
-- each row of public.orders: "sb_mig_amount" IS DISTINCT FROM ("amount"::numeric)

-- setReads
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
UPDATE signalbox.switches SET reads_percent = 1, writes = 'old' WHERE migration = 'mig';
COMMIT;

-- setWrites
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
CREATE OR REPLACE FUNCTION signalbox."sync_mig"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  old_side boolean;
  new_side boolean;
  due boolean;
  due_down boolean := false;
  given record;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    RETURN NULL;
  END IF;
  IF current_setting('signalbox.rejected', true) = 'mig' THEN PERFORM set_config('signalbox.rejected', '', true); END IF;
  IF TG_OP = 'INSERT' THEN
    new_side := NEW."sb_mig_amount" IS NOT NULL;
    old_side := NEW."amount" IS DISTINCT FROM CAST(('0'::text) AS text);
    due := true;
    IF NOT new_side AND NOT old_side THEN new_side := NEW."sb_mig_amount" IS NOT NULL; END IF;
  ELSE
    new_side := ROW(NEW."sb_mig_amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."sb_mig_amount")::record;
    old_side := NEW."amount" IS DISTINCT FROM OLD."amount";
    due := false;
    IF OLD."sb_mig_amount" IS NULL THEN
      DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    END IF;
  END IF;
  IF new_side OR due_down THEN
    given := NEW;
    NEW."amount" := (NEW."sb_mig_amount"::text);
    IF old_side THEN
      IF ROW(given."amount")::record OPERATOR(pg_catalog.*<>) ROW(NEW."amount")::record THEN
        INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail)
        VALUES ('mig', 'public.orders', 'conflict', jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text), ARRAY['amount']::text[], jsonb_build_object('amount', given."amount"::text), jsonb_build_object('amount', given."sb_mig_amount"::text), 'mirror', 'Both sides were written by one statement and disagreed; the new side was kept.')
        ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET class = EXCLUDED.class, columns = EXCLUDED.columns, old_row = EXCLUDED.old_row, new_row = EXCLUDED.new_row, detail = EXCLUDED.detail, last_seen = clock_timestamp();
      END IF;
    END IF;
  ELSIF old_side OR due THEN
    NEW."sb_mig_amount" := (NEW."amount"::numeric);
  END IF;
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.orders', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  RETURN NEW;
END
$sb$;
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- tombstone
-- ACCESS EXCLUSIVE on public.orders holds up reads and writes; SHARE ROW EXCLUSIVE on sb_mig_reads.orders holds up writes: for the milliseconds of the transaction (11 statements), and for no longer than the lock timeout while it waits.
DO $sb$
BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '"public"."orders"'::regclass AND conname = 'sb_mig_amount_not_null') THEN ALTER TABLE "public"."orders" ADD CONSTRAINT "sb_mig_amount_not_null" CHECK ("sb_mig_amount" IS NOT NULL) NOT VALID; END IF; END
$sb$;
ALTER TABLE "public"."orders" VALIDATE CONSTRAINT "sb_mig_amount_not_null";
BEGIN;
LOCK TABLE "sb_mig_reads"."orders" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."orders" IN ACCESS EXCLUSIVE MODE;
ALTER TABLE "public"."orders" DROP CONSTRAINT IF EXISTS "sb_mig_amount_given";
ALTER TABLE "public"."orders" RENAME COLUMN "amount" TO "sb_gone_mig_amount";
ALTER TABLE "public"."orders" RENAME COLUMN "sb_mig_amount" TO "amount";
ALTER INDEX "public"."orders_amount" RENAME TO "sb_gone_mig_orders_amount";
ALTER INDEX "public"."sb_mig_orders_amount" RENAME TO "orders_amount";
ALTER TABLE "public"."orders" ALTER COLUMN "amount" SET DEFAULT 0, ALTER COLUMN "amount" SET NOT NULL;
ALTER TABLE "public"."orders" DROP CONSTRAINT "sb_mig_amount_not_null";
CREATE OR REPLACE FUNCTION signalbox."sync_mig"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  old_side boolean;
  new_side boolean;
  due boolean;
  due_down boolean := false;
  given record;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    RETURN NULL;
  END IF;
  IF current_setting('signalbox.rejected', true) = 'mig' THEN PERFORM set_config('signalbox.rejected', '', true); END IF;
  IF TG_OP = 'INSERT' THEN
    new_side := ROW(NEW."amount")::record OPERATOR(pg_catalog.*<>) ROW(CAST((0) AS numeric(12,2)))::record;
    old_side := NEW."sb_gone_mig_amount" IS DISTINCT FROM CAST(('0'::text) AS text);
    due := true;
    IF NOT new_side AND NOT old_side THEN new_side := NEW."amount" IS NOT NULL; END IF;
  ELSE
    new_side := ROW(NEW."amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."amount")::record;
    old_side := NEW."sb_gone_mig_amount" IS DISTINCT FROM OLD."sb_gone_mig_amount";
    due := false;
    IF OLD."amount" IS NULL THEN
      DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    END IF;
  END IF;
  IF new_side OR due_down THEN
    given := NEW;
    NEW."sb_gone_mig_amount" := (NEW."amount"::text);
    IF old_side THEN
      IF ROW(given."sb_gone_mig_amount")::record OPERATOR(pg_catalog.*<>) ROW(NEW."sb_gone_mig_amount")::record THEN
        INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail)
        VALUES ('mig', 'public.orders', 'conflict', jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text), ARRAY['amount']::text[], jsonb_build_object('amount', given."sb_gone_mig_amount"::text), jsonb_build_object('amount', given."amount"::text), 'mirror', 'Both sides were written by one statement and disagreed; the new side was kept.')
        ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET class = EXCLUDED.class, columns = EXCLUDED.columns, old_row = EXCLUDED.old_row, new_row = EXCLUDED.new_row, detail = EXCLUDED.detail, last_seen = clock_timestamp();
      END IF;
    END IF;
  ELSIF old_side OR due THEN
    NEW."amount" := (NEW."sb_gone_mig_amount"::numeric);
  END IF;
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.orders', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  RETURN NEW;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."orders"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public"."orders" AS t ("id", "part", "sb_gone_mig_amount") VALUES (NEW."id", NEW."part", NEW."amount") RETURNING t."id", t."part" INTO NEW."id", NEW."part";
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = OLD."id" AND v."part" = OLD."part";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part";
      RETURN OLD;
    END IF;
    UPDATE "public"."orders" t SET "id" = NEW."id", "part" = NEW."part", "sb_gone_mig_amount" = CASE WHEN ROW(NEW."amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."amount")::record THEN NEW."amount" ELSE t."sb_gone_mig_amount" END WHERE t."id" = OLD."id" AND t."part" = OLD."part" RETURNING t."id", t."part" INTO NEW."id", NEW."part";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = NEW."id" AND v."part" = NEW."part";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: the old structure waits aside';
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- drop
-- ACCESS EXCLUSIVE on public.orders holds up reads and writes: for the milliseconds of the transaction (8 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_reads"."orders";
DROP SCHEMA IF EXISTS "sb_mig_reads";
DROP VIEW IF EXISTS "sb_mig_new"."orders";
DROP SCHEMA IF EXISTS "sb_mig_new";
DROP VIEW IF EXISTS "sb_mig_old"."orders";
DROP SCHEMA IF EXISTS "sb_mig_old";
DROP FUNCTION IF EXISTS signalbox."reads_mig_0"();
LOCK TABLE "public"."orders" IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_insert" ON "public"."orders";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_update" ON "public"."orders";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."orders";
DROP FUNCTION IF EXISTS signalbox."sync_mig"();
ALTER TABLE "public"."orders" DROP COLUMN "sb_gone_mig_amount";
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.quarantine WHERE migration = 'mig';
COMMIT;

-- untombstone
-- ACCESS EXCLUSIVE on public.orders holds up reads and writes; SHARE ROW EXCLUSIVE on sb_mig_reads.orders holds up writes: for the milliseconds of the transaction (11 statements), and for no longer than the lock timeout while it waits.
BEGIN;
LOCK TABLE "sb_mig_reads"."orders" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."orders" IN ACCESS EXCLUSIVE MODE;
ALTER TABLE "public"."orders" ALTER COLUMN "amount" DROP NOT NULL, ALTER COLUMN "amount" DROP DEFAULT;
ALTER TABLE "public"."orders" DROP CONSTRAINT IF EXISTS "sb_mig_amount_not_null";
ALTER INDEX "public"."orders_amount" RENAME TO "sb_mig_orders_amount";
ALTER INDEX "public"."sb_gone_mig_orders_amount" RENAME TO "orders_amount";
ALTER TABLE "public"."orders" RENAME COLUMN "amount" TO "sb_mig_amount";
ALTER TABLE "public"."orders" RENAME COLUMN "sb_gone_mig_amount" TO "amount";
ALTER TABLE "public"."orders" ADD CONSTRAINT "sb_mig_amount_given" CHECK (("sb_mig_amount" IS NOT NULL) OR current_setting('signalbox.rejected', true) IS NOT DISTINCT FROM 'mig') NOT VALID;
CREATE OR REPLACE FUNCTION signalbox."sync_mig"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  old_side boolean;
  new_side boolean;
  due boolean;
  due_down boolean := false;
  given record;
BEGIN
  IF TG_OP = 'DELETE' THEN
    DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    RETURN NULL;
  END IF;
  IF current_setting('signalbox.rejected', true) = 'mig' THEN PERFORM set_config('signalbox.rejected', '', true); END IF;
  IF TG_OP = 'INSERT' THEN
    new_side := NEW."sb_mig_amount" IS NOT NULL;
    old_side := NEW."amount" IS DISTINCT FROM CAST(('0'::text) AS text);
    due := true;
    IF NOT new_side AND NOT old_side THEN new_side := NEW."sb_mig_amount" IS NOT NULL; END IF;
  ELSE
    new_side := ROW(NEW."sb_mig_amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."sb_mig_amount")::record;
    old_side := NEW."amount" IS DISTINCT FROM OLD."amount";
    due := false;
    IF OLD."sb_mig_amount" IS NULL THEN
      DELETE FROM signalbox.quarantine WHERE migration = 'mig' AND unit = 'public.orders' AND key = jsonb_build_object('id', OLD."id"::text, 'part', OLD."part"::text);
    END IF;
  END IF;
  IF new_side OR due_down THEN
    given := NEW;
    NEW."amount" := (NEW."sb_mig_amount"::text);
    IF old_side THEN
      IF ROW(given."amount")::record OPERATOR(pg_catalog.*<>) ROW(NEW."amount")::record THEN
        INSERT INTO signalbox.mismatches (migration, unit, class, key, columns, old_row, new_row, found_by, detail)
        VALUES ('mig', 'public.orders', 'conflict', jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text), ARRAY['amount']::text[], jsonb_build_object('amount', given."amount"::text), jsonb_build_object('amount', given."sb_mig_amount"::text), 'mirror', 'Both sides were written by one statement and disagreed; the new side was kept.')
        ON CONFLICT (migration, unit, key) WHERE status = 'open' DO UPDATE SET class = EXCLUDED.class, columns = EXCLUDED.columns, old_row = EXCLUDED.old_row, new_row = EXCLUDED.new_row, detail = EXCLUDED.detail, last_seen = clock_timestamp();
      END IF;
    END IF;
  ELSIF old_side OR due THEN
    NEW."sb_mig_amount" := (NEW."amount"::numeric);
  END IF;
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.orders', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text, 'part', NEW."part"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  RETURN NEW;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."orders"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO "public"."orders" AS t ("id", "part", "amount") VALUES (NEW."id", NEW."part", NEW."amount") RETURNING t."id", t."part" INTO NEW."id", NEW."part";
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = OLD."id" AND v."part" = OLD."part";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."orders" t WHERE t."id" = OLD."id" AND t."part" = OLD."part";
      RETURN OLD;
    END IF;
    UPDATE "public"."orders" t SET "id" = NEW."id", "part" = NEW."part", "amount" = CASE WHEN ROW(NEW."amount")::record OPERATOR(pg_catalog.*<>) ROW(OLD."amount")::record THEN NEW."amount" ELSE t."amount" END WHERE t."id" = OLD."id" AND t."part" = OLD."part" RETURNING t."id", t."part" INTO NEW."id", NEW."part";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."orders" v WHERE v."id" = NEW."id" AND v."part" = NEW."part";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: both structures are there';
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- collapse
-- ACCESS EXCLUSIVE on public.orders holds up reads and writes: for the milliseconds of the transaction (11 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_reads"."orders";
DROP SCHEMA IF EXISTS "sb_mig_reads";
DROP VIEW IF EXISTS "sb_mig_new"."orders";
DROP SCHEMA IF EXISTS "sb_mig_new";
DROP VIEW IF EXISTS "sb_mig_old"."orders";
DROP SCHEMA IF EXISTS "sb_mig_old";
DROP FUNCTION IF EXISTS signalbox."reads_mig_0"();
LOCK TABLE "public"."orders" IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_insert" ON "public"."orders";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_update" ON "public"."orders";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."orders";
DROP FUNCTION IF EXISTS signalbox."sync_mig"();
ALTER TABLE "public"."orders" DROP CONSTRAINT IF EXISTS "sb_mig_amount_given";
ALTER TABLE "public"."orders" DROP CONSTRAINT IF EXISTS "sb_mig_amount_not_null";
ALTER TABLE "public"."orders" DROP COLUMN IF EXISTS "sb_mig_amount";
DROP INDEX IF EXISTS "public"."sb_mig_orders_amount";
DELETE FROM signalbox.switches WHERE migration = 'mig';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.quarantine WHERE migration = 'mig';
COMMIT;