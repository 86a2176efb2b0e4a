-- createShadow
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
CREATE SCHEMA "sb_mig_new";
GRANT USAGE ON SCHEMA "sb_mig_new" TO PUBLIC;
CREATE VIEW "sb_mig_new"."people" WITH (security_invoker = true) AS SELECT t."id", t."first", t."last", t."email", t."visits" FROM (SELECT CAST((n."id") AS bigint) AS "id", CAST((split_part(n."full_name", ' ', 1)) AS text) AS "first", CAST((substr(n."full_name", length(split_part(n."full_name", ' ', 1)) + 2)) AS text) AS "last", CAST((n."email") AS text) AS "email", CAST((n."visits") AS integer) AS "visits" FROM "public"."customers" n WHERE (n."id") IS NOT NULL) t;
GRANT SELECT ON "sb_mig_new"."people" TO "reader";
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
SELECT split_part(full_name, ' ', 1), substr(full_name, length(split_part(full_name, ' ', 1)) + 2), email, visits FROM "public"."customers";

-- expand
-- SHARE ROW EXCLUSIVE on public.customers holds up writes: for the milliseconds of the transaction (30 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_new"."people";
DROP SCHEMA IF EXISTS "sb_mig_new";
LOCK TABLE "public"."customers" IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE "public"."people" ("id" bigint NOT NULL, "first" text, "last" text, "email" text, "visits" integer, PRIMARY KEY ("id"), CONSTRAINT "first_there" CHECK (first <> 'forbidden'));
GRANT SELECT ON "public"."people" TO "reader";
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_0"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."people"."id"%TYPE;
  set_0_0 "public"."people"."first"%TYPE;
  set_0_1 "public"."people"."last"%TYPE;
  set_0_2 "public"."people"."email"%TYPE;
  set_0_3 "public"."people"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.mirror', 'mig/1/truncate', true);
    TRUNCATE "public"."people";
    PERFORM set_config('signalbox.mirror', mirrored, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people';
    RETURN NULL;
  END IF;
  BEGIN
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (split_part(NEW."full_name", ' ', 1)); set_0_1 := (substr(NEW."full_name", length(split_part(NEW."full_name", ' ', 1)) + 2)); set_0_2 := (NEW."email"); set_0_3 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'), coalesce(set_0_3::text, E'\x1e'))), true);
      INSERT INTO "public"."people" AS t ("id", "first", "last", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2, set_0_3)
        ON CONFLICT ("id") DO UPDATE SET "first" = EXCLUDED."first", "last" = EXCLUDED."last", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."first", t."last", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."first", EXCLUDED."last", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  EXCEPTION WHEN OTHERS THEN
    IF left(SQLSTATE, 2) IN ('40', '53', '55', '57', '58', 'XX') THEN RAISE; END IF;
    IF TG_OP = 'DELETE' THEN
        INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES ('mig', 'public.customers > public.people', jsonb_build_object('id', OLD."id"::text), SQLERRM)
          ON CONFLICT (migration, unit, key) DO UPDATE SET error = EXCLUDED.error, at = clock_timestamp();
    ELSE
        INSERT INTO signalbox.quarantine (migration, unit, key, error) VALUES ('mig', 'public.customers > public.people', jsonb_build_object('id', NEW."id"::text), SQLERRM)
          ON CONFLICT (migration, unit, key) DO UPDATE SET error = EXCLUDED.error, at = clock_timestamp();
    END IF;
  END;
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."customers"."id"%TYPE;
  set_0_0 "public"."customers"."full_name"%TYPE;
  set_0_1 "public"."customers"."email"%TYPE;
  set_0_2 "public"."customers"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.backfill', 'mig', true);
    DELETE FROM "public"."customers";
    PERFORM set_config('signalbox.backfill', backfill, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (NEW."first" || CASE WHEN coalesce(NEW."last", '') = '' THEN '' ELSE ' ' || NEW."last" END); set_0_1 := (NEW."email"); set_0_2 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'))), true);
      INSERT INTO "public"."customers" AS t ("id", "full_name", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2)
        ON CONFLICT ("id") DO UPDATE SET "full_name" = EXCLUDED."full_name", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."full_name", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."full_name", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE TRIGGER "zzz_signalbox_mig_write" AFTER INSERT OR UPDATE ON "public"."customers" FOR EACH ROW WHEN (current_setting('signalbox.backfill', true) IS DISTINCT FROM 'mig' AND (current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/0/' || NEW."id"::text OR current_setting('signalbox.sent', true) IS DISTINCT FROM CASE split_part(current_setting('signalbox.sent', true), '/', 1) WHEN '1' THEN '1/' || md5(concat_ws(E'\x1f', coalesce(NEW."full_name"::text, E'\x1e'), coalesce(NEW."email"::text, E'\x1e'), coalesce(NEW."visits"::text, E'\x1e'))) ELSE current_setting('signalbox.sent', true) END AND pg_trigger_depth() < 24)) EXECUTE FUNCTION signalbox."mirror_mig_0"();
CREATE TRIGGER "zzz_signalbox_mig_delete" AFTER DELETE ON "public"."customers" FOR EACH ROW WHEN (current_setting('signalbox.backfill', true) IS DISTINCT FROM 'mig' AND current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/0/' || OLD."id"::text) EXECUTE FUNCTION signalbox."mirror_mig_0"();
CREATE TRIGGER "zzz_signalbox_mig_truncate" AFTER TRUNCATE ON "public"."customers" FOR EACH STATEMENT WHEN (current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/0/truncate') EXECUTE FUNCTION signalbox."mirror_mig_0"();
CREATE TRIGGER "zzz_signalbox_mig_write" AFTER INSERT OR UPDATE ON "public"."people" FOR EACH ROW WHEN (current_setting('signalbox.backfill', true) IS DISTINCT FROM 'mig' AND (current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/1/' || NEW."id"::text OR current_setting('signalbox.sent', true) IS DISTINCT FROM CASE split_part(current_setting('signalbox.sent', true), '/', 1) WHEN '0' THEN '0/' || md5(concat_ws(E'\x1f', coalesce(NEW."first"::text, E'\x1e'), coalesce(NEW."last"::text, E'\x1e'), coalesce(NEW."email"::text, E'\x1e'), coalesce(NEW."visits"::text, E'\x1e'))) ELSE current_setting('signalbox.sent', true) END AND pg_trigger_depth() < 24)) EXECUTE FUNCTION signalbox."mirror_mig_1"();
CREATE TRIGGER "zzz_signalbox_mig_delete" AFTER DELETE ON "public"."people" FOR EACH ROW WHEN (current_setting('signalbox.backfill', true) IS DISTINCT FROM 'mig' AND current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/1/' || OLD."id"::text) EXECUTE FUNCTION signalbox."mirror_mig_1"();
CREATE TRIGGER "zzz_signalbox_mig_truncate" AFTER TRUNCATE ON "public"."people" FOR EACH STATEMENT WHEN (current_setting('signalbox.mirror', true) IS DISTINCT FROM 'mig/1/truncate') EXECUTE FUNCTION signalbox."mirror_mig_1"();
CREATE SCHEMA "sb_mig_old";
GRANT USAGE ON SCHEMA "sb_mig_old" TO PUBLIC;
CREATE VIEW "sb_mig_old"."customers" WITH (security_invoker = true) AS SELECT t."id", t."full_name", t."email", t."visits" FROM "public"."customers" t;
GRANT SELECT ON "sb_mig_old"."customers" TO "reader";
CREATE SCHEMA "sb_mig_new";
GRANT USAGE ON SCHEMA "sb_mig_new" TO PUBLIC;
CREATE VIEW "sb_mig_new"."people" WITH (security_invoker = true) AS SELECT t."id", t."first", t."last", t."email", t."visits" FROM "public"."people" t;
GRANT SELECT ON "sb_mig_new"."people" TO "reader";
CREATE SCHEMA "sb_mig_reads";
GRANT USAGE ON SCHEMA "sb_mig_reads" TO PUBLIC;
CREATE VIEW "sb_mig_reads"."customers" WITH (security_invoker = true) AS SELECT t."id", t."full_name", t."email", t."visits" FROM (SELECT o."id", o."full_name", o."email", o."visits" FROM "public"."customers" o WHERE NOT (signalbox.bucket('mig', coalesce(o."id"::text, '')) < (SELECT s.reads_percent FROM signalbox.switches s WHERE s.migration = 'mig')) UNION ALL SELECT o."id", o."full_name", o."email", o."visits" FROM (SELECT CAST((n."id") AS bigint) AS "id", CAST((n."first" || CASE WHEN coalesce(n."last", '') = '' THEN '' ELSE ' ' || n."last" END) AS text) AS "full_name", CAST((n."email") AS text) AS "email", CAST((n."visits") AS integer) AS "visits" FROM "public"."people" n WHERE (n."id") IS NOT NULL) o WHERE (signalbox.bucket('mig', coalesce(o."id"::text, '')) < (SELECT s.reads_percent FROM signalbox.switches s WHERE s.migration = 'mig'))) t;
ALTER VIEW "sb_mig_reads"."customers" ALTER COLUMN "full_name" SET DEFAULT ''::text;
ALTER VIEW "sb_mig_reads"."customers" ALTER COLUMN "visits" SET DEFAULT 0;
GRANT SELECT ON "sb_mig_reads"."customers" TO "reader";
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."customers"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW."id" IS NULL THEN
      INSERT INTO "public"."customers" AS t ("full_name", "email", "visits") VALUES (NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    ELSE
      INSERT INTO "public"."customers" AS t ("id", "full_name", "email", "visits") VALUES (NEW."id", NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    END IF;
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."customers" t WHERE t."id" = OLD."id" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = OLD."id";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."customers" t WHERE t."id" = OLD."id";
      RETURN OLD;
    END IF;
    UPDATE "public"."customers" t SET "id" = NEW."id", "full_name" = CASE WHEN ROW(NEW."full_name")::record OPERATOR(pg_catalog.*<>) ROW(OLD."full_name")::record THEN NEW."full_name" ELSE t."full_name" END, "email" = CASE WHEN ROW(NEW."email")::record OPERATOR(pg_catalog.*<>) ROW(OLD."email")::record THEN NEW."email" ELSE t."email" END, "visits" = CASE WHEN ROW(NEW."visits")::record OPERATOR(pg_catalog.*<>) ROW(OLD."visits")::record THEN NEW."visits" ELSE t."visits" END WHERE t."id" = OLD."id" RETURNING t."id" INTO NEW."id";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = NEW."id";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
CREATE TRIGGER "signalbox_mig_reads" INSTEAD OF INSERT OR UPDATE OR DELETE ON "sb_mig_reads"."customers" FOR EACH ROW EXECUTE FUNCTION signalbox."reads_mig_0"();
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: both structures are there';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.switches WHERE migration = 'mig';
INSERT INTO signalbox.switches (migration, reads_percent, writes, written_share) VALUES ('mig', 0, 'old', 1024);
COMMIT;

-- backfill
-- Row locks of one batch, some milliseconds each; no lock on a table that readers or writers wait for.
INSERT INTO "public"."people" ("id", "first", "last", "email", "visits") SELECT id, split_part(full_name, ' ', 1), substr(full_name, length(split_part(full_name, ' ', 1)) + 2), email, visits FROM "public"."customers" WHERE ("id") > $1 AND ("id") <= $2 FOR SHARE ON CONFLICT DO NOTHING;

-- validate
-- No lock that readers or writers wait for: it reads.
ANALYZE "public"."customers";

-- fullPass
-- No lock that readers or writers wait for: it reads.
-- each row of public.people: "first" IS DISTINCT FROM (split_part(full_name, ' ', 1)), "last" IS DISTINCT FROM (substr(full_name, length(split_part(full_name, ' ', 1)) + 2)), "email" IS DISTINCT FROM (email), "visits" IS DISTINCT FROM (visits)

-- setReads
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
UPDATE signalbox.switches SET reads_percent = 1, writes = 'old' WHERE migration = 'mig';
COMMIT;

-- setWrites
-- No lock on a table of yours that readers or writers wait for.
BEGIN;
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_0"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."people"."id"%TYPE;
  set_0_0 "public"."people"."first"%TYPE;
  set_0_1 "public"."people"."last"%TYPE;
  set_0_2 "public"."people"."email"%TYPE;
  set_0_3 "public"."people"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.mirror', 'mig/1/truncate', true);
    TRUNCATE "public"."people";
    PERFORM set_config('signalbox.mirror', mirrored, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (split_part(NEW."full_name", ' ', 1)); set_0_1 := (substr(NEW."full_name", length(split_part(NEW."full_name", ' ', 1)) + 2)); set_0_2 := (NEW."email"); set_0_3 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'), coalesce(set_0_3::text, E'\x1e'))), true);
      INSERT INTO "public"."people" AS t ("id", "first", "last", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2, set_0_3)
        ON CONFLICT ("id") DO UPDATE SET "first" = EXCLUDED."first", "last" = EXCLUDED."last", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."first", t."last", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."first", EXCLUDED."last", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."customers"."id"%TYPE;
  set_0_0 "public"."customers"."full_name"%TYPE;
  set_0_1 "public"."customers"."email"%TYPE;
  set_0_2 "public"."customers"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.backfill', 'mig', true);
    DELETE FROM "public"."customers";
    PERFORM set_config('signalbox.backfill', backfill, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (NEW."first" || CASE WHEN coalesce(NEW."last", '') = '' THEN '' ELSE ' ' || NEW."last" END); set_0_1 := (NEW."email"); set_0_2 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'))), true);
      INSERT INTO "public"."customers" AS t ("id", "full_name", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2)
        ON CONFLICT ("id") DO UPDATE SET "full_name" = EXCLUDED."full_name", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."full_name", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."full_name", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- tombstone
-- ACCESS EXCLUSIVE on public.customers holds up reads and writes; SHARE ROW EXCLUSIVE on sb_mig_reads.customers, public.people holds up writes: for the milliseconds of the transaction (6 statements), and for no longer than the lock timeout while it waits.
BEGIN;
LOCK TABLE "sb_mig_reads"."customers" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."people" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."customers" IN ACCESS EXCLUSIVE MODE;
ALTER TABLE "public"."customers" RENAME TO "sb_gone_mig_customers";
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_0"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."people"."id"%TYPE;
  set_0_0 "public"."people"."first"%TYPE;
  set_0_1 "public"."people"."last"%TYPE;
  set_0_2 "public"."people"."email"%TYPE;
  set_0_3 "public"."people"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.mirror', 'mig/1/truncate', true);
    TRUNCATE "public"."people";
    PERFORM set_config('signalbox.mirror', mirrored, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (split_part(NEW."full_name", ' ', 1)); set_0_1 := (substr(NEW."full_name", length(split_part(NEW."full_name", ' ', 1)) + 2)); set_0_2 := (NEW."email"); set_0_3 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'), coalesce(set_0_3::text, E'\x1e'))), true);
      INSERT INTO "public"."people" AS t ("id", "first", "last", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2, set_0_3)
        ON CONFLICT ("id") DO UPDATE SET "first" = EXCLUDED."first", "last" = EXCLUDED."last", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."first", t."last", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."first", EXCLUDED."last", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."sb_gone_mig_customers"."id"%TYPE;
  set_0_0 "public"."sb_gone_mig_customers"."full_name"%TYPE;
  set_0_1 "public"."sb_gone_mig_customers"."email"%TYPE;
  set_0_2 "public"."sb_gone_mig_customers"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.backfill', 'mig', true);
    DELETE FROM "public"."sb_gone_mig_customers";
    PERFORM set_config('signalbox.backfill', backfill, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."sb_gone_mig_customers" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."sb_gone_mig_customers" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (NEW."first" || CASE WHEN coalesce(NEW."last", '') = '' THEN '' ELSE ' ' || NEW."last" END); set_0_1 := (NEW."email"); set_0_2 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'))), true);
      INSERT INTO "public"."sb_gone_mig_customers" AS t ("id", "full_name", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2)
        ON CONFLICT ("id") DO UPDATE SET "full_name" = EXCLUDED."full_name", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."full_name", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."full_name", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."customers"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW."id" IS NULL THEN
      INSERT INTO "public"."sb_gone_mig_customers" AS t ("full_name", "email", "visits") VALUES (NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    ELSE
      INSERT INTO "public"."sb_gone_mig_customers" AS t ("id", "full_name", "email", "visits") VALUES (NEW."id", NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    END IF;
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."sb_gone_mig_customers" t WHERE t."id" = OLD."id" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = OLD."id";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."sb_gone_mig_customers" t WHERE t."id" = OLD."id";
      RETURN OLD;
    END IF;
    UPDATE "public"."sb_gone_mig_customers" t SET "id" = NEW."id", "full_name" = CASE WHEN ROW(NEW."full_name")::record OPERATOR(pg_catalog.*<>) ROW(OLD."full_name")::record THEN NEW."full_name" ELSE t."full_name" END, "email" = CASE WHEN ROW(NEW."email")::record OPERATOR(pg_catalog.*<>) ROW(OLD."email")::record THEN NEW."email" ELSE t."email" END, "visits" = CASE WHEN ROW(NEW."visits")::record OPERATOR(pg_catalog.*<>) ROW(OLD."visits")::record THEN NEW."visits" ELSE t."visits" END WHERE t."id" = OLD."id" RETURNING t."id" INTO NEW."id";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = NEW."id";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: the old structure waits aside';
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- drop
-- ACCESS EXCLUSIVE on public.sb_gone_mig_customers, public.people holds up reads and writes: for the milliseconds of the transaction (12 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_reads"."customers";
DROP SCHEMA IF EXISTS "sb_mig_reads";
DROP VIEW IF EXISTS "sb_mig_new"."people";
DROP SCHEMA IF EXISTS "sb_mig_new";
DROP VIEW IF EXISTS "sb_mig_old"."customers";
DROP SCHEMA IF EXISTS "sb_mig_old";
DROP FUNCTION IF EXISTS signalbox."reads_mig_0"();
LOCK TABLE "public"."sb_gone_mig_customers" IN ACCESS EXCLUSIVE MODE;
LOCK TABLE "public"."people" IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_write" ON "public"."sb_gone_mig_customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."sb_gone_mig_customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_truncate" ON "public"."sb_gone_mig_customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_write" ON "public"."people";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."people";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_truncate" ON "public"."people";
DROP FUNCTION IF EXISTS signalbox."mirror_mig_0"();
DROP FUNCTION IF EXISTS signalbox."mirror_mig_1"();
DROP TABLE "public"."sb_gone_mig_customers";
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.quarantine WHERE migration = 'mig';
COMMIT;

-- untombstone
-- ACCESS EXCLUSIVE on public.sb_gone_mig_customers holds up reads and writes; SHARE ROW EXCLUSIVE on sb_mig_reads.customers, public.people holds up writes: for the milliseconds of the transaction (6 statements), and for no longer than the lock timeout while it waits.
BEGIN;
LOCK TABLE "sb_mig_reads"."customers" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."people" IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE "public"."sb_gone_mig_customers" IN ACCESS EXCLUSIVE MODE;
ALTER TABLE "public"."sb_gone_mig_customers" RENAME TO "customers";
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_0"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."people"."id"%TYPE;
  set_0_0 "public"."people"."first"%TYPE;
  set_0_1 "public"."people"."last"%TYPE;
  set_0_2 "public"."people"."email"%TYPE;
  set_0_3 "public"."people"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.mirror', 'mig/1/truncate', true);
    TRUNCATE "public"."people";
    PERFORM set_config('signalbox.mirror', mirrored, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."people" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.customers > public.people' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (split_part(NEW."full_name", ' ', 1)); set_0_1 := (substr(NEW."full_name", length(split_part(NEW."full_name", ' ', 1)) + 2)); set_0_2 := (NEW."email"); set_0_3 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/1/' || key_0_0::text, true) || set_config('signalbox.sent', '0/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'), coalesce(set_0_3::text, E'\x1e'))), true);
      INSERT INTO "public"."people" AS t ("id", "first", "last", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2, set_0_3)
        ON CONFLICT ("id") DO UPDATE SET "first" = EXCLUDED."first", "last" = EXCLUDED."last", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."first", t."last", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."first", EXCLUDED."last", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.customers > public.people', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."mirror_mig_1"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $sb$
DECLARE
  mirrored text := coalesce(current_setting('signalbox.mirror', true), '');
  sent text := coalesce(current_setting('signalbox.sent', true), '');
  backfill text := coalesce(current_setting('signalbox.backfill', true), '');
  told text;
  inserted boolean;
  key_0_0 "public"."customers"."id"%TYPE;
  set_0_0 "public"."customers"."full_name"%TYPE;
  set_0_1 "public"."customers"."email"%TYPE;
  set_0_2 "public"."customers"."visits"%TYPE;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM set_config('signalbox.backfill', 'mig', true);
    DELETE FROM "public"."customers";
    PERFORM set_config('signalbox.backfill', backfill, true);
    DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers';
    RETURN NULL;
  END IF;
    IF TG_OP = 'DELETE' THEN
      key_0_0 := (OLD."id");
      IF key_0_0 IS NOT NULL THEN
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
      DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
      END IF;
      DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
    ELSE
      IF TG_OP = 'UPDATE' THEN
        IF ROW((OLD."id"))::record OPERATOR(pg_catalog.*<>) ROW((NEW."id"))::record THEN
          key_0_0 := (OLD."id");
          IF key_0_0 IS NOT NULL THEN
          told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'), coalesce(NULL::text, E'\x1e'))), true);
          DELETE FROM "public"."customers" t WHERE t."id" = key_0_0;
          END IF;
        END IF;
        DELETE FROM signalbox.quarantine q WHERE q.migration = 'mig' AND q.unit = 'public.people > public.customers' AND q.key = jsonb_build_object('id', OLD."id"::text);
      END IF;
      key_0_0 := (NEW."id");
      IF key_0_0 IS NOT NULL THEN
      set_0_0 := (NEW."first" || CASE WHEN coalesce(NEW."last", '') = '' THEN '' ELSE ' ' || NEW."last" END); set_0_1 := (NEW."email"); set_0_2 := (NEW."visits");
      told := set_config('signalbox.mirror', 'mig/0/' || key_0_0::text, true) || set_config('signalbox.sent', '1/' || md5(concat_ws(E'\x1f', coalesce(set_0_0::text, E'\x1e'), coalesce(set_0_1::text, E'\x1e'), coalesce(set_0_2::text, E'\x1e'))), true);
      INSERT INTO "public"."customers" AS t ("id", "full_name", "email", "visits") OVERRIDING SYSTEM VALUE VALUES (key_0_0, set_0_0, set_0_1, set_0_2)
        ON CONFLICT ("id") DO UPDATE SET "full_name" = EXCLUDED."full_name", "email" = EXCLUDED."email", "visits" = EXCLUDED."visits" WHERE ROW(t."full_name", t."email", t."visits")::record OPERATOR(pg_catalog.*<>) ROW(EXCLUDED."full_name", EXCLUDED."email", EXCLUDED."visits")::record;
      END IF;
    END IF;
    told := set_config('signalbox.mirror', mirrored, true) || set_config('signalbox.sent', sent, true);
  IF TG_OP <> 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', NEW."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  END IF;
  IF TG_OP = 'DELETE' THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
  ELSIF TG_OP = 'UPDATE' THEN
    IF ROW(OLD."id")::record OPERATOR(pg_catalog.*<>) ROW(NEW."id")::record THEN
  INSERT INTO signalbox.written (migration, unit, key) SELECT s.migration, 'public.people > public.customers', k.key FROM (SELECT jsonb_build_object('id', OLD."id"::text) AS key) k, signalbox.switches s
    WHERE s.migration = 'mig' AND (s.written_share >= 1024 OR (hashtext(k.key::text) & 1023) < s.written_share);
    END IF;
  END IF;
  RETURN NULL;
END
$sb$;
CREATE OR REPLACE FUNCTION signalbox."reads_mig_0"() RETURNS trigger LANGUAGE plpgsql AS $sb$
DECLARE
  shown "sb_mig_reads"."customers"%ROWTYPE;
  ours boolean;
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW."id" IS NULL THEN
      INSERT INTO "public"."customers" AS t ("full_name", "email", "visits") VALUES (NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    ELSE
      INSERT INTO "public"."customers" AS t ("id", "full_name", "email", "visits") VALUES (NEW."id", NEW."full_name", NEW."email", NEW."visits") RETURNING t."id" INTO NEW."id";
    END IF;
  ELSE
    SELECT t.xmin = pg_current_xact_id()::xid INTO ours FROM "public"."customers" t WHERE t."id" = OLD."id" FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = OLD."id";
    IF NOT ours AND shown OPERATOR(pg_catalog.*<>) OLD THEN
      RAISE EXCEPTION 'could not serialize access due to concurrent update' USING ERRCODE = 'serialization_failure', HINT = 'Run the transaction again.';
    END IF;
    IF TG_OP = 'DELETE' THEN
      DELETE FROM "public"."customers" t WHERE t."id" = OLD."id";
      RETURN OLD;
    END IF;
    UPDATE "public"."customers" t SET "id" = NEW."id", "full_name" = CASE WHEN ROW(NEW."full_name")::record OPERATOR(pg_catalog.*<>) ROW(OLD."full_name")::record THEN NEW."full_name" ELSE t."full_name" END, "email" = CASE WHEN ROW(NEW."email")::record OPERATOR(pg_catalog.*<>) ROW(OLD."email")::record THEN NEW."email" ELSE t."email" END, "visits" = CASE WHEN ROW(NEW."visits")::record OPERATOR(pg_catalog.*<>) ROW(OLD."visits")::record THEN NEW."visits" ELSE t."visits" END WHERE t."id" = OLD."id" RETURNING t."id" INTO NEW."id";
    IF NOT FOUND THEN RETURN NULL; END IF;
  END IF;
  SELECT v.* INTO shown FROM "sb_mig_reads"."customers" v WHERE v."id" = NEW."id";
  IF NOT FOUND THEN RETURN NEW; END IF;
  RETURN shown;
END
$sb$;
COMMENT ON SCHEMA "sb_mig_new" IS 'Signalbox: both structures are there';
UPDATE signalbox.switches SET reads_percent = 100, writes = 'new' WHERE migration = 'mig';
COMMIT;

-- collapse
-- ACCESS EXCLUSIVE on public.customers, public.people holds up reads and writes: for the milliseconds of the transaction (12 statements), and for no longer than the lock timeout while it waits.
BEGIN;
DROP VIEW IF EXISTS "sb_mig_reads"."customers";
DROP SCHEMA IF EXISTS "sb_mig_reads";
DROP VIEW IF EXISTS "sb_mig_new"."people";
DROP SCHEMA IF EXISTS "sb_mig_new";
DROP VIEW IF EXISTS "sb_mig_old"."customers";
DROP SCHEMA IF EXISTS "sb_mig_old";
DROP FUNCTION IF EXISTS signalbox."reads_mig_0"();
LOCK TABLE "public"."customers" IN ACCESS EXCLUSIVE MODE;
LOCK TABLE "public"."people" IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_write" ON "public"."customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_truncate" ON "public"."customers";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_write" ON "public"."people";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_delete" ON "public"."people";
DROP TRIGGER IF EXISTS "zzz_signalbox_mig_truncate" ON "public"."people";
DROP FUNCTION IF EXISTS signalbox."mirror_mig_0"();
DROP FUNCTION IF EXISTS signalbox."mirror_mig_1"();
DROP TABLE "public"."people";
DELETE FROM signalbox.switches WHERE migration = 'mig';
DELETE FROM signalbox.written WHERE migration = 'mig';
DELETE FROM signalbox.quarantine WHERE migration = 'mig';
COMMIT;